//! Jobs: claimed once, one at a time per exclusion key, taken over when a worker is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use fondaco_model::Instant;
use fondaco_model::ids::{JobId, TenantId};

use super::{NOW, effects, new_tenant};
use crate::OPERATOR;
use crate::in_tx;
use crate::repo::job::{self, Claim, Enqueued, Job, JobState, NewJob, Next, Presence};
use crate::testing::{TestDb, engines};

fn new_job(exclusion: Option<&str>, deduplication: Option<&str>) -> NewJob {
    NewJob {
        id: JobId::new(&effects()),
        kind: "sync".to_owned(),
        priority: 5,
        due_at: NOW,
        institution_id: Some("bank".to_owned()),
        exclusion_key: exclusion.map(str::to_owned),
        deduplication_key: deduplication.map(str::to_owned),
        presence: Presence::Unattended,
        request_id: None,
        payload: "{}".to_owned(),
        payload_version: 1,
        created_at: NOW,
    }
}

async fn enqueue(db: &TestDb, tenant: TenantId, job: &NewJob) -> Enqueued {
    in_tx!(db, tenant, |tx| job::enqueue(tx, job).await).unwrap()
}

async fn claim(db: &TestDb, owner: &str, seconds: i64) -> Option<Job> {
    let now = NOW.plus_seconds(seconds);
    let claim = Claim {
        owner,
        now,
        until: now.plus_seconds(60),
    };
    job::claim(db, claim).await.unwrap()
}

async fn complete(db: &TestDb, id: JobId, owner: &str) -> bool {
    in_tx!(db, OPERATOR, |tx| job::complete(tx, id, owner, NOW).await).unwrap()
}

#[tokio::test]
async fn the_most_urgent_job_that_is_due_comes_first() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let later = NewJob {
            priority: 0,
            due_at: NOW.plus_seconds(10),
            ..new_job(None, None)
        };
        let plain = new_job(None, None);
        let urgent = NewJob {
            priority: 1,
            ..new_job(None, None)
        };
        for job in [&later, &plain, &urgent] {
            assert_eq!(enqueue(&db, tenant, job).await, Enqueued::New(job.id));
        }
        let mut session = db.read(OPERATOR).await.unwrap();
        assert_eq!(job::next_due(&mut session).await, Ok(Some(NOW)));
        drop(session);
        assert!(claim(&db, "a", -1).await.is_none(), "{}", db.name());
        for expected in [urgent.id, plain.id] {
            let job = claim(&db, "a", 9).await.unwrap();
            assert_eq!((job.id, job.attempt, job.tenant_id), (expected, 1, tenant));
        }
        assert!(claim(&db, "a", 9).await.is_none());
        assert_eq!(claim(&db, "a", 10).await.unwrap().id, later.id);
    }
}

#[tokio::test]
async fn one_job_of_an_exclusion_key_runs_at_a_time_within_a_tenant() {
    for db in engines().await {
        let (tenant, other) = (new_tenant(&db).await, new_tenant(&db).await);
        for tenant in [tenant, tenant, other] {
            enqueue(&db, tenant, &new_job(Some("link"), None)).await;
        }
        let first = claim(&db, "a", 0).await.unwrap();
        let second = claim(&db, "b", 0).await.unwrap();
        assert_ne!(first.tenant_id, second.tenant_id, "{}", db.name());
        assert!(claim(&db, "c", 0).await.is_none());
        assert!(complete(&db, first.id, "a").await);
        assert!(complete(&db, second.id, "b").await);
        assert_eq!(claim(&db, "c", 0).await.unwrap().tenant_id, tenant);
    }
}

#[tokio::test]
async fn waiting_jobs_with_one_deduplication_key_become_one_and_take_the_more_urgent() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let first = NewJob {
            due_at: NOW.plus_seconds(100),
            ..new_job(None, Some("sync link"))
        };
        enqueue(&db, tenant, &first).await;
        let second = NewJob {
            priority: 1,
            presence: Presence::Present,
            request_id: Some("asked".to_owned()),
            ..new_job(None, Some("sync link"))
        };
        let merged = enqueue(&db, tenant, &second).await;
        assert_eq!(merged, Enqueued::Merged(first.id), "{}", db.name());
        let job = claim(&db, "a", 0).await.unwrap();
        assert_eq!((job.priority, job.presence), (1, Presence::Present));
        assert_eq!(job.request_id.as_deref(), Some("asked"));
        let third = new_job(None, Some("sync link"));
        assert_eq!(enqueue(&db, tenant, &third).await, Enqueued::New(third.id));
    }
}

#[tokio::test]
async fn a_job_goes_with_its_transaction() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let mut tx = db.begin(tenant).await.unwrap();
        job::enqueue(&mut tx, &new_job(None, None)).await.unwrap();
        tx.rollback().await.unwrap();
        assert!(claim(&db, "a", 0).await.is_none(), "{}", db.name());
        enqueue(&db, tenant, &new_job(None, None)).await;
        db.work_arrived().await;
        assert!(claim(&db, "a", 0).await.is_some());
    }
}

#[tokio::test]
async fn a_job_is_taken_over_when_its_lease_is_over_and_the_old_worker_is_refused() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        enqueue(&db, tenant, &new_job(Some("link"), None)).await;
        let id = claim(&db, "a", 0).await.unwrap().id;
        let until = NOW.plus_seconds(70);
        let extended = in_tx!(db, tenant, |tx| job::extend(tx, id, "a", until).await);
        assert_eq!(extended, Ok(true));
        assert!(claim(&db, "b", 69).await.is_none(), "{}", db.name());
        let job = claim(&db, "b", 70).await.unwrap();
        assert_eq!((job.id, job.attempt), (id, 2));
        assert!(!complete(&db, id, "a").await);
        let extended = in_tx!(db, tenant, |tx| job::extend(tx, id, "a", until).await);
        assert_eq!(extended, Ok(false));
        assert!(complete(&db, id, "b").await);
        assert!(!complete(&db, id, "b").await);
    }
}

async fn fail(db: &TestDb, id: JobId, next: Next) -> bool {
    in_tx!(db, OPERATOR, |tx| {
        job::fail(tx, id, "a", "PROVIDER_DOWN", &next).await
    })
    .unwrap()
}

async fn state(db: &TestDb, tenant: TenantId, id: JobId) -> (JobState, Option<String>) {
    let mut session = db.read(tenant).await.unwrap();
    let job = job::get(&mut session, id).await.unwrap().unwrap();
    (job.state, job.last_fault)
}

#[tokio::test]
async fn a_failed_job_comes_again_at_its_time_or_is_given_up() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let job = new_job(Some("link"), Some("sync link"));
        enqueue(&db, tenant, &job).await;
        claim(&db, "a", 0).await.unwrap();
        assert!(fail(&db, job.id, Next::RetryAt(NOW.plus_seconds(30))).await);
        assert!(claim(&db, "a", 29).await.is_none(), "{}", db.name());
        assert_eq!(claim(&db, "a", 30).await.unwrap().attempt, 2);
        assert!(fail(&db, job.id, Next::GiveUp(NOW)).await);
        assert!(!fail(&db, job.id, Next::GiveUp(NOW)).await);
        let fault = Some("PROVIDER_DOWN".to_owned());
        assert_eq!(state(&db, tenant, job.id).await, (JobState::Dead, fault));
        let mut session = db.read(tenant).await.unwrap();
        assert_eq!(job::count(&mut session, JobState::Dead).await, Ok(1));
    }
}

#[tokio::test]
async fn a_failed_job_leaves_the_work_to_a_twin_that_waits() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        let first = new_job(None, Some("sync link"));
        enqueue(&db, tenant, &first).await;
        claim(&db, "a", 0).await.unwrap();
        let twin = new_job(None, Some("sync link"));
        enqueue(&db, tenant, &twin).await;
        assert!(fail(&db, first.id, Next::RetryAt(NOW)).await);
        assert_eq!(
            state(&db, tenant, first.id).await.0,
            JobState::Done,
            "{}",
            db.name()
        );
        assert_eq!(claim(&db, "a", 0).await.unwrap().id, twin.id);
    }
}

#[tokio::test]
async fn waiting_jobs_of_a_key_are_cancelled_and_old_ones_pruned() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        enqueue(&db, tenant, &new_job(Some("link"), None)).await;
        enqueue(&db, tenant, &new_job(Some("other"), None)).await;
        let cancelled = in_tx!(db, tenant, |tx| job::cancel(tx, "link", NOW).await);
        assert_eq!(cancelled, Ok(1), "{}", db.name());
        let prune =
            async |before: Instant| in_tx!(db, OPERATOR, |tx| job::prune(tx, before, 10).await);
        assert_eq!(prune(NOW.plus_seconds(-1)).await, Ok(0));
        assert_eq!(prune(NOW).await, Ok(1));
        assert!(claim(&db, "a", 0).await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_claim_each_job_once_and_never_two_of_one_link() {
    for db in engines().await {
        let tenant = new_tenant(&db).await;
        for number in 0..24 {
            let link = format!("link {}", number % 4);
            enqueue(&db, tenant, &new_job(Some(&link), None)).await;
        }
        let db = Arc::new(db);
        let workers: Vec<_> = (0..6)
            .map(|worker| {
                let db = db.clone();
                tokio::spawn(async move {
                    let owner = format!("worker {worker}");
                    let mut done = Vec::new();
                    while done.len() < 24 {
                        match claim(&db, &owner, 0).await {
                            Some(job) => {
                                assert!(complete(&db, job.id, &owner).await);
                                done.push(job.id);
                            }
                            None if waiting(&db, tenant).await == 0 => break,
                            None => tokio::task::yield_now().await,
                        }
                    }
                    done
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.await.unwrap());
        }
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), distinct.len()), (24, 24), "{}", db.name());
    }
}

async fn waiting(db: &TestDb, tenant: TenantId) -> i64 {
    let mut session = db.read(tenant).await.unwrap();
    job::count(&mut session, JobState::Waiting).await.unwrap()
}
