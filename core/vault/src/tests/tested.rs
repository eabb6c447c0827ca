//! `registrations test`: what an institution's answer says about the client.

use super::bank::Mischief;
use super::*;
use crate::registrations::Tested;

async fn tested(house: &House, id: RegistrationId) -> Tested {
    house.vault.test_registration(OPERATOR, id).await.unwrap()
}

async fn redirect_registration(house: &House) -> RegistrationId {
    let new = NewRegistration {
        owner: Owner::Operator,
        institution_id: "sandbox_redirect_bank".to_owned(),
        environment: "sandbox".to_owned(),
        client_id: bank::CLIENT.to_owned(),
        client_secret: None,
    };
    house.vault.add_registration(&new).await.unwrap().id
}

#[tokio::test]
async fn a_token_endpoint_knows_the_client_when_it_refuses_only_the_token() {
    for house in houses().await {
        let id = house.registration;
        let known = tested(&house, id).await;
        assert!(matches!(known, Tested::ClientAccepted), "{known:?}");
        assert_eq!(house.bank.calls("refresh"), 1);
        house.bank.play(Mischief::RefuseClient);
        let refused = tested(&house, id).await;
        assert!(matches!(refused, Tested::ClientRefused), "{refused:?}");
        house.bank.play(Mischief::TokenPage(401));
        let refused = tested(&house, id).await;
        assert!(matches!(refused, Tested::ClientRefused), "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_word_of_the_standard_proves_nothing() {
    for house in houses().await {
        for status in [400, 403, 404, 500, 503] {
            house.bank.play(Mischief::TokenPage(status));
            let unclear = tested(&house, house.registration).await;
            assert!(
                matches!(unclear, Tested::Unclear(_)),
                "{status}: {unclear:?}"
            );
        }
        house.bank.play(Mischief::Dead);
        let unclear = tested(&house, house.registration).await;
        assert!(matches!(unclear, Tested::Unclear(_)), "{unclear:?}");
    }
}

#[tokio::test]
async fn a_bank_without_tokens_is_reachable_when_it_answers_anything() {
    for house in houses().await {
        let id = redirect_registration(&house).await;
        let reached = tested(&house, id).await;
        assert!(matches!(reached, Tested::Reachable), "{reached:?}");
        assert_eq!(house.bank.calls("knock"), 1, "{}", house.db.name());
        house.bank.play(Mischief::Dead);
        let dead = tested(&house, id).await;
        let Tested::Unclear(fault) = dead else {
            panic!("a dead bank is not reachable: {dead:?}");
        };
        assert_eq!(fault.get("reason"), None, "{fault}");
        assert_eq!(house.bank.calls("knock"), 1);
    }
}
