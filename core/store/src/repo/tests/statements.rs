//! Every statement is understood by both engines and runs on them.

use sqlx::{Executor as _, SqlSafeStr as _};

use super::sample::{ID, Sample, TENANT, bind_sample, parameters, seed};
use crate::engine::dialect::Dialect;
use crate::testing::{TestDb, engines};
use crate::{Kind, OPERATOR, Statement};

fn all() -> Vec<&'static Statement> {
    crate::statements().collect()
}

fn all_with_seeds() -> impl Iterator<Item = &'static Statement> {
    crate::statements().chain(crate::repo::testing_seed::STATEMENTS)
}

#[tokio::test]
async fn every_statement_is_prepared_and_run_on_both_engines() {
    assert!(all().len() > 100);
    let engines = engines().await;
    for db in &engines {
        prepare_all(db).await;
        assert!(seed(db).await > 30);
    }
    // SQLite takes a value of any type, so PostgreSQL says which ones belong.
    let Some(pg) = engines.iter().find(|db| db.kind() == Kind::Postgres) else {
        eprintln!("without PostgreSQL nobody tells the types: statements were only prepared");
        return;
    };
    let (mut total, mut moved) = (0, 0);
    for statement in all_with_seeds() {
        let samples = parameters(pg, statement.pg).await;
        assert_eq!(samples.len(), statement.parameters, "{}", statement.name);
        let mut met = Vec::new();
        for db in &engines {
            met.push(run(db, statement, &samples).await);
        }
        assert!(
            met.iter().all(|one| *one == met[0]),
            "{}: {met:?}",
            statement.name
        );
        total += 1;
        moved += usize::from(met[0]);
    }
    // A statement that finds no row has shown less: most of them must find the sample's.
    assert!(moved * 10 >= total * 7, "{moved} of {total} met a row");
}

async fn prepare_all(db: &TestDb) {
    let mut session = db.read(OPERATOR).await.unwrap();
    for statement in all_with_seeds() {
        let prepared = on!(&mut session, |conn, D| {
            let text = <D as Dialect>::text(statement).into_sql_str();
            conn.prepare(text).await.map(|_| ())
        });
        if let Err(error) = prepared {
            panic!("{} on {}: {error}", statement.name, db.name());
        }
    }
}

/// Runs a statement in a transaction that is undone; true when it met a row: it answered or changed
/// one, or a constraint stopped it.
async fn run(db: &TestDb, statement: &Statement, samples: &[Sample]) -> bool {
    let mut tx = db.begin(TENANT).await.unwrap();
    let done = on!(&mut *tx, |conn, D| {
        let mut query = sqlx::query::<D>(<D as Dialect>::text(statement));
        for sample in samples {
            query = bind_sample!(query, *sample);
        }
        if answers(statement) {
            query.fetch_all(conn).await.map(|rows| !rows.is_empty())
        } else {
            let done = query.execute(conn).await;
            done.map(|done| done.rows_affected() > 0)
        }
    });
    match done {
        Ok(met) => met,
        Err(error) if is_constraint(&error) => true,
        Err(error) => panic!("{} on {}: {error}", statement.name, db.name()),
    }
}

/// True for a statement whose rows come back.
fn answers(statement: &Statement) -> bool {
    statement.pg.trim_start().starts_with("select") || statement.pg.contains("returning")
}

/// True when a row was refused for what it says, and not for the types of its values.
fn is_constraint(error: &sqlx::Error) -> bool {
    use sqlx::error::ErrorKind;
    let kind = error
        .as_database_error()
        .map(sqlx::error::DatabaseError::kind);
    matches!(
        kind,
        Some(
            ErrorKind::UniqueViolation
                | ErrorKind::ForeignKeyViolation
                | ErrorKind::NotNullViolation
                | ErrorKind::CheckViolation
        )
    )
}

#[tokio::test]
async fn a_value_of_a_wrong_type_is_not_taken_for_a_constraint() {
    let text = "insert into tenant_return_url (tenant_id, url) values ($1, $2)";
    for db in engines().await {
        seed(&db).await;
        let mut tx = db.begin(TENANT).await.unwrap();
        let done = on!(&mut *tx, |conn, D| sqlx::query::<D>(text)
            .bind(1_i64)
            .bind("x")
            .execute(conn)
            .await
            .map(|_| ()));
        assert!(!is_constraint(&done.unwrap_err()), "{}", db.name());
    }
}

#[test]
fn statements_name_their_columns_and_take_their_values_as_parameters() {
    for statement in all() {
        for text in [statement.lite, statement.pg] {
            assert!(
                !text.contains('*') || text.contains("count(*)"),
                "{}",
                statement.name
            );
            assert!(!text.contains('?'), "{}", statement.name);
        }
    }
}

#[test]
fn no_two_statements_share_a_name() {
    let mut names: Vec<&str> = all().iter().map(|statement| statement.name).collect();
    names.sort_unstable();
    let total = names.len();
    names.dedup();
    assert_eq!(names.len(), total);
}

/// Tables whose rows are found without a tenant, or which belong to the installation.
const WITHOUT_TENANT: &[&str] = &[
    "api_key::FIND",
    "attempt::FIND",
    "engine::PING",
    "frontend_token::EXPIRE",
    "frontend_token::FIND",
    "institution::",
    "job::CLAIM",
    "job::COMPLETE",
    "job::EXTEND",
    "job::GIVE_UP",
    "job::NEXT_DUE",
    "job::PRUNE",
    "job::TAKE_OVER",
    "link_session::EXPIRED",
    "link_session::FIND",
    "migrate::",
    "registration::",
    "tenant::",
    "tx::",
];

#[test]
fn every_other_statement_names_the_tenant() {
    for statement in all() {
        let excused = WITHOUT_TENANT
            .iter()
            .any(|name| statement.name.contains(name));
        assert!(
            excused || statement.lite.contains("tenant_id"),
            "{}",
            statement.name
        );
    }
}
