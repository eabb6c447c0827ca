//! Maps what an entry and its details share: references, remittance, original amounts, charges.

use fondaco_model::draft::{DetailDraft, ReferenceDraft};
use fondaco_model::v1::{BankTransactionCode, Fx, ReferenceKind, Remittance, Stability};
use fondaco_model::{Direction, Money};

use super::party;
use super::values::{Need, Notes};
use crate::core::text;
use crate::core::xml::Node;

/// Maps one of several `TxDtls`.
pub(super) fn map(
    details: &Node<'_>,
    ordinal: usize,
    (direction, reversal): (Direction, bool),
    notes: &mut Notes,
) -> DetailDraft {
    let path = format!("TxDtls[{ordinal}]");
    let direction = match details.at(&["CdtDbtInd"]) {
        Some(node) => {
            let stated = notes.direction(node, &format!("{path}/CdtDbtInd"), Need::Optional);
            stated.unwrap_or(direction)
        }
        None => direction,
    };
    let text = |path: &[&str]| own_reference(details, path);
    DetailDraft {
        ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
        amount: amount(details, direction, &path, notes),
        end_to_end_id: text(&["Refs", "EndToEndId"]),
        mandate_id: text(&["Refs", "MndtId"]),
        references: references(details),
        counterparty: party::counterparty(details, direction, reversal, &path, notes),
        remittance: remittance(details),
    }
}

/// The detail's amount: `Amt` since version 04, before that `AmtDtls/TxAmt`.
fn amount(
    details: &Node<'_>,
    direction: Direction,
    path: &str,
    notes: &mut Notes,
) -> Option<Money> {
    let (place, node) = match details.at(&["Amt"]) {
        Some(node) => ("Amt", node),
        None => (
            "AmtDtls/TxAmt/Amt",
            details.at(&["AmtDtls", "TxAmt", "Amt"])?,
        ),
    };
    let money = notes.amount(node, &format!("{path}/{place}"), Need::Optional)?;
    money.signed(direction).ok()
}

/// A text that is a reference and not a word for none.
pub(super) fn own_reference(node: &Node<'_>, path: &[&str]) -> Option<String> {
    node.text_at(path)
        .and_then(text::reference)
        .map(str::to_owned)
}

/// The references of a detail.
pub(super) fn references(details: &Node<'_>) -> Vec<ReferenceDraft> {
    let other = |word: &str| ReferenceKind::Other(word.to_owned());
    let mut found = Vec::new();
    for (name, kind, stability) in [
        (
            "AcctSvcrRef",
            ReferenceKind::ServicerReference,
            Stability::ObservedStable,
        ),
        // Given by others along the chain: they name the payment, not the entry.
        ("EndToEndId", ReferenceKind::EndToEndId, Stability::Volatile),
        ("UETR", other("UETR"), Stability::Volatile),
        ("TxId", other("PAYMENT_TRANSACTION_ID"), Stability::Volatile),
        ("InstrId", other("INSTRUCTION_ID"), Stability::Volatile),
        (
            "PmtInfId",
            other("PAYMENT_INFORMATION_ID"),
            Stability::Volatile,
        ),
        ("MsgId", other("MESSAGE_ID"), Stability::Volatile),
    ] {
        if let Some(value) = own_reference(details, &["Refs", name]) {
            found.push(ReferenceDraft {
                kind,
                value,
                stability,
            });
        }
    }
    found
}

/// `RmtInf`: free lines, creditor references and documents.
pub(super) fn remittance(details: &Node<'_>) -> Remittance {
    let mut remittance = Remittance::default();
    let Some(information) = details.at(&["RmtInf"]) else {
        return remittance;
    };
    let own = |node: &Node<'_>| node.own_text().map(str::to_owned);
    remittance.unstructured = information.all("Ustrd").filter_map(own).collect();
    for structured in information.all("Strd") {
        if let Some(reference) = structured.text_at(&["CdtrRefInf", "Ref"]) {
            if remittance.reference.is_none() {
                let kind = structured.at(&["CdtrRefInf", "Tp", "CdOrPrtry"]);
                let scheme = kind.and_then(|kind| {
                    let code = kind.text_at(&["Cd"]);
                    code.or_else(|| kind.text_at(&["Prtry"])).map(str::to_owned)
                });
                remittance.reference = Some(reference.to_owned());
                remittance.reference_scheme = scheme;
            }
            remittance.structured.push(reference.to_owned());
        }
        let documents = structured.all("RfrdDocInf");
        let numbers = documents.filter_map(|document| document.text_at(&["Nb"]));
        remittance.structured.extend(numbers.map(str::to_owned));
        remittance
            .structured
            .extend(structured.all("AddtlRmtInf").filter_map(own));
    }
    remittance
}

/// `BkTxCd`.
pub(super) fn bank_code(node: &Node<'_>) -> BankTransactionCode {
    let text = |path: &[&str]| node.text_at(path).map(str::to_owned);
    BankTransactionCode {
        domain: text(&["Domn", "Cd"]),
        family: text(&["Domn", "Fmly", "Cd"]),
        sub_family: text(&["Domn", "Fmly", "SubFmlyCd"]),
        proprietary_code: text(&["Prtry", "Cd"]),
        proprietary_issuer: text(&["Prtry", "Issr"]),
    }
}

/// The amount in another currency than the account's: as instructed, else as of the transaction,
/// else the counter value.
pub(super) fn original_amount(
    holder: &Node<'_>,
    amount: Money,
    notes: &mut Notes,
) -> Option<Money> {
    let details = holder.at(&["AmtDtls"])?;
    ["InstdAmt", "TxAmt", "CntrValAmt"].iter().find_map(|name| {
        let node = details.at(&[name, "Amt"])?;
        let path = format!("AmtDtls/{name}/Amt");
        let found = notes.amount(node, &path, Need::Optional)?;
        let differs = found.currency() != amount.currency();
        differs.then(|| found.signed(amount.direction()).ok())?
    })
}

/// The amount before charges: that of the transaction, where it is in the account's currency and
/// another one than was booked.
pub(super) fn gross_amount(holder: &Node<'_>, amount: Money, notes: &mut Notes) -> Option<Money> {
    let node = holder.at(&["AmtDtls", "TxAmt", "Amt"])?;
    if node.attribute("Ccy") != Some(amount.currency().code()) {
        return None;
    }
    let found = notes.amount(node, "AmtDtls/TxAmt/Amt", Need::Optional)?;
    let gross = found.signed(amount.direction()).ok()?;
    (gross != amount).then_some(gross)
}

/// The first `CcyXchg` of the amounts.
pub(super) fn exchange(holder: &Node<'_>, notes: &mut Notes) -> Option<Fx> {
    let details = holder.at(&["AmtDtls"])?;
    ["InstdAmt", "TxAmt", "CntrValAmt"].iter().find_map(|name| {
        let exchange = details.at(&[name, "CcyXchg"])?;
        let path = |part: &str| format!("AmtDtls/{name}/CcyXchg/{part}");
        let rate = exchange.text_at(&["XchgRate"])?;
        if !text::is_decimal(rate) {
            notes.note(&path("XchgRate"), "rate.not_decimal", rate);
            return None;
        }
        let mut currency = |part: &str| notes.currency(exchange.text_at(&[part]), &path(part));
        let (source, target) = (currency("SrcCcy"), currency("TrgtCcy"));
        let unit = currency("UnitCcy").or(source);
        let quoted = if unit == target { source } else { target };
        let day = exchange.at(&["QtnDt"]);
        let day = day.and_then(|day| notes.day_of(day, &path("QtnDt"), Need::Optional));
        Some(Fx {
            rate: rate.to_owned(),
            unit_currency: unit,
            quoted_currency: quoted,
            rate_type: None,
            contract_id: exchange.text_at(&["CtrctId"]).map(str::to_owned),
            quoted_on: day.map(|(day, _)| day),
        })
    })
}

/// Charges, positive when they cost the holder something: records since version 04, before that
/// repeated `Chrgs`.
pub(super) fn charges(holder: &Node<'_>, notes: &mut Notes) -> Vec<Money> {
    let mut found = Vec::new();
    for charges in holder.all("Chrgs") {
        let records: Vec<&Node<'_>> = charges.all("Rcrd").collect();
        let (records, name) = if records.is_empty() {
            let name = if charges.at(&["Amt"]).is_some() {
                "Amt"
            } else {
                "TtlChrgsAndTaxAmt"
            };
            (vec![charges], name)
        } else {
            (records, "Amt")
        };
        for record in records {
            let Some(node) = record.at(&[name]) else {
                continue;
            };
            let money = notes.amount(node, &format!("Chrgs/{name}"), Need::Optional);
            let given_back = record.text_at(&["CdtDbtInd"]) == Some("CRDT");
            let money = money.and_then(|money| {
                if given_back {
                    money.negated().ok()
                } else {
                    Some(money)
                }
            });
            found.extend(money);
        }
    }
    found
}
