//! The schemas that both engines made of the migrations, as lines of text that can be compared:
//! columns in their order, keys, indexes, references and checks.

use std::collections::{BTreeMap, BTreeSet};

use crate::testing::{TestDb, engines, postgres_or_none, sqlite};
use crate::{Kind, OPERATOR};

/// The page that names what may stand without a tenant.
const PAGE: &str = include_str!("../../../../../docs/specs/sql.md");

const LITE_COLUMNS: &str = "select m.name as tab, '' as name, c.name as col, c.cid + 1 as n, \
        lower(c.type) || ' ' || c.\"notnull\" || ' key ' || c.pk || ' default ' \
            || coalesce(c.dflt_value, 'none') as facts, '' as tail \
    from sqlite_schema m join pragma_table_info(m.name) c \
    where m.type = 'table' and m.name not like 'sqlite%'";
const PG_COLUMNS: &str = "select t.relname::text as tab, '' as name, a.attname::text as col, \
        row_number() over (partition by t.oid order by a.attnum) as n, \
        format_type(a.atttypid, null) || ' ' || a.attnotnull::int || ' key ' \
            || coalesce(array_position(i.indkey::int2[], a.attnum), -1) + 1 || ' default ' \
            || coalesce(pg_get_expr(d.adbin, d.adrelid), 'none') as facts, '' as tail \
    from pg_class t join pg_attribute a on a.attrelid = t.oid \
    left join pg_index i on i.indrelid = t.oid and i.indisprimary \
    left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum \
    where t.relkind = 'r' and t.relnamespace = current_schema()::regnamespace \
        and a.attnum > 0 and not a.attisdropped and t.relname <> 'schema_migration_lock'";

const LITE_INDEXES: &str = "select m.name as tab, i.name as name, x.seqno + 1 as n, \
        x.name || case x.\"desc\" when 1 then ' desc' else '' end as col, \
        i.origin || ' ' || i.\"unique\" as facts, \
        case i.partial when 1 then s.sql else '' end as tail \
    from sqlite_schema m join pragma_index_list(m.name) i join pragma_index_xinfo(i.name) x \
    left join sqlite_schema s on s.type = 'index' and s.name = i.name \
    where m.type = 'table' and m.name not like 'sqlite%' and x.key = 1 and i.origin <> 'pk'";
const PG_INDEXES: &str = "select t.relname::text as tab, i.relname::text as name, k.n as n, \
        a.attname || case when x.indoption[k.n - 1] & 1 = 1 then ' desc' else '' end as col, \
        coalesce(c.contype::text, 'c') || ' ' || x.indisunique::int as facts, \
        coalesce('where ' || pg_get_expr(x.indpred, x.indrelid), '') as tail \
    from pg_index x join pg_class i on i.oid = x.indexrelid \
    join pg_class t on t.oid = x.indrelid \
    cross join lateral unnest(x.indkey::int2[]) with ordinality k(attnum, n) \
    join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum \
    left join pg_constraint c on c.conindid = x.indexrelid and c.contype in ('p', 'u') \
    where t.relkind = 'r' and t.relnamespace = current_schema()::regnamespace \
        and not x.indisprimary";

const LITE_REFERENCES: &str = "select m.name as tab, f.id || '' as name, f.seq + 1 as n, \
        f.\"from\" || ' = ' || coalesce(f.\"to\", 'key') as col, \
        f.\"table\" || ' ' || lower(f.on_update) || ' ' || lower(f.on_delete) as facts, \
        '' as tail \
    from sqlite_schema m join pragma_foreign_key_list(m.name) f where m.type = 'table'";
const PG_REFERENCES: &str = "select t.relname::text as tab, c.conname::text as name, k.n as n, \
        a.attname || ' = ' || b.attname as col, o.relname || ' ' \
            || case c.confupdtype when 'a' then 'no action' else c.confupdtype::text end || ' ' \
            || case c.confdeltype when 'a' then 'no action' else c.confdeltype::text end \
            as facts, '' as tail \
    from pg_constraint c join pg_class t on t.oid = c.conrelid \
    join pg_class o on o.oid = c.confrelid \
    cross join lateral unnest(c.conkey, c.confkey) with ordinality k(here, there, n) \
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.here \
    join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.there \
    where c.contype = 'f' and t.relnamespace = current_schema()::regnamespace";

const LITE_TABLES: &str = "select name as tab, '' as name, 1 as n, '' as col, '' as facts, \
        sql as tail from sqlite_schema where type = 'table' and name not like 'sqlite%'";
const PG_CHECKS: &str = "select t.relname::text as tab, c.conname::text as name, 1::bigint as n, \
        '' as col, '' as facts, pg_get_constraintdef(c.oid) as tail \
    from pg_constraint c join pg_class t on t.oid = c.conrelid \
    where c.contype = 'c' and t.relnamespace = current_schema()::regnamespace";

/// One column of something that a catalogue lists.
struct Part {
    table: String,
    name: String,
    number: i64,
    column: String,
    facts: String,
    tail: String,
}

async fn parts(db: &TestDb, lite: &'static str, pg: &'static str) -> Vec<Part> {
    use sqlx::Row as _;
    let mut session = db.read(OPERATOR).await.unwrap();
    let text = match db.kind() {
        Kind::Sqlite => lite,
        Kind::Postgres => pg,
    };
    on!(&mut session, |conn, D| {
        let rows = sqlx::query::<D>(text).fetch_all(conn).await.unwrap();
        let part = |row: &<D as sqlx::Database>::Row| Part {
            table: row.get("tab"),
            name: row.get("name"),
            number: row.get("n"),
            column: row.get("col"),
            facts: row.get("facts"),
            tail: row.get("tail"),
        };
        rows.iter().map(part).collect()
    })
}

/// A condition without what only one of the engines writes: brackets, casts, the word for a list.
fn plain(condition: &str) -> String {
    let mut words = Vec::new();
    let mut rest = condition;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' => rest[1..].find('\'').expect("a text ends") + 2,
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        words.push(&rest[..end]);
        rest = &rest[end..];
    }
    let text = words.into_iter().filter(|word| {
        let noise = [
            "(", ")", "[", "]", ",", "\"", " ", "\n", ":", "text", "any", "array",
        ];
        !noise.contains(&word.to_lowercase().as_str())
    });
    let text = text.map(|word| match word.to_lowercase().as_str() {
        "in" => "=".to_owned(),
        lower if !word.starts_with('\'') => lower.to_owned(),
        _ => word.to_owned(),
    });
    text.collect::<Vec<_>>().join(" ")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The conditions after a word in a text of SQLite, without its comments.
fn conditions(sql: &str, word: &str) -> Vec<String> {
    let lines = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or(line));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for tail in text.split(word).skip(1) {
        let mut depth = 0_i32;
        let end = tail.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ')' && depth == 0
        });
        let end = end.map_or(tail.len(), |end| end + 1);
        found.push(plain(&tail[..end]));
    }
    found
}

/// The predicate of a partial index.
fn predicate(tail: &str) -> String {
    let at = tail.find("where ").map(|at| &tail[at + "where ".len()..]);
    at.map(plain).unwrap_or_default()
}

/// Groups parts by what they belong to and joins their columns in order.
fn lines(mut parts: Vec<Part>, describe: impl Fn(&Part, &str) -> String) -> Vec<String> {
    parts.sort_by_key(|part| part.number);
    let mut groups: BTreeMap<(String, String), Vec<Part>> = BTreeMap::new();
    for part in parts {
        let key = (part.table.clone(), part.name.clone());
        groups.entry(key).or_default().push(part);
    }
    let mut found: Vec<String> = groups
        .values()
        .map(|group| {
            let columns: Vec<&str> = group.iter().map(|part| part.column.as_str()).collect();
            describe(&group[0], &columns.join(", "))
        })
        .collect();
    found.sort();
    found
}

/// The class of a column's type at the head of its facts.
fn classed(facts: &str) -> String {
    let (kind, rest) = facts.split_once(' ').expect("a type stands first");
    let class = match kind {
        "uuid" | "bytea" | "blob" => "bytes",
        "bigint" | "smallint" | "boolean" | "integer" => "integer",
        "text" => "text",
        other => panic!("{other} is not in the portable subset"),
    };
    format!("{class} {rest}")
}

async fn columns(db: &TestDb) -> Vec<String> {
    let parts = parts(db, LITE_COLUMNS, PG_COLUMNS).await;
    let parts = parts.into_iter().map(|part| Part {
        column: format!("{} {}", part.column, classed(&part.facts)),
        ..part
    });
    lines(parts.collect(), |part, columns| {
        format!("{}: {columns}", part.table)
    })
}

async fn indexes(db: &TestDb) -> Vec<String> {
    let parts = parts(db, LITE_INDEXES, PG_INDEXES).await;
    lines(parts, |part, columns| {
        // The engines name what a constraint makes each in their own way.
        let name = if part.facts.starts_with('c') {
            part.name.as_str()
        } else {
            ""
        };
        let predicate = predicate(&part.tail);
        format!(
            "{} {name} {} ({columns}) {predicate}",
            part.table, part.facts
        )
    })
}

async fn references(db: &TestDb) -> Vec<String> {
    let parts = parts(db, LITE_REFERENCES, PG_REFERENCES).await;
    lines(parts, |part, columns| {
        format!("{} ({columns}) {}", part.table, part.facts)
    })
}

async fn checks(db: &TestDb) -> Vec<String> {
    let parts = parts(db, LITE_TABLES, PG_CHECKS).await;
    let word = if db.kind() == Kind::Sqlite {
        "check "
    } else {
        "CHECK "
    };
    let mut found: Vec<String> = parts
        .iter()
        .flat_map(|part| {
            let conditions = conditions(&part.tail, word);
            conditions
                .into_iter()
                .map(|condition| format!("{}: {condition}", part.table))
        })
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn both_engines_have_the_same_columns_indexes_references_and_checks() {
    let Some(pg) = postgres_or_none().await else {
        return;
    };
    let lite = sqlite().await;
    let (lite, pg) = (everything(&lite).await, everything(&pg).await);
    for ((lite, pg), least) in lite.iter().zip(&pg).zip([30, 40, 15, 10]) {
        assert!(lite.len() >= least, "{lite:#?}");
        for (lite, pg) in lite.iter().zip(pg) {
            assert_eq!(lite, pg);
        }
        assert_eq!(lite.len(), pg.len());
    }
}

/// Everything that the comparison looks at.
async fn everything(db: &TestDb) -> [Vec<String>; 4] {
    [
        columns(db).await,
        indexes(db).await,
        references(db).await,
        checks(db).await,
    ]
}

#[tokio::test]
async fn a_difference_of_any_kind_is_found() {
    let changes = [
        (0, "alter table tenant alter column seq drop default"),
        (0, "alter table job alter column ended_at set not null"),
        (1, "drop index job_ended"),
        (
            1,
            "drop index job_waiting; \
             create index job_waiting on job (due_at, priority, id) where state = 'WAITING'",
        ),
        (
            1,
            "drop index job_running; \
             create index job_running on job (lease_until) where state = 'DONE'",
        ),
        (
            1,
            "drop index job_deduplication; \
             create index job_deduplication on job (tenant_id, deduplication_key) \
             where state = 'WAITING' and deduplication_key is not null",
        ),
        (
            2,
            "alter table end_user drop constraint end_user_tenant_id_fkey",
        ),
        (3, "alter table tenant drop constraint tenant_mode_check"),
    ];
    let Some(db) = postgres_or_none().await else {
        return;
    };
    let crate::StoreConfig::Postgres(config) = db.config() else {
        panic!("this is PostgreSQL");
    };
    let mut owner = crate::engine::owner_connection(config).await.unwrap();
    let mut before = everything(&db).await;
    for (kind, text) in changes {
        sqlx::raw_sql(text).execute(&mut owner).await.unwrap();
        let after = everything(&db).await;
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_eq!(at == kind, before != after, "{text}: {at}");
        }
        before = after;
    }
}

#[test]
fn conditions_of_both_engines_become_one_text() {
    for (lite, pg) in [
        (
            "(mode in ('TEST', 'LIVE'))",
            "((mode = ANY (ARRAY['TEST'::text, 'LIVE'::text])))",
        ),
        ("(kind in ('BANK'))", "((kind = 'BANK'::text))"),
        (
            "state = 'RUNNING' and exclusion_key is not null",
            "((state = 'RUNNING'::text) AND (exclusion_key IS NOT NULL))",
        ),
        (
            "(minor >= 0 or minor <= 0)",
            "(((minor >= 0) OR (minor <= 0)))",
        ),
    ] {
        assert_eq!(plain(lite), plain(pg));
    }
    assert_ne!(plain("(mode in ('TEST'))"), plain("(mode in ('test'))"));
    assert_ne!(plain("(minor >= 0)"), plain("(minor <= 0)"));
}

/// The first cells of the table that follows a heading of the page, and the second ones.
fn listed(heading: &str) -> BTreeMap<String, String> {
    let (_, after) = PAGE.split_once(heading).expect("the page has the heading");
    let rows = after
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].replace('`', ""), cells[1].to_owned())
    })
    .collect()
}

/// Keys and indexes whose first column is no tenant, as the page writes them.
async fn without_tenant(db: &TestDb) -> BTreeSet<String> {
    let keys = parts(db, LITE_COLUMNS, PG_COLUMNS).await.into_iter();
    let keys = keys.filter_map(|part| {
        let (_, key) = part.facts.split_once(" key ")?;
        let number: i64 = key.split(' ').next()?.parse().ok()?;
        (number > 0).then(|| Part {
            number,
            facts: "primary key".to_owned(),
            ..part
        })
    });
    let mut all: Vec<Part> = keys.collect();
    all.extend(parts(db, LITE_INDEXES, PG_INDEXES).await);
    let lines = lines(all, |part, columns| match part.facts.as_str() {
        "primary key" => format!("{} key ({columns})", part.table),
        made if made.starts_with('u') => format!("{} unique ({columns})", part.table),
        _ => format!("{} ({columns})", part.name),
    });
    let tenant = |line: &String| line.contains("(tenant_id,") || line.contains("(tenant_id)");
    lines.into_iter().filter(|line| !tenant(line)).collect()
}

#[tokio::test]
async fn every_key_and_index_begins_with_the_tenant_or_is_named_with_its_reason() {
    let named = listed("### Keys and indexes without a tenant");
    assert!(named.values().all(|reason| !reason.is_empty()));
    for db in engines().await {
        let found = without_tenant(&db).await;
        let named: BTreeSet<String> = named.keys().cloned().collect();
        assert_eq!(found, named, "{}", db.name());
    }
}

#[test]
fn the_page_names_the_tables_outside_row_level_security() {
    let named = listed("### Tables outside row-level security");
    let outside = super::OUTSIDE.iter();
    let outside = outside.map(|(table, reason)| ((*table).to_owned(), (*reason).to_owned()));
    assert_eq!(named, outside.collect());
}
