//! camt.053, the bank-to-customer statement of ISO 20022: a streaming reader and a mapping.
//!
//! Versions 001.02, 001.04 and 001.08 are read by their schemas, other versions leniently.

mod detail;
mod entry;
mod head;
mod party;
mod split;
mod values;

use fondaco_model::draft::{Draft, Mapped, Remark};

use crate::core::Record;
use crate::core::xml;

pub(super) use self::split::split;
use self::values::Notes;

/// The versions whose schemas the mapping was written for.
const SUPPORTED: [&str; 3] = ["camt.053.001.02", "camt.053.001.04", "camt.053.001.08"];

/// Maps one record that [`split`] made; total on any bytes.
pub(super) fn map(record: &Record<'_>) -> Mapped {
    let root = match xml::parse(record.bytes) {
        Ok(root) => root,
        Err(rule) => return alone(Remark::fatal("", rule, &excerpt(record.bytes))),
    };
    let at = root.attribute("at").unwrap_or_default().to_owned();
    if root.attribute("oversize").is_some() {
        let line = root.attribute("line").unwrap_or_default();
        return alone(Remark::fatal(
            at,
            "record.too_large",
            &format!("line {line}"),
        ));
    }
    let mut notes = Notes::new(at);
    let draft = match root.name {
        "Stmt" => head::map(&root, record.group, &mut notes).map(Draft::Statement),
        "Ntry" => entry::map(&root, &mut notes).map(Draft::Transaction),
        // A part of the head that comes after the first entry came too late for the head.
        other => {
            notes.fatal("", "statement.order", other);
            None
        }
    };
    let remarks = notes.into_remarks();
    let usable = !remarks.iter().any(|remark| remark.fatal);
    Mapped {
        drafts: draft.filter(|_| usable).into_iter().collect(),
        remarks,
    }
}

fn alone(remark: Remark) -> Mapped {
    Mapped {
        drafts: Vec::new(),
        remarks: vec![remark],
    }
}

fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(800)]).into_owned()
}
