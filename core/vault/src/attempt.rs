//! One attempt at the bank: its secrets, and the judgement over the callback that ends it.
//!
//! Pure. The caller finds the attempt by the hash of the callback's state, and consumes it in
//! the transaction that stores the code, before the code is exchanged.

mod params;

pub use params::{BankErrorCode, CallbackParams, PARAM_BYTES_MAX, PARAMS_MAX, ParamsError};

use std::fmt;

use fondaco_model::v1::RefusalReason;
use fondaco_model::{Effects, Instant, Secret};

use crate::machine::{ConsentEvent, FlowFailure};
use crate::seal::{same_secret, secret_token, sha256};

/// Seconds that a person has at the bank where its entry names no other limit: 15 minutes.
pub const ATTEMPT_SECONDS_DEFAULT: i64 = 900;

/// The secrets of a new attempt. They go to the bank; the store gets the state's hash, and verifier
/// and nonce sealed.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// The `state` parameter: 256 bits (RFC 6749 section 10.12).
    pub state: Secret,
    /// The `nonce` parameter for ID tokens: 256 bits (OpenID Connect Core section 3.1.2.1).
    pub nonce: Secret,
    /// The PKCE verifier: 256 bits in 43 unreserved characters (RFC 7636 section 4.1).
    pub verifier: Secret,
}

impl NewAttempt {
    /// Draws all three anew. No two of them are the same and none is ever used again.
    pub fn generate(effects: &Effects) -> Self {
        Self {
            state: secret_token(effects, ""),
            nonce: secret_token(effects, ""),
            verifier: secret_token(effects, ""),
        }
    }
}

/// What the store knows of an attempt and a callback is judged by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StoredAttempt {
    /// SHA-256 of the state.
    pub state_hash: [u8; 32],
    /// SHA-256 of the browser's secret.
    pub binding_hash: [u8; 32],
    /// The first instant at which the attempt is over.
    pub expires_at: Instant,
    /// When a callback consumed the state, or something else ended the attempt.
    pub used_at: Option<Instant>,
    /// True where the bank answers with an authorization code; false where it only sends the
    /// person back and is then asked for the consent's status.
    pub expects_code: bool,
}

impl fmt::Debug for StoredAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "StoredAttempt(expires {}, used {})",
            self.expires_at,
            self.used_at.is_some()
        )
    }
}

/// Who has to have answered (RFC 9207). It is the issuer that the attempt was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuerRule<'a> {
    /// The issuer identifier; none where the entry states none, and then `iss` is not compared
    /// and the registration's own redirect URI tells the servers apart (RFC 9700 section 4.4.2).
    pub expected: Option<&'a str>,
    /// True when the answer must state `iss`.
    pub required: bool,
}

/// What a callback is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackVerdict {
    /// Exchange this code, after the state was consumed.
    Exchange(Secret),
    /// The person came back without a code, as this bank does it: ask for the consent's status,
    /// after the state was consumed.
    Returned,
    /// The right person, perhaps, but not the browser that began. Nothing is consumed or
    /// exchanged; the page says to go on in the first browser.
    OtherBrowser,
    /// The state was used. Nothing happens again; the page shows how the flow stands.
    AlreadyUsed,
    /// It came too late.
    Expired,
    /// Another issuer answered, or none where one had to.
    IssuerMismatch,
    /// The person or the bank refused.
    Denied(RefusalReason),
    /// The bank answered with an error.
    BankError(BankErrorCode),
    /// It was not made by the bank in answer to this attempt. Nothing is written.
    Forged,
}

impl CallbackVerdict {
    /// The event that the verdict is for the consent; none where the attempt goes on untouched.
    ///
    /// [`Expired`](Self::Expired) is none either: the deadline's own timer ends the attempt.
    pub fn event(&self) -> Option<ConsentEvent> {
        match self {
            Self::Exchange(_) | Self::Returned => Some(ConsentEvent::CallbackVerified),
            Self::IssuerMismatch => Some(ConsentEvent::AuthorisationFailed(
                FlowFailure::IssuerMismatch,
            )),
            Self::Denied(reason) => Some(ConsentEvent::AuthorisationRefused(*reason)),
            Self::BankError(code) => Some(ConsentEvent::AuthorisationFailed(code.failure())),
            Self::OtherBrowser | Self::AlreadyUsed | Self::Expired | Self::Forged => None,
        }
    }
}

/// Judges a callback: is it this attempt's, from this browser, in time, from the right server,
/// and what does it say. `cookie` is the value of the attempt's own cookie.
///
/// A used state is told from a foreign browser first: a reloaded callback, whose cookie may be
/// gone, must show the result and not ask the person to change browsers.
pub fn verify_callback(
    stored: &StoredAttempt,
    params: &CallbackParams,
    cookie: Option<&str>,
    issuer: IssuerRule<'_>,
    now: Instant,
) -> CallbackVerdict {
    let matches = |value: &str, hash: &[u8; 32]| same_secret(&sha256(value), hash);
    let state = params.state.as_ref().map(Secret::expose);
    if !state.is_some_and(|state| matches(state, &stored.state_hash)) {
        return CallbackVerdict::Forged;
    }
    if stored.used_at.is_some() {
        return CallbackVerdict::AlreadyUsed;
    }
    if !cookie.is_some_and(|cookie| matches(cookie, &stored.binding_hash)) {
        return CallbackVerdict::OtherBrowser;
    }
    if now >= stored.expires_at {
        return CallbackVerdict::Expired;
    }
    // Before anything that the answer says: errors are attributed to their issuer too.
    if !issuer.admits(params.iss.as_deref()) {
        return CallbackVerdict::IssuerMismatch;
    }
    match (&params.error, &params.code, stored.expects_code) {
        (Some(error), None, _) => answer_of_error(error),
        (None, Some(code), true) => CallbackVerdict::Exchange(code.clone()),
        (None, None, false) => CallbackVerdict::Returned,
        // Both, neither, or a code that nobody asked for: no authorization server answers so.
        (Some(_), Some(_), _) | (None, None, true) | (None, Some(_), false) => {
            CallbackVerdict::Forged
        }
    }
}

impl IssuerRule<'_> {
    /// Compares by code points, without any normalisation (RFC 9207 section 2.4).
    fn admits(self, iss: Option<&str>) -> bool {
        match (self.expected, iss) {
            (Some(expected), Some(iss)) => same_secret(expected.as_bytes(), iss.as_bytes()),
            // A server that must name itself and is not known by name cannot be told apart.
            (_, None) | (None, Some(_)) => !self.required,
        }
    }
}

fn answer_of_error(error: &BankErrorCode) -> CallbackVerdict {
    match error.refusal() {
        Some(reason) => CallbackVerdict::Denied(reason),
        None => CallbackVerdict::BankError(error.clone()),
    }
}

#[cfg(test)]
mod tests;
