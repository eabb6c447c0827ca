//! Readings that are asked for: what each state of a consent answers.

use fondaco_model::v1::ConsentState;
use fondaco_store::repo::consent;
use fondaco_store::repo::job::{self, JobState};
use serde_json::{Value, json};

use crate::kit::{House, houses};
use crate::seed::{NOW, Person, person, reference_data};

const REFRESH: &str = "mutation($input: RefreshLinkInput!) { refreshLink(input: $input) { link { \
                       id } userErrors { code field message } } }";
const CONSENT: &str = "query($id: ID!) { link(id: $id) { consent { state } consents { state } } }";

/// Brings a person's consent into a state, whichever way led there.
async fn bring(house: &House, person: &Person, state: ConsentState) {
    let mut tx = house.db.begin(house.tenant).await.unwrap();
    let mut stored = consent::get(&mut tx, person.consent)
        .await
        .unwrap()
        .unwrap();
    stored.consent.state = state;
    stored.consent.ended_at = state.is_terminal().then_some(NOW);
    consent::transition(&mut tx, ConsentState::Active, &stored)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn jobs(house: &House) -> i64 {
    let mut session = house.db.read(house.tenant).await.unwrap();
    job::count(&mut session, JobState::Waiting).await.unwrap()
}

#[tokio::test]
async fn a_consent_is_shown_as_in_force_until_it_ended_and_is_refreshed_while_it_may_be_read() {
    for house in houses().await {
        reference_data(&house).await;
        let key = house.key().await;
        let mut enqueued = 0;
        for (number, state) in ConsentState::ALL.iter().copied().enumerate() {
            let base = 1_000 + number as u128 * 10;
            let ann = person(&house, house.tenant, state.as_str(), (base, 0, 0)).await;
            if state != ConsentState::Active {
                bring(&house, &ann, state).await;
            }
            let id = ann.link.to_string();
            let got = house.query_with(&key, CONSENT, json!({ "id": id })).await;
            let shown = if state.is_terminal() {
                Value::Null
            } else {
                json!({ "state": state.as_str() })
            };
            let link = &got.data()["link"];
            assert_eq!(link["consent"], shown, "{}", house.name());
            assert_eq!(link["consents"], json!([{ "state": state.as_str() }]));

            let input = json!({ "input": { "linkId": id, "idempotencyKey": state.as_str() } });
            let got = house.query_with(&key, REFRESH, input).await;
            let payload = &got.data()["refreshLink"];
            if matches!(state, ConsentState::Active | ConsentState::ReconfirmDue) {
                assert_eq!(payload["userErrors"], json!([]), "{state}");
                assert_eq!(payload["link"]["id"], id);
                enqueued += 1;
            } else {
                let error = &payload["userErrors"][0];
                assert_eq!(payload["link"], Value::Null, "{state}");
                assert_eq!(error["code"], "CONSENT_NOT_ACTIVE", "{state}");
                assert_eq!(error["field"], json!(["input", "linkId"]));
                let message = error["message"].as_str().unwrap();
                assert!(message.contains("start a link with `linkId`"), "{message}");
                let lapsed = state == ConsentState::ReauthRequired;
                assert_eq!(message.contains("authenticate again"), lapsed, "{message}");
            }
            assert_eq!(jobs(&house).await, enqueued, "{} {state}", house.name());
        }
    }
}

#[tokio::test]
async fn a_refresh_that_was_taken_answers_the_same_after_its_consent_ended() {
    for house in houses().await {
        reference_data(&house).await;
        let ann = person(&house, house.tenant, "ann", (10, 0, 0)).await;
        let key = house.key().await;
        let input = |word: &str| json!({ "input": { "linkId": ann.link, "idempotencyKey": word } });
        let first = house.query_with(&key, REFRESH, input("k1")).await;
        assert_eq!(first.data()["refreshLink"]["userErrors"], json!([]));
        bring(&house, &ann, ConsentState::Expired).await;
        let again = house.query_with(&key, REFRESH, input("k1")).await;
        assert_eq!(again.data()["refreshLink"], first.data()["refreshLink"]);
        let fresh = house.query_with(&key, REFRESH, input("k2")).await;
        let error = &fresh.data()["refreshLink"]["userErrors"][0];
        assert_eq!(error["code"], "CONSENT_NOT_ACTIVE", "{}", house.name());
    }
}
