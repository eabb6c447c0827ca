//! The closed list of error codes that leave the API.

use http::StatusCode;

/// Code of an error as clients see it in `extensions.code`.
///
/// docs/errors.md is written from this list; a new code is a documented change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No key, or a key that is not valid.
    Unauthenticated,
    /// The key is valid but may not do this.
    Forbidden,
    /// The HTTP request is not a GraphQL request.
    BadRequest,
    /// The document or its variables do not fit the schema.
    QueryInvalid,
    /// A size limit of the document is passed.
    QueryTooLarge,
    /// The requested cost is above what one request may cost.
    QueryTooExpensive,
    /// The execution took longer than allowed.
    QueryTimeout,
    /// The cursor was not issued by this server.
    CursorInvalid,
    /// The cursor points before what is kept.
    CursorExpired,
    /// The cursor belongs to another filter or order.
    CursorFilterMismatch,
    /// There is no such thing for this key.
    NotFound,
    /// The idempotency key was used with another input.
    IdempotencyMismatch,
    /// The first request with this idempotency key is still running.
    IdempotencyInProgress,
    /// A bucket is empty: ours or the provider's.
    RateLimited,
    /// A part of the server is not ready.
    Unavailable,
    /// The end user withdrew the consent.
    AuthRevoked,
    /// The consent's time is over.
    ConsentExpired,
    /// The end user has to do something at the institution.
    UserActionRequired,
    /// The consent does not cover this.
    ScopeMissing,
    /// The provider does not answer, or answers with its own fault.
    ProviderDown,
    /// The provider refused the request.
    ProviderRejected,
    /// The provider no longer has the thing.
    NotFoundOrGone,
    /// The provider or this release cannot do this.
    Unsupported,
    /// The provider restricted the account.
    AccountRestricted,
    /// A fault of this server.
    Internal,
}

struct Row {
    code: Code,
    name: &'static str,
    status: StatusCode,
    retryable: bool,
    meaning: &'static str,
    advice: &'static str,
}

const fn row(
    code: Code,
    name: &'static str,
    status: StatusCode,
    meaning: &'static str,
    advice: &'static str,
) -> Row {
    let retryable = matches!(
        code,
        Code::QueryTimeout
            | Code::IdempotencyInProgress
            | Code::RateLimited
            | Code::Unavailable
            | Code::ProviderDown
            | Code::Internal
    );
    Row {
        code,
        name,
        status,
        retryable,
        meaning,
        advice,
    }
}

/// One row per code, in the order of the enum: `row_of` indexes by discriminant.
const ROWS: [Row; 25] = [
    row(
        Code::Unauthenticated,
        "UNAUTHENTICATED",
        StatusCode::UNAUTHORIZED,
        "No key was presented, or it is unknown, revoked or over its time.",
        "Send `Authorization: Bearer <key>`; ask for a new frontend token when its hour is over.",
    ),
    row(
        Code::Forbidden,
        "FORBIDDEN",
        StatusCode::FORBIDDEN,
        "The key lacks a scope, or the web page's origin is not registered for its tenant.",
        "Use a key with the scope that the message names, or register the origin.",
    ),
    row(
        Code::BadRequest,
        "BAD_REQUEST",
        StatusCode::BAD_REQUEST,
        "The HTTP request is not a GraphQL request: its method, media type, headers or JSON.",
        "Correct the client; the message names the rule.",
    ),
    row(
        Code::QueryInvalid,
        "QUERY_INVALID",
        StatusCode::BAD_REQUEST,
        "The document has a syntax error, does not fit the schema, or its variables do not.",
        "Correct the document; `locations` points into it.",
    ),
    row(
        Code::QueryTooLarge,
        "QUERY_TOO_LARGE",
        StatusCode::BAD_REQUEST,
        "The document passes a size limit: bytes, tokens, depth, aliases, fields, fragments.",
        "Ask for less at once, or in several requests.",
    ),
    row(
        Code::QueryTooExpensive,
        "QUERY_TOO_EXPENSIVE",
        StatusCode::BAD_REQUEST,
        "The requested cost or number of nodes is above what one request of this key may ask.",
        "Lower `first`, or nest fewer connections; `X-Cost-Only: 1` tells the cost beforehand.",
    ),
    row(
        Code::QueryTimeout,
        "QUERY_TIMEOUT",
        StatusCode::GATEWAY_TIMEOUT,
        "The execution took longer than ten seconds and was stopped.",
        "Ask for less at once; a mutation may be sent again with the same idempotency key.",
    ),
    row(
        Code::CursorInvalid,
        "CURSOR_INVALID",
        StatusCode::BAD_REQUEST,
        "The cursor was not issued by this server to this tenant, or was changed.",
        "Start again without a cursor.",
    ),
    row(
        Code::CursorExpired,
        "CURSOR_EXPIRED",
        StatusCode::BAD_REQUEST,
        "The cursor points before the oldest record that is kept.",
        "Start again from the oldest position that the error names.",
    ),
    row(
        Code::CursorFilterMismatch,
        "CURSOR_FILTER_MISMATCH",
        StatusCode::BAD_REQUEST,
        "The cursor was issued for another filter or another order.",
        "Repeat the filter and order with which the cursor was issued.",
    ),
    row(
        Code::NotFound,
        "NOT_FOUND",
        StatusCode::NOT_FOUND,
        "There is no such thing, or none that this key may see.",
        "Check the id or the address.",
    ),
    row(
        Code::IdempotencyMismatch,
        "IDEMPOTENCY_MISMATCH",
        StatusCode::UNPROCESSABLE_ENTITY,
        "The idempotency key was already used with another input.",
        "Use a new key for a new intention.",
    ),
    row(
        Code::IdempotencyInProgress,
        "IDEMPOTENCY_IN_PROGRESS",
        StatusCode::CONFLICT,
        "The first request with this idempotency key is still running.",
        "Send the same request again a little later.",
    ),
    row(
        Code::RateLimited,
        "RATE_LIMITED",
        StatusCode::TOO_MANY_REQUESTS,
        "The key's bucket is empty or too many uploads of the person wait (`scope: API`), or the \
         provider's bucket is empty (`scope: PROVIDER`).",
        "Wait for `retryAfterMs`, or as long as `Retry-After` says.",
    ),
    row(
        Code::Unavailable,
        "UNAVAILABLE",
        StatusCode::SERVICE_UNAVAILABLE,
        "A part of the server is not ready, for example its database.",
        "Send the request again with a growing delay.",
    ),
    row(
        Code::AuthRevoked,
        "AUTH_REVOKED",
        StatusCode::CONFLICT,
        "The end user withdrew the consent, here or at the institution.",
        "Ask the end user to link the account again.",
    ),
    row(
        Code::ConsentExpired,
        "CONSENT_EXPIRED",
        StatusCode::CONFLICT,
        "The consent's time is over.",
        "Ask the end user to renew the link.",
    ),
    row(
        Code::UserActionRequired,
        "USER_ACTION_REQUIRED",
        StatusCode::CONFLICT,
        "The institution waits for the end user, for example for a strong authentication.",
        "Send the end user to the address in `link`.",
    ),
    row(
        Code::ScopeMissing,
        "SCOPE_MISSING",
        StatusCode::CONFLICT,
        "The consent does not cover what was asked.",
        "Ask the end user for a consent with the missing scope.",
    ),
    row(
        Code::ProviderDown,
        "PROVIDER_DOWN",
        StatusCode::BAD_GATEWAY,
        "The provider cannot be reached or answers with a fault of its own.",
        "Nothing: the server tries again by itself; stored data stays readable.",
    ),
    row(
        Code::ProviderRejected,
        "PROVIDER_REJECTED",
        StatusCode::BAD_GATEWAY,
        "The provider refused the request for a reason that repeating does not change.",
        "Check the registration and the input; `provider` names its code.",
    ),
    row(
        Code::NotFoundOrGone,
        "NOT_FOUND_OR_GONE",
        StatusCode::NOT_FOUND,
        "The provider does not have the thing, or no longer.",
        "Read the stored record instead; it keeps what was known.",
    ),
    row(
        Code::Unsupported,
        "UNSUPPORTED",
        StatusCode::BAD_REQUEST,
        "The provider, or this release, cannot do what was asked.",
        "Look at the institution's capabilities first.",
    ),
    row(
        Code::AccountRestricted,
        "ACCOUNT_RESTRICTED",
        StatusCode::CONFLICT,
        "The provider restricted the account.",
        "The account's holder has to settle this with the provider.",
    ),
    row(
        Code::Internal,
        "INTERNAL",
        StatusCode::INTERNAL_SERVER_ERROR,
        "A fault of this server. Nothing but the request id is told.",
        "Report the `requestId`; the server's log has the same.",
    ),
];

impl Code {
    /// Number of codes in the closed list.
    pub const COUNT: usize = ROWS.len();

    /// Every code, in the order of docs/errors.md.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.code)
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The code's word in `extensions.code`.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// HTTP status when the error is the answer to the whole request.
    pub fn status(self) -> StatusCode {
        self.row().status
    }

    /// Whether the same request may succeed later without a change.
    pub fn retryable(self) -> bool {
        self.row().retryable
    }

    /// One sentence that says what happened.
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// What the client does next.
    pub fn advice(self) -> &'static str {
        self.row().advice
    }

    /// The code with this word, if the list has it.
    pub fn parse(word: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.name == word).map(|row| row.code)
    }

    /// An error for a resolver to return: the text goes to the client unchanged, so it may
    /// only speak about the client's own request. [`Code::Internal`] never shows its text.
    pub fn error(self, message: impl Into<String>) -> async_graphql::Error {
        use async_graphql::ErrorExtensions;
        async_graphql::Error::new(message).extend_with(|_, values| {
            values.set("code", self.as_str());
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.code as usize, index, "{}", row.name);
            assert_eq!(Code::parse(row.name), Some(row.code));
        }
        assert_eq!(Code::parse("internal"), None);
    }

    #[test]
    fn a_provider_rate_limit_and_an_internal_fault_may_be_retried() {
        assert!(Code::RateLimited.retryable() && Code::Internal.retryable());
        assert!(!Code::Forbidden.retryable() && !Code::CursorInvalid.retryable());
    }
}
