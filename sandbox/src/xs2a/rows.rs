//! Movements as the API writes them.

use serde_json::{Value, json};

use crate::data::{ACCOUNTS, Entry};
use crate::date::Day;
use crate::money;
use crate::xs2a::consents::reference_text;

/// `remittanceInformationUnstructured` holds this many characters.
const REMITTANCE_CHARS_MAX: usize = 140;

/// Whether a row is booked or pending on the day it is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Booked,
    Pending,
}

pub(super) fn state_on(entry: &Entry, day: Day) -> State {
    if entry.booked <= day {
        State::Booked
    } else {
        State::Pending
    }
}

/// The id under which a row is listed in this state.
pub(super) fn id_of(entry: &Entry, state: State, seed: u64) -> String {
    match state {
        State::Booked => entry.booked_id(seed),
        State::Pending => entry.pending_id(seed),
    }
}

/// One row; `account_path` is where its details are found.
pub(super) fn row(entry: &Entry, state: State, seed: u64, account_path: &str) -> Value {
    let account = &ACCOUNTS[entry.account];
    let id = id_of(entry, state, seed);
    let mut row = json!({
        "transactionAmount": {
            "currency": account.currency,
            "amount": money::text(entry.minor, account.decimals),
        },
        "valueDate": entry.value.to_string(),
        "bankTransactionCode": entry.code,
        "_links": {
            "transactionDetails": {"href": format!("{account_path}/transactions/{id}")},
        },
    });
    row["transactionId"] = json!(id);
    if state == State::Booked {
        row["entryReference"] = json!(entry.entry_reference(seed));
        row["bookingDate"] = json!(entry.booked.to_string());
    }
    if !entry.remittance.is_empty() {
        let joined: String = entry
            .remittance
            .join(" ")
            .chars()
            .take(REMITTANCE_CHARS_MAX)
            .collect();
        row["remittanceInformationUnstructured"] = json!(joined);
        row["remittanceInformationUnstructuredArray"] = json!(entry.remittance);
    }
    add_party(&mut row, entry);
    let references = &entry.references;
    let texts = [
        ("endToEndId", references.end_to_end.as_deref()),
        ("mandateId", references.mandate.as_deref()),
        ("creditorId", references.creditor_id.as_deref()),
        ("purposeCode", entry.purpose),
        ("additionalInformation", entry.info.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            row[name] = json!(text);
        }
    }
    if let Some(exchange) = &entry.exchange {
        row["currencyExchange"] = json!([{
            "sourceCurrency": exchange.source,
            "targetCurrency": exchange.target,
            "unitCurrency": exchange.source,
            "exchangeRate": money::rate_text(exchange.rate_e4),
            "quotationDate": entry.entered.to_string(),
        }]);
    }
    row
}

/// The other side pays what comes in and gets what goes out.
fn add_party(row: &mut Value, entry: &Entry) {
    let Some(party) = &entry.party else { return };
    let (name, account) = if entry.minor < 0 {
        ("creditorName", "creditorAccount")
    } else {
        ("debtorName", "debtorAccount")
    };
    row[name] = json!(party.name);
    if let Some(reference) = &party.account {
        row[account] = reference_text(reference);
    }
}
