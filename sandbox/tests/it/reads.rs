//! Accounts, balances and transactions over the wire.

use std::collections::BTreeSet;

use fondaco_sandbox::Config;
use serde_json::{Value, json};

use crate::harness::{Bench, TODAY, config};

const SINCE: &str = "dateFrom=2020-01-01";

/// Minor units of a decimal text with as many places as it has.
fn minor(text: &Value) -> i64 {
    text.as_str().unwrap().replace('.', "").parse().unwrap()
}

fn sum(rows: &[Value]) -> i64 {
    rows.iter()
        .map(|row| minor(&row["transactionAmount"]["amount"]))
        .sum()
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter()
        .map(|row| row["transactionId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn balances_equal_opening_plus_every_row_on_all_eight_accounts() {
    let bench = Bench::start().await;
    let info = bench.info().await;
    let mut seen = 0;
    for person in info["people"].as_array().unwrap() {
        let session = bench.session(person["user"].as_str().unwrap()).await;
        for truth in person["accounts"].as_array().unwrap() {
            let path = bench
                .account_path(&session, truth["key"].as_str().unwrap())
                .await;
            let query = format!("bookingStatus=both&{SINCE}");
            let (booked, pending, _) = bench.rows(&session, &path, &query).await;
            let balances = bench
                .read(&session, &format!("{path}/balances"))
                .await
                .json();
            let balance = |at: usize, kind: &str| {
                let balance = &balances["balances"][at];
                assert_eq!(balance["balanceType"], kind);
                assert_eq!(balance["balanceAmount"]["currency"], truth["currency"]);
                minor(&balance["balanceAmount"]["amount"])
            };
            let closing = minor(&truth["openingBalance"]) + sum(&booked);
            assert_eq!(balance(0, "closingBooked"), closing, "{}", truth["key"]);
            assert_eq!(balance(1, "interimAvailable"), closing + sum(&pending));
            assert_eq!(truth["booked"]["count"], booked.len());
            assert_eq!(truth["pending"]["count"], pending.len());
            seen += 1;
        }
    }
    assert_eq!(seen, 8);
}

#[tokio::test]
async fn pages_give_each_row_once_whatever_their_size() {
    let mut sets = Vec::new();
    for page_size in [7, 100, 1_000] {
        let bench = Bench::with(Config {
            page_size,
            ..config()
        })
        .await;
        let session = bench.session("bruno").await;
        let path = bench.account_path(&session, "bruno-gbp").await;
        let query = "bookingStatus=both&dateFrom=2025-06-01";
        let (booked, pending, pages) = bench.rows(&session, &path, query).await;
        let total = booked.len() + pending.len();
        assert_eq!(
            ids(&booked).len() + ids(&pending).len(),
            total,
            "no row comes twice"
        );
        assert_eq!(pages, total.div_ceil(page_size));
        sets.push((ids(&booked), ids(&pending)));
    }
    assert!(sets.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn pages_fit_together_when_the_clock_moves_between_them() {
    let bench = Bench::with(Config {
        page_size: 20,
        ..config()
    })
    .await;
    let session = bench.session("anna").await;
    let path = bench.account_path(&session, "anna-eur").await;
    let query = "bookingStatus=booked&dateFrom=2025-10-01";
    let (whole, _, _) = bench.rows(&session, &path, query).await;
    let first = bench
        .read(&session, &format!("{path}/transactions?{query}"))
        .await
        .json();
    let report = &first["transactions"];
    bench.control("clock", json!({"advance_days": 2})).await;
    let tokens = bench.refresh(&session.refresh).await.json();
    let session = crate::harness::session(session.consent, &tokens);
    let next = report["_links"]["next"]["href"].as_str().unwrap();
    let query = next.split_once('?').unwrap().1;
    let (rest, _, _) = bench.rows(&session, &path, query).await;
    let mut all = report["booked"].as_array().unwrap().clone();
    all.extend(rest);
    assert_eq!(all, whole);
}

#[tokio::test]
async fn pending_rows_settle_with_a_new_id_and_the_same_amount() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let path = bench.account_path(&session, "anna-eur").await;
    let query = format!("bookingStatus=both&{SINCE}");
    let (before, pending, _) = bench.rows(&session, &path, &query).await;
    assert!(!pending.is_empty());
    for row in &pending {
        assert!(row.get("bookingDate").is_none() && row.get("entryReference").is_none());
    }
    bench.control("clock", json!({"advance_days": 7})).await;
    let tokens = bench.refresh(&session.refresh).await.json();
    let session = crate::harness::session(session.consent, &tokens);
    let (after, later, _) = bench.rows(&session, &path, &query).await;
    assert!(ids(&pending).is_disjoint(&ids(&later)) && ids(&pending).is_disjoint(&ids(&after)));
    assert!(ids(&before).is_subset(&ids(&after)));
    assert_eq!(
        after[after.len() - before.len()..],
        before[..],
        "booked rows never change"
    );
    let new = &after[..after.len() - before.len()];
    for row in &pending {
        let same = |other: &&Value| {
            other["transactionAmount"] == row["transactionAmount"]
                && other["creditorName"] == row["creditorName"]
        };
        assert!(new.iter().any(|other| same(&other)), "{row}");
    }
}

#[tokio::test]
async fn date_ranges_include_both_ends() {
    let bench = Bench::start().await;
    let session = bench.session("chiara").await;
    let path = bench.account_path(&session, "chiara-kwd").await;
    let query = "bookingStatus=booked&dateFrom=2025-09-01&dateTo=2025-09-30";
    let (rows, _, _) = bench.rows(&session, &path, query).await;
    let dates: BTreeSet<&str> = rows
        .iter()
        .map(|row| row["bookingDate"].as_str().unwrap())
        .collect();
    let (first, last) = (dates.first().unwrap(), dates.last().unwrap());
    assert!(*first >= "2025-09-01" && *last <= "2025-09-30");
    let exact = format!("bookingStatus=booked&dateFrom={first}&dateTo={first}");
    let (day, _, _) = bench.rows(&session, &path, &exact).await;
    assert!(!day.is_empty() && day.iter().all(|row| row["bookingDate"] == **first));
    assert_eq!(rows[0]["transactionAmount"]["currency"], "KWD");
    let amount = rows[0]["transactionAmount"]["amount"].as_str().unwrap();
    assert_eq!(amount.split_once('.').unwrap().1.len(), 3);
}

#[tokio::test]
async fn rows_carry_the_fields_of_their_kind() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let path = bench.account_path(&session, "anna-eur").await;
    let query = format!("bookingStatus=booked&{SINCE}");
    let (rows, _, _) = bench.rows(&session, &path, &query).await;
    let of = |code: &str| {
        rows.iter()
            .find(|row| row["bankTransactionCode"] == code)
            .unwrap_or(&Value::Null)
    };
    let debit = of("PMNT-RDDT-ESDD");
    assert!(debit["mandateId"].is_string() && debit["creditorId"].is_string());
    assert!(debit["creditorAccount"]["iban"].is_string());
    let salary = of("PMNT-RCDT-SALA");
    assert!(salary["debtorName"].is_string() && salary["endToEndId"].is_string());
    assert_eq!(
        salary["remittanceInformationUnstructuredArray"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let exchange = &of("FORX-SPOT-OTHR")["currencyExchange"][0];
    assert_eq!(exchange["sourceCurrency"], "EUR");
    assert_eq!(exchange["targetCurrency"], "JPY");
    let reversal = of("PMNT-MCOP-ADJT");
    let text = reversal["remittanceInformationUnstructured"]
        .as_str()
        .unwrap();
    let reference = text.strip_prefix("Reversal of ").unwrap();
    let wrong = rows
        .iter()
        .find(|row| row["entryReference"] == reference)
        .unwrap();
    assert_eq!(
        minor(&wrong["transactionAmount"]["amount"]),
        -minor(&reversal["transactionAmount"]["amount"])
    );

    let details = salary["_links"]["transactionDetails"]["href"]
        .as_str()
        .unwrap();
    let detail = bench.read(&session, details).await.json();
    assert_eq!(detail["transactionsDetails"], *salary);
    let unknown = bench
        .read(&session, &format!("{path}/transactions/none"))
        .await;
    assert_eq!(unknown.refusal(), (404, "RESOURCE_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn reads_need_request_id_consent_and_a_known_account() {
    let bench = Bench::start().await;
    let session = bench.session("anna").await;
    let bruno = bench.session("bruno").await;
    let foreign = bench.account_path(&bruno, "bruno-gbp").await;
    let answer = bench.read(&session, &format!("{foreign}/balances")).await;
    assert_eq!(answer.refusal(), (404, "RESOURCE_UNKNOWN".to_owned()));

    let mixed = crate::harness::Session {
        consent: bruno.consent.clone(),
        ..session.clone()
    };
    let answer = bench.read(&mixed, "/psd2/v1/accounts").await;
    assert_eq!(answer.refusal(), (401, "CONSENT_INVALID".to_owned()));

    for missing in ["x-request-id", "consent-id"] {
        let mut req = bench
            .read_request(&session, "/psd2/v1/accounts")
            .build()
            .unwrap();
        req.headers_mut().remove(missing);
        let answer = bench.http.execute(req).await.unwrap();
        assert_eq!(answer.status(), 400, "{missing}");
    }
    let path = bench.url("/psd2/v1/consents/00000000-0000-4000-8000-000000000000");
    let req = bench
        .http
        .get(path)
        .header("x-request-id", uuid::Uuid::new_v4().to_string());
    let answer = crate::harness::send(req).await.unwrap();
    assert_eq!(answer.refusal(), (403, "CONSENT_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn the_fifth_unattended_read_a_day_is_refused_when_the_bank_counts() {
    let bench = Bench::with(Config {
        enforce_frequency: true,
        page_size: 50,
        ..config()
    })
    .await;
    let session = bench.session("anna").await;
    let path = bench.account_path(&session, "anna-eur").await;
    let balances = format!("{path}/balances");
    for _ in 0..4 {
        assert_eq!(bench.read(&session, &balances).await.status, 200);
    }
    let fifth = bench.read(&session, &balances).await;
    assert_eq!(fifth.refusal(), (429, "ACCESS_EXCEEDED".to_owned()));
    let attended = bench
        .read_request(&session, &balances)
        .header("psu-ip-address", "192.0.2.7");
    assert_eq!(crate::harness::send(attended).await.unwrap().status, 200);
    let query = "bookingStatus=booked&dateFrom=2025-01-01";
    let (_, _, pages) = bench.rows(&session, &path, query).await;
    assert!(pages > 4, "the pages of a list are one read");
    bench.control("clock", json!({"advance_days": 1})).await;
    let tokens = bench.refresh(&session.refresh).await.json();
    let session = crate::harness::session(session.consent, &tokens);
    assert_eq!(bench.read(&session, &balances).await.status, 200);
}

#[tokio::test]
async fn a_list_consent_gives_no_transactions() {
    let bench = Bench::start().await;
    let mut body = crate::harness::all_psd2();
    body["access"] = json!({"availableAccountsWithBalance": "allAccounts"});
    let consent = bench.consent(&body).await;
    let code = bench.code(&consent, "anna").await;
    let tokens = bench.exchange(&code, crate::harness::VERIFIER).await.json();
    let session = crate::harness::session(consent, &tokens);
    let list = bench.read(&session, "/psd2/v1/accounts").await.json();
    assert!(list["accounts"][0]["balances"].is_array());
    let path = bench.account_path(&session, "anna-eur").await;
    let query = format!("{path}/transactions?bookingStatus=booked&dateFrom={TODAY}");
    let answer = bench.read(&session, &query).await;
    assert_eq!(answer.refusal(), (401, "CONSENT_INVALID".to_owned()));
}
