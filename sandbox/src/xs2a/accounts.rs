//! Accounts and their balances.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use serde_json::{Value, json};

use crate::clock::instant_text;
use crate::consent::{Access, Approach, Granted};
use crate::data::{ACCOUNTS, PEOPLE, account_ref};
use crate::money;
use crate::oauth::parameters;
use crate::state::{Shared, Visit};
use crate::xs2a::admit::{self, Right};
use crate::xs2a::base_of;
use crate::xs2a::consents::reference_text;
use crate::xs2a::refusal::Refusal;

/// The last booking is looked for among this many days.
const LAST_BOOKING_DAYS: i32 = 60;

fn with_balance(query: Option<String>) -> bool {
    let asked = parameters(&query.unwrap_or_default()).unwrap_or_default();
    asked
        .get("withBalance")
        .is_some_and(|value| value == "true")
}

/// `GET /accounts`.
pub(super) async fn list(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut visit = bank.visit();
    let (id, is_attended) = admit::reader(&mut visit, &headers, approach)?;
    if !is_attended {
        // The list is no account's own, so it is counted under a number no account has.
        admit::count_read(&bank, &mut visit, &id, usize::MAX, Right::Details)?;
    }
    let consent = admit::found(&mut visit, &id, approach)?;
    let with_balance = with_balance(query);
    let always = matches!(consent.access, Access::List { .. });
    let granted = consent.granted.clone();
    let accounts: Vec<Value> = granted
        .iter()
        .map(|one| account_text(&visit, approach, one, with_balance || always))
        .collect();
    Ok(Json(json!({"accounts": accounts})))
}

/// `GET /accounts/{id}`.
pub(super) async fn detail(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    Path(resource_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut visit = bank.visit();
    let (id, is_attended) = admit::reader(&mut visit, &headers, approach)?;
    let consent = admit::found(&mut visit, &id, approach)?;
    let granted = admit::account(consent, &resource_id, Right::Details)?;
    if !is_attended {
        admit::count_read(&bank, &mut visit, &id, granted.account, Right::Details)?;
    }
    Ok(Json(
        json!({"account": account_text(&visit, approach, &granted, with_balance(query))}),
    ))
}

/// `GET /accounts/{id}/balances`.
pub(super) async fn balances(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    Path(resource_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut visit = bank.visit();
    let (id, is_attended) = admit::reader(&mut visit, &headers, approach)?;
    let consent = admit::found(&mut visit, &id, approach)?;
    let granted = admit::account(consent, &resource_id, Right::Balances)?;
    if !is_attended {
        admit::count_read(&bank, &mut visit, &id, granted.account, Right::Balances)?;
    }
    Ok(Json(json!({
        "account": reference_text(&account_ref(&ACCOUNTS[granted.account])),
        "balances": balance_list(&visit, granted.account),
    })))
}

fn account_text(
    visit: &Visit<'_>,
    approach: Approach,
    granted: &Granted,
    with_balance: bool,
) -> Value {
    let account = &ACCOUNTS[granted.account];
    let mut text = reference_text(&account_ref(account));
    text["resourceId"] = json!(granted.resource_id);
    text["currency"] = json!(account.currency);
    text["name"] = json!(account.name);
    text["product"] = json!(account.product);
    text["cashAccountType"] = json!(account.cash_type);
    text["status"] = json!("enabled");
    text["bic"] = json!(account.bic);
    text["usage"] = json!("PRIV");
    text["ownerName"] = json!(PEOPLE[account.owner].name);
    let path = format!("{}/accounts/{}", base_of(approach), granted.resource_id);
    let mut links = json!({});
    if granted.balances {
        links["balances"] = json!({"href": format!("{path}/balances")});
    }
    if granted.transactions {
        links["transactions"] = json!({"href": format!("{path}/transactions")});
    }
    text["_links"] = links;
    if with_balance && granted.balances {
        text["balances"] = balance_list(visit, granted.account);
    }
    text
}

/// `closingBooked` counts what is booked, `interimAvailable` what is pending as well.
pub(super) fn balance_list(visit: &Visit<'_>, at: usize) -> Value {
    let account = &ACCOUNTS[at];
    let ledger = &visit.world.ledger;
    let booked = ledger.closing(at, visit.today);
    let last = ledger.booked(at, visit.today.plus(-LAST_BOOKING_DAYS), visit.today);
    let last = last.first().map(|entry| entry.entry_reference(ledger.seed));
    let amount = |minor| {
        let text = money::text(minor, account.decimals);
        json!({"currency": account.currency, "amount": text})
    };
    let mut closing = json!({
        "balanceAmount": amount(booked),
        "balanceType": "closingBooked",
        "creditLimitIncluded": false,
        "referenceDate": visit.today.to_string(),
    });
    if let Some(reference) = last {
        closing["lastCommittedTransaction"] = json!(reference);
    }
    let interim = json!({
        "balanceAmount": amount(ledger.disposable(at)),
        "balanceType": "interimAvailable",
        "creditLimitIncluded": false,
        "lastChangeDateTime": instant_text(visit.now_s),
    });
    json!([closing, interim])
}
