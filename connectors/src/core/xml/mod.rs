//! XML as a stream: a source that counts lines and guards lengths, and a tree of one record.
//!
//! Document types are refused by whoever reads, so that no entity can unfold.

mod source;
mod tree;

use fondaco_model::{Fault, FaultKind};

pub(crate) use self::source::Source;
pub(crate) use self::tree::{Node, parse};

/// The wait before bytes that could not be read are tried again.
const READ_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// Deepest nesting of elements.
pub(crate) const DEPTH_MAX: usize = 64;

/// The fault of a document whose bytes could not be read: not the document's, and worth a retry.
pub(crate) fn unreadable(line: u64) -> Fault {
    Fault::new(FaultKind::Internal, "file.page")
        .after(READ_WAIT)
        .with("rule", "file.unreadable")
        .with("line", line.to_string())
}

/// A fault of the document itself, at a line.
pub(crate) fn fault(rule: &'static str, line: u64) -> Fault {
    Fault::new(FaultKind::SchemaDrift, "file.page")
        .with("rule", rule)
        .with("line", line.to_string())
}
