//! Cursors: opaque, versioned, authenticated, good for one tenant, list, order and filter.
//!
//! A cursor is base64url (RFC 4648 section 5) of version, list, direction, filter digest, place
//! and a keyed hash. The hash covers tenant and end user too, which the cursor does not state: a
//! cursor of somebody else is as wrong as a forged one.

use std::sync::Arc;

use async_graphql::connection::CursorType;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use fondaco_model::ids::TenantId;
use fondaco_store::repo::Scope;
use fondaco_vault::seal::{HashKeys, same_secret};
use sha2::{Digest, Sha256};

use crate::http::code::Code;

/// The form that this version writes.
const VERSION: u8 = 1;
/// Version, list, direction and filter digest.
const HEAD_BYTES: usize = 3 + FILTER_BYTES;
/// Bytes of a filter's digest that a cursor holds.
const FILTER_BYTES: usize = 16;
/// Bytes of the keyed hash that a cursor holds.
const MAC_BYTES: usize = 16;
/// Longest cursor that is looked at; the longest place is an institution's folded name.
const TEXT_MAX: usize = 2_048;

/// The lists that cursors point into; the number is part of the form and never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Institutions = 1,
    EndUsers = 2,
    Links = 3,
    Consents = 4,
    Accounts = 5,
    TransactionsPosted = 6,
    TransactionsCreated = 7,
    TransactionsChanged = 8,
}

/// What a cursor is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) tenant: TenantId,
    pub(crate) scope: Scope,
    pub(crate) list: List,
    pub(crate) descending: bool,
    pub(crate) filter: [u8; FILTER_BYTES],
}

/// Makes and opens the cursors of one list.
#[derive(Clone)]
pub(crate) struct Cursors {
    binding: Binding,
    keys: Arc<HashKeys>,
}

impl Cursors {
    pub(crate) fn new(binding: Binding, keys: Arc<HashKeys>) -> Self {
        Self { binding, keys }
    }

    /// The cursor of a place.
    fn seal(&self, place: &[u8]) -> String {
        let mut bytes = self.head();
        bytes.extend_from_slice(place);
        let mac = self.keys.hash(&self.message(&bytes)).hash;
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        BASE64URL.encode(bytes)
    }

    /// The place that a cursor names.
    ///
    /// # Errors
    /// `CURSOR_INVALID` for what was not made for this tenant and end user;
    /// `CURSOR_FILTER_MISMATCH` for what was made for another list, order or filter.
    pub(crate) fn open(&self, text: &str) -> async_graphql::Result<Vec<u8>> {
        let invalid = || Code::CursorInvalid.error("The cursor was not issued here.");
        if text.len() > TEXT_MAX {
            return Err(invalid());
        }
        let bytes = BASE64URL.decode(text).map_err(|_| invalid())?;
        let at = bytes.len().checked_sub(MAC_BYTES).ok_or_else(invalid)?;
        let (content, mac) = bytes.split_at(at);
        if content.len() < HEAD_BYTES || content[0] != VERSION {
            return Err(invalid());
        }
        let message = self.message(content);
        let known = self.keys.candidates(&message);
        if !known
            .iter()
            .any(|hash| same_secret(&hash.hash[..MAC_BYTES], mac))
        {
            return Err(invalid());
        }
        let (head, place) = content.split_at(HEAD_BYTES);
        if head != self.head() {
            let message = "The cursor was issued for another filter or order.";
            return Err(Code::CursorFilterMismatch.error(message));
        }
        Ok(place.to_vec())
    }

    fn head(&self) -> Vec<u8> {
        let Binding {
            list,
            descending,
            filter,
            ..
        } = &self.binding;
        let mut head = vec![VERSION, *list as u8, u8::from(*descending)];
        head.extend_from_slice(filter);
        head
    }

    /// What the keyed hash covers: whose list it is, and the cursor's content.
    fn message(&self, content: &[u8]) -> String {
        let mut message = Vec::with_capacity(33 + content.len());
        message.extend_from_slice(self.binding.tenant.0.as_bytes());
        match self.binding.scope.end_user() {
            None => message.push(0),
            Some(end_user) => {
                message.push(1);
                message.extend_from_slice(end_user.0.as_bytes());
            }
        }
        message.extend_from_slice(content);
        BASE64URL.encode(message)
    }
}

/// The cursor of one edge; made only when a client asks for it.
pub(crate) struct Mark {
    cursors: Arc<Cursors>,
    place: Vec<u8>,
}

impl Mark {
    pub(crate) fn new(cursors: &Arc<Cursors>, place: Vec<u8>) -> Self {
        Self {
            cursors: Arc::clone(cursors),
            place,
        }
    }
}

impl CursorType for Mark {
    type Error = &'static str;

    fn decode_cursor(_: &str) -> Result<Self, Self::Error> {
        Err("a mark belongs to its list")
    }

    fn encode_cursor(&self) -> String {
        self.cursors.seal(&self.place)
    }
}

/// Collects what a list was asked for into the digest that its cursors are bound to.
pub(crate) struct FilterDigest(Sha256);

impl FilterDigest {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds one condition; each name at most once, in a fixed order. What is absent is not added.
    pub(crate) fn with(mut self, name: &str, value: Option<&[u8]>) -> Self {
        if let Some(value) = value {
            for part in [name.as_bytes(), value] {
                self.0.update((part.len() as u64).to_be_bytes());
                self.0.update(part);
            }
        }
        self
    }

    pub(crate) fn finish(self) -> [u8; FILTER_BYTES] {
        let digest = self.0.finalize();
        let mut short = [0; FILTER_BYTES];
        short.copy_from_slice(&digest[..FILTER_BYTES]);
        short
    }
}

#[cfg(test)]
#[path = "cursor_tests.rs"]
mod tests;
