//! What could not be understood of a file, or only with a doubt, for who handed it in.

use fondaco_model::ids::{RawAnswerId, TenantId};
use fondaco_store::repo::Scope;
use fondaco_store::repo::quarantine::{self, ProblemQuery};
use fondaco_vault::Vault;
use fondaco_vault::identifiers::Spot;
use serde::Serialize;

use super::ImportError;

/// Most problems that one call tells; the count of the others stands beside.
pub const PROBLEMS_MAX: u32 = 100;

/// A record in quarantine, or a remark about one that was imported.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The record's position within the file, from 0.
    pub ordinal: i64,
    /// The source's own path of the field, or its line.
    pub path: String,
    /// The rule that refused or noticed it.
    pub rule: String,
    /// The value as it stood; none when the person was erased.
    pub original: Option<String>,
    /// True when the record is in quarantine and so was not imported.
    pub quarantined: bool,
}

/// The original is personal.
impl std::fmt::Debug for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Problem({} {} {})", self.ordinal, self.path, self.rule)
    }
}

/// The first problems of some records, and how many more there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    /// The first ones, in the order of the file.
    pub first: Vec<Problem>,
    /// Number of the others.
    pub more: i64,
}

/// The problems of the records of a file between two positions, both included; at most `limit`
/// and [`PROBLEMS_MAX`] of them are told.
///
/// # Errors
/// [`ImportError`] of store or vault.
pub async fn problems(
    vault: &Vault,
    (tenant, raw): (TenantId, RawAnswerId),
    (from, through): (i64, i64),
    limit: u32,
) -> Result<Problems, ImportError> {
    let asked = ProblemQuery {
        raw_answer_id: raw,
        from,
        through,
        limit: limit.min(PROBLEMS_MAX),
    };
    let mut session = vault.db().read(tenant).await?;
    let all = quarantine::count_problems(&mut session, Scope::Tenant, &asked).await?;
    if all == 0 {
        return Ok(Problems::default());
    }
    let rows = quarantine::problems(&mut session, Scope::Tenant, &asked).await?;
    drop(session);
    let sealed: Vec<(Spot, &str)> = rows
        .iter()
        .map(|row| {
            let place = Spot::new(row.sealed_row, row.sealed_table(), "original_sealed");
            (place, row.original_sealed.as_str())
        })
        .collect();
    let opened = vault.open_identifiers(tenant, &sealed).await?;
    let first: Vec<Problem> = rows
        .iter()
        .zip(opened)
        .map(|(row, original)| Problem {
            ordinal: row.ordinal,
            path: row.field.clone(),
            rule: row.rule.clone(),
            original: original.map(|secret| secret.expose().to_owned()),
            quarantined: row.quarantined,
        })
        .collect();
    let more = all - i64::try_from(first.len()).unwrap_or(all);
    Ok(Problems { first, more })
}
