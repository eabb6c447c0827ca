//! Jobs under leases: taken over, kept apart, given back, scheduled again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fondaco_model::v1::{LinkHealth, LinkProgress};
use fondaco_sandbox::Config;
use fondaco_store::in_tx;
use fondaco_store::repo::job::{self, Claim, JobState};
use fondaco_store::testing::engines;
use fondaco_sync::lease::Lease;
use fondaco_sync::pull::PullError;
use fondaco_sync::worker::{Worker, WorkerSettings};
use fondaco_vault::jobs;
use tokio_util::sync::CancellationToken;

use crate::bank::Bank;
use crate::kit::Kit;

async fn count(kit: &Kit, state: JobState) -> i64 {
    let mut session = kit.db.read(kit.tenant).await.unwrap();
    job::count(&mut session, state).await.unwrap()
}

#[tokio::test]
async fn the_job_of_a_consent_reads_the_link_and_plans_the_next_reading() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        assert!(kit.worker().run_due(10).await.unwrap() >= 1);
        assert_eq!(kit.link_row(link).await.progress, LinkProgress::History);
        kit.check(link, "anna", "job").await;
        let waiting = count(&kit, JobState::Waiting).await;
        assert!(waiting >= 1, "the next reading waits");
        kit.pass(7 * 3_600).await;
        assert!(kit.worker().run_due(10).await.unwrap() >= 1);
        assert_eq!(count(&kit, JobState::Dead).await, 0);
        kit.check(link, "anna", "later").await;
    }
}

#[tokio::test]
async fn a_job_whose_worker_is_gone_is_taken_over_and_the_old_one_writes_nothing_more() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        let now = kit.vault.effects().now();
        let claim = Claim {
            owner: "gone",
            now,
            until: now.plus_seconds(60),
        };
        let taken = job::claim(&kit.db, claim).await.unwrap().unwrap();
        let gone = Lease::new(taken.id, "gone", 60);
        kit.pass(61).await;
        assert!(kit.worker().run_due(10).await.unwrap() >= 1);
        kit.check(link, "anna", "taken over").await;
        let mut request = kit.request(link);
        request.lease = Some(gone);
        kit.pass(86_400).await;
        let before = kit.live(link).await;
        let refused = kit.puller.read(&request).await.unwrap_err();
        assert!(matches!(refused, PullError::LeaseLost), "{refused}");
        let rows = |all: &[(String, Vec<_>)]| all.iter().map(|(_, rows)| rows.len()).sum::<usize>();
        assert_eq!(rows(&before), rows(&kit.live(link).await));
    }
}

#[tokio::test]
async fn a_job_that_ends_each_worker_is_given_up_and_its_link_read_at_its_regular_time() {
    for db in engines().await {
        let kit = Kit::start(db, 1).await;
        let link = kit.link("anna").await;
        for dead in 0..6 {
            let now = kit.now();
            let owner = format!("gone-{dead}");
            let claim = Claim {
                owner: &owner,
                now,
                until: now.plus_seconds(60),
            };
            let taken = job::claim(&kit.db, claim).await.unwrap().unwrap();
            assert_eq!(taken.taken_over, dead, "{}", kit.db.name());
            kit.pass(61).await;
        }
        assert_eq!(kit.worker().run_due(1).await.unwrap(), 1);
        assert_eq!(count(&kit, JobState::Dead).await, 1);
        assert_eq!(kit.link_row(link).await.last_attempt_at, None);
        kit.pass(8 * 3_600).await;
        kit.worker().run_due(10).await.unwrap();
        kit.check(link, "anna", "at its regular time").await;
    }
}

#[tokio::test]
async fn two_workers_never_read_one_link_at_once() {
    for db in engines().await {
        let kit = Kit::start(db, 4).await;
        let link = kit.link("anna").await;
        let effects = kit.vault.effects();
        let more = jobs::sync(effects, jobs::SYNC_LINK, link, effects.now());
        in_tx!(&kit.db, kit.tenant, |tx| job::enqueue(tx, &more).await).unwrap();
        let finished = async || {
            let mut session = kit.db.read(kit.tenant).await.unwrap();
            let state = job::get(&mut session, more.id)
                .await
                .unwrap()
                .unwrap()
                .state;
            state == JobState::Done
        };
        let work = async |worker: Worker| {
            let mut ran = 0;
            while !finished().await {
                ran += worker.run_due(1).await.unwrap();
                tokio::task::yield_now().await;
            }
            ran
        };
        let (one, other) = tokio::join!(work(kit.worker()), work(kit.worker()));
        assert!(one + other >= 2, "{one} and {other} jobs ran");
        assert_eq!(kit.watch.most.load(Ordering::SeqCst), 1);
        kit.check(link, "anna", "two workers").await;
    }
}

#[tokio::test]
async fn a_failing_reading_is_tried_later_each_time_and_given_up_with_its_fault() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.bank.fault("503", "accounts", 0).await;
        for _ in 0..8 {
            kit.bank.clear_faults().await;
            kit.bank.fault("503", "accounts", 0).await;
            kit.worker().run_due(10).await.unwrap();
            kit.pass(4_000).await;
        }
        assert_eq!(count(&kit, JobState::Dead).await, 1);
        assert!(kit.link_row(link).await.next_due_at.is_some());
        kit.bank.clear_faults().await;
        kit.pass(8 * 3_600).await;
        kit.worker().run_due(10).await.unwrap();
        kit.check(link, "anna", "after giving up").await;
    }
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_claims_nothing_more() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        kit.link("anna").await;
        let before = count(&kit, JobState::Waiting).await;
        let stop = CancellationToken::new();
        stop.cancel();
        kit.worker().run(stop).await.unwrap();
        assert_eq!(count(&kit, JobState::Waiting).await, before);
    }
}

#[tokio::test]
async fn a_job_that_does_not_end_in_the_time_of_grace_is_given_back() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.bank.stall("accounts").await;
        let worker = kit.worker_with(WorkerSettings {
            grace: Duration::ZERO,
            ..WorkerSettings::default()
        });
        let stop = CancellationToken::new();
        let running = worker.run(stop.clone());
        let watching = async {
            while kit.watch.most.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let (ran, ()) = tokio::join!(running, watching);
        ran.unwrap();
        assert_eq!(count(&kit, JobState::Running).await, 0);
        kit.bank.clear_faults().await;
        kit.pass(1).await;
        kit.worker().run_due(10).await.unwrap();
        kit.check(link, "anna", "given back").await;
    }
}

#[tokio::test]
async fn a_grant_that_will_have_run_out_is_refreshed_ahead_of_the_reading() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.worker().run_due(10).await.unwrap();
        let due = kit.link_row(link).await.next_due_at.unwrap();
        // Before the reading, behind the latest refresh.
        kit.pass(due.seconds_since(kit.now()) - 59).await;
        let before = kit.bank.refreshes().await;
        kit.worker().run_due(10).await.unwrap();
        assert_eq!(kit.bank.refreshes().await, before + 1);
        kit.pass(60).await;
        kit.worker().run_due(10).await.unwrap();
        assert_eq!(kit.bank.refreshes().await, before + 1);
        assert_eq!(count(&kit, JobState::Dead).await, 0);
        kit.check(link, "anna", "refreshed").await;
    }
}

#[tokio::test]
async fn a_refresh_token_that_would_end_before_the_next_reading_is_exchanged_in_time() {
    for db in engines().await {
        let bank = Bank::open_with(Config {
            refresh_ttl_s: 1_800,
            history_months: 1,
            ..Config::default()
        });
        let kit = Kit::start_at(db, bank.await).await;
        let link = kit.link("anna").await;
        kit.worker().run_due(10).await.unwrap();
        let due = kit.link_row(link).await.next_due_at.unwrap();
        let before = kit.bank.refreshes().await;
        while kit.now() < due {
            kit.pass(60).await;
            kit.worker().run_due(10).await.unwrap();
        }
        let asked = kit.bank.refreshes().await - before;
        // Each half hour once, some minutes ahead, for six hours and a tenth at most.
        assert!((12..=17).contains(&asked), "{asked} refreshes");
        kit.pass(300).await;
        kit.worker().run_due(10).await.unwrap();
        let row = kit.link_row(link).await;
        assert_eq!(row.health, LinkHealth::Healthy);
        assert!(
            row.last_success_at >= Some(due),
            "{:?}",
            row.last_success_at
        );
    }
}

#[tokio::test]
async fn a_running_worker_reads_what_is_asked_for_and_stops_when_told() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        let stop = CancellationToken::new();
        let worker = kit.worker();
        let running = worker.run(stop.clone());
        let watching = async {
            while kit.link_row(link).await.progress != LinkProgress::History {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let (ran, ()) = tokio::join!(running, watching);
        ran.unwrap();
        kit.check(link, "anna", "running").await;
    }
}
