//! Who may read what: token, consent, right and number of reads a day.

use axum::http::{HeaderMap, StatusCode};

use crate::consent::{Approach, Consent, Granted, Status};
use crate::state::{Bank, Visit};
use crate::xs2a::refusal::Refusal;
use crate::xs2a::request;

/// A right on one account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Details,
    Balances,
    Transactions,
}

impl Right {
    fn word(self) -> &'static str {
        match self {
            Self::Details => "accounts",
            Self::Balances => "balances",
            Self::Transactions => "transactions",
        }
    }
}

/// Checks headers, consent and token of a read; gives the consent's id and whether the person
/// is present.
pub(super) fn reader(
    visit: &mut Visit<'_>,
    headers: &HeaderMap,
    approach: Approach,
) -> Result<(String, bool), Refusal> {
    let is_attended = request::is_attended(headers)?;
    let id = request::consent_id(headers)?.to_owned();
    if approach == Approach::OAuth {
        belongs(visit, headers, &id)?;
    }
    let consent = found(visit, &id, approach)?;
    match consent.status {
        Status::Valid => {}
        Status::Expired => {
            return Err(Refusal::unauthorized(
                "CONSENT_EXPIRED",
                "The consent has expired",
            ));
        }
        Status::Received | Status::Rejected | Status::RevokedByPsu | Status::TerminatedByTpp => {
            return Err(Refusal::unauthorized(
                "CONSENT_INVALID",
                "The consent is not valid",
            ));
        }
    }
    if approach == Approach::OAuth {
        lives(visit, headers)?;
    }
    Ok((id, is_attended))
}

/// A consent of this way of approval.
pub(super) fn found<'visit>(
    visit: &'visit mut Visit<'_>,
    id: &str,
    approach: Approach,
) -> Result<&'visit mut Consent, Refusal> {
    visit
        .consent(id)
        .filter(|consent| consent.approach == approach)
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::FORBIDDEN,
                "CONSENT_UNKNOWN",
                "There is no such consent",
            )
        })
}

/// The token was given for this consent, dead or alive.
fn belongs(visit: &Visit<'_>, headers: &HeaderMap, consent: &str) -> Result<(), Refusal> {
    let unknown = || Refusal::unauthorized("TOKEN_UNKNOWN", "There is no such access token");
    let text = request::bearer(headers).ok_or_else(unknown)?;
    let grants = &visit.world.grants;
    let token = grants.access.get(text).ok_or_else(unknown)?;
    let grant = grants.by_id.get(&token.grant).ok_or_else(unknown)?;
    if grant.consent == consent {
        Ok(())
    } else {
        Err(Refusal::unauthorized(
            "CONSENT_INVALID",
            "The token is for another consent",
        ))
    }
}

fn lives(visit: &Visit<'_>, headers: &HeaderMap) -> Result<(), Refusal> {
    let grants = &visit.world.grants;
    let token = request::bearer(headers).and_then(|text| grants.access.get(text));
    let Some(token) = token else {
        return Err(Refusal::unauthorized(
            "TOKEN_UNKNOWN",
            "There is no such access token",
        ));
    };
    let has_ended = grants
        .by_id
        .get(&token.grant)
        .is_none_or(|grant| grant.ended.is_some());
    if token.is_revoked || has_ended {
        return Err(Refusal::unauthorized(
            "TOKEN_INVALID",
            "The access token was revoked",
        ));
    }
    if visit.now_s >= token.expires_s {
        return Err(Refusal::unauthorized(
            "TOKEN_EXPIRED",
            "The access token has expired",
        ));
    }
    Ok(())
}

/// The account under its address in this consent, if the consent gives the right to it.
pub(super) fn account(
    consent: &Consent,
    resource_id: &str,
    right: Right,
) -> Result<Granted, Refusal> {
    let granted = consent
        .granted
        .iter()
        .find(|granted| granted.resource_id == resource_id);
    let granted = granted.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "RESOURCE_UNKNOWN",
            "There is no such account",
        )
    })?;
    let is_covered = match right {
        Right::Details => true,
        Right::Balances => granted.balances,
        Right::Transactions => granted.transactions,
    };
    if is_covered {
        Ok(granted.clone())
    } else {
        Err(Refusal::unauthorized(
            "CONSENT_INVALID",
            "The consent does not cover this",
        ))
    }
}

/// Counts a read without the person; the ones beyond the agreed number a day are refused.
pub(super) fn count_read(
    bank: &Bank,
    visit: &mut Visit<'_>,
    consent: &str,
    account: usize,
    right: Right,
) -> Result<(), Refusal> {
    let today = visit.today;
    let Some(consent) = visit.consent(consent) else {
        return Ok(());
    };
    let limit = consent.frequency;
    // Only today's counts matter.
    consent.reads.retain(|(day, _, _), _| *day == today.0);
    let count = consent
        .reads
        .entry((today.0, account, right.word()))
        .or_default();
    if bank.config.enforce_frequency && *count >= limit {
        return Err(Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "ACCESS_EXCEEDED",
            "The agreed number of reads without the person is used up for today",
        ));
    }
    *count += 1;
    Ok(())
}
