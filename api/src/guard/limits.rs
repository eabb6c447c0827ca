//! How large a request may be, and the refusal that says it is not.

use async_graphql::Pos;

use crate::http::code::Code;

/// Bytes of a request body: 256 KiB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a GraphQL document: 64 KiB.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Tokens of a document.
pub const TOKENS_MAX: usize = 5_000;
/// Brackets of any kind open at once; also the size of the scanner's only buffer.
pub const NESTING_MAX: usize = 64;
/// Aliases in a document.
pub const ALIASES_MAX: usize = 30;
/// Directives in a document.
pub const DIRECTIVES_MAX: usize = 20;
/// Fields at the top of one operation, fragments expanded.
pub const ROOT_FIELDS_MAX: usize = 20;
/// Fragment definitions in a document.
pub const FRAGMENTS_MAX: usize = 50;
/// Operations in a document.
pub const OPERATIONS_MAX: usize = 10;
/// Fields, spreads and inline fragments as they are written in a document.
pub const SELECTIONS_MAX: usize = 400;
/// Selections of a document after every fragment is expanded.
pub const EXPANDED_MAX: u64 = 10_000;
/// Fields below each other in data; introspection is counted apart.
pub const DEPTH_MAX: usize = 12;
/// Fields below each other in introspection; the standard query of graphql-js 16 has 14.
pub const INTROSPECTION_DEPTH_MAX: usize = 20;
/// Fields and fragments inside each other: what the executor's own recursion allows.
pub const FRAMES_MAX: usize = 32;
/// Nodes that a request may ask for.
pub const NODES_MAX: u64 = 100_000;
/// Brackets inside each other in the variables.
pub const VARIABLES_NESTING_MAX: usize = 32;

/// Limits of one request; the defaults are the constants of this file.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the body.
    pub body_bytes: usize,
    /// Bytes of the document.
    pub document_bytes: usize,
    /// Tokens of the document.
    pub tokens: usize,
    /// Open brackets of any kind; never above [`NESTING_MAX`].
    pub nesting: usize,
    /// Aliases of the document.
    pub aliases: usize,
    /// Directives of the document.
    pub directives: usize,
    /// Fields at the top of an operation.
    pub root_fields: usize,
    /// Fragment definitions.
    pub fragments: usize,
    /// Operations.
    pub operations: usize,
    /// Written selections.
    pub selections: usize,
    /// Expanded selections.
    pub expanded: u64,
    /// Fields below each other in data.
    pub depth: usize,
    /// Fields below each other in introspection.
    pub introspection_depth: usize,
    /// Fields and fragments inside each other.
    pub frames: usize,
    /// Requested nodes.
    pub nodes: u64,
    /// Brackets inside each other in the variables.
    pub variables_nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: BODY_BYTES_MAX,
            document_bytes: DOCUMENT_BYTES_MAX,
            tokens: TOKENS_MAX,
            nesting: NESTING_MAX,
            aliases: ALIASES_MAX,
            directives: DIRECTIVES_MAX,
            root_fields: ROOT_FIELDS_MAX,
            fragments: FRAGMENTS_MAX,
            operations: OPERATIONS_MAX,
            selections: SELECTIONS_MAX,
            expanded: EXPANDED_MAX,
            depth: DEPTH_MAX,
            introspection_depth: INTROSPECTION_DEPTH_MAX,
            frames: FRAMES_MAX,
            nodes: NODES_MAX,
            variables_nesting: VARIABLES_NESTING_MAX,
        }
    }
}

/// Why a request is not executed; the text speaks only about the client's own request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Code for the client.
    pub code: Code,
    /// Text for a person.
    pub message: String,
    /// Place in the document, where one is known.
    pub at: Option<Pos>,
}

impl Refusal {
    /// A refusal without a place.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            at: None,
        }
    }

    /// A document that is not right.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::QueryInvalid, message)
    }

    /// A document with more of something than the limit.
    pub fn too_many(what: &str, max: impl std::fmt::Display) -> Self {
        let message = format!("The document has too many {what}: the limit is {max}.");
        Self::new(Code::QueryTooLarge, message)
    }

    /// The same refusal with its place in the document.
    #[must_use]
    pub fn at(mut self, place: Pos) -> Self {
        self.at = Some(place);
        self
    }
}
