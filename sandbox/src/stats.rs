//! Counts of what clients asked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::data::PEOPLE;
use crate::grants::Grants;

/// Grant types come from the client; beyond this many kinds they are counted together.
const GRANT_TYPES_MAX: usize = 16;

/// Calls of one grant type at the token endpoint.
#[derive(Default)]
struct TokenCalls {
    granted: u64,
    refused: u64,
}

/// Counts since the start or the last reset.
#[derive(Default)]
pub(crate) struct Stats {
    requests: BTreeMap<&'static str, u64>,
    tokens: BTreeMap<String, TokenCalls>,
    faults: BTreeMap<&'static str, u64>,
}

impl Stats {
    pub(crate) fn count_request(&mut self, endpoint: &'static str) {
        *self.requests.entry(endpoint).or_default() += 1;
    }

    pub(crate) fn count_fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub(crate) fn count_token(&mut self, grant_type: &str, is_granted: bool) {
        let is_known = self.tokens.contains_key(grant_type);
        let name = if is_known || self.tokens.len() < GRANT_TYPES_MAX {
            grant_type
        } else {
            "other"
        };
        let calls = self.tokens.entry(name.to_owned()).or_default();
        if is_granted {
            calls.granted += 1;
        } else {
            calls.refused += 1;
        }
    }

    pub(crate) fn report(&self, grants: &Grants) -> Value {
        let tokens: BTreeMap<_, _> = self
            .tokens
            .iter()
            .map(|(name, calls)| {
                let total = calls.granted + calls.refused;
                let counts =
                    json!({"calls": total, "granted": calls.granted, "refused": calls.refused});
                (name, counts)
            })
            .collect();
        let grants: Vec<_> = grants
            .by_id
            .iter()
            .map(|(id, grant)| {
                let asked: BTreeMap<String, u32> = grant
                    .asked
                    .iter()
                    .map(|(at, count)| (at.to_string(), *count))
                    .collect();
                json!({
                    "grant": id,
                    "consentId": grant.consent,
                    "user": PEOPLE[grant.person].user,
                    "generation": grant.generation,
                    "refreshCallsByGeneration": asked,
                    "ended": grant.ended,
                })
            })
            .collect();
        json!({
            "requests": self.requests,
            "token": tokens,
            "faults": self.faults,
            "grants": grants,
        })
    }
}
