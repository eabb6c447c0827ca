//! Maps an entry (`ReportEntry`): one transaction, with the details of a batch below it.

use fondaco_model::draft::{ReferenceDraft, TransactionDraft};
use fondaco_model::v1::{
    BankTransactionCode, BookingStatus, ReferenceKind, Stability, TransactionFlag,
};

use super::values::{Need, Notes};
use super::{detail, party};
use crate::core::xml::Node;

pub(super) fn map(root: &Node<'_>, notes: &mut Notes) -> Option<TransactionDraft> {
    let amount = notes.signed(root, "", Need::Required);
    let status = status(root, notes);
    // A day that is stated and does not exist would put the entry at a wrong place.
    let booking = notes.day(root.at(&["BookgDt"]), "BookgDt", Need::Required);
    let value = notes.day(root.at(&["ValDt"]), "ValDt", Need::Required);
    let reversal = reversal(root, notes);
    let mut draft = TransactionDraft::booked(amount?);
    draft.status = status?;
    draft.reversal = reversal;
    draft.booking_date = booking.map(|(day, _)| day);
    draft.booked_at = booking.and_then(|(_, instant)| instant);
    draft.value_date = value.map(|(day, _)| day);
    draft.additional_information = root.text_at(&["AddtlNtryInf"]).map(str::to_owned);
    draft.bank_transaction_code = root
        .at(&["BkTxCd"])
        .map(detail::bank_code)
        .unwrap_or_default();
    draft.references = references(root);
    amounts(root, &mut draft, notes);
    card(root, &mut draft);
    let blocks: Vec<&Node<'_>> = root.all("NtryDtls").collect();
    let details: Vec<&Node<'_>> = blocks
        .iter()
        .flat_map(|block| block.all("TxDtls"))
        .collect();
    let is_batch = blocks.iter().any(|block| block.at(&["Btch"]).is_some());
    if is_batch {
        draft.flags.push(TransactionFlag::Batch);
    }
    match details[..] {
        [only] if !is_batch => single(only, &mut draft, notes),
        _ => {
            let way = (draft.direction, reversal);
            let details = details.iter().enumerate();
            let details = details.map(|(ordinal, node)| detail::map(node, ordinal, way, notes));
            draft.details = details.collect();
        }
    }
    Some(draft)
}

/// The status: text in version 02, a code below `Sts` since 04.
fn status(root: &Node<'_>, notes: &mut Notes) -> Option<BookingStatus> {
    let node = root.at(&["Sts"]);
    let word = node.and_then(|node| {
        let code = node.text_at(&["Cd"]).or_else(|| node.text_at(&["Prtry"]));
        code.or_else(|| node.own_text())
    });
    match word {
        Some("BOOK") => Some(BookingStatus::Booked),
        Some("PDNG") => Some(BookingStatus::Pending),
        Some("FUTR") => Some(BookingStatus::Scheduled),
        Some(other) => Some(BookingStatus::Other(other.to_owned())),
        None => {
            notes.fatal("Sts", "status.missing", "");
            None
        }
    }
}

/// True for a reversal. `CdtDbtInd` has the direction of the reversal already.
fn reversal(root: &Node<'_>, notes: &mut Notes) -> bool {
    match root.text_at(&["RvslInd"]) {
        Some("true" | "1") => true,
        Some("false" | "0") | None => false,
        Some(other) => {
            notes.note("RvslInd", "value.not_boolean", other);
            false
        }
    }
}

fn references(root: &Node<'_>) -> Vec<ReferenceDraft> {
    let mut found = Vec::new();
    for (path, kind, stability) in [
        (
            &["AcctSvcrRef"][..],
            ReferenceKind::ServicerReference,
            Stability::ObservedStable,
        ),
        // Often only a number within the statement.
        (
            &["NtryRef"],
            ReferenceKind::EntryReference,
            Stability::Volatile,
        ),
        (
            &["NtryDtls", "Btch", "PmtInfId"],
            ReferenceKind::Other("PAYMENT_INFORMATION_ID".to_owned()),
            Stability::Volatile,
        ),
        (
            &["NtryDtls", "Btch", "MsgId"],
            ReferenceKind::Other("MESSAGE_ID".to_owned()),
            Stability::Volatile,
        ),
    ] {
        if let Some(value) = detail::own_reference(root, path) {
            found.push(ReferenceDraft {
                kind,
                value,
                stability,
            });
        }
    }
    found
}

fn amounts(holder: &Node<'_>, draft: &mut TransactionDraft, notes: &mut Notes) {
    let original = detail::original_amount(holder, draft.amount, notes);
    draft.original_amount = draft.original_amount.or(original);
    let gross = detail::gross_amount(holder, draft.amount, notes);
    draft.gross_amount = draft.gross_amount.or(gross);
    if draft.fx.is_none() {
        draft.fx = detail::exchange(holder, notes);
    }
    if draft.fees.is_empty() {
        draft.fees = detail::charges(holder, notes);
    }
}

/// `CardTx` since version 04: the last digits of the card, the merchant's category, and the id of
/// the merchant or of its terminal.
fn card(holder: &Node<'_>, draft: &mut TransactionDraft) {
    let Some(card) = holder.at(&["CardTx"]) else {
        return;
    };
    let number = card.text_at(&["Card", "PlainCardData", "PAN"]);
    let tail = number.and_then(|number| number.get(number.len().checked_sub(4)?..));
    let digits = tail.filter(|tail| tail.bytes().all(|b| b.is_ascii_digit()));
    draft.card_last4 = draft.card_last4.take().or(digits.map(str::to_owned));
    let category = card.text_at(&["Tx", "MrchntCtgyCd"]);
    let known = draft.merchant_category_code.take();
    draft.merchant_category_code = known.or(category.map(str::to_owned));
    if let Some(place) = card.at(&["POI", "Id"]) {
        let id = place.text_at(&["Id"]).map(str::to_owned);
        let field = match place.text_at(&["Tp"]) {
            Some("MERC") => &mut draft.merchant_id,
            _ => &mut draft.merchant_terminal,
        };
        *field = field.take().or(id);
    }
}

/// The only detail of an entry says what the entry itself is.
fn single(only: &Node<'_>, draft: &mut TransactionDraft, notes: &mut Notes) {
    let path = "NtryDtls/TxDtls";
    let way = (draft.direction, draft.reversal);
    draft.counterparty = party::counterparty(only, way.0, way.1, path, notes);
    draft.remittance = detail::remittance(only);
    draft.end_to_end_id = detail::own_reference(only, &["Refs", "EndToEndId"]);
    draft.mandate_id = detail::own_reference(only, &["Refs", "MndtId"]);
    draft.uetr = detail::own_reference(only, &["Refs", "UETR"]);
    draft.check_number = detail::own_reference(only, &["Refs", "ChqNb"]);
    draft.creditor_id = party::creditor_id(only);
    let text = |path: &[&str]| only.text_at(path).map(str::to_owned);
    draft.purpose_code = text(&["Purp", "Cd"]);
    if draft.additional_information.is_none() {
        draft.additional_information = text(&["AddtlTxInf"]);
    }
    if draft.bank_transaction_code == BankTransactionCode::default() {
        let code = only.at(&["BkTxCd"]).map(detail::bank_code);
        draft.bank_transaction_code = code.unwrap_or_default();
    }
    for reference in detail::references(only) {
        let is_known = draft
            .references
            .iter()
            .any(|known| known.kind == reference.kind);
        if !is_known {
            draft.references.push(reference);
        }
    }
    if let Some(dates) = only.at(&["RltdDts"]) {
        let mut day = |name: &str| {
            let path = format!("{path}/RltdDts/{name}");
            dates
                .at(&[name])
                .and_then(|node| notes.day_of(node, &path, Need::Optional))
        };
        let transaction = day("TxDtTm").or_else(|| day("TradDt"));
        draft.transaction_date = transaction.map(|(day, _)| day);
        draft.authorised_at = day("AccptncDtTm").and_then(|(_, instant)| instant);
    }
    amounts(only, draft, notes);
    card(only, draft);
}
