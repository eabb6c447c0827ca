//! What a change altered: the names of the fields, and what they said before, sealed.

use std::collections::HashMap;

use fondaco_model::ids::{RevisionId, TransactionId};
use fondaco_store::Tx;
use fondaco_store::repo::Scope;
use fondaco_store::repo::transaction::{self, DetailRow, PartyRow, TransactionRow};
use fondaco_vault::identifiers::Spot;
use fondaco_vault::seal::SealError;
use serde_json::{Map, Value, json};

use super::IngestError;
use super::sealer::{Sealer, spot};

/// Largest document of former values, in bytes; of a larger one the largest values are left out,
/// which the raw answers still hold.
const BEFORE_BYTES_MAX: usize = 256 << 10;

/// Fields of the canonical record that are no statement of a source.
const OURS: [&str; 6] = [
    "id",
    "accountId",
    "createdSeq",
    "changedSeq",
    "provenance",
    "references",
];

/// The name for a change of what is stored in no form that two values could be compared in, such
/// as a postal address.
const OTHER: &str = "other";

/// A transaction with its details, as it is stored or is going to be.
pub(super) struct Stated<'a> {
    pub(super) row: &'a TransactionRow,
    pub(super) details: &'a [DetailRow],
}

/// Stored transactions as they are before a batch writes them again.
#[derive(Default)]
pub(super) struct Before {
    rows: HashMap<TransactionId, TransactionRow>,
    details: HashMap<TransactionId, Vec<DetailRow>>,
}

impl Before {
    /// Reads the rows that are going to change: two statements, none when nothing changes.
    pub(super) async fn load(tx: &mut Tx, ids: &[TransactionId]) -> Result<Self, IngestError> {
        let mut before = Self::default();
        if ids.is_empty() {
            return Ok(before);
        }
        for row in transaction::by_ids(tx, Scope::Tenant, ids).await? {
            before.rows.insert(row.id, row);
        }
        for row in transaction::details(tx, ids).await? {
            let of = before.details.entry(row.transaction_id).or_default();
            of.push(row);
        }
        Ok(before)
    }

    pub(super) fn of(&self, id: TransactionId) -> Option<Stated<'_>> {
        Some(Stated {
            row: self.rows.get(&id)?,
            details: self.details.get(&id).map_or(&[], Vec::as_slice),
        })
    }
}

/// What a revision keeps of a change.
pub(super) struct Altered {
    /// Names of the fields, as the canonical record has them.
    pub(super) fields: Vec<String>,
    /// A JSON object of what they said before.
    pub(super) before: String,
}

/// Compares two states of one transaction, field by field of the canonical record. `refs` says
/// whether the source gave it a further reference that lasts.
pub(super) fn altered(old: &Stated<'_>, new: &Stated<'_>, refs: bool) -> Altered {
    let (mut was, is) = (fields(old), fields(new));
    for name in is.keys() {
        // A field that a record leaves out is null.
        was.entry(name.as_str()).or_insert(Value::Null);
    }
    was.retain(|name, value| is.get(name).unwrap_or(&Value::Null) != value);
    let mut names: Vec<String> = was.keys().cloned().collect();
    if refs {
        names.push("references".to_owned());
    }
    if names.is_empty() {
        names.push(OTHER.to_owned());
    }
    if was.contains_key("counterparty") || names[0] == OTHER {
        // What is sealed stays so; it opens at the place of its own column.
        was.insert("counterpartySealed".to_owned(), sealed(old));
    }
    Altered {
        fields: names,
        before: document(was),
    }
}

/// Seals what a transaction said before for its revision.
pub(super) fn seal(sealer: &Sealer, id: RevisionId, before: &str) -> Result<String, SealError> {
    sealer.text(before_spot(id), before)
}

/// Where a revision's former values stand.
pub fn before_spot(id: RevisionId) -> Spot {
    spot(id.0, "revision", "before_sealed")
}

/// Every field that a source states, by its name in the canonical record; a bank's beside the
/// shared ones.
fn fields(stated: &Stated<'_>) -> Map<String, Value> {
    let record = stated.row.clone();
    let record = record.into_canonical(stated.details.to_vec(), Vec::new());
    let record = serde_json::to_value(record).expect("a record of plain values serialises");
    let Value::Object(mut fields) = record else {
        return Map::new();
    };
    if let Some(Value::Object(bank)) = fields.remove("bank") {
        fields.extend(bank);
    }
    fields.retain(|name, _| !OURS.contains(&name.as_str()));
    let source = stated.row.account_source_id;
    fields.insert("accountSourceId".to_owned(), json!(source));
    if let Some(party) = fields.get_mut("counterparty") {
        exact(party, &stated.row.bank.counterparty);
    }
    let details = fields.get_mut("details").and_then(Value::as_array_mut);
    for (detail, row) in details.into_iter().flatten().zip(stated.details) {
        if let Some(detail) = detail.as_object_mut() {
            // Details are written anew with their row.
            detail.remove("id");
        }
        if let Some(party) = detail.get_mut("counterparty") {
            exact(party, &row.counterparty);
        }
    }
    fields
}

/// Adds what tells two account numbers of one mask apart.
fn exact(party: &mut Value, row: &PartyRow) {
    if let Some(party) = party.as_object_mut() {
        let hashes = row.identifiers.iter().map(|identifier| identifier.hash);
        party.insert("hashes".to_owned(), json!(hashes.collect::<Vec<_>>()));
        let address = row.address_sealed.is_some();
        party.insert("addressStated".to_owned(), json!(address));
    }
}

fn sealed(old: &Stated<'_>) -> Value {
    let party = &old.row.bank.counterparty;
    let numbers = party
        .identifiers
        .iter()
        .map(|number| number.sealed.as_str());
    json!({
        "identifiers": numbers.collect::<Vec<_>>(),
        "address": party.address_sealed,
    })
}

fn document(mut was: Map<String, Value>) -> String {
    loop {
        let text = Value::Object(was.clone()).to_string();
        if text.len() <= BEFORE_BYTES_MAX {
            return text;
        }
        let largest = was
            .iter()
            .max_by_key(|(_, value)| value.to_string().len())
            .map(|(name, _)| name.clone());
        match largest {
            Some(name) => drop(was.remove(&name)),
            None => return text,
        }
    }
}
