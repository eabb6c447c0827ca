use fondaco_model::ids::{MatchEvidenceId, RevisionId};
use fondaco_model::v1::RevisionCause;
use fondaco_model::version;
use uuid::Uuid;

use super::{
    ChangeEventRow, ChangeOp, Entity, MatchDecision, MatchEvidenceRow, RevisionRow, events_after,
    evidence, insert_events, insert_evidence, insert_revisions, last_seq, revisions,
};
use crate::in_tx;
use crate::repo::testing_ids::{ANN, BOB, KEY, NOW, RAW, RUN, STRANGER, TENANT, transaction};
use crate::repo::{ROWS_MAX, Scope};
use crate::testing::engines;

fn event(seq: i64) -> ChangeEventRow {
    ChangeEventRow {
        seq,
        end_user_id: Some(ANN),
        entity: Entity::Transaction,
        entity_id: transaction(1).0,
        op: ChangeOp::Created,
        cause: RevisionCause::Insert.to_string(),
        at: NOW,
    }
}

fn revision(number: u128, seq: i64) -> RevisionRow {
    RevisionRow {
        id: RevisionId(Uuid::from_u128(u128::try_from(seq).unwrap())),
        transaction_id: transaction(number),
        seq,
        end_user_id: ANN,
        cause: RevisionCause::ProviderUpdate,
        changed_fields: vec!["amount".to_owned(), "bookingDate".to_owned()],
        before_sealed: Some("v1.k.n.c".to_owned()),
        data_key_id: KEY,
        raw_answer_id: Some(RAW),
        schema_version: version::CURRENT,
        recorded_at: NOW,
    }
}

fn proof(number: u128, seq: i64) -> MatchEvidenceRow {
    MatchEvidenceRow {
        id: MatchEvidenceId(Uuid::from_u128(u128::try_from(seq).unwrap())),
        end_user_id: ANN,
        transaction_id: transaction(number),
        run_id: RUN,
        rule: "day.multiset".to_owned(),
        score: 90,
        fields: vec![],
        decision: MatchDecision::Auto,
        seq,
        decided_at: NOW,
    }
}

#[tokio::test]
async fn a_reader_that_goes_on_behind_the_last_number_sees_each_event_once() {
    for db in engines().await {
        let mut rows: Vec<ChangeEventRow> = (1..=1_001).map(event).collect();
        rows[4].end_user_id = None;
        rows[5].end_user_id = Some(BOB);
        in_tx!(db, TENANT, |tx| insert_events(tx, &rows).await).unwrap();
        let mut session = db.read(TENANT).await.unwrap();
        assert_eq!(
            last_seq(&mut session).await.unwrap(),
            1_001,
            "{}",
            db.name()
        );
        let first = events_after(&mut session, Scope::Tenant, 0, ROWS_MAX + 1)
            .await
            .unwrap();
        assert_eq!(first, rows[..1_000], "{}", db.name());
        let rest = events_after(&mut session, Scope::Tenant, 1_000, ROWS_MAX)
            .await
            .unwrap();
        assert_eq!(rest, rows[1_000..]);
        let anns = events_after(&mut session, Scope::EndUser(ANN), 3, 3)
            .await
            .unwrap();
        assert_eq!(
            anns.iter().map(|row| row.seq).collect::<Vec<_>>(),
            [4, 7, 8]
        );
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert!(
            events_after(&mut stranger, Scope::Tenant, 0, 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(last_seq(&mut stranger).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_number_names_one_event() {
    for db in engines().await {
        let rows = [event(1)];
        for expected in [true, false] {
            let done = in_tx!(db, TENANT, |tx| insert_events(tx, &rows).await);
            assert_eq!(done.is_ok(), expected, "{}", db.name());
            assert_eq!(done.is_err_and(|error| error.is_conflict()), !expected);
        }
    }
}

#[tokio::test]
async fn history_is_read_by_transaction_within_the_scope() {
    for db in engines().await {
        let states = [revision(1, 5), revision(2, 3), revision(1, 2)];
        let proofs = [proof(1, 5), proof(2, 3), proof(1, 2)];
        in_tx!(db, TENANT, |tx| {
            insert_revisions(tx, &states).await?;
            insert_evidence(tx, &proofs).await
        })
        .unwrap();
        let asked = [transaction(1), transaction(2), transaction(3)];
        for (tenant, scope, expected) in [
            (TENANT, Scope::Tenant, vec![2, 0, 1]),
            (TENANT, Scope::EndUser(ANN), vec![2, 0, 1]),
            (TENANT, Scope::EndUser(BOB), vec![]),
            (STRANGER, Scope::Tenant, vec![]),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let found = revisions(&mut session, scope, &asked).await.unwrap();
            let wanted: Vec<_> = expected
                .iter()
                .map(|at: &usize| states[*at].clone())
                .collect();
            assert_eq!(found, wanted, "{} {scope:?}", db.name());
            let found = evidence(&mut session, scope, &asked).await.unwrap();
            let wanted: Vec<_> = expected.iter().map(|at| proofs[*at].clone()).collect();
            assert_eq!(found, wanted, "{} {scope:?}", db.name());
        }
    }
}
