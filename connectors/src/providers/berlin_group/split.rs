//! Splits a JSON answer into its rows while it streams by, without building a tree.

use std::fmt;
use std::io::BufRead;

use fondaco_model::provider::Resource;
use fondaco_model::{Fault, FaultKind};
use serde::de::Visitor;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use crate::core::{RECORD_BYTES_MAX, Record, RecordSink};

const OP: &str = "berlin_group.page";

/// The wait before an answer that was cut is asked for again.
const CUT_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// Hands each row to the sink and answers with the link to the next page.
///
/// A row of accounts or balances is handed on as it stands; a transaction comes in an envelope
/// that says which list it stood in: `{"status":"booked","row":{…}}`.
pub(super) fn split(
    resource: Resource,
    body: &mut dyn BufRead,
    out: &mut dyn RecordSink,
) -> Result<Option<String>, Fault> {
    let mut state = State {
        out,
        ordinal: 0,
        fault: None,
        next: None,
        list_seen: false,
        buffer: Vec::new(),
    };
    let level = match resource {
        Resource::Accounts => Level::Top("accounts"),
        Resource::Balances => Level::Top("balances"),
        Resource::Transactions => Level::Top("transactions"),
        Resource::Statement => return Err(Fault::new(FaultKind::Unsupported, OP)),
    };
    let mut json = serde_json::Deserializer::from_reader(body);
    let walk = Walk {
        level,
        state: &mut state,
    };
    let outcome = walk.deserialize(&mut json).and_then(|()| json.end());
    if let Some(fault) = state.fault {
        return Err(fault);
    }
    outcome.map_err(|error| broken(&error))?;
    if state.list_seen {
        Ok(state.next)
    } else {
        Err(drift("answer.no_list"))
    }
}

fn drift(rule: &'static str) -> Fault {
    Fault::new(FaultKind::SchemaDrift, OP).with("rule", rule)
}

fn broken(error: &serde_json::Error) -> Fault {
    // The parser's message may quote a value; line and column do not.
    let at = format!("{}:{}", error.line(), error.column());
    let fault = if error.is_eof() || error.is_io() {
        Fault::new(FaultKind::ProviderDown, OP)
            .after(CUT_WAIT)
            .with("rule", "answer.cut")
    } else if error.is_syntax() {
        drift("json.malformed")
    } else {
        drift("answer.shape")
    };
    fault.with("at", at)
}

struct State<'s> {
    out: &'s mut dyn RecordSink,
    ordinal: i64,
    fault: Option<Fault>,
    next: Option<String>,
    list_seen: bool,
    buffer: Vec<u8>,
}

impl State<'_> {
    fn row(&mut self, status: Option<&'static str>, row: &RawValue) -> Result<(), Fault> {
        let row = row.get().as_bytes();
        if row.len() > RECORD_BYTES_MAX {
            return Err(drift("record.too_large").with("ordinal", self.ordinal.to_string()));
        }
        self.buffer.clear();
        if let Some(status) = status {
            self.buffer.extend_from_slice(b"{\"status\":\"");
            self.buffer.extend_from_slice(status.as_bytes());
            self.buffer.extend_from_slice(b"\",\"row\":");
        }
        self.buffer.extend_from_slice(row);
        if status.is_some() {
            self.buffer.push(b'}');
        }
        self.out.record(Record {
            ordinal: self.ordinal,
            group: 0,
            bytes: &self.buffer,
        })?;
        self.ordinal += 1;
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Level {
    /// The answer itself, with the name of its list.
    Top(&'static str),
    /// The account report: lists by status.
    Report,
    /// The links.
    Links,
    /// One link.
    Link,
    /// Rows, of a status where the list has one.
    Rows(Option<&'static str>),
}

impl Level {
    fn below(self, key: &str) -> Option<Self> {
        match (self, key) {
            (Self::Top("transactions"), "transactions") => Some(Self::Report),
            (Self::Top(list), key) if key == list => Some(Self::Rows(None)),
            (Self::Report, "booked") => Some(Self::Rows(Some("booked"))),
            (Self::Report, "pending") => Some(Self::Rows(Some("pending"))),
            (Self::Report, "information") => Some(Self::Rows(Some("information"))),
            // Some banks put the paging links beside the report.
            (Self::Top(_) | Self::Report, "_links") => Some(Self::Links),
            (Self::Links, "next") => Some(Self::Link),
            _ => None,
        }
    }
}

struct Walk<'w, 's> {
    level: Level,
    state: &'w mut State<'s>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the documented shape")
    }

    // An absent list or link may be written as null.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    // A link may be a bare text at some banks.
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        match self.level {
            Level::Link => {
                self.state.next = Some(text.to_owned());
                Ok(())
            }
            _ => Err(E::custom("text")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if matches!(self.level, Level::Rows(_)) {
            return Err(A::Error::custom("object"));
        }
        self.state.list_seen |= matches!(self.level, Level::Report);
        while let Some(key) = map.next_key::<String>()? {
            if matches!(self.level, Level::Link) {
                if key == "href" {
                    self.state.next = map.next_value()?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            } else if let Some(level) = self.level.below(&key) {
                map.next_value_seed(Walk {
                    level,
                    state: &mut *self.state,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Level::Rows(status) = self.level else {
            return Err(A::Error::custom("list"));
        };
        self.state.list_seen = true;
        while let Some(row) = seq.next_element::<Box<RawValue>>()? {
            if let Err(fault) = self.state.row(status, &row) {
                self.state.fault = Some(fault);
                return Err(A::Error::custom("record"));
            }
        }
        Ok(())
    }
}
