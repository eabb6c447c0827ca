//! Every statement is understood by both engines.

use sqlx::{Executor as _, SqlSafeStr as _};

use crate::engine::dialect::Dialect;
use crate::testing::engines;
use crate::{OPERATOR, Statement};

fn all() -> Vec<&'static Statement> {
    crate::statements().collect()
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_both_engines() {
    assert!(all().len() > 100);
    for db in engines().await {
        let mut session = db.read(OPERATOR).await.unwrap();
        for statement in all()
            .into_iter()
            .chain(crate::repo::testing_seed::STATEMENTS)
        {
            let prepared = on!(&mut session, |conn, D| {
                let text = <D as Dialect>::text(statement).into_sql_str();
                conn.prepare(text).await.map(|_| ())
            });
            if let Err(error) = prepared {
                panic!("{} on {}: {error}", statement.name, db.name());
            }
        }
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
