//! One row in every table, made from the migrations' own words, and values to run statements with.
//!
//! Every id of a sample is the same, so that a statement whose ids are samples finds a row.

use fondaco_model::ids::TenantId;
use sqlx::{AssertSqlSafe, QueryBuilder};
use uuid::Uuid;

use crate::migrate::MIGRATIONS;
use crate::testing::TestDb;

/// The id of everything; a tenant's too.
pub(super) const ID: Uuid = Uuid::from_u128(0x5a);

/// The tenant whose rows the samples are.
pub(super) const TENANT: TenantId = TenantId(ID);

/// A value of a class of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    Id,
    Bytes,
    Big,
    Small,
    Bool,
    Text(&'static str),
}

impl Sample {
    /// The value for a type by PostgreSQL's name of it.
    pub(super) fn of_type(name: &str) -> Self {
        match name {
            "UUID" => Self::Id,
            "BYTEA" => Self::Bytes,
            "INT8" => Self::Big,
            "INT2" => Self::Small,
            "BOOL" => Self::Bool,
            "TEXT" => Self::Text("x"),
            other => panic!("{other} is not in the portable subset"),
        }
    }
}

/// Binds a sample: `bind_sample!(query, sample)` answers the query.
macro_rules! bind_sample {
    ($query:expr, $sample:expr) => {
        match $sample {
            Sample::Id => $query.bind(ID),
            Sample::Bytes => $query.bind(vec![7_u8; 32]),
            Sample::Big => $query.bind(1_i64),
            Sample::Small => $query.bind(1_i16),
            Sample::Bool => $query.bind(true),
            Sample::Text(text) => $query.bind(text),
        }
    };
}
pub(super) use bind_sample;

/// A column of a table, as its migration declares it.
struct Column {
    name: &'static str,
    /// None for the instant of an end that has not come: the sample is alive.
    sample: Option<Sample>,
}

/// The tables in the order of their making: a table refers to earlier ones only.
fn tables() -> Vec<(&'static str, Vec<Column>)> {
    let mut found: Vec<(&str, Vec<Column>)> = Vec::new();
    for line in MIGRATIONS
        .iter()
        .flat_map(|migration| migration.text.lines())
    {
        if let Some(rest) = line.strip_prefix("create table ") {
            found.push((rest.trim_end_matches(" ("), Vec::new()));
        } else if let Some((_, columns)) = found.last_mut() {
            columns.extend(column(line));
        } else {
            assert!(!line.contains('{'), "a column stands in a table: {line}");
        }
    }
    found
}

/// Reads `    name {type} …`; what lies deeper belongs to the line before.
fn column(line: &'static str) -> Option<Column> {
    let line = line
        .strip_prefix("    ")
        .filter(|rest| !rest.starts_with(' '))?;
    let (name, rest) = line.split_once(' ')?;
    let token = rest.split([' ', ',']).next()?;
    let sample = match token {
        "{id}" => Sample::Id,
        "{bytes}" => Sample::Bytes,
        "{bigint}" => Sample::Big,
        "{smallint}" => Sample::Small,
        "{bool}" => Sample::Bool,
        "text" => Sample::Text("x"),
        _ => return None,
    };
    let to_come = name.ends_with("_at") && !rest.contains("not null");
    Some(Column {
        name,
        sample: (!to_come).then_some(sample),
    })
}

/// The first word that a check allows a column of a table.
fn allowed(table: &str, column: &str) -> Option<&'static str> {
    let head = format!("create table {table} (");
    let mut texts = MIGRATIONS.iter().map(|migration| migration.text);
    let body = texts.find_map(|text| text.split_once(head.as_str()))?.1;
    let body = body.split_once("\n)").map_or(body, |(body, _)| body);
    let check = body.split_once(&format!("check ({column} in ('"))?.1;
    check.split_once('\'').map(|(word, _)| word)
}

/// Writes one row into every table.
pub(super) async fn seed(db: &TestDb) -> usize {
    let tables = tables();
    let mut tx = db.begin(TENANT).await.unwrap();
    for (table, columns) in &tables {
        on!(&mut tx, |conn, D| {
            let mut query = QueryBuilder::<D>::new(format!("insert into {table} ("));
            let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
            query.push(names.join(", ")).push(") values (");
            for (at, column) in columns.iter().enumerate() {
                query.push(if at == 0 { "" } else { ", " });
                match column.sample {
                    None => query.push_bind(None::<i64>),
                    Some(Sample::Id) => query.push_bind(ID),
                    Some(Sample::Bytes) => query.push_bind(vec![7_u8; 32]),
                    Some(Sample::Big) => query.push_bind(1_i64),
                    Some(Sample::Small) => query.push_bind(1_i16),
                    Some(Sample::Bool) => query.push_bind(true),
                    Some(Sample::Text(text)) => {
                        query.push_bind(allowed(table, column.name).unwrap_or(text))
                    }
                };
            }
            query.push(")");
            let sql = query.build();
            if let Err(error) = sql.execute(&mut *conn).await {
                panic!("{table} on {}: {error}", db.name());
            }
        });
    }
    tx.commit().await.unwrap();
    tables.len()
}

/// The classes of a statement's parameters, as PostgreSQL understands its text.
pub(super) async fn parameters(db: &TestDb, text: &'static str) -> Vec<Sample> {
    use sqlx::{Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _};
    let mut session = db.read(TENANT).await.unwrap();
    let crate::engine::Connection::Pg(conn) = session.connection() else {
        panic!("only PostgreSQL tells types");
    };
    let prepared = conn
        .prepare(AssertSqlSafe(text).into_sql_str())
        .await
        .unwrap();
    match prepared.parameters() {
        Some(sqlx::Either::Left(types)) => types
            .iter()
            .map(|one| Sample::of_type(one.name()))
            .collect(),
        _ => panic!("PostgreSQL names types"),
    }
}
