//! Facts of a ledger entry: JSON in one canonical text, so that equal facts hash equally.

use serde_json::Value;

/// Bytes of an entry's facts at most.
pub const FACTS_BYTES_MAX: usize = 16 << 10;
/// Levels of nesting at most.
pub const FACTS_DEPTH_MAX: usize = 8;

/// Why a value cannot be an entry's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// A number with a fraction or an exponent, whose text is not unique.
    #[error("facts hold whole numbers only")]
    NotWhole,
    /// More than [`FACTS_BYTES_MAX`] bytes.
    #[error("facts are too large")]
    TooLarge,
    /// More than [`FACTS_DEPTH_MAX`] levels.
    #[error("facts are nested too deeply")]
    TooDeep,
}

/// Facts in their canonical text: names in byte order, no white space, whole numbers only.
///
/// The text is what is stored and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts(String);

impl Facts {
    /// Writes a value canonically.
    ///
    /// # Errors
    /// [`FactsError`].
    pub fn new(value: &Value) -> Result<Self, FactsError> {
        let mut text = String::new();
        write(value, &mut text, FACTS_DEPTH_MAX)?;
        if text.len() > FACTS_BYTES_MAX {
            return Err(FactsError::TooLarge);
        }
        Ok(Self(text))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn write(value: &Value, text: &mut String, levels: usize) -> Result<(), FactsError> {
    let deeper = || levels.checked_sub(1).ok_or(FactsError::TooDeep);
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            text.push_str(&number.to_string());
        }
        Value::Number(_) => return Err(FactsError::NotWhole),
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            let levels = deeper()?;
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(at, text);
                write(item, text, levels)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let levels = deeper()?;
            // Sorted here: the map's own order depends on features that other crates turn on.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (at, (name, item)) in fields.into_iter().enumerate() {
                separate(at, text);
                write_string(name, text);
                text.push(':');
                write(item, text, levels)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_string(string: &str, text: &mut String) {
    text.push_str(&serde_json::to_string(string).expect("a string is always JSON"));
}

fn separate(at: usize, text: &mut String) {
    if at > 0 {
        text.push(',');
    }
}
