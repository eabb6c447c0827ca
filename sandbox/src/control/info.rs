//! What the bank has, so that a test can compare it with what arrived elsewhere.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::data::{ACCOUNTS, AccountRef, PASSWORD, PEOPLE, account_ref, accounts_of};
use crate::money;
use crate::state::{Bank, Shared, Visit};

/// `GET /control/info`.
pub(super) async fn info(State(bank): State<Shared>) -> Json<Value> {
    let visit = bank.visit();
    let people: Vec<Value> = PEOPLE
        .iter()
        .enumerate()
        .map(|(at, person)| {
            let accounts: Vec<Value> = accounts_of(at)
                .into_iter()
                .map(|at| account(&bank, &visit, at))
                .collect();
            json!({
                "user": person.user,
                "password": PASSWORD,
                "name": person.name,
                "accounts": accounts,
            })
        })
        .collect();
    let consents: Vec<Value> = visit
        .world
        .consents
        .iter()
        .map(|(id, consent)| {
            json!({
                "consentId": id,
                "consentStatus": consent.status.word(),
                "user": consent.person.map(|at| PEOPLE[at].user),
            })
        })
        .collect();
    Json(json!({
        "issuer": bank.base_url,
        "seed": bank.config.seed,
        "today": visit.today.to_string(),
        "historyFrom": bank.history_from.to_string(),
        "client": {"id": bank.config.client_id, "secret": bank.config.client_secret},
        "redirectUris": visit.world.redirect_uris,
        "people": people,
        "consents": consents,
    }))
}

fn account(bank: &Bank, visit: &Visit<'_>, at: usize) -> Value {
    let account = &ACCOUNTS[at];
    let ledger = &visit.world.ledger;
    let amount = |minor| money::text(minor, account.decimals);
    let booked = ledger.booked(at, bank.history_from, visit.today);
    let pending = ledger.pending(at, visit.today);
    let sum = |rows: &[&crate::data::Entry]| rows.iter().map(|row| row.minor).sum::<i64>();
    let ids: Vec<String> = booked
        .iter()
        .map(|row| row.entry_reference(ledger.seed))
        .collect();
    let mut text = json!({
        "key": account.key,
        "name": account.name,
        "currency": account.currency,
        "decimals": account.decimals,
        "openingBalance": amount(ledger.closing(at, bank.history_from.plus(-1))),
        "closingBooked": amount(ledger.closing(at, visit.today)),
        "interimAvailable": amount(ledger.disposable(at)),
        "booked": {"count": booked.len(), "sum": amount(sum(&booked)), "entryReferences": ids},
        "pending": {"count": pending.len(), "sum": amount(sum(&pending))},
    });
    match account_ref(account) {
        AccountRef::Iban(number) => text["iban"] = json!(number),
        AccountRef::Bban(number) => text["bban"] = json!(number),
    }
    text
}
