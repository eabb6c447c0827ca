//! What every provider family shares: traits, cursors, manifests, the OAuth flow and faults.

pub(crate) mod codes;
mod connector;
mod consent;
mod cursor;
mod faults;
pub mod manifests;
pub mod oauth2;
mod pkce;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod text;
pub(crate) mod xml;

pub use connector::{
    Client, Connector, Cx, DateWindow, Entry, Next, Psu, RECORD_BYTES_MAX, Record, RecordSink,
    Stream, file_head,
};
pub use consent::{
    Begin, Callback, ConsentFlow, FlowEvent, FlowState, FlowStep, Grant, POLLS_MAX, Phase,
    Standing, StandingState, WaitFor,
};
pub use cursor::{CURSOR_BYTES_MAX, Cursor, PAGES_MAX, PageGuard, Position};
pub use faults::{RETRY_AFTER_MAX, classify, fault_of_status};
pub(crate) use faults::{code_word, retry_after};
pub use pkce::{PkceChallenge, PkceVerifier};
