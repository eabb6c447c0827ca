//! Consents whose institution could not be told that they are over (docs/adr/0009).

use fondaco_model::v1::{Consent, ConsentRevocation};
use fondaco_model::{Date, Effects, Instant};
use fondaco_store::Db;
use fondaco_store::repo::consent;
use fondaco_vault::REVOKE_SECONDS_MAX;

use super::Verdict;
use crate::failure::Outcome;
use crate::find;

/// Consents of one tenant that are looked at.
const LOOKED_AT_MAX: u32 = 1_000;

/// Seconds behind the last moment of a revocation after which it is overdue: its job and the sweep
/// that asks for a missing one come in between.
const OVERDUE_SECONDS: i64 = REVOKE_SECONDS_MAX + 4 * 3_600;

pub(super) async fn read(db: &Db, effects: &Effects) -> Outcome<Verdict> {
    let now = effects.now();
    let today = now.utc_date();
    let (mut untold, mut first) = (0_usize, None);
    for tenant in find::tenants(db).await? {
        let mut session = db.read(tenant.id).await?;
        let pending = ConsentRevocation::Pending;
        let waiting = consent::by_revocation(&mut session, pending, LOOKED_AT_MAX).await?;
        let late = waiting
            .iter()
            .find(|stored| is_overdue(&stored.consent, now));
        if let Some(stored) = late {
            let text = format!(
                "the revocation of {} of {} is overdue: its grant is still there",
                stored.consent.id, tenant.id
            );
            let hint = "does a worker run (`fondaco serve` or `fondaco work`)?".to_owned();
            return Ok(Verdict::Warn(text, hint));
        }
        let given_up = ConsentRevocation::GivenUp;
        let found = consent::by_revocation(&mut session, given_up, LOOKED_AT_MAX).await?;
        let standing = found
            .iter()
            .filter(|stored| may_stand(&stored.consent, today));
        for stored in standing {
            untold += 1;
            first.get_or_insert((tenant.id, stored.consent.id));
        }
    }
    Ok(match first {
        None => Verdict::Fine("no institution shows a consent that is over".to_owned()),
        Some((tenant, consent)) => Verdict::Warn(
            format!(
                "{untold} consents are over that their institution may still show; \
                 the first is {consent} of {tenant}"
            ),
            "tell the institution, or let the person withdraw there; the ledger has the day of \
             each as consent.revocation_given_up"
                .to_owned(),
        ),
    })
}

fn is_overdue(consent: &Consent, now: Instant) -> bool {
    let since = consent.ended_at.unwrap_or(consent.requested_at);
    now.seconds_since(since) > OVERDUE_SECONDS
}

/// True while the institution may still take the consent for valid.
fn may_stand(consent: &Consent, today: Date) -> bool {
    let last = consent.granted_until.or(consent.requested_until);
    last.is_none_or(|last| last >= today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fondaco_model::ids::{ConsentId, EndUserId, LinkId};

    #[test]
    fn a_consent_may_stand_at_the_institution_to_its_last_granted_day() {
        let consent = |granted: Option<&str>, requested: Option<&str>| {
            let text = serde_json::json!({
                "id": ConsentId(uuid::Uuid::nil()),
                "linkId": LinkId(uuid::Uuid::nil()),
                "endUserId": EndUserId(uuid::Uuid::nil()),
                "state": "REVOKED",
                "scopes": [],
                "requestedAt": "2026-01-02T03:04:05Z",
                "grantedUntil": granted,
                "requestedUntil": requested,
                "revocation": "GIVEN_UP",
            });
            serde_json::from_value::<Consent>(text).unwrap()
        };
        let today: Date = "2026-04-01".parse().unwrap();
        for (granted, requested, expected) in [
            (Some("2026-04-01"), Some("2026-01-01"), true),
            (Some("2026-03-31"), Some("2026-12-31"), false),
            (None, Some("2026-04-01"), true),
            (None, Some("2026-03-31"), false),
            (None, None, true),
        ] {
            let stands = may_stand(&consent(granted, requested), today);
            assert_eq!(stands, expected, "{granted:?} {requested:?}");
        }
    }

    #[test]
    fn a_revocation_is_overdue_four_hours_behind_its_last_moment() {
        let text = serde_json::json!({
            "id": ConsentId(uuid::Uuid::nil()),
            "linkId": LinkId(uuid::Uuid::nil()),
            "endUserId": EndUserId(uuid::Uuid::nil()),
            "state": "REVOKED",
            "scopes": [],
            "requestedAt": "2026-01-01T00:00:00Z",
            "endedAt": "2026-01-02T00:00:00Z",
            "revocation": "PENDING",
        });
        let consent = serde_json::from_value::<Consent>(text).unwrap();
        let last: Instant = "2026-01-05T04:00:00Z".parse().unwrap();
        assert!(!is_overdue(&consent, last));
        assert!(is_overdue(&consent, last.plus_seconds(1)));
    }
}
