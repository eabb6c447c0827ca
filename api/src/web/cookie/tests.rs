//! Tests of the flow cookie: attributes, parsing and the number of flows.

use super::*;

const SECRET: &str = "abcdefghijklmnopqrstuvwxyz-_0123456789ABCDE";

fn cookie(id: &str, issued_at_s: u64) -> FlowCookie {
    FlowCookie {
        flow: FlowId::new(id).unwrap(),
        issued_at_s,
        secret: BindingSecret::new(SECRET).unwrap(),
    }
}

/// A request that carries these cookies as a browser would.
fn request(scheme: Scheme, cookies: &[FlowCookie]) -> HeaderMap {
    let pairs: Vec<String> = cookies
        .iter()
        .map(|cookie| {
            let value = scheme.set(cookie, 900);
            value
                .to_str()
                .unwrap()
                .split(';')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    sent(&pairs.join("; "))
}

fn sent(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(COOKIE, value.parse().unwrap())])
}

#[test]
fn over_https_the_cookie_is_host_bound_and_secure() {
    assert_eq!(
        Scheme::Https.set(&cookie("f1", 1_700_000_000), 900),
        format!(
            "__Host-fondaco-flow-f1=1700000000.{SECRET}; Path=/; Max-Age=900; HttpOnly; \
             SameSite=Lax; Secure"
        )
    );
}

#[test]
fn over_http_the_cookie_has_no_prefix_that_a_browser_would_refuse() {
    assert_eq!(
        Scheme::Http.set(&cookie("f1", 7), 900),
        format!("fondaco-flow-f1=7.{SECRET}; Path=/; Max-Age=900; HttpOnly; SameSite=Lax")
    );
}

#[test]
fn a_cleared_cookie_is_empty_and_over() {
    assert_eq!(
        Scheme::Http.clear(&FlowId::new("f1").unwrap()),
        "fondaco-flow-f1=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    );
}

#[test]
fn a_cookie_comes_back_as_it_was_set() {
    for scheme in [Scheme::Https, Scheme::Http] {
        let headers = request(scheme, &[cookie("a", 1), cookie("b-_9", 2)]);
        let read = scheme.read(&headers);
        let ids: Vec<_> = read
            .iter()
            .map(|c| (c.flow.as_str(), c.issued_at_s))
            .collect();
        assert_eq!(ids, [("a", 1), ("b-_9", 2)]);
        let flow = FlowId::new("b-_9").unwrap();
        assert_eq!(scheme.read_one(&headers, &flow).unwrap().expose(), SECRET);
        assert!(
            scheme
                .read_one(&headers, &FlowId::new("c").unwrap())
                .is_none()
        );
    }
}

#[test]
fn the_schemes_do_not_read_each_others_cookies() {
    assert!(
        Scheme::Https
            .read(&request(Scheme::Http, &[cookie("a", 1)]))
            .is_empty()
    );
    assert!(
        Scheme::Http
            .read(&request(Scheme::Https, &[cookie("a", 1)]))
            .is_empty()
    );
}

#[test]
fn foreign_and_malformed_cookies_are_left_out() {
    for value in [
        "theme=dark".to_owned(),
        "fondaco-flow-a".to_owned(),
        format!("fondaco-flow-=1.{SECRET}"),
        format!("fondaco-flow-a b=1.{SECRET}"),
        format!("fondaco-flow-a=x.{SECRET}"),
        format!("fondaco-flow-a={SECRET}"),
        "fondaco-flow-a=1.short".to_owned(),
        "fondaco-flow-a=1.".to_owned(),
        ";;==;".to_owned(),
    ] {
        assert!(Scheme::Http.read(&sent(&value)).is_empty(), "{value}");
    }
}

#[test]
fn a_name_that_occurs_twice_is_trusted_neither_time() {
    let twice =
        format!("fondaco-flow-a=1.{SECRET}; fondaco-flow-a=2.{SECRET}; fondaco-flow-b=3.{SECRET}");
    let read = Scheme::Http.read(&sent(&twice));
    assert_eq!(
        read.iter().map(|c| c.flow.as_str()).collect::<Vec<_>>(),
        ["b"]
    );
    let planted = format!("fondaco-flow-a=junk; fondaco-flow-a=2.{SECRET}");
    assert!(Scheme::Http.read(&sent(&planted)).is_empty());
}

#[test]
fn cookies_of_several_headers_are_read_up_to_the_limit() {
    let mut headers = sent(&format!("fondaco-flow-a=1.{SECRET}"));
    headers.append(
        COOKIE,
        format!("fondaco-flow-b=1.{SECRET}").parse().unwrap(),
    );
    assert_eq!(Scheme::Http.read(&headers).len(), 2);

    let own = format!("; fondaco-flow-a=1.{SECRET}");
    let padding = format!("x={}", "y".repeat(COOKIE_BYTES_MAX - own.len() - 2));
    assert_eq!(
        Scheme::Http.read(&sent(&format!("{padding}{own}"))).len(),
        1
    );
    assert!(
        Scheme::Http
            .read(&sent(&format!("{padding}y{own}")))
            .is_empty()
    );

    let fits = format!(
        "{}fondaco-flow-a=1.{SECRET}",
        "x=1;".repeat(COOKIES_MAX - 1)
    );
    assert_eq!(Scheme::Http.read(&sent(&fits)).len(), 1);
    assert!(Scheme::Http.read(&sent(&format!("x=1;{fits}"))).is_empty());
}

#[test]
fn a_flow_beyond_the_limit_drops_the_oldest() {
    let limit = u64::try_from(FLOWS_MAX).unwrap();
    let new = cookie("new", 1_000);
    let held = |count| -> Vec<FlowCookie> {
        (0..count)
            .map(|n| cookie(&format!("f{n}"), 500 - n))
            .collect()
    };
    let fits = request(Scheme::Https, &held(limit - 1));
    assert_eq!(
        Scheme::Https.begin(&fits, &new, 900),
        [Scheme::Https.set(&new, 900)]
    );

    let full = request(Scheme::Https, &held(limit));
    let oldest = FlowId::new(&format!("f{}", limit - 1)).unwrap();
    assert_eq!(
        Scheme::Https.begin(&full, &new, 900),
        [Scheme::Https.set(&new, 900), Scheme::Https.clear(&oldest)]
    );
}

#[test]
fn a_flow_that_begins_again_replaces_its_own_cookie_only() {
    let limit = u64::try_from(FLOWS_MAX).unwrap();
    let held: Vec<FlowCookie> = (0..limit).map(|n| cookie(&format!("f{n}"), n)).collect();
    let again = cookie("f0", 99);
    let headers = request(Scheme::Http, &held);
    assert_eq!(
        Scheme::Http.begin(&headers, &again, 900),
        [Scheme::Http.set(&again, 900)]
    );
}

#[test]
fn ids_and_secrets_keep_their_limits_and_alphabet() {
    for (length, fits) in [
        (0, false),
        (1, true),
        (FLOW_ID_BYTES_MAX, true),
        (65, false),
    ] {
        assert_eq!(FlowId::new(&"a".repeat(length)).is_some(), fits, "{length}");
    }
    for (length, fits) in [(21, false), (22, true), (86, true), (87, false)] {
        assert_eq!(
            BindingSecret::new(&"a".repeat(length)).is_some(),
            fits,
            "{length}"
        );
    }
    for id in ["a;b", "a=b", "a b", "ä", "a\r\nb", "a.b"] {
        assert!(FlowId::new(id).is_none(), "{id}");
        assert!(
            BindingSecret::new(&format!("{}{id}", "a".repeat(22))).is_none(),
            "{id}"
        );
    }
}

#[test]
fn the_secret_is_not_in_debug_output() {
    assert!(!format!("{:?}", cookie("a", 1)).contains(SECRET));
}
