//! Maps rows to drafts. Total on any bytes; MAPPING.md is its table.

use fondaco_model::draft::{
    AccountDraft, BalanceDraft, DetailDraft, Draft, Mapped, PartyDraft, ReferenceDraft, Remark,
    TransactionDraft,
};
use fondaco_model::v1::{
    BalanceType, BankTransactionCode, BookingStatus, Fx, ReferenceKind, Remittance, Stability,
    TransactionFlag,
};
use fondaco_model::{Direction, Money};

use super::quirks::Quirks;
use super::reader::Reader;
use super::wire::{
    Account, AccountReference, Balance, Envelope, ExchangeRate, Raw, StructuredRemittance,
    Transaction,
};
use crate::core::{codes, text};

/// A record that nothing can be made of.
pub(super) fn refused(rule: &'static str, original: &str) -> Mapped {
    Mapped {
        drafts: Vec::new(),
        remarks: vec![Remark::fatal("", rule, original)],
    }
}

fn done(reader: Reader, draft: Option<Draft>) -> Mapped {
    let fatal = reader.remarks.iter().any(|remark| remark.fatal);
    Mapped {
        drafts: draft.filter(|_| !fatal).into_iter().collect(),
        remarks: reader.remarks,
    }
}

/// The beginning of bytes that could not be read, for a remark.
fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(800)]).into_owned()
}

/// Maps `accountDetails`.
pub(super) fn account(bytes: &[u8]) -> Mapped {
    let Ok(row) = serde_json::from_slice::<Account<'_>>(bytes) else {
        return refused("record.shape", &excerpt(bytes));
    };
    let mut r = Reader::default();
    let Some(provider_account_id) = r.text("resourceId", row.resource_id) else {
        r.fatal("resourceId", "account.not_addressable", "");
        return done(r, None);
    };
    let reference = AccountReference {
        iban: row.iban,
        bban: row.bban,
        masked_pan: row.masked_pan,
        msisdn: row.msisdn,
        other: row.other,
    };
    let cash_account_type = r.text("cashAccountType", row.cash_account_type);
    let status = r.text("status", row.status);
    let name = r.text("displayName", row.display_name);
    let usage = r.text("usage", row.usage);
    let business = usage.as_deref().and_then(|word| match word {
        "PRIV" => Some(false),
        "ORGA" => Some(true),
        _ => None,
    });
    if let (Some(word), None) = (&usage, business) {
        r.note("usage", "code.unknown", word);
    }
    let draft = AccountDraft {
        provider_account_id,
        currency: r.currency("currency", row.currency),
        account_type: codes::account_type(cash_account_type.as_deref()),
        subtype: cash_account_type,
        name: name.or_else(|| r.text("name", row.name)),
        product_name: r.text("product", row.product),
        holder_name: r.text("ownerName", row.owner_name),
        identifiers: r.identifiers("account", &reference),
        bic: r.text("bic", row.bic),
        source_status: status.filter(|word| word != "enabled"),
        business,
    };
    done(r, Some(Draft::Account(draft)))
}

/// Maps `balance`.
pub(super) fn balance(bytes: &[u8]) -> Mapped {
    let Ok(row) = serde_json::from_slice::<Balance<'_>>(bytes) else {
        return refused("record.shape", &excerpt(bytes));
    };
    let mut r = Reader::default();
    let amount = r.required_money("balanceAmount", row.balance_amount);
    let Some(word) = r.text("balanceType", row.balance_type) else {
        r.fatal("balanceType", "balance.no_type", "");
        return done(r, None);
    };
    let Some(amount) = amount else {
        return done(r, None);
    };
    let changed = r.day("lastChangeDateTime", row.last_change_date_time);
    let day = r.day("referenceDate", row.reference_date);
    let draft = BalanceDraft {
        balance_type: balance_type(&word),
        amount,
        as_of_date: day.or(changed).map(|(day, _)| day),
        as_of: changed.and_then(|(_, instant)| instant),
        credit_limit_included: r.truth("creditLimitIncluded", row.credit_limit_included),
        last_transaction_ref: r.text("lastCommittedTransaction", row.last_committed_transaction),
    };
    done(r, Some(Draft::Balance(draft)))
}

/// Balance types of the guidelines; an unknown word is kept.
fn balance_type(word: &str) -> BalanceType {
    match word {
        "closingBooked" => BalanceType::ClosingBooked,
        "closingAvailable" => BalanceType::ClosingAvailable,
        "expected" => BalanceType::Expected,
        "openingBooked" => BalanceType::OpeningBooked,
        "openingAvailable" => BalanceType::OpeningAvailable,
        "interimAvailable" => BalanceType::InterimAvailable,
        "interimBooked" => BalanceType::InterimBooked,
        "forwardAvailable" => BalanceType::ForwardAvailable,
        "nonInvoiced" => BalanceType::NonInvoiced,
        other => BalanceType::Other(other.to_owned()),
    }
}

/// Maps a transaction in its envelope.
pub(super) fn transaction(quirks: &Quirks, bytes: &[u8]) -> Mapped {
    let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(bytes) else {
        return refused("record.shape", &excerpt(bytes));
    };
    let Ok(row) = serde_json::from_str::<Transaction<'_>>(envelope.row.get()) else {
        return refused("record.shape", &excerpt(envelope.row.get().as_bytes()));
    };
    let mut r = Reader::default();
    let Some(amount) = r.required_money("transactionAmount", row.transaction_amount) else {
        return done(r, None);
    };
    let mut draft = TransactionDraft::booked(amount);
    draft.status = match envelope.status {
        "booked" => BookingStatus::Booked,
        "pending" => BookingStatus::Pending,
        other => BookingStatus::Other(other.to_owned()),
    };
    let booking = r.day("bookingDate", row.booking_date);
    draft.booking_date = booking.map(|(day, _)| day);
    draft.booked_at = booking.and_then(|(_, instant)| instant);
    draft.value_date = r.day("valueDate", row.value_date).map(|(day, _)| day);
    draft.remittance = remittance(&mut r, &row);
    draft.additional_information = r.text("additionalInformation", row.additional_information);
    draft.mandate_id = r.text("mandateId", row.mandate_id);
    draft.creditor_id = r.text("creditorId", row.creditor_id);
    draft.check_number = r.text("checkId", row.check_id);
    draft.purpose_code = r.text("purposeCode", row.purpose_code);
    draft.bank_transaction_code = bank_code(&mut r, &row);
    draft.counterparty = counterparty(&mut r, &row, draft.direction);
    draft.references = references(&mut r, quirks, &row);
    let mut references = draft.references.iter();
    let end_to_end = references.find(|found| found.kind == ReferenceKind::EndToEndId);
    draft.end_to_end_id = end_to_end.map(|found| found.value.clone());
    draft.fx = exchange(&mut r, row.currency_exchange);
    let after: Option<Balance<'_>> =
        r.object("balanceAfterTransaction", row.balance_after_transaction);
    draft.details = details(&mut r, &row, draft.direction);
    if r.truth("batchIndicator", row.batch_indicator) == Some(true) {
        draft.flags.push(TransactionFlag::Batch);
    }
    draft.running_balance =
        after.and_then(|after| r.money("balanceAfterTransaction", after.balance_amount));
    done(r, Some(Draft::Transaction(draft)))
}

/// `entryDetails` of a batch entry; each has the fields of a transaction.
fn details(r: &mut Reader, row: &Transaction<'_>, entry: Direction) -> Vec<DetailDraft> {
    const FIELD: &str = "entryDetails";
    let mut found = Vec::new();
    for (ordinal, item) in r.list(FIELD, row.entry_details).into_iter().enumerate() {
        let Some(detail) = r.object::<Transaction<'_>>(FIELD, Some(item)) else {
            continue;
        };
        let amount = r.money("entryDetails.transactionAmount", detail.transaction_amount);
        let direction = amount.map_or(entry, Money::direction);
        let references = references(r, &Quirks::default(), &detail);
        let mut ends = references.iter();
        let end_to_end = ends.find(|found| found.kind == ReferenceKind::EndToEndId);
        found.push(DetailDraft {
            ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
            amount,
            end_to_end_id: end_to_end.map(|found| found.value.clone()),
            mandate_id: r.text("entryDetails.mandateId", detail.mandate_id),
            counterparty: counterparty(r, &detail, direction),
            remittance: remittance(r, &detail),
            references,
        });
    }
    found
}

fn remittance(r: &mut Reader, row: &Transaction<'_>) -> Remittance {
    let array = row.remittance_information_unstructured_array;
    let mut unstructured = r.texts("remittanceInformationUnstructuredArray", array);
    // The single field repeats the first lines of the list where both are given.
    if unstructured.is_empty() {
        let single = row.remittance_information_unstructured;
        unstructured = r.texts("remittanceInformationUnstructured", single);
    }
    let field = "remittanceInformationStructured";
    let list = row.remittance_information_structured_array;
    let items = match list {
        Some(_) => r.list("remittanceInformationStructuredArray", list),
        None => row.remittance_information_structured.into_iter().collect(),
    };
    let mut remittance = Remittance {
        unstructured,
        ..Remittance::default()
    };
    for item in items {
        // A text up to 1.3.8, an object with reference and type later.
        let (reference, scheme) = if item.get().starts_with('{') {
            let wire: Option<StructuredRemittance<'_>> = r.object(field, Some(item));
            let wire = wire.map(|wire| (wire.reference, wire.reference_type));
            let (reference, scheme) = wire.unwrap_or_default();
            (r.text(field, reference), r.text(field, scheme))
        } else {
            (r.text(field, Some(item)), None)
        };
        let Some(reference) = reference else { continue };
        if remittance.reference.is_none() {
            remittance.reference = Some(reference.clone());
            remittance.reference_scheme = scheme;
        }
        remittance.structured.push(reference);
    }
    remittance
}

/// `PMNT-ICDT-STDO`: domain, family and sub-family of ISO 20022.
fn bank_code(r: &mut Reader, row: &Transaction<'_>) -> BankTransactionCode {
    let mut code = BankTransactionCode {
        proprietary_code: r.text(
            "proprietaryBankTransactionCode",
            row.proprietary_bank_transaction_code,
        ),
        ..BankTransactionCode::default()
    };
    if let Some(text) = r.text("bankTransactionCode", row.bank_transaction_code) {
        let parts: Vec<&str> = text.split('-').collect();
        let [domain, family, sub_family] = parts[..] else {
            r.note("bankTransactionCode", "code.shape", &text);
            return code;
        };
        code.domain = Some(domain.to_owned());
        code.family = Some(family.to_owned());
        code.sub_family = Some(sub_family.to_owned());
    }
    code
}

/// The other side: the debtor of money that came in, the creditor of money that went out. Naming
/// whoever is there would show the holder as their own counterparty.
fn counterparty(r: &mut Reader, row: &Transaction<'_>, direction: Direction) -> PartyDraft {
    let (side, name, account, agent, ultimate) = match direction {
        Direction::Credit => (
            "debtor",
            row.debtor_name,
            row.debtor_account,
            row.debtor_agent,
            row.ultimate_debtor,
        ),
        Direction::Debit => (
            "creditor",
            row.creditor_name,
            row.creditor_account,
            row.creditor_agent,
            row.ultimate_creditor,
        ),
    };
    let field = format!("{side}Account");
    let reference: Option<AccountReference<'_>> = r.object(&field, account);
    let identifiers = reference.map(|reference| r.identifiers(&field, &reference));
    PartyDraft {
        name: r.text(&format!("{side}Name"), name),
        identifiers: identifiers.unwrap_or_default(),
        agent_bic: r.text(&format!("{side}Agent"), agent),
        ultimate_name: r.text(&format!("ultimate {side}"), ultimate),
        ..PartyDraft::default()
    }
}

fn references(r: &mut Reader, quirks: &Quirks, row: &Transaction<'_>) -> Vec<ReferenceDraft> {
    let mut found = Vec::new();
    for (field, raw, kind, stability) in [
        (
            "entryReference",
            row.entry_reference,
            ReferenceKind::EntryReference,
            quirks.entry_reference,
        ),
        (
            "transactionId",
            row.transaction_id,
            ReferenceKind::TransactionId,
            quirks.transaction_id,
        ),
        // The payer's choice: many payments of one standing order may share it.
        (
            "endToEndId",
            row.end_to_end_id,
            ReferenceKind::EndToEndId,
            Stability::Volatile,
        ),
    ] {
        let value = r.text(field, raw);
        if let Some(value) = value.as_deref().and_then(text::reference) {
            found.push(ReferenceDraft {
                kind,
                value: value.to_owned(),
                stability,
            });
        }
    }
    found
}

/// The first exchange of `currencyExchange`; one object at older versions, a list since 1.3.
fn exchange(r: &mut Reader, raw: Raw<'_>) -> Option<Fx> {
    const FIELD: &str = "currencyExchange";
    let value = raw?;
    let wire: ExchangeRate<'_> = if value.get().starts_with('[') {
        let first = r.list(FIELD, raw).into_iter().next();
        r.object(FIELD, first)?
    } else {
        r.object(FIELD, raw)?
    };
    let rate = r.text("currencyExchange.exchangeRate", wire.exchange_rate)?;
    if !text::is_decimal(&rate) {
        r.note("currencyExchange.exchangeRate", "rate.not_decimal", &rate);
        return None;
    }
    let source = r.currency("currencyExchange.sourceCurrency", wire.source_currency);
    let target = r.currency("currencyExchange.targetCurrency", wire.target_currency);
    let unit = r.currency("currencyExchange.unitCurrency", wire.unit_currency);
    let unit = unit.or(source);
    let quoted = if unit == target { source } else { target };
    Some(Fx {
        rate,
        unit_currency: unit,
        quoted_currency: quoted,
        rate_type: None,
        contract_id: r.text(
            "currencyExchange.contractIdentification",
            wire.contract_identification,
        ),
        quoted_on: r
            .day("currencyExchange.quotationDate", wire.quotation_date)
            .map(|(day, _)| day),
    })
}
