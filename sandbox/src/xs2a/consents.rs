//! The consent resource.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};
use url::Url;

use crate::consent::{Access, Approach, Consent, Granted, Status};
use crate::data::{ACCOUNTS, AccountRef, account_ref};
use crate::date::Day;
use crate::oauth::{METADATA_PATH, parameters};
use crate::secret;
use crate::state::{Bank, Flow, Shared, Way};
use crate::web::{self, page};
use crate::xs2a::refusal::Refusal;
use crate::xs2a::request::{self, header};
use crate::xs2a::{REDIRECT_PAGE, admit, base_of};

/// The Berlin Group's upper limit unless agreed otherwise.
const FREQUENCY_MAX: u64 = 4;
const LIST_MAX: usize = 50;
const PSU_ID_MAX: usize = 64;

/// `POST /consents`.
pub(super) async fn create(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Refusal> {
    let is_attended = request::is_attended(&headers)?;
    if bank.config.require_psu_ip && !is_attended {
        return Err(Refusal::format(
            "PSU-IP-Address",
            "PSU-IP-Address is missing",
        ));
    }
    let mut visit = bank.visit();
    let (redirect_uri, nok_redirect_uri) = redirect_uris(&headers, &visit.world.redirect_uris)?;
    let body: Value = serde_json::from_str(&body)
        .map_err(|_| Refusal::format("body", "The body is not valid JSON"))?;
    let mut consent = requested(&body, &bank, visit.today)?;
    consent.approach = approach;
    consent.redirect_uri = redirect_uri;
    consent.nok_redirect_uri = nok_redirect_uri;
    consent.psu_id = header(&headers, "psu-id")
        .filter(|text| text.len() <= PSU_ID_MAX)
        .map(str::to_owned);
    let id = visit.keep_consent(consent).ok_or_else(|| {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "SERVICE_BLOCKED",
            "Too many consents",
        )
    })?;
    let path = format!("{}/consents/{id}", base_of(approach));
    let mut links = json!({
        "self": {"href": path},
        "status": {"href": format!("{path}/status")},
    });
    let base = &bank.base_url;
    match approach {
        Approach::OAuth => {
            links["scaOAuth"] = json!({"href": format!("{base}{METADATA_PATH}")});
        }
        Approach::Redirect => {
            let page = format!("{base}{REDIRECT_PAGE}?consent={id}");
            links["scaRedirect"] = json!({"href": page});
        }
    }
    let answer = json!({"consentStatus": "received", "consentId": id, "_links": links});
    let headers = [
        (header::LOCATION, path),
        (
            HeaderName::from_static("aspsp-sca-approach"),
            "REDIRECT".to_owned(),
        ),
    ];
    Ok((StatusCode::CREATED, headers, Json(answer)).into_response())
}

/// TPP-Redirect-URI and TPP-Nok-Redirect-URI. Their queries are the client's own, the rest must
/// be registered.
fn redirect_uris(
    headers: &HeaderMap,
    registered: &[String],
) -> Result<(String, Option<String>), Refusal> {
    let without_query = |text: &str| text.split(['?', '#']).next().unwrap_or("").to_owned();
    let checked = |name: &'static str, value: Option<&str>| match value {
        None => Ok(None),
        Some(text) => {
            let is_known = registered
                .iter()
                .any(|known| without_query(known) == without_query(text));
            if is_known && Url::parse(text).is_ok() {
                Ok(Some(text.to_owned()))
            } else {
                Err(Refusal::format(name, "The address is not registered"))
            }
        }
    };
    let main = checked("TPP-Redirect-URI", header(headers, "tpp-redirect-uri"))?
        .ok_or_else(|| Refusal::format("TPP-Redirect-URI", "TPP-Redirect-URI is missing"))?;
    let nok = checked(
        "TPP-Nok-Redirect-URI",
        header(headers, "tpp-nok-redirect-uri"),
    )?;
    Ok((main, nok))
}

/// The consent that a body asks for.
fn requested(body: &Value, bank: &Bank, today: Day) -> Result<Consent, Refusal> {
    let recurring = body["recurringIndicator"].as_bool().ok_or_else(|| {
        Refusal::format(
            "recurringIndicator",
            "recurringIndicator must be true or false",
        )
    })?;
    if body["combinedServiceIndicator"].as_bool() != Some(false) {
        let text = "combinedServiceIndicator must be false: no payments here";
        return Err(Refusal::format("combinedServiceIndicator", text));
    }
    let frequency = body["frequencyPerDay"]
        .as_u64()
        .filter(|count| *count >= 1)
        .ok_or_else(|| Refusal::format("frequencyPerDay", "frequencyPerDay must be 1 or more"))?;
    if !recurring && frequency != 1 {
        let text = "A consent for one read has frequencyPerDay 1";
        return Err(Refusal::format("frequencyPerDay", text));
    }
    let asked = body["validUntil"]
        .as_str()
        .and_then(Day::parse)
        .ok_or_else(|| Refusal::format("validUntil", "validUntil must be a date"))?;
    if asked < today {
        let text = "validUntil lies in the past";
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "PERIOD_INVALID",
            text,
        ));
    }
    let longest = if recurring {
        i32::from(bank.config.consent_days_max)
    } else {
        0
    };
    Ok(Consent {
        approach: Approach::OAuth,
        status: Status::Received,
        access: access(&body["access"])?,
        recurring,
        valid_until: asked.min(today.plus(longest)),
        frequency: u32::try_from(frequency.min(FREQUENCY_MAX)).unwrap_or(1),
        last_action: today,
        redirect_uri: String::new(),
        nok_redirect_uri: None,
        psu_id: None,
        person: None,
        granted: Vec::new(),
        reads: BTreeMap::new(),
    })
}

fn access(value: &Value) -> Result<Access, Refusal> {
    let wrong = |text| Refusal::format("access", text);
    let fields = value
        .as_object()
        .ok_or_else(|| wrong("access must be an object"))?;
    let words = [
        "allPsd2",
        "availableAccounts",
        "availableAccountsWithBalance",
    ];
    let given: Vec<&str> = words
        .into_iter()
        .filter(|word| fields.contains_key(*word))
        .collect();
    if let [word] = given[..] {
        let is_whole = fields[word] == "allAccounts" || fields[word] == "allAccountsWithOwnerName";
        if fields.len() != 1 || !is_whole {
            return Err(wrong(
                "This kind of access stands alone and covers allAccounts",
            ));
        }
        return Ok(match word {
            "allPsd2" => Access::AllPsd2,
            _ => Access::List {
                balances: word == "availableAccountsWithBalance",
            },
        });
    }
    if !given.is_empty() || fields.is_empty() {
        return Err(wrong("access must ask for one kind of access"));
    }
    if fields
        .keys()
        .any(|name| !["accounts", "balances", "transactions"].contains(&&**name))
    {
        let text = "This bank gives accounts, balances and transactions only";
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "PARAMETER_NOT_SUPPORTED",
            text,
        ));
    }
    let (accounts, balances, transactions) = (
        list(fields, "accounts")?,
        list(fields, "balances")?,
        list(fields, "transactions")?,
    );
    let lists = [&accounts, &balances, &transactions];
    let is_empty = |list: &&Option<Vec<AccountRef>>| list.as_ref().is_some_and(Vec::is_empty);
    let is_named = |list: &&Option<Vec<AccountRef>>| list.as_ref().is_some_and(|l| !l.is_empty());
    if lists.iter().any(is_empty) && lists.iter().any(is_named) {
        return Err(wrong("Either all lists name accounts or none does"));
    }
    Ok(Access::Named {
        accounts,
        balances,
        transactions,
    })
}

fn list(fields: &Map<String, Value>, name: &str) -> Result<Option<Vec<AccountRef>>, Refusal> {
    let Some(value) = fields.get(name) else {
        return Ok(None);
    };
    let wrong = || Refusal::format("access", "A list holds objects with iban or bban");
    let items = value
        .as_array()
        .filter(|items| items.len() <= LIST_MAX)
        .ok_or_else(wrong)?;
    let reference = |item: &Value| match (item["iban"].as_str(), item["bban"].as_str()) {
        (Some(text), None) => Ok(AccountRef::Iban(text.to_owned())),
        (None, Some(text)) => Ok(AccountRef::Bban(text.to_owned())),
        _ => Err(wrong()),
    };
    items
        .iter()
        .map(reference)
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}

/// `GET /consents/{id}`.
pub(super) async fn show(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    request::is_attended(&headers)?;
    let mut visit = bank.visit();
    let consent = admit::found(&mut visit, &id, approach)?;
    Ok(Json(json!({
        "access": access_text(consent),
        "recurringIndicator": consent.recurring,
        "validUntil": consent.valid_until.to_string(),
        "frequencyPerDay": consent.frequency,
        "lastActionDate": consent.last_action.to_string(),
        "consentStatus": consent.status.word(),
        "_links": {"account": {"href": format!("{}/accounts", base_of(approach))}},
    })))
}

/// What was granted once it is granted, until then what was asked.
fn access_text(consent: &Consent) -> Value {
    let (accounts, balances, transactions) = match &consent.access {
        Access::AllPsd2 => return json!({"allPsd2": "allAccounts"}),
        Access::List { balances: false } => return json!({"availableAccounts": "allAccounts"}),
        Access::List { balances: true } => {
            return json!({"availableAccountsWithBalance": "allAccounts"});
        }
        Access::Named {
            accounts,
            balances,
            transactions,
        } => (accounts, balances, transactions),
    };
    let mut text = json!({});
    if consent.person.is_some() {
        let with = |covers: fn(&Granted) -> bool| -> Vec<Value> {
            let covered = consent.granted.iter().filter(|granted| covers(granted));
            covered
                .map(|granted| reference_of(&ACCOUNTS[granted.account]))
                .collect()
        };
        text["accounts"] = json!(with(|_| true));
        text["balances"] = json!(with(|granted| granted.balances));
        text["transactions"] = json!(with(|granted| granted.transactions));
        return text;
    }
    let lists = [
        ("accounts", accounts),
        ("balances", balances),
        ("transactions", transactions),
    ];
    for (name, list) in lists {
        if let Some(list) = list {
            text[name] = list.iter().map(reference_text).collect();
        }
    }
    text
}

fn reference_of(account: &crate::data::Account) -> Value {
    let mut text = reference_text(&account_ref(account));
    text["currency"] = json!(account.currency);
    text
}

/// An account reference as the API writes it.
pub(super) fn reference_text(reference: &AccountRef) -> Value {
    match reference {
        AccountRef::Iban(number) => json!({"iban": number}),
        AccountRef::Bban(number) => json!({"bban": number}),
    }
}

/// `GET /consents/{id}/status`.
pub(super) async fn status(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    request::is_attended(&headers)?;
    let mut visit = bank.visit();
    let consent = admit::found(&mut visit, &id, approach)?;
    Ok(Json(json!({"consentStatus": consent.status.word()})))
}

/// `DELETE /consents/{id}`.
pub(super) async fn end(
    State(bank): State<Shared>,
    Extension(approach): Extension<Approach>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    request::is_attended(&headers)?;
    let mut visit = bank.visit();
    admit::found(&mut visit, &id, approach)?;
    visit.end_consent(
        &id,
        Status::TerminatedByTpp,
        "consent deleted by the client",
    );
    Ok(StatusCode::NO_CONTENT)
}

/// The page behind `scaRedirect`: opens a flow and goes to the login page.
pub(super) async fn open_page(
    State(bank): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut asked = parameters(&query.unwrap_or_default()).unwrap_or_default();
    let consent = asked.remove("consent").unwrap_or_default();
    let mut visit = bank.visit();
    let is_open = visit.consent(&consent).is_some_and(|found| {
        found.approach == Approach::Redirect && found.status == Status::Received
    });
    if !is_open {
        return page::problem(
            StatusCode::GONE,
            "This request was already answered or withdrawn.",
        );
    }
    let browser = web::browser_of(&headers).unwrap_or_else(|| secret::fresh("b_"));
    let flow = Flow {
        browser: browser.clone(),
        consent,
        way: Way::Redirect,
        person: None,
        answer: None,
        expires_s: visit.now_s + i64::from(bank.config.login_ttl_s),
    };
    match visit.keep_flow(flow) {
        Some(id) => web::to_login(&id, &browser),
        None => page::problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many logins are under way.",
        ),
    }
}
