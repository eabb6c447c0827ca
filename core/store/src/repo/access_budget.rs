//! Allowances of readings without a person: what each consent, account and endpoint has left.

use fondaco_model::Instant;
use fondaco_model::ids::{AccountSourceId, ConsentId};
use uuid::Uuid;

use crate::engine::{Session, Tx};
use crate::error::Result;

/// Seconds for which an allowance holds, from the first attempt that draws on it: 24 hours.
pub const WINDOW_SECONDS: i64 = 86_400;

codes! {
    /// Who says how many attempts there are.
    Basis {
        /// The institution's entry.
        Manifest = "MANIFEST",
    }
}

/// What an allowance belongs to. The tenant is part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    /// The consent that is used.
    pub consent: ConsentId,
    /// The account that is read; none for the list of accounts.
    pub account_source: Option<AccountSourceId>,
    /// The endpoint.
    pub operation: &'a str,
}

/// How an allowance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Attempts of the window.
    pub allowed: u32,
    /// Attempts that are left.
    pub remaining: u32,
    /// When the window ends, and all attempts are there again.
    pub resets_at: Instant,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It was taken; so it stands now.
    Taken(Allowance),
    /// Nothing was left.
    Gone(Allowance),
}

record!(Allowance, |row| Allowance {
    allowed: u32::try_from(row.col::<i64>("allowed")?).unwrap_or(0),
    remaining: u32::try_from(row.col::<i64>("remaining")?).unwrap_or(0),
    resets_at: Instant::from_micros(row.col("window_resets_at")?),
});

statements! {
    // A window that is over begins anew, and one whose allowance grew or shrank moves with it.
    SPEND = "insert into access_budget as b (tenant_id, consent_id, account_source_id, operation, \
        allowed, remaining, basis, window_resets_at) values ($1, $2, $3, $4, $5, $9, $6, $8) \
        on conflict (tenant_id, consent_id, account_source_id, operation) do update set \
        remaining = case when b.window_resets_at <= $7 then excluded.remaining \
            else b.remaining + excluded.allowed - b.allowed - 1 end, \
        allowed = excluded.allowed, basis = excluded.basis, \
        window_resets_at = case when b.window_resets_at <= $7 then excluded.window_resets_at \
            else b.window_resets_at end \
        where b.window_resets_at <= $7 or b.remaining + excluded.allowed - b.allowed > 0";
    GIVE_BACK = "update access_budget set remaining = remaining + 1 where tenant_id = $1 \
        and consent_id = $2 and account_source_id = $3 and operation = $4 \
        and remaining < allowed and window_resets_at > $5";
    GET = "select allowed, remaining, window_resets_at from access_budget where tenant_id = $1 \
        and consent_id = $2 and account_source_id = $3 and operation = $4";
}

/// The list of accounts has no account of its own.
fn source(key: Key<'_>) -> Uuid {
    key.account_source.map_or(Uuid::nil(), |id| id.0)
}

/// Takes one of `allowed` attempts. The row's lock lets concurrent readers of all processes
/// through one after the other.
pub async fn spend(
    tx: &mut Tx,
    key: Key<'_>,
    (allowed, basis): (u32, Basis),
    now: Instant,
) -> Result<Spent> {
    let tenant = tx.tenant().0;
    let taken = if allowed == 0 {
        0
    } else {
        execute!(
            tx,
            SPEND,
            tenant,
            key.consent.0,
            source(key),
            key.operation,
            i64::from(allowed),
            basis.as_str(),
            now.micros(),
            now.plus_seconds(WINDOW_SECONDS).micros(),
            i64::from(allowed) - 1
        )?
    };
    let stored = get(tx, key).await?.unwrap_or(Allowance {
        allowed,
        remaining: 0,
        resets_at: now.plus_seconds(WINDOW_SECONDS),
    });
    Ok(if taken == 1 {
        Spent::Taken(stored)
    } else {
        Spent::Gone(stored)
    })
}

/// Gives one attempt back, unless its window is over meanwhile.
pub async fn give_back(tx: &mut Tx, key: Key<'_>, now: Instant) -> Result<()> {
    let (tenant, source) = (tx.tenant().0, source(key));
    execute!(
        tx,
        GIVE_BACK,
        tenant,
        key.consent.0,
        source,
        key.operation,
        now.micros()
    )?;
    Ok(())
}

/// How an allowance stands; none before its first attempt.
pub async fn get(session: &mut Session, key: Key<'_>) -> Result<Option<Allowance>> {
    let tenant = session.tenant().0;
    fetch_optional!(session, GET => Allowance, tenant, key.consent.0, source(key), key.operation)
}

#[cfg(test)]
mod tests {
    use fondaco_model::ids::TenantId;

    use super::*;
    use crate::testing::engines;

    const NOW: Instant = Instant::from_micros(1_780_000_000_000_000);

    fn tenant(number: u128) -> TenantId {
        TenantId(Uuid::from_u128(number))
    }

    fn key(consent: u128, operation: &str) -> Key<'_> {
        Key {
            consent: ConsentId(Uuid::from_u128(consent)),
            account_source: None,
            operation,
        }
    }

    async fn take(db: &crate::Db, key: Key<'_>, allowed: u32, now: Instant) -> Spent {
        let spent: Result<Spent> = crate::in_tx!(db, tenant(1), |tx| {
            spend(tx, key, (allowed, Basis::Manifest), now).await
        });
        spent.unwrap()
    }

    fn left(spent: Spent) -> Option<u32> {
        match spent {
            Spent::Taken(allowance) => Some(allowance.remaining),
            Spent::Gone(_) => None,
        }
    }

    #[tokio::test]
    async fn an_allowance_ends_with_its_last_attempt_and_is_whole_again_after_its_window() {
        for db in engines().await {
            let of = key(1, "transactions");
            assert_eq!(left(take(&db, of, 2, NOW).await), Some(1));
            assert_eq!(left(take(&db, of, 2, NOW.plus_seconds(9)).await), Some(0));
            let end = NOW.plus_seconds(WINDOW_SECONDS);
            let gone = take(&db, of, 2, end.plus_seconds(-1)).await;
            let stood = Allowance {
                allowed: 2,
                remaining: 0,
                resets_at: end,
            };
            assert_eq!(gone, Spent::Gone(stood));
            assert_eq!(left(take(&db, key(1, "balances"), 2, NOW).await), Some(1));
            assert_eq!(left(take(&db, key(2, "transactions"), 2, NOW).await), Some(1));
            let back: Result<()> =
                crate::in_tx!(db, tenant(1), |tx| give_back(tx, of, end.plus_seconds(-1)).await);
            back.unwrap();
            assert_eq!(left(take(&db, of, 2, end.plus_seconds(-1)).await), Some(0));
            assert_eq!(left(take(&db, of, 2, end).await), Some(1));
        }
    }

    #[tokio::test]
    async fn an_entry_that_allows_more_or_less_moves_what_is_left() {
        for db in engines().await {
            let of = key(1, "transactions");
            assert_eq!(left(take(&db, of, 4, NOW).await), Some(3));
            assert_eq!(left(take(&db, of, 2, NOW).await), Some(0));
            assert_eq!(left(take(&db, of, 2, NOW).await), None);
            assert_eq!(left(take(&db, of, 3, NOW).await), Some(0));
            assert_eq!(left(take(&db, key(3, "accounts"), 0, NOW).await), None);
        }
    }
}
