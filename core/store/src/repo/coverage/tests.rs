use fondaco_model::ids::{AccountId, CoverageId, EndUserId};
use uuid::Uuid;

use super::{CoverageProof, CoverageRow, CoverageState, by_accounts, insert};
use crate::StoreError;
use crate::in_tx;
use crate::repo::Scope;
use crate::repo::testing_ids::{ANN, ANNS, BOB, BOBS, NOW, RUN, SOURCE, STRANGER, TENANT, day};
use crate::testing::engines;

fn row(number: u128, account: AccountId, person: EndUserId, from: &str, to: &str) -> CoverageRow {
    CoverageRow {
        id: CoverageId(Uuid::from_u128(number)),
        account_id: account,
        account_source_id: SOURCE,
        end_user_id: person,
        from: day(from),
        to: day(to),
        state: CoverageState::Complete,
        proof: CoverageProof::BalanceContinuity,
        run_id: RUN,
        recorded_at: NOW,
    }
}

#[tokio::test]
async fn spans_are_read_by_account_and_day_within_the_scope() {
    for db in engines().await {
        let rows = [
            row(3, ANNS, ANN, "2026-01-01", "2026-01-31"),
            row(2, ANNS, ANN, "2026-02-01", "2026-02-01"),
            row(1, BOBS, BOB, "2025-01-01", "2025-12-31"),
        ];
        in_tx!(db, TENANT, |tx| {
            for row in rows.iter().rev() {
                insert(tx, row).await?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
        for (tenant, scope, expected) in [
            (TENANT, Scope::Tenant, &rows[..]),
            (TENANT, Scope::EndUser(ANN), &rows[..2]),
            (STRANGER, Scope::Tenant, &[]),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let found = by_accounts(&mut session, scope, &[ANNS, BOBS])
                .await
                .unwrap();
            assert_eq!(found, expected, "{} {scope:?}", db.name());
        }
    }
}

#[tokio::test]
async fn a_span_does_not_end_before_it_begins() {
    for db in engines().await {
        let backwards = row(1, ANNS, ANN, "2026-01-02", "2026-01-01");
        let refused = in_tx!(db, TENANT, |tx| insert(tx, &backwards).await);
        assert_eq!(
            refused,
            Err(StoreError::Inconsistent { column: "to_date" }),
            "{}",
            db.name()
        );
    }
}
