//! The trait that a provider family implements, and all that it may see.

use std::fmt;
use std::io::BufRead;
use std::net::IpAddr;

use fondaco_model::draft::Mapped;
use fondaco_model::exchange::{Request, Response, ResponseHead};
use fondaco_model::provider::{Manifest, Resource};
use fondaco_model::{Date, Fault, Instant};
use url::Url;

use super::consent::ConsentFlow;
use super::cursor::Cursor;

/// Most bytes of one record that a family hands on; a larger one becomes a remark or a fault.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// A provider family: it describes requests, splits answers into records and maps records.
pub trait Connector: Send + Sync + 'static {
    /// The family's name, as manifests state it.
    fn family(&self) -> &'static str;

    /// Version of the mapping; a higher one makes stored raw answers be mapped again.
    fn mapping_version(&self) -> u32;

    /// The institutions that come with the family: file name and text of each entry.
    fn entries(&self) -> &'static [Entry];

    /// Checks what only the family can judge of an entry: its quirks and its addresses.
    ///
    /// # Errors
    /// One sentence that names the key.
    fn check(&self, manifest: &Manifest) -> Result<(), String>;

    /// Describes the request for a page of a stream; without a cursor for the first one.
    ///
    /// # Errors
    /// `Unsupported` when the entry does not serve the resource, `ConfigInvalid` when the context
    /// lacks what the request needs, `SchemaDrift` for a cursor of another family.
    fn request(
        &self,
        cx: &Cx<'_>,
        stream: &Stream,
        cursor: Option<&Cursor>,
    ) -> Result<Request, Fault>;

    /// Splits one successful answer into records while it streams by, in constant memory.
    ///
    /// Records that were handed on before a fault are good in themselves; whether they count
    /// without the rest is the caller's decision.
    ///
    /// # Errors
    /// `SchemaDrift` for an answer without the documented shape, `Unsupported` for another kind of
    /// document, `ProviderDown` when the answer ends too early, and any fault of the sink.
    #[expect(
        clippy::too_many_arguments,
        reason = "context, stream, head, body and sink: each comes from another place"
    )]
    fn page(
        &self,
        cx: &Cx<'_>,
        stream: &Stream,
        head: &ResponseHead,
        body: &mut dyn BufRead,
        out: &mut dyn RecordSink,
    ) -> Result<Next, Fault>;

    /// Maps one record. Total on any bytes: bad data becomes remarks, never a fault or a panic.
    fn map(&self, cx: &Cx<'_>, stream: &Stream, record: &Record<'_>) -> Mapped;

    /// What an unsuccessful answer means in this family's own error format; none leaves it to the
    /// shared table.
    fn fault(&self, _cx: &Cx<'_>, _response: &Response) -> Option<Fault> {
        None
    }

    /// How a person authorises us; none for families that nobody has to authorise.
    fn consent(&self) -> Option<&dyn ConsentFlow> {
        None
    }
}

/// An institution's entry as it is embedded: its file's name and its TOML text.
pub type Entry = (&'static str, &'static str);

/// All that a family may see besides the bytes.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The institution.
    pub manifest: &'a Manifest,
    /// The present instant.
    pub now: Instant,
    /// Who we are at the institution; none where nothing is registered.
    pub client: Option<&'a Client>,
    /// The institution's own id of the consent, when there is one.
    pub consent_ref: Option<&'a str>,
    /// The person, while they are present; never made up.
    pub psu: Option<&'a Psu>,
}

impl<'a> Cx<'a> {
    /// A context without registration, consent and person.
    pub fn new(manifest: &'a Manifest, now: Instant) -> Self {
        Self {
            manifest,
            now,
            client: None,
            consent_ref: None,
            psu: None,
        }
    }

    /// The client, for requests that cannot do without.
    pub(crate) fn client(&self) -> Result<&'a Client, Fault> {
        self.client.ok_or_else(|| {
            Fault::new(fondaco_model::FaultKind::ConfigInvalid, "connector.client")
                .with("institution", &self.manifest.id)
                .with("reason", "no_registration")
        })
    }
}

impl fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cx({})", self.manifest.id)
    }
}

/// The public half of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Client id at the provider.
    pub id: String,
    /// The one redirect URI that is registered there.
    pub redirect_uri: Url,
}

/// The person who is present at this moment (PSU in the words of PSD2).
#[derive(Clone, PartialEq, Eq)]
pub struct Psu {
    /// The address that the person's browser speaks from.
    pub ip: IpAddr,
    /// The browser's own description.
    pub user_agent: Option<String>,
}

impl fmt::Debug for Psu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psu(…)")
    }
}

/// What is read: a resource, for some resources of one account, and in a window of days.
#[derive(Clone, PartialEq, Eq)]
pub struct Stream {
    /// The resource.
    pub resource: Resource,
    /// The provider's id of the account that the records belong to.
    pub parent: Option<String>,
    /// The days that are asked for; none leaves it to the entry's history.
    pub window: Option<DateWindow>,
}

impl Stream {
    /// A stream of a resource that hangs on nothing.
    pub fn of(resource: Resource) -> Self {
        Self {
            resource,
            parent: None,
            window: None,
        }
    }

    /// A stream of a resource of one account.
    pub fn of_account(resource: Resource, account_id: impl Into<String>) -> Self {
        Self {
            resource,
            parent: Some(account_id.into()),
            window: None,
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", self.resource.as_str())
    }
}

/// Days, both of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateWindow {
    /// First day.
    pub from: Date,
    /// Last day; none up to now.
    pub to: Option<Date>,
}

/// What comes after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another page.
    Page(Cursor),
    /// Nothing; the stream is complete.
    Done,
}

/// The head that a file is split with: a file has neither status nor headers.
pub fn file_head() -> ResponseHead {
    ResponseHead {
        status: http::StatusCode::OK,
        headers: http::HeaderMap::new(),
    }
}

/// One record of an answer; enough to be mapped without the rest of it.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Position within the answer, from 0.
    pub ordinal: i64,
    /// Index of the statement within a file; 0 otherwise.
    pub group: i32,
    /// The record's own bytes.
    pub bytes: &'a [u8],
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes.len();
        write!(f, "Record({}/{}, {bytes} bytes)", self.group, self.ordinal)
    }
}

/// Takes records as an answer is split.
pub trait RecordSink {
    /// Takes one record; its bytes are gone after the call.
    ///
    /// # Errors
    /// Any fault; it ends the page.
    fn record(&mut self, record: Record<'_>) -> Result<(), Fault>;
}
