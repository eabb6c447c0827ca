//! The plans of the statements that run on every request or every poll: each finds its rows by an
//! index, on both engines.

use sqlx::{AssertSqlSafe, Row as _};

use crate::Kind;
use crate::OPERATOR;
use crate::engine::dialect::Dialect;
use crate::engine::statement::Statement;
use crate::testing::{TestDb, engines};

/// Statement, its table, and what the engines call the index that serves it.
const HOT: &[(&str, &str, &str)] = &[
    (
        "api_key::FIND",
        "sqlite_autoindex_api_key_2",
        "api_key_secret_hash_key",
    ),
    (
        "attempt::FIND",
        "sqlite_autoindex_authorisation_attempt_2",
        "attempt_state_hash_key",
    ),
    (
        "consent::LIST_BY_LINK",
        "consent_by_link",
        "consent_by_link",
    ),
    (
        "data_key::LIVING",
        "data_key_by_subject",
        "data_key_by_subject",
    ),
    (
        "end_user::BY_REF",
        "sqlite_autoindex_end_user_2",
        "end_user_tenant_id_external_ref_key",
    ),
    (
        "frontend_token::FIND",
        "sqlite_autoindex_frontend_token_1",
        "frontend_token_pkey",
    ),
    (
        "grant::BY_CONSENT",
        "sqlite_autoindex_access_grant_2",
        "access_grant_tenant_id_consent_id",
    ),
    (
        "hash_key::CURRENT",
        "hash_key_by_purpose",
        "hash_key_by_purpose",
    ),
    (
        "idempotency::GET",
        "sqlite_autoindex_idempotency_1",
        "idempotency_pkey",
    ),
    ("job::CLAIM", "job_waiting", "job_waiting"),
    ("job::TAKE_OVER", "job_running", "job_running"),
    (
        "ledger::LAST",
        "sqlite_autoindex_ledger_event_1",
        "ledger_event_pkey",
    ),
    ("link::GET", "sqlite_autoindex_link_1", "link_pkey"),
    (
        "link_session::FIND",
        "sqlite_autoindex_link_session_2",
        "link_session_page_token_hash_key",
    ),
];

fn statement(name: &str) -> &'static Statement {
    crate::statements()
        .find(|statement| statement.name.ends_with(name))
        .expect("the list names statements that there are")
}

/// The plan as text. PostgreSQL is told that walking through a table is dear, as it is when the
/// table is not empty, and plans for any value, as the pool does.
async fn plan(db: &TestDb, statement: &Statement) -> String {
    let mut session = db.read(OPERATOR).await.unwrap();
    let handle = statement.name.replace("::", "_");
    let nulls = vec!["null"; statement.parameters].join(", ");
    on!(&mut session, |conn, D| {
        let text = <D as Dialect>::text(statement);
        let (prepare, explain) = match db.kind() {
            Kind::Sqlite => ("select 1".to_owned(), format!("explain query plan {text}")),
            Kind::Postgres => (
                format!("set enable_seqscan = off; prepare {handle} as {text}"),
                format!("explain (costs off) execute {handle}({nulls})"),
            ),
        };
        sqlx::raw_sql(AssertSqlSafe(prepare))
            .execute(&mut *conn)
            .await
            .unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(explain))
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        let column = if db.kind() == Kind::Sqlite {
            "detail"
        } else {
            "QUERY PLAN"
        };
        let lines: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
        lines.join("\n")
    })
}

#[tokio::test]
async fn hot_statements_find_their_rows_by_an_index() {
    for db in engines().await {
        for (name, lite, pg) in HOT {
            let plan = plan(&db, statement(name)).await;
            let index = if db.kind() == Kind::Sqlite { lite } else { pg };
            assert!(plan.contains(index), "{name} on {}:\n{plan}", db.name());
            let walks = |line: &str| line.contains("SCAN ") && !line.contains(" USING ");
            assert!(!plan.lines().any(walks), "{name} on {}:\n{plan}", db.name());
        }
    }
}
