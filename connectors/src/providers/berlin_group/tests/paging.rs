//! Requests and pages: headers, windows, links, cut and odd answers.

use fondaco_model::exchange::{Credential, Fresh};
use fondaco_model::provider::Resource;
use fondaco_model::{FaultKind, Retry};
use toml::Value;

use super::super::BerlinGroup;
use super::{client, context, head, page};
use crate::core::testing::{Keep, Seeded, manifest};
use crate::core::{Connector, Cursor, Cx, DateWindow, Next, Psu, Stream};

fn transactions() -> Stream {
    Stream::of_account(Resource::Transactions, "acc/1 ?")
}

#[test]
fn requests_carry_consent_request_id_and_window() {
    let manifest = manifest("sandbox_bank");
    let client = client();
    let cx = context(&manifest, &client);
    let request = BerlinGroup.request(&cx, &transactions(), None).unwrap();
    assert_eq!(
        request.url.as_str(),
        "http://127.0.0.1:8090/psd2/v1/accounts/acc%2F1%20%3F/transactions\
         ?dateFrom=2024-04-27&bookingStatus=both"
    );
    assert_eq!(request.headers["consent-id"], "consent-1");
    assert_eq!(request.credential, Credential::Grant);
    assert_eq!(request.fresh[0].0, "x-request-id");
    assert_eq!(request.fresh[0].1, Fresh::Uuid);
    assert!(!request.headers.contains_key("psu-ip-address"));

    let psu = Psu {
        ip: [192, 0, 2, 7].into(),
        user_agent: Some("Browser/1".to_owned()),
    };
    let cx = Cx {
        psu: Some(&psu),
        ..cx
    };
    let stream = Stream {
        window: Some(DateWindow {
            from: "2026-05-01".parse().unwrap(),
            to: "2026-05-31".parse().ok(),
        }),
        ..transactions()
    };
    let request = BerlinGroup.request(&cx, &stream, None).unwrap();
    let query = "dateFrom=2026-05-01&dateTo=2026-05-31&bookingStatus=both";
    assert_eq!(request.url.query(), Some(query));
    let before_history = Stream {
        window: Some(DateWindow {
            from: "2020-01-01".parse().unwrap(),
            to: "2020-02-01".parse().ok(),
        }),
        ..transactions()
    };
    let early = BerlinGroup.request(&cx, &before_history, None).unwrap();
    let query = "dateFrom=2024-04-27&dateTo=2024-04-27&bookingStatus=both";
    assert_eq!(early.url.query(), Some(query));
    assert_eq!(request.headers["psu-ip-address"], "192.0.2.7");
    assert_eq!(request.headers["psu-user-agent"], "Browser/1");
}

#[test]
fn a_bank_without_tokens_is_asked_by_consent_alone() {
    let mut manifest = manifest("sandbox_redirect_bank");
    let quirk = (
        "booking_status".to_owned(),
        Value::String("booked".to_owned()),
    );
    manifest.quirks.extend([quirk]);
    let client = client();
    let cx = context(&manifest, &client);
    let request = BerlinGroup.request(&cx, &transactions(), None).unwrap();
    assert_eq!(request.credential, Credential::Anonymous);
    assert!(
        request
            .url
            .query()
            .unwrap()
            .ends_with("bookingStatus=booked")
    );
}

#[test]
fn what_cannot_be_asked_is_refused_before_it_is_sent() {
    let mut manifest = manifest("sandbox_bank");
    manifest.resources.balances = None;
    let client = client();
    let cx = context(&manifest, &client);
    let kind =
        |cx: &Cx<'_>, stream: &Stream| BerlinGroup.request(cx, stream, None).unwrap_err().kind;
    let balances = Stream::of_account(Resource::Balances, "1");
    assert_eq!(kind(&cx, &balances), FaultKind::Unsupported);
    assert_eq!(
        kind(&cx, &Stream::of(Resource::Statement)),
        FaultKind::Unsupported
    );
    assert_eq!(
        kind(&cx, &Stream::of(Resource::Transactions)),
        FaultKind::ConfigInvalid
    );
    let upwards = Stream::of_account(Resource::Transactions, "..");
    assert_eq!(kind(&cx, &upwards), FaultKind::ConfigInvalid);
    let without = Cx {
        consent_ref: None,
        ..cx
    };
    assert_eq!(kind(&without, &transactions()), FaultKind::ConfigInvalid);
}

fn with_next(next: &str) -> String {
    let links = format!("\"_links\":{{\"account\":{{\"href\":\"/x\"}},\"next\":{next}}}");
    format!("{{\"transactions\":{{\"booked\":[{{}}],{links},\"pending\":null}}}}")
}

#[test]
fn the_next_page_is_the_link_of_the_bank() {
    let manifest = manifest("sandbox_bank");
    let client = client();
    let cx = context(&manifest, &client);
    for next in [
        "{\"href\":\"/psd2/v1/accounts/1/transactions?page=2\"}",
        "{\"href\":\"http://127.0.0.1:8090/psd2/v1/accounts/1/transactions?page=2\"}",
        "\"accounts/1/transactions?page=2\"",
    ] {
        let mut keep = Keep::default();
        let outcome = page(&transactions(), with_next(next).as_bytes(), &mut keep).unwrap();
        let Next::Page(cursor) = outcome else {
            panic!("{next}")
        };
        let request = BerlinGroup
            .request(&cx, &transactions(), Some(&cursor))
            .unwrap();
        let expected = "http://127.0.0.1:8090/psd2/v1/accounts/1/transactions?page=2";
        assert_eq!(request.url.as_str(), expected);
        assert_eq!(keep.kept[0].bytes, b"{\"status\":\"booked\",\"row\":{}}");
    }
    let done = page(
        &transactions(),
        with_next("null").as_bytes(),
        &mut Keep::default(),
    );
    assert_eq!(done.unwrap(), Next::Done);
}

#[test]
fn a_next_link_to_a_foreign_origin_is_refused() {
    for href in [
        "https://evil.example/x",
        "//evil.example/x",
        "http://127.0.0.1:8091/x",
    ] {
        let body = with_next(&format!("{{\"href\":\"{href}\"}}"));
        let fault = page(&transactions(), body.as_bytes(), &mut Keep::default()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::SchemaDrift);
        assert_eq!(fault.get("rule"), Some("link.foreign_origin"), "{href}");
    }
    let manifest = manifest("sandbox_bank");
    let client = client();
    let stored = Cursor::new("link://evil.example/x").unwrap();
    let cx = context(&manifest, &client);
    assert!(
        BerlinGroup
            .request(&cx, &transactions(), Some(&stored))
            .is_err()
    );
}

#[test]
fn an_answer_that_is_cut_is_a_failure_of_the_provider_and_keeps_whole_rows() {
    let row = "{\"transactionAmount\":{\"currency\":\"EUR\",\"amount\":\"1.00\"}}";
    let whole = format!("{{\"transactions\":{{\"booked\":[{row},{row},{row}]}}}}");
    for end in 0..whole.len() {
        let mut keep = Keep::default();
        let fault = page(&transactions(), &whole.as_bytes()[..end], &mut keep).unwrap_err();
        assert_eq!(fault.kind, FaultKind::ProviderDown, "{end}");
        assert!(matches!(fault.retry, Retry::After(_)));
        for kept in keep.kept {
            assert!(kept.bytes.ends_with(format!("{row}}}").as_bytes()));
        }
    }
}

#[test]
fn answers_of_another_shape_are_drift() {
    for (body, rule) in [
        ("{}", "answer.no_list"),
        ("{\"transactions\":null}", "answer.no_list"),
        ("[]", "answer.shape"),
        ("\"text\"", "answer.shape"),
        ("{\"transactions\":[]}", "answer.shape"),
        ("{\"transactions\":{\"booked\":{}}}", "answer.shape"),
        ("{\"transactions\":{\"booked\":[}}", "json.malformed"),
        ("<html></html>", "json.malformed"),
        ("{\"transactions\":{\"booked\":[]}} x", "json.malformed"),
    ] {
        let fault = page(&transactions(), body.as_bytes(), &mut Keep::default()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::SchemaDrift, "{body}");
        assert_eq!(fault.get("rule"), Some(rule), "{body}");
    }
    let empty = page(
        &transactions(),
        b"{\"transactions\":{\"booked\":[]}}",
        &mut Keep::default(),
    );
    assert_eq!(empty.unwrap(), Next::Done);
}

#[test]
fn mutated_answers_end_without_a_panic() {
    let whole = include_bytes!("../fixtures/transactions.json");
    let mut seeded = Seeded::new(7);
    for _ in 0..2_000 {
        let mut bytes = whole.to_vec();
        seeded.mutate(&mut bytes);
        drop(page(&transactions(), &bytes, &mut Keep::default()));
    }
}

#[test]
fn a_refusing_sink_and_a_failed_status_end_the_page() {
    let mut full = Keep {
        most: 0,
        ..Keep::default()
    };
    let body = with_next("null");
    let fault = page(&transactions(), body.as_bytes(), &mut full).unwrap_err();
    assert_eq!(fault.op, "sink.full");
    let manifest = manifest("sandbox_bank");
    let client = client();
    let cx = context(&manifest, &client);
    let outcome = BerlinGroup.page(
        &cx,
        &transactions(),
        &head(503),
        &mut body.as_bytes(),
        &mut Keep::default(),
    );
    assert_eq!(outcome.unwrap_err().kind, FaultKind::ProviderDown);
}
