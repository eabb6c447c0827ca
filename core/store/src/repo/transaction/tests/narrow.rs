//! What a narrowed question for candidates leaves out: only what no rule could take.

use std::collections::HashSet;

use super::super::Narrow;
use super::*;

fn id(number: u128) -> TransactionId {
    TransactionId(Uuid::from_u128(number))
}

fn reference(number: u128, kind: ReferenceKind, value: &str) -> RefRow {
    RefRow {
        transaction_id: id(number),
        account_source_id: SOURCE,
        kind,
        value: value.to_owned(),
        stability: Stability::ObservedStable,
        first_seen_at: NOW,
    }
}

/// Rows of one amount; the tenth is a day of the batch, the fifth and twelfth lie in its span.
async fn rows_of_one_amount(db: &Db) {
    let plain = |number, day| {
        let mut row = row(number, 1, "-5", day);
        (row.bank.end_to_end_id, row.bank.uetr) = (None, None);
        row.status = TransactionStatus::Posted;
        row
    };
    let mut rows: Vec<_> = (1..=4).map(|number| plain(number, "2026-01-10")).collect();
    rows.extend((5..=9).map(|number| plain(number, "2026-01-12")));
    rows.extend((10..=12).map(|number| plain(number, "2026-03-01")));
    rows[2].bank.end_to_end_id = Some("E1".to_owned());
    rows[5].status = TransactionStatus::Pending;
    rows[6].bank.uetr = Some("U1".to_owned());
    rows[7].bank.end_to_end_id = Some("E1".to_owned());
    write(db, 1, &rows).await;
    let refs = [
        reference(4, ReferenceKind::EntryReference, "R1"),
        reference(9, ReferenceKind::Fingerprint, "F1"),
        reference(10, ReferenceKind::Fingerprint, "F1"),
        reference(11, ReferenceKind::EntryReference, "R1"),
    ];
    let mut tx = db.begin(tenant(1)).await.unwrap();
    add_references(&mut tx, end_user(1), &refs).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn narrowed_candidates_leave_out_only_what_no_rule_of_identity_can_take() {
    for db in engines().await {
        seed(&db, 1).await;
        rows_of_one_amount(&db).await;
        let stated: HashSet<TransactionId> = [2, 3, 4].map(id).into();
        let claimed = |id| stated.contains(&id);
        let narrow = Narrow {
            days: &["2026-01-10".parse().unwrap()],
            end_to_end_ids: &["E1"],
            uetrs: &["U1"],
            fingerprints: &["F1"],
            undated_from: None,
            claimed: &claimed,
        };
        let wide = CandidateQuery {
            account_id: account(1),
            account_source_id: SOURCE,
            from: "2026-01-01".parse().unwrap(),
            to: "2026-01-20".parse().unwrap(),
            minors: &[-500],
            references: &["R1"],
            narrow: None,
        };
        let narrowed = CandidateQuery {
            narrow: Some(narrow),
            ..wide.clone()
        };
        let mut session = db.read(tenant(1)).await.unwrap();
        for (asked, expected) in [
            (&wide, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11][..]),
            // 2 is stated and proves nothing, 5 lies on another day, 10 outside of the span.
            (&narrowed, &[1, 3, 4, 6, 7, 8, 9, 11][..]),
        ] {
            let found = candidates(&mut session, asked).await.unwrap();
            let found: Vec<u128> = found.iter().map(|row| row.id.0.as_u128()).collect();
            assert_eq!(found, expected, "{}", db.name());
        }
    }
}

#[tokio::test]
async fn rows_that_state_no_day_are_found_further_back_when_the_batch_states_none_either() {
    for db in engines().await {
        seed(&db, 1).await;
        let waiting = |number, day, rule| {
            let mut row = row(number, 1, "-5", day);
            (row.bank.end_to_end_id, row.bank.uetr) = (None, None);
            row.status = TransactionStatus::Pending;
            row.sort_date_rule = rule;
            row
        };
        let rows = [
            waiting(1, "2026-01-04", DateRule::FirstSeen),
            waiting(2, "2026-01-05", DateRule::FirstSeen),
            waiting(3, "2026-01-05", DateRule::BookingDate),
            waiting(4, "2026-01-25", DateRule::BookingDate),
            waiting(5, "2026-01-25", DateRule::FirstSeen),
        ];
        write(&db, 1, &rows).await;
        for (undated_from, expected) in [
            (Some("2026-01-04"), &[4, 5, 1, 2][..]),
            (Some("2026-01-05"), &[4, 5, 2][..]),
            (Some("2026-01-26"), &[4, 5][..]),
            (None, &[4, 5][..]),
        ] {
            let asked = CandidateQuery {
                account_id: account(1),
                account_source_id: SOURCE,
                from: "2026-01-25".parse().unwrap(),
                to: "2026-02-14".parse().unwrap(),
                minors: &[-500],
                references: &[],
                narrow: Some(Narrow {
                    days: &["2026-02-04".parse().unwrap()],
                    end_to_end_ids: &[],
                    uetrs: &[],
                    fingerprints: &[],
                    undated_from: undated_from.map(|day| day.parse().unwrap()),
                    claimed: &|_| false,
                }),
            };
            let mut session = db.read(tenant(1)).await.unwrap();
            let found = candidates(&mut session, &asked).await.unwrap();
            let found: Vec<u128> = found.iter().map(|row| row.id.0.as_u128()).collect();
            assert_eq!(found, expected, "{} {undated_from:?}", db.name());
        }
    }
}

#[tokio::test]
async fn rows_of_a_day_are_read_in_parts_and_none_is_lost_between_two() {
    for db in engines().await {
        seed(&db, 1).await;
        let rows: Vec<_> = (1..=2_001)
            .map(|number| {
                let day = if number > 1_500 { "2026-01-02" } else { "2026-01-01" };
                row(number, 1, "-5", day)
            })
            .collect();
        for (count, part) in [(1_000, &rows[..1_000]), (1_001, &rows[1_000..1_001])] {
            write(&db, 1, part).await;
            assert_eq!(open(&db, 0).await, count, "{}", db.name());
        }
        write(&db, 1, &rows[1_001..]).await;
        assert_eq!(open(&db, 0).await, 2_001, "{}", db.name());
        assert_eq!(open(&db, 1_990).await, 11, "{}", db.name());
        assert_eq!(open(&db, 2_001).await, 0, "{}", db.name());
    }
}

/// Candidates of two days of which the first so many are stated already.
async fn open(db: &Db, stated: u128) -> usize {
    let claimed = |id: TransactionId| id.0.as_u128() <= stated;
    let days = ["2026-01-01", "2026-01-02"].map(|day| day.parse().unwrap());
    let asked = CandidateQuery {
        account_id: account(1),
        account_source_id: SOURCE,
        from: days[0],
        to: days[1],
        minors: &[-500],
        references: &[],
        narrow: Some(Narrow {
            days: &days,
            end_to_end_ids: &[],
            uetrs: &[],
            fingerprints: &[],
            undated_from: None,
            claimed: &claimed,
        }),
    };
    let mut session = db.read(tenant(1)).await.unwrap();
    candidates(&mut session, &asked).await.unwrap().len()
}
