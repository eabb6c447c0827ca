use super::{StreamKey, StreamPosition, StreamRow, advance, by_link, due, get, reset, set_due};
use crate::in_tx;
use crate::repo::testing_ids::{KEY, LINK, NOW, STRANGER, TENANT, day};
use crate::testing::engines;
use crate::{Db, StoreError};
use fondaco_model::Instant;

fn key(parent: &str) -> StreamKey {
    StreamKey {
        link_id: LINK,
        resource: "transactions".to_owned(),
        parent: parent.to_owned(),
    }
}

async fn read(db: &Db, parent: &str) -> StreamRow {
    get(&mut db.read(TENANT).await.unwrap(), &key(parent))
        .await
        .unwrap()
        .unwrap()
}

async fn plan(db: &Db, parent: &str, at: Option<Instant>) {
    in_tx!(db, TENANT, |tx| set_due(tx, &key(parent), at).await).unwrap();
}

#[tokio::test]
async fn a_position_moves_keeps_days_that_are_not_stated_and_leaves_the_plan_alone() {
    for db in engines().await {
        plan(&db, "a", Some(NOW)).await;
        let mut position = StreamPosition {
            cursor: Some(("v1.k.n.one", KEY)),
            complete_through: Some(day("2026-01-05")),
            history_from: Some(day("2024-01-01")),
            at: NOW,
        };
        for round in 0..2 {
            in_tx!(db, TENANT, |tx| advance(tx, &key("a"), &position).await).unwrap();
            let expected = StreamRow {
                key: key("a"),
                cursor_sealed: position.cursor.map(|(sealed, _)| sealed.to_owned()),
                data_key_id: position.cursor.map(|(_, data_key)| data_key),
                complete_through: Some(day("2026-01-05")),
                history_from: Some(day("2024-01-01")),
                last_success_at: Some(position.at),
                next_due_at: Some(NOW),
            };
            assert_eq!(read(&db, "a").await, expected, "{} {round}", db.name());
            position = StreamPosition {
                cursor: None,
                complete_through: None,
                history_from: None,
                at: NOW.plus_seconds(9),
            };
        }
    }
}

#[tokio::test]
async fn streams_are_due_from_their_instant_on_the_longest_due_first() {
    for db in engines().await {
        plan(&db, "a", Some(NOW.plus_seconds(2))).await;
        plan(&db, "b", Some(NOW.plus_seconds(1))).await;
        plan(&db, "c", Some(NOW)).await;
        plan(&db, "c", None).await;
        for (seconds, limit, expected) in [
            (0, 9, vec![]),
            (1, 9, vec!["b"]),
            (2, 9, vec!["b", "a"]),
            (9, 1, vec!["b"]),
        ] {
            let mut session = db.read(TENANT).await.unwrap();
            let found = due(&mut session, NOW.plus_seconds(seconds), limit)
                .await
                .unwrap();
            let found: Vec<&str> = found.iter().map(|row| row.key.parent.as_str()).collect();
            assert_eq!(found, expected, "{} {seconds}", db.name());
        }
        let mut session = db.read(TENANT).await.unwrap();
        assert_eq!(by_link(&mut session, LINK).await.unwrap().len(), 3);
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert!(
            due(&mut stranger, NOW.plus_seconds(9), 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(get(&mut stranger, &key("a")).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_reads_everything_again() {
    for db in engines().await {
        let position = StreamPosition {
            cursor: Some(("v1.k.n.one", KEY)),
            complete_through: Some(day("2026-01-05")),
            history_from: Some(day("2024-01-01")),
            at: NOW,
        };
        in_tx!(db, TENANT, |tx| advance(tx, &key("a"), &position).await).unwrap();
        in_tx!(db, TENANT, |tx| reset(tx, &key("a")).await).unwrap();
        let row = read(&db, "a").await;
        assert_eq!(
            (row.cursor_sealed, row.data_key_id, row.complete_through),
            (None, None, None)
        );
        assert_eq!(row.history_from, Some(day("2024-01-01")), "{}", db.name());
        let none = in_tx!(db, TENANT, |tx| reset(tx, &key("b")).await);
        assert_eq!(none, Err(StoreError::NotFound));
    }
}
