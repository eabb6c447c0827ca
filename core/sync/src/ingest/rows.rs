//! From a settled draft to the rows that are stored: numbers sealed, texts as they are.

use fondaco_model::draft::{DetailDraft, PartyDraft, TransactionDraft};
use fondaco_model::ids::{TransactionDetailId, TransactionId};
use fondaco_model::provenance::Provenance;
use fondaco_model::v1::{LIST_MAX, Lifecycle, ReferenceKind, Stability, TransactionStatus};
use fondaco_model::version;
use fondaco_normalize::{Settled, digest};
use fondaco_store::repo::transaction::{
    BankRow, DetailRow, PartyRow, RefRow, SealedIdentifier, TransactionRow,
};
use uuid::Uuid;

use super::batch::Known;
use super::sealer::{Sealer, spot};
use super::{IngestError, Target};

/// How sure the identity of a row is, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confidence {
    /// Found by a reference that can be trusted, or seen for the first time with one.
    Exact,
    /// Found by day, amount and texts.
    Matched,
    /// Seen for the first time, without a reference that can be trusted.
    New,
}

impl Confidence {
    fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "EXACT",
            Self::Matched => "MATCHED",
            Self::New => "NEW",
        }
    }
}

/// What a row takes from its place among the stored ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) id: TransactionId,
    pub(super) created_seq: i64,
    pub(super) changed_seq: i64,
    pub(super) ordinal: i64,
    pub(super) confidence: Confidence,
}

/// The stored row of a draft.
pub(super) fn transaction(
    target: &Target<'_>,
    draft: &TransactionDraft,
    settled: &Settled,
    placed: Placed,
) -> Result<TransactionRow, IngestError> {
    Ok(TransactionRow {
        id: placed.id,
        account_id: target.account_id,
        account_source_id: target.source_id,
        end_user_id: target.reading.end_user_id,
        amount: draft.amount,
        direction: draft.direction,
        sort_date: settled.sort_date,
        sort_date_rule: settled.sort_date_rule,
        status: settled.status,
        description: settled.description.clone(),
        search_text: settled.search_text.clone(),
        lifecycle: Lifecycle::Live,
        data_key_id: target.reading.sealer.data_key_id(),
        created_seq: placed.created_seq,
        changed_seq: placed.changed_seq,
        provenance: provenance(target, placed.ordinal),
        content_sha256: digest::content(draft, target.reading.sealer.content_key()),
        bank: bank(target, draft, settled, placed)?,
    })
}

/// Where a record of the target's raw answer comes from.
pub(super) fn provenance(target: &Target<'_>, ordinal: i64) -> Provenance {
    Provenance {
        raw_answer_id: target.reading.raw_answer_id,
        ordinal,
        mapping_version: target.reading.mapping_version,
        schema_version: version::CURRENT,
        mapped_at: target.reading.now,
    }
}

fn bank(
    target: &Target<'_>,
    draft: &TransactionDraft,
    settled: &Settled,
    placed: Placed,
) -> Result<BankRow, IngestError> {
    let place = PartyPlace {
        row: placed.id.0,
        table: "bank_transaction",
    };
    Ok(BankRow {
        booking_status: draft.status.clone(),
        reversal: draft.reversal,
        identity_confidence: placed.confidence.as_str().to_owned(),
        booking_date: draft.booking_date,
        value_date: draft.value_date,
        transaction_date: draft.transaction_date,
        booked_at: draft.booked_at,
        authorised_at: draft.authorised_at,
        original_amount: draft.original_amount,
        fx: draft.fx.clone(),
        gross_amount: draft.gross_amount,
        fees: draft.fees.clone(),
        running_balance: draft.running_balance,
        remittance: draft.remittance.clone(),
        additional_information: draft.additional_information.clone(),
        end_to_end_id: draft.end_to_end_id.clone(),
        mandate_id: draft.mandate_id.clone(),
        creditor_id: draft.creditor_id.clone(),
        uetr: draft.uetr.clone(),
        check_number: draft.check_number.clone(),
        purpose_code: draft.purpose_code.clone(),
        category_purpose_code: draft.category_purpose_code.clone(),
        code: draft.bank_transaction_code.clone(),
        method: settled.method.clone(),
        counterparty: party(target.reading.sealer, place, &draft.counterparty)?,
        merchant_name: draft.merchant_name.clone(),
        merchant_id: draft.merchant_id.clone(),
        merchant_category_code: draft.merchant_category_code.clone(),
        merchant_location: draft.merchant_location.clone(),
        merchant_terminal: draft.merchant_terminal.clone(),
        card_last4: draft.card_last4.clone(),
        categories: draft.categories.iter().take(LIST_MAX).cloned().collect(),
        flags: draft.flags.iter().take(LIST_MAX).cloned().collect(),
    })
}

#[derive(Clone, Copy)]
struct PartyPlace {
    row: Uuid,
    table: &'static str,
}

fn party(sealer: &Sealer, place: PartyPlace, draft: &PartyDraft) -> Result<PartyRow, IngestError> {
    // The first stands in columns of its own, where it is found by its hash.
    let seal = |(at, identifier)| -> Result<SealedIdentifier, IngestError> {
        let column = if at == 0 {
            "counterparty_sealed"
        } else {
            "counterparty_more"
        };
        Ok(sealer.identifier(spot(place.row, place.table, column), identifier)?)
    };
    let identifiers = draft.identifiers.iter().take(LIST_MAX).enumerate();
    let address = draft.address.as_ref().map(|address| {
        sealer.text(
            spot(place.row, place.table, "counterparty_address_sealed"),
            address.expose(),
        )
    });
    Ok(PartyRow {
        name: draft.name.clone(),
        party_type: draft.party_type,
        identifiers: identifiers.map(seal).collect::<Result<_, _>>()?,
        agent_bic: draft.agent_bic.clone(),
        agent_clearing_system: draft.agent_clearing_system.clone(),
        agent_member_id: draft.agent_member_id.clone(),
        agent_name: draft.agent_name.clone(),
        ultimate_name: draft.ultimate_name.clone(),
        address_sealed: address.transpose()?,
    })
}

/// The stored rows of a draft's details.
pub(super) fn details(
    target: &Target<'_>,
    id: TransactionId,
    drafts: &[DetailDraft],
) -> Result<Vec<DetailRow>, IngestError> {
    drafts
        .iter()
        .map(|draft| detail(target, id, draft))
        .collect()
}

fn detail(
    target: &Target<'_>,
    transaction_id: TransactionId,
    draft: &DetailDraft,
) -> Result<DetailRow, IngestError> {
    let id = TransactionDetailId::new(target.reading.effects);
    let place = PartyPlace {
        row: id.0,
        table: "transaction_detail",
    };
    Ok(DetailRow {
        id,
        transaction_id,
        ordinal: draft.ordinal,
        amount: draft.amount,
        end_to_end_id: draft.end_to_end_id.clone(),
        mandate_id: draft.mandate_id.clone(),
        reference: draft
            .references
            .first()
            .map(|reference| reference.value.clone()),
        counterparty: party(target.reading.sealer, place, &draft.counterparty)?,
        remittance: draft.remittance.clone(),
    })
}

/// The references of a record, and the fingerprint that ties the row to its source. What is
/// pending leaves none: the fingerprint says that the source knows the row as it ended up.
pub(super) fn references(
    target: &Target<'_>,
    id: TransactionId,
    record: &Known<'_>,
) -> Vec<RefRow> {
    let row = |kind: ReferenceKind, value: String, stability: Stability| RefRow {
        transaction_id: id,
        account_source_id: target.source_id,
        kind,
        value,
        stability,
        first_seen_at: target.reading.now,
    };
    let mut rows = Vec::with_capacity(record.draft.references.len() + 1);
    if record.settled.status != TransactionStatus::Pending {
        let print = record.fingerprint.clone();
        rows.push(row(ReferenceKind::Fingerprint, print, Stability::Volatile));
    }
    for reference in &record.draft.references {
        rows.push(row(
            reference.kind.clone(),
            reference.value.clone(),
            reference.stability,
        ));
    }
    rows.sort_by(|a, b| (&a.kind, &a.value).cmp(&(&b.kind, &b.value)));
    rows.dedup_by(|a, b| a.kind == b.kind && a.value == b.value);
    rows
}
