//! First and later readings, compared with the bank's own books.

use fondaco_model::v1::{LinkHealth, LinkProgress, TransactionStatus};
use fondaco_store::repo::run::RunOutcome;
use fondaco_store::repo::{Scope, run};
use fondaco_store::testing::engines;
use fondaco_sync::pull::NextRead;

use crate::kit::Kit;

#[tokio::test]
async fn a_first_reading_brings_exactly_what_the_bank_has() {
    for db in engines().await {
        let kit = Kit::start(db, 23).await;
        for user in ["anna", "bruno", "chiara"] {
            let link = kit.link(user).await;
            let outcome = kit.read(link).await;
            assert!(outcome.is_complete(), "{user}: {:?}", outcome.fault);
            assert!(outcome.counts.inserted > 0, "{user}");
            assert_eq!(outcome.counts.quarantined, 0, "{user}");
            kit.check(link, user, user).await;
            let row = kit.link_row(link).await;
            assert_eq!(row.health, LinkHealth::Healthy, "{user}");
            assert_eq!(row.progress, LinkProgress::History, "{user}");
            assert!(
                row.last_success_at.is_some() && row.next_due_at.is_some(),
                "{user}"
            );
        }
    }
}

#[tokio::test]
async fn a_second_reading_changes_nothing() {
    for db in engines().await {
        let kit = Kit::start(db, 6).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        let before = kit.live(link).await;
        let outcome = kit.read(link).await;
        assert!(outcome.is_complete(), "{:?}", outcome.fault);
        assert_eq!((outcome.counts.inserted, outcome.counts.changed), (0, 0));
        assert!(outcome.counts.unchanged > 0);
        let after = kit.live(link).await;
        for ((_, before), (_, after)) in before.iter().zip(&after) {
            let seqs = |rows: &[fondaco_store::repo::transaction::TransactionRow]| {
                rows.iter()
                    .map(|row| (row.id, row.changed_seq))
                    .collect::<Vec<_>>()
            };
            assert_eq!(seqs(before), seqs(after));
        }
    }
}

#[tokio::test]
async fn pending_rows_settle_with_time_and_none_is_doubled() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        let mut settled = 0;
        for day in 1..=12 {
            kit.pass(86_400).await;
            let outcome = kit.read(link).await;
            assert!(outcome.is_complete(), "{:?}", outcome.fault);
            settled += outcome.counts.changed;
            kit.check(link, "anna", &format!("day {day}")).await;
        }
        assert!(settled > 0, "no pending row settled in twelve days");
    }
}

#[tokio::test]
async fn two_equal_purchases_of_a_day_stay_two() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        kit.read(link).await;
        let twins = |rows: &[fondaco_store::repo::transaction::TransactionRow]| {
            let key = |row: &fondaco_store::repo::transaction::TransactionRow| {
                (row.sort_date, row.amount.minor(), row.description.clone())
            };
            let posted = rows
                .iter()
                .filter(|row| row.status == TransactionStatus::Posted);
            let keys: Vec<_> = posted.map(key).collect();
            keys.iter()
                .filter(|one| keys.iter().filter(|other| other == one).count() == 2)
                .count()
        };
        let all = kit.live(link).await;
        assert!(
            all.iter().any(|(_, rows)| twins(rows) >= 2),
            "no equal purchases are stored"
        );
        kit.check(link, "anna", "twins").await;
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_to_hold_is_read_batch_after_batch() {
    for db in engines().await {
        let kit = Kit::start(db, 12).await;
        let link = kit.link("anna").await;
        let puller = kit.puller.clone().holding(0);
        let outcome = puller.read(&kit.request(link)).await.unwrap();
        assert!(outcome.is_complete(), "{:?}", outcome.fault);
        kit.check(link, "anna", "batches").await;
        let held = kit.read(link).await;
        assert_eq!((held.counts.inserted, held.counts.changed), (0, 0));
        // A page that breaks off is not written in part.
        kit.pass(7 * 86_400).await;
        kit.bank.fault("truncate", "transactions", 0).await;
        let broken = puller.read(&kit.request(link)).await.unwrap();
        assert_eq!(broken.counts.records, 0);
        kit.bank.clear_faults().await;
        assert!(puller.read(&kit.request(link)).await.unwrap().is_complete());
        kit.check(link, "anna", "after the break").await;
    }
}

#[tokio::test]
async fn an_account_is_read_in_windows_whose_runs_are_recorded() {
    for db in engines().await {
        let kit = Kit::start(db, 23).await;
        let link = kit.link("anna").await;
        let outcome = kit.read(link).await;
        assert!(matches!(outcome.next, NextRead::Regular(_)));
        let mut session = kit.db.read(kit.tenant).await.unwrap();
        let runs = run::by_link(&mut session, Scope::Tenant, link, 100)
            .await
            .unwrap();
        assert!(
            runs.iter().all(|run| run.outcome == Some(RunOutcome::Ok)),
            "{runs:#?}"
        );
        let windows = |resource: &str| runs.iter().filter(|run| run.resource == resource).count();
        let accounts = outcome.accounts;
        assert_eq!(windows("accounts"), 1);
        assert_eq!(windows("balances"), accounts);
        // The last days, and history in two pieces: three of the four reads that a day allows.
        assert_eq!(windows("transactions"), 3 * accounts);
    }
}
