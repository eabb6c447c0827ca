//! Consents under which the bank gives no account.

use std::sync::Arc;

use fondaco_model::Fault;
use fondaco_model::v1::{ConsentState, LinkHealth, LinkProgress, TerminationReason};
use fondaco_store::testing::engines;
use fondaco_sync::pull::{NextRead, Puller};
use fondaco_transport::{Answer, Body, Call, Transport};
use futures_util::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::kit::Kit;

/// The bank with an empty list of accounts.
struct NoAccounts;

impl Transport for NoAccounts {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        const EMPTY: &[u8] = b"{\"accounts\":[]}";
        Box::pin(async move {
            assert!(
                call.request.url.path().ends_with("/accounts"),
                "nothing else is asked"
            );
            let mut answer = Answer {
                head: fondaco_model::exchange::ResponseHead {
                    status: StatusCode::OK,
                    headers: HeaderMap::new(),
                },
                body: Body::Whole(EMPTY.to_vec()),
            };
            answer
                .head
                .headers
                .insert("content-type", "application/json".parse().unwrap());
            if let Some(sink) = call.sink {
                sink.restart().await?;
                sink.chunk(EMPTY).await?;
                let bytes = EMPTY.len() as u64;
                answer.body = Body::Spooled { bytes };
            }
            Ok(answer)
        })
    }
}

fn without_accounts(kit: &Kit) -> Puller {
    Puller::new(kit.vault.clone(), Arc::new(NoAccounts), 6 * 3_600)
}

#[tokio::test]
async fn a_first_reading_without_accounts_ends_the_consent_and_says_why() {
    for db in engines().await {
        let kit = Kit::start(db, 1).await;
        let link = kit.link("anna").await;
        let puller = without_accounts(&kit);
        let outcome = puller.read(&kit.request(link)).await.unwrap();
        assert_eq!((outcome.accounts, outcome.next), (0, NextRead::None));
        let ended = kit.consent_of(link).await;
        assert_eq!(ended.state, ConsentState::Failed);
        assert_eq!(ended.reason, Some(TerminationReason::NoAccounts));
        assert!(ended.ended_at.is_some());
        let row = kit.link_row(link).await;
        assert_eq!(row.health, LinkHealth::NeedsUser);
        assert_eq!((row.progress, row.next_due_at), (LinkProgress::None, None));
        assert_eq!(row.last_success_at, None);
        // Nothing is read under it any more, whatever the bank would give.
        assert_eq!(kit.read(link).await.accounts, 0);
    }
}

#[tokio::test]
async fn an_empty_list_after_a_good_reading_ends_nothing() {
    for db in engines().await {
        let kit = Kit::start(db, 1).await;
        let link = kit.link("anna").await;
        assert!(kit.read(link).await.accounts > 0);
        let puller = without_accounts(&kit);
        let outcome = puller.read(&kit.request(link)).await.unwrap();
        assert!(outcome.fault.is_none());
        assert_eq!(kit.consent_of(link).await.state, ConsentState::Active);
    }
}
