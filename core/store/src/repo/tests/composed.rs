//! Every text that is composed runs on both engines, in each of its variants.

use fondaco_model::ids::{
    AccountId, AccountSourceId, ConsentId, EndUserId, LinkId, LinkSessionId, QuarantineId,
    RawAnswerId, SyncRunId, TransactionId, UploadId,
};
use fondaco_model::v1::TransactionStatus;
use fondaco_model::{Currency, Instant};
use uuid::Uuid;

use super::sample::{ID, TENANT, seed};
use crate::repo::quarantine::{ProblemQuery, QuarantineQuery};
use crate::repo::transaction::{
    self as transactions, AmountBound, CandidateQuery, Filter, Keyset, Narrow, Order, PageQuery,
    Position,
};
use crate::repo::{
    Scope, account, account_source, balance, change, consent, coverage, end_user, institution,
    link, link_session, quarantine, raw, run, testing_ids, upload,
};
use crate::testing::{TestDb, engines};
use crate::{Result, Session, StoreError, Tx};

const SCOPES: [Scope; 2] = [Scope::Tenant, Scope::EndUser(EndUserId(ID))];
const ACCOUNT: AccountId = AccountId(ID);
const SOURCE: AccountSourceId = AccountSourceId(ID);
const TRANSACTION: TransactionId = TransactionId(ID);
const NOW: Instant = Instant::from_micros(1);

/// The text ran: a row may say what no row of the product says, or contradict a constraint.
fn ran<T>(what: &str, done: Result<T>) {
    match done {
        Ok(_) | Err(StoreError::Inconsistent { .. } | StoreError::Conflict { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
}

#[tokio::test]
async fn every_composed_text_runs_on_both_engines_in_each_of_its_variants() {
    for db in engines().await {
        seed(&db).await;
        let mut session = db.read(TENANT).await.unwrap();
        for scope in SCOPES {
            pages(&mut session, scope).await;
            parts(&mut session, scope).await;
            accounts(&mut session, scope).await;
            links(&mut session, scope).await;
            records(&mut session, scope).await;
        }
        others(&mut session).await;
        drop(session);
        writes(&db).await;
    }
}

/// Each condition alone, and all of them at once.
fn filters() -> Vec<Filter> {
    let day = testing_ids::day("2026-01-01");
    let bound = AmountBound::parse("-1.5");
    let none = Filter::default();
    let mut filters = vec![
        none.clone(),
        Filter {
            accounts: Some(vec![ACCOUNT]),
            ..none.clone()
        },
        Filter {
            accounts: Some(vec![ACCOUNT, AccountId(Uuid::nil())]),
            ..none.clone()
        },
        Filter {
            from: Some(day),
            ..none.clone()
        },
        Filter {
            to: Some(day),
            ..none.clone()
        },
        Filter {
            amount_min: bound,
            ..none.clone()
        },
        Filter {
            amount_max: bound,
            ..none.clone()
        },
        Filter {
            currency: Some(Currency::from_code("EUR").unwrap()),
            ..none.clone()
        },
        Filter {
            statuses: vec![TransactionStatus::Pending],
            ..none.clone()
        },
        Filter {
            statuses: TransactionStatus::ALL.to_vec(),
            ..none.clone()
        },
        Filter {
            words: vec!["x".to_owned(), "100%_\\".to_owned()],
            ..none
        },
    ];
    let all = filters.iter().cloned().reduce(|all, one| Filter {
        accounts: all.accounts.or(one.accounts),
        from: all.from.or(one.from),
        to: all.to.or(one.to),
        amount_min: all.amount_min.or(one.amount_min),
        amount_max: all.amount_max.or(one.amount_max),
        currency: all.currency.or(one.currency),
        statuses: [all.statuses, one.statuses].concat(),
        words: [all.words, one.words].concat(),
    });
    filters.extend(all);
    filters
}

async fn pages(session: &mut Session, scope: Scope) {
    for filter in filters() {
        for order in [Order::Posted, Order::Created, Order::Changed] {
            let key = match order {
                Order::Posted => Keyset::Date(testing_ids::day("2026-01-01")),
                Order::Created | Order::Changed => Keyset::Seq(1),
            };
            let place = Some(Position {
                key,
                id: TRANSACTION,
            });
            for (after, before) in [(None, None), (place, None), (None, place), (place, place)] {
                for (descending, backward) in
                    [(true, true), (true, false), (false, true), (false, false)]
                {
                    let filter = filter.clone();
                    let limit = 2;
                    let asked = PageQuery {
                        filter,
                        order,
                        descending,
                        after,
                        before,
                        limit,
                        backward,
                    };
                    ran("page", transactions::page(session, scope, &asked).await);
                }
            }
        }
        for accounts in [&[][..], &[ACCOUNT], &[ACCOUNT, AccountId(Uuid::nil())]] {
            let asked = PageQuery {
                filter: filter.clone(),
                ..PageQuery::newest(2)
            };
            let pages = transactions::pages_by_account(session, scope, accounts, &asked).await;
            ran("pages_by_account", pages);
        }
    }
}

/// No id, one, and as many as a call takes.
fn lists() -> [Vec<Uuid>; 3] {
    let many = (0..250).map(Uuid::from_u128).collect();
    [Vec::new(), vec![ID], many]
}

async fn parts(session: &mut Session, scope: Scope) {
    for ids in lists() {
        let rows: Vec<TransactionId> = ids.iter().copied().map(TransactionId).collect();
        ran("by_ids", transactions::by_ids(session, scope, &rows).await);
        ran("details", transactions::details(session, &rows).await);
        ran("references", transactions::references(session, &rows).await);
        ran("revisions", change::revisions(session, scope, &rows).await);
        ran("evidence", change::evidence(session, scope, &rows).await);
        ran("remarks", quarantine::remarks(session, scope, &ids).await);
        let answers: Vec<RawAnswerId> = ids.iter().copied().map(RawAnswerId).collect();
        ran("raw", raw::by_ids(session, scope, &answers).await);
    }
    ran("events", change::events_after(session, scope, 0, 2).await);
    ran("raw", raw::get(session, scope, RawAnswerId(ID)).await);
}

async fn accounts(session: &mut Session, scope: Scope) {
    for ids in lists() {
        let accounts: Vec<AccountId> = ids.iter().copied().map(AccountId).collect();
        ran("by_ids", account::by_ids(session, scope, &accounts).await);
        ran("latest", balance::latest(session, scope, &accounts).await);
        ran(
            "coverage",
            coverage::by_accounts(session, scope, &accounts).await,
        );
        ran(
            "sources",
            account_source::by_accounts(session, scope, &accounts).await,
        );
        let links: Vec<LinkId> = ids.iter().copied().map(LinkId).collect();
        ran("by_links", account::by_links(session, scope, &links).await);
        ran(
            "sources",
            account_source::by_links(session, scope, &links).await,
        );
        let sources: Vec<AccountSourceId> = ids.iter().copied().map(AccountSourceId).collect();
        ran(
            "sources",
            account_source::by_ids(session, scope, &sources).await,
        );
    }
    for link in [None, Some(LinkId(ID))] {
        for (after, before) in [(None, None), (Some(ACCOUNT), None), (None, Some(ACCOUNT))] {
            for backward in [false, true] {
                let asked = account::AccountQuery {
                    link,
                    after,
                    before,
                    limit: 2,
                    backward,
                };
                ran("list", account::list(session, scope, &asked).await);
            }
        }
    }
    ran(
        "by_link",
        account::by_link(session, scope, LinkId(ID)).await,
    );
}

async fn links(session: &mut Session, scope: Scope) {
    for ids in lists() {
        let links: Vec<LinkId> = ids.iter().copied().map(LinkId).collect();
        ran("links", link::by_ids(session, scope, &links).await);
        ran("consents", consent::by_links(session, scope, &links).await);
        let consents: Vec<ConsentId> = ids.iter().copied().map(ConsentId).collect();
        ran("consents", consent::by_ids(session, scope, &consents).await);
        let sessions: Vec<LinkSessionId> = ids.iter().copied().map(LinkSessionId).collect();
        ran(
            "sessions",
            link_session::by_ids(session, scope, &sessions).await,
        );
        let people: Vec<EndUserId> = ids.iter().copied().map(EndUserId).collect();
        ran("people", end_user::by_ids(session, scope, &people).await);
    }
    for after in [None, Some(LinkId(ID))] {
        for before in [None, Some(LinkId(ID))] {
            for backward in [false, true] {
                let asked = link::LinkQuery {
                    after,
                    before,
                    limit: 2,
                    backward,
                };
                ran("links", link::list(session, scope, &asked).await);
            }
        }
        let after = after.map(|after| ConsentId(after.0));
        ran("consents", consent::list(session, scope, after, 2).await);
    }
}

async fn records(session: &mut Session, scope: Scope) {
    let run = SyncRunId(ID);
    ran("run", run::get(session, scope, run).await);
    ran("runs", run::by_link(session, scope, LinkId(ID), 2).await);
    ran("runs", run::by_source(session, scope, SOURCE, 2).await);
    for after in [None, Some(QuarantineId(ID))] {
        for (run, open_only) in [(None, false), (Some(run), false), (None, true)] {
            let asked = QuarantineQuery {
                run,
                open_only,
                after,
                limit: 2,
            };
            ran("quarantine", quarantine::list(session, scope, &asked).await);
        }
    }
    let asked = ProblemQuery {
        raw_answer_id: RawAnswerId(ID),
        from: 0,
        through: 9,
        limit: 2,
    };
    ran(
        "problems",
        quarantine::problems(session, scope, &asked).await,
    );
    ran(
        "problems",
        quarantine::count_problems(session, scope, &asked).await,
    );
    ran("open", quarantine::count_open(session, scope).await);
    ran("upload", upload::get(session, scope, UploadId(ID)).await);
    ran("report", upload::report(session, scope, UploadId(ID)).await);
}

async fn others(session: &mut Session) {
    let day = testing_ids::day("2026-01-01");
    for after in [None, Some((day, TRANSACTION))] {
        ran(
            "pending",
            transactions::pending(session, SOURCE, after).await,
        );
    }
    for ids in [&[][..], &["x"], &["x", "y"]] {
        ran("institutions", institution::by_ids(session, ids).await);
        for minors in [&[][..], &[1], &[1, 2]] {
            for narrowed in [false, true] {
                let narrow = Narrow {
                    days: &[day],
                    end_to_end_ids: ids,
                    uetrs: ids,
                    fingerprints: ids,
                    undated_from: Some(day).filter(|_| ids.len() != 1),
                    claimed: &|_| false,
                };
                let asked = CandidateQuery {
                    account_id: ACCOUNT,
                    account_source_id: SOURCE,
                    from: day,
                    to: day,
                    minors,
                    references: ids,
                    narrow: narrowed.then_some(narrow),
                };
                let found = transactions::candidates(session, &asked).await;
                ran("candidates", found);
            }
        }
    }
    for hashes in [&[][..], &[[7; 32]], &[[7; 32], [8; 32]]] {
        let person = EndUserId(ID);
        ran(
            "hits",
            account::find_by_identifiers(session, person, hashes).await,
        );
    }
}

/// A row of a transaction that belongs to the sample's account.
fn row(number: u128) -> transactions::TransactionRow {
    let mut row = transactions::test_row(number, 1, "-5", "2026-01-01");
    row.account_id = ACCOUNT;
    row.end_user_id = EndUserId(ID);
    row
}

fn detail(of: &transactions::TransactionRow) -> transactions::DetailRow {
    transactions::DetailRow {
        id: fondaco_model::ids::TransactionDetailId(of.id.0),
        transaction_id: of.id,
        ordinal: 0,
        amount: Some(of.amount),
        end_to_end_id: None,
        mandate_id: None,
        reference: None,
        counterparty: of.bank.counterparty.clone(),
        remittance: of.bank.remittance.clone(),
    }
}

/// One row, and more than one statement takes.
async fn writes(db: &TestDb) {
    for count in [1, 600] {
        let rows: Vec<_> = (1..=count).map(row).collect();
        let details: Vec<_> = rows.iter().map(detail).collect();
        let refs: Vec<_> = rows
            .iter()
            .map(|row| transactions::RefRow {
                transaction_id: row.id,
                account_source_id: SOURCE,
                kind: fondaco_model::v1::ReferenceKind::EntryReference,
                value: row.id.to_string(),
                stability: fondaco_model::v1::Stability::Volatile,
                first_seen_at: NOW,
            })
            .collect();
        let mut tx: Tx = db.begin(TENANT).await.unwrap();
        for details in [&[][..], &details] {
            transactions::upsert(&mut tx, &rows, details).await.unwrap();
            transactions::add_references(&mut tx, EndUserId(ID), &refs)
                .await
                .unwrap();
        }
    }
    let mut tx = db.begin(TENANT).await.unwrap();
    let begun = raw::NewRawAnswer {
        id: RawAnswerId(Uuid::from_u128(9)),
        end_user_id: EndUserId(ID),
        link_id: None,
        family: "x".to_owned(),
        resource: "x".to_owned(),
        request_fingerprint: None,
        data_key_id: fondaco_model::ids::DataKeyId(ID),
        http_status: None,
        file_name_sealed: None,
        fetched_at: NOW,
        retention_until: None,
    };
    raw::begin(&mut tx, &begun).await.unwrap();
    let gone = raw::delete_incomplete(&mut tx, Instant::from_micros(i64::MAX))
        .await
        .unwrap();
    assert_eq!(gone, 1, "{}", db.name());
    let gone = [(row(1).id, 2), (row(2).id, 3)];
    transactions::remove(&mut tx, &gone).await.unwrap();
    ran(
        "consume",
        upload::consume(&mut tx, Scope::Tenant, UploadId(ID), NOW).await,
    );
}
