//! Institutions: reference data of the installation, brought in from manifests.

use fondaco_model::Instant;
use fondaco_model::v1::Institution;

use super::composed::fetch_composed;
use super::page;
use crate::engine::bulk::InList;
use crate::engine::{Session, Tx};
use crate::error::Result;
use crate::fold::{fold, patterns};

record!(Institution, |row| Institution {
    id: row.col("id")?,
    name: row.col("name")?,
    countries: row
        .col::<&str>("countries")?
        .split_ascii_whitespace()
        .map(str::to_owned)
        .collect(),
    bic: row.col("bic")?,
    family: row.col("family")?,
    sandbox: row.col("sandbox")?,
    consent_days_max: small(row.col("consent_days_max")?),
    history_days: row.col::<Option<i64>>("history_days")?.map(small),
});

/// Days beyond what a number of 32 bits holds are as good as its end.
fn small(days: i64) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Words that the name, id, country or BIC contains; none for all.
    pub text: String,
    /// An ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// True for sandboxes only, false for everything else.
    pub sandbox: bool,
    /// The last row of the page before: its folded name and its id.
    pub after: Option<(String, String)>,
    /// Rows at most.
    pub limit: u32,
}

macro_rules! fields {
    () => {
        "id, name, countries, bic, family, sandbox, consent_days_max, history_days"
    };
}

statements! {
    UPSERT = "insert into institution (id, family, name, search_text, countries, bic, sandbox, \
        connectable, consent_days_max, history_days, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
        on conflict (id) do update set family = excluded.family, name = excluded.name, \
        search_text = excluded.search_text, countries = excluded.countries, bic = excluded.bic, \
        sandbox = excluded.sandbox, connectable = excluded.connectable, \
        consent_days_max = excluded.consent_days_max, history_days = excluded.history_days, \
        updated_at = excluded.updated_at \
        where institution.family <> excluded.family or institution.name <> excluded.name \
        or institution.search_text <> excluded.search_text \
        or institution.countries <> excluded.countries \
        or coalesce(institution.bic, '') <> coalesce(excluded.bic, '') \
        or institution.sandbox <> excluded.sandbox \
        or institution.connectable <> excluded.connectable \
        or institution.consent_days_max <> excluded.consent_days_max \
        or coalesce(institution.history_days, -1) <> coalesce(excluded.history_days, -1)";
    CONNECTABLE_IDS = "select id from institution where connectable = true";
    WITHDRAW = "update institution set connectable = false, updated_at = $2 where id = $1";
    GET = concat!("select ", fields!(), " from institution where id = $1");
    SEARCH = concat!("select ", fields!(), " from institution \
        where connectable = true and sandbox = $1 \
        and ($2 = '' or (' ' || countries || ' ') like $2) \
        and search_text like $3 escape '\\' and search_text like $4 escape '\\' \
        and search_text like $5 escape '\\' and search_text like $6 escape '\\' \
        and (search_text, id) > ($7, $8) order by search_text, id limit $9");
}

/// Brings the table to what the manifests say: new and changed entries are written, entries that
/// are gone can no longer be connected. Answers how many rows changed. Called by the operator.
///
/// An entry with `family` of files is kept too, but cannot be connected: `connectable` says which.
pub async fn sync(tx: &mut Tx, entries: &[(Institution, bool)], now: Instant) -> Result<u64> {
    let known = fetch_all!(tx, CONNECTABLE_IDS => (String,))?;
    let mut changed = 0;
    for (id,) in known {
        if !entries.iter().any(|(entry, _)| entry.id == id) {
            changed += execute!(tx, WITHDRAW, id.as_str(), now.micros())?;
        }
    }
    for (entry, connectable) in entries {
        changed += upsert(tx, entry, *connectable, now).await?;
    }
    Ok(changed)
}

async fn upsert(tx: &mut Tx, entry: &Institution, connectable: bool, now: Instant) -> Result<u64> {
    let countries = entry.countries.join(" ");
    execute!(
        tx,
        UPSERT,
        entry.id.as_str(),
        entry.family.as_str(),
        entry.name.as_str(),
        search_text(entry).as_str(),
        countries.as_str(),
        entry.bic.as_deref(),
        entry.sandbox,
        connectable,
        i64::from(entry.consent_days_max),
        entry.history_days.map(i64::from),
        now.micros()
    )
}

/// The text that a search compares, and the sort key of its pages.
pub fn search_text(entry: &Institution) -> String {
    let bic = entry.bic.as_deref().unwrap_or_default();
    fold(&format!("{} {} {}", entry.name, entry.id, bic))
}

/// One institution, also one that can no longer be connected.
pub async fn get(session: &mut Session, id: &str) -> Result<Option<Institution>> {
    fetch_optional!(session, GET => Institution, id)
}

/// Institutions by id, also those that can no longer be connected, in no order; at most 1,000 ids.
pub async fn by_ids(session: &mut Session, ids: &[&str]) -> Result<Vec<Institution>> {
    const HEAD: &str = concat!("select ", fields!(), " from institution where ");
    fetch_composed!(session, Institution, HEAD, |query, D| {
        D::in_texts(&mut query, "id", ids);
    })
}

/// Institutions that can be connected, by name; each word of the text occurs in the name, the id
/// or the BIC. Only the first four words count.
pub async fn search(session: &mut Session, search: &Search) -> Result<Vec<Institution>> {
    let words = patterns(&search.text);
    let word = |at: usize| words.get(at).map_or("%", String::as_str).to_owned();
    let country = search
        .country
        .as_ref()
        .map_or_else(String::new, |code| format!("% {code} %"));
    let (after_text, after_id) = search.after.clone().unwrap_or_default();
    fetch_all!(
        session,
        SEARCH => Institution,
        search.sandbox,
        country.as_str(),
        word(0),
        word(1),
        word(2),
        word(3),
        after_text.as_str(),
        after_id.as_str(),
        page(search.limit)
    )
}
