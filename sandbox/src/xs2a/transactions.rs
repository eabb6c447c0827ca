//! Transaction lists with pages, and single transactions.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::consent::Approach;
use crate::data::{ACCOUNTS, Entry, account_ref};
use crate::date::Day;
use crate::oauth::parameters;
use crate::state::{Bank, Shared, Visit};
use crate::xs2a::admit::{self, Right};
use crate::xs2a::consents::reference_text;
use crate::xs2a::refusal::Refusal;
use crate::xs2a::rows::{self, State as RowState};
use crate::xs2a::{accounts, base_of};

/// `bookingStatus` values that this bank serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Booked,
    Pending,
    Both,
}

/// A checked query.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    wanted: Wanted,
    from: Day,
    to: Day,
    /// The list as it was on this day, so that pages fit together when the clock moves on.
    as_of: Day,
    skip: usize,
    with_balance: bool,
}

const PARAMETERS: [&str; 5] = ["bookingStatus", "dateFrom", "dateTo", "withBalance", "page"];
const DELTA: [&str; 4] = [
    "entryReferenceFrom",
    "deltaList",
    "pageIndex",
    "itemsPerPage",
];

/// `GET /accounts/{id}/transactions`.
pub(super) async fn list(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    Path(resource_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut visit = bank.visit();
    let (id, is_attended) = admit::reader(&mut visit, &headers, approach)?;
    let consent = admit::found(&mut visit, &id, approach)?;
    let granted = admit::account(consent, &resource_id, Right::Transactions)?;
    let asked = asked(&query.unwrap_or_default(), visit.today)?;
    // The pages of one list are one read.
    if !is_attended && asked.skip == 0 {
        admit::count_read(&bank, &mut visit, &id, granted.account, Right::Transactions)?;
    }
    let path = format!("{}/accounts/{resource_id}", base_of(approach));
    let mut answer = json!({
        "account": reference_text(&account_ref(&ACCOUNTS[granted.account])),
        "transactions": report(&bank, &visit, granted.account, &asked, &path),
    });
    if asked.with_balance && granted.balances {
        answer["balances"] = accounts::balance_list(&visit, granted.account);
    }
    Ok(Json(answer))
}

/// `GET /accounts/{id}/transactions/{transaction}`.
pub(super) async fn detail(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    Path((resource_id, transaction)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut visit = bank.visit();
    let (id, is_attended) = admit::reader(&mut visit, &headers, approach)?;
    let consent = admit::found(&mut visit, &id, approach)?;
    let granted = admit::account(consent, &resource_id, Right::Transactions)?;
    if !is_attended {
        admit::count_read(&bank, &mut visit, &id, granted.account, Right::Transactions)?;
    }
    let (today, ledger) = (visit.today, &visit.world.ledger);
    let mut shown = ledger.pending(granted.account, today);
    shown.extend(ledger.booked(granted.account, bank.history_from, today));
    let found = shown
        .into_iter()
        .find(|entry| rows::id_of(entry, rows::state_on(entry, today), ledger.seed) == transaction);
    let entry = found.ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "RESOURCE_UNKNOWN",
            "There is no such transaction",
        )
    })?;
    let path = format!("{}/accounts/{resource_id}", base_of(approach));
    let row = rows::row(entry, rows::state_on(entry, today), ledger.seed, &path);
    Ok(Json(json!({"transactionsDetails": row})))
}

fn asked(query: &str, today: Day) -> Result<Asked, Refusal> {
    let fields =
        parameters(query).ok_or_else(|| Refusal::format("query", "A parameter was sent twice"))?;
    let refused = |code, text| Refusal::new(StatusCode::BAD_REQUEST, code, text);
    if fields.keys().any(|name| DELTA.contains(&name.as_str())) {
        let text = "Delta access and chosen page sizes are not supported; use dateFrom and links";
        return Err(refused("PARAMETER_NOT_SUPPORTED", text));
    }
    if fields
        .keys()
        .any(|name| !PARAMETERS.contains(&name.as_str()))
    {
        return Err(Refusal::format(
            "query",
            "There is a parameter that is not known",
        ));
    }
    let value = |name: &str| fields.get(name).map(String::as_str);
    let wanted = match value("bookingStatus") {
        Some("booked") => Wanted::Booked,
        Some("pending") => Wanted::Pending,
        Some("both") => Wanted::Both,
        Some("information" | "all") => {
            return Err(refused(
                "PARAMETER_NOT_SUPPORTED",
                "booked, pending or both",
            ));
        }
        _ => {
            let text = "bookingStatus must be booked, pending or both";
            return Err(Refusal::format("bookingStatus", text));
        }
    };
    let date = |name: &'static str| match value(name) {
        None => Ok(None),
        Some(text) => Day::parse(text)
            .map(Some)
            .ok_or_else(|| Refusal::format(name, "A date is written YYYY-MM-DD")),
    };
    let from =
        date("dateFrom")?.ok_or_else(|| Refusal::format("dateFrom", "dateFrom is missing"))?;
    let (as_of, skip) = match value("page") {
        None => (today, 0),
        Some(token) => page_of(token, today)
            .ok_or_else(|| Refusal::format("page", "Follow the links as they are"))?,
    };
    let to = date("dateTo")?.unwrap_or(as_of);
    if from > to {
        return Err(refused("PERIOD_INVALID", "dateFrom lies after dateTo"));
    }
    let with_balance = value("withBalance") == Some("true");
    Ok(Asked {
        wanted,
        from,
        to,
        as_of,
        skip,
        with_balance,
    })
}

/// One page of the list and the link to the next.
fn report(bank: &Bank, visit: &Visit<'_>, account: usize, asked: &Asked, path: &str) -> Value {
    let ledger = &visit.world.ledger;
    let mut shown: Vec<(RowState, &Entry)> = Vec::new();
    if asked.wanted != Wanted::Booked {
        let pending = ledger.pending(account, asked.as_of).into_iter();
        let within =
            pending.filter(|entry| entry.entered >= asked.from && entry.entered <= asked.to);
        shown.extend(within.map(|entry| (RowState::Pending, entry)));
    }
    if asked.wanted != Wanted::Pending {
        let from = asked.from.max(bank.history_from);
        let booked = ledger.booked(account, from, asked.to.min(asked.as_of));
        shown.extend(booked.into_iter().map(|entry| (RowState::Booked, entry)));
    }
    let end = asked.skip.saturating_add(bank.config.page_size);
    let page: Vec<_> = shown
        .iter()
        .skip(asked.skip)
        .take(bank.config.page_size)
        .collect();
    let texts = |state| -> Vec<Value> {
        let of_state = page.iter().filter(|(own, _)| *own == state);
        of_state
            .map(|(_, entry)| rows::row(entry, state, ledger.seed, path))
            .collect()
    };
    let mut report = json!({"_links": {"account": {"href": path}}});
    if asked.wanted != Wanted::Pending {
        report["booked"] = json!(texts(RowState::Booked));
    }
    if asked.wanted != Wanted::Booked {
        report["pending"] = json!(texts(RowState::Pending));
    }
    if end < shown.len() {
        report["_links"]["first"] = json!({"href": page_link(path, asked, 0)});
        report["_links"]["next"] = json!({"href": page_link(path, asked, end)});
    }
    report
}

fn page_link(path: &str, asked: &Asked, skip: usize) -> String {
    let status = match asked.wanted {
        Wanted::Booked => "booked",
        Wanted::Pending => "pending",
        Wanted::Both => "both",
    };
    let token = URL_SAFE_NO_PAD.encode(format!("{}:{skip}", asked.as_of));
    let balance = if asked.with_balance {
        "&withBalance=true"
    } else {
        ""
    };
    format!(
        "{path}/transactions?bookingStatus={status}&dateFrom={}&dateTo={}{balance}&page={token}",
        asked.from, asked.to
    )
}

fn page_of(token: &str, today: Day) -> Option<(Day, usize)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (as_of, skip) = text.split_once(':')?;
    let as_of = Day::parse(as_of).filter(|day| *day <= today)?;
    Some((as_of, skip.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(query: &str) -> Result<Wanted, &'static str> {
        let today = Day::parse("2025-11-20").unwrap();
        asked(query, today)
            .map(|asked| asked.wanted)
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn queries_are_checked() {
        for (query, expected) in [
            (
                "bookingStatus=booked&dateFrom=2025-11-20",
                Ok(Wanted::Booked),
            ),
            (
                "bookingStatus=both&dateFrom=2025-01-01&dateTo=2025-01-01",
                Ok(Wanted::Both),
            ),
            (
                "bookingStatus=both&dateFrom=2025-01-02&dateTo=2025-01-01",
                Err("PERIOD_INVALID"),
            ),
            (
                "bookingStatus=both&dateFrom=2025-11-21",
                Err("PERIOD_INVALID"),
            ),
            ("bookingStatus=booked", Err("FORMAT_ERROR")),
            ("dateFrom=2025-01-01", Err("FORMAT_ERROR")),
            (
                "bookingStatus=open&dateFrom=2025-01-01",
                Err("FORMAT_ERROR"),
            ),
            (
                "bookingStatus=all&dateFrom=2025-01-01",
                Err("PARAMETER_NOT_SUPPORTED"),
            ),
            (
                "bookingStatus=booked&entryReferenceFrom=1",
                Err("PARAMETER_NOT_SUPPORTED"),
            ),
            (
                "bookingStatus=booked&dateFrom=20250101",
                Err("FORMAT_ERROR"),
            ),
            (
                "bookingStatus=booked&dateFrom=2025-01-01&page=x",
                Err("FORMAT_ERROR"),
            ),
            (
                "bookingStatus=booked&bookingStatus=booked",
                Err("FORMAT_ERROR"),
            ),
        ] {
            assert_eq!(verdict(query), expected, "{query}");
        }
    }
}
