use fondaco_model::ids::{AccountId, AccountSourceId, BalanceId};
use fondaco_model::v1::{BalanceType, Lifecycle};
use uuid::Uuid;

use super::{
    BalanceDateRule, BalanceRow, choose_available, choose_ledger, latest, of_source, upsert,
};
use crate::repo::Scope;
use crate::repo::testing_ids::{
    ANN, ANNS, BOB, BOBS, KEY, NOW, SOURCE, STRANGER, TENANT, day, money, provenance, seed,
};
use crate::testing::engines;
use crate::{Db, Tx};

fn row(number: u128, kind: &str, amount: &str, date: &str) -> BalanceRow {
    BalanceRow {
        id: BalanceId(Uuid::from_u128(number)),
        account_id: ANNS,
        account_source_id: SOURCE,
        end_user_id: ANN,
        balance_type: BalanceType::from_word(kind),
        amount: money(amount),
        sort_date: day(date),
        sort_date_rule: BalanceDateRule::AsOfDate,
        as_of_date: Some(day(date)),
        as_of: None,
        fetched_at: NOW,
        credit_limit_included: Some(true),
        last_transaction_ref: None,
        lifecycle: Lifecycle::Live,
        data_key_id: KEY,
        created_seq: 1,
        changed_seq: 1,
        provenance: Some(provenance(0)),
    }
}

async fn write(db: &Db, rows: &[BalanceRow]) {
    let mut tx = db.begin(TENANT).await.unwrap();
    upsert(&mut tx, rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn of_ann(db: &Db) -> Vec<BalanceRow> {
    let mut session = db.read(TENANT).await.unwrap();
    of_source(
        &mut session,
        ANNS,
        SOURCE,
        day("2026-01-01"),
        day("2026-01-31"),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn an_unchanged_amount_is_not_rewritten_and_a_changed_one_keeps_its_id() {
    for db in engines().await {
        seed(&db).await;
        let first = row(1, "CLBD", "-10.50 EUR", "2026-01-05");
        write(&db, std::slice::from_ref(&first)).await;
        let mut again = row(2, "CLBD", "-10.50 EUR", "2026-01-05");
        again.changed_seq = 2;
        again.fetched_at = NOW.plus_seconds(60);
        assert!(again.states_same(&first));
        write(&db, std::slice::from_ref(&again)).await;
        assert!(of_ann(&db).await == [first.clone()], "{}", db.name());
        again.amount = money("-10.51 EUR");
        again.created_seq = 2;
        assert!(!again.states_same(&first));
        write(&db, std::slice::from_ref(&again)).await;
        again.id = first.id;
        again.created_seq = first.created_seq;
        assert!(of_ann(&db).await == [again], "{}", db.name());
    }
}

#[tokio::test]
async fn what_a_source_states_beside_the_amount_is_a_change_too() {
    let first = row(1, "CLBD", "1 EUR", "2026-01-05");
    let changes: [fn(&mut BalanceRow); 4] = [
        |row| row.as_of = Some(NOW),
        |row| row.credit_limit_included = None,
        |row| row.last_transaction_ref = Some("ref".to_owned()),
        |row| row.lifecycle = Lifecycle::Removed,
    ];
    for db in engines().await {
        seed(&db).await;
        write(&db, std::slice::from_ref(&first)).await;
        let mut stated = first.clone();
        for change in changes {
            let before = stated.clone();
            change(&mut stated);
            stated.changed_seq += 1;
            assert!(!stated.states_same(&before));
            write(&db, std::slice::from_ref(&stated)).await;
            assert!(of_ann(&db).await == [stated.clone()], "{}", db.name());
        }
    }
}

#[tokio::test]
async fn of_two_rows_with_one_key_the_later_counts() {
    for db in engines().await {
        seed(&db).await;
        let rows = [
            row(1, "CLBD", "1 EUR", "2026-01-05"),
            row(2, "CLBD", "2 EUR", "2026-01-05"),
            row(3, "CLBD", "3 USD", "2026-01-05"),
            row(4, "ITBD", "4 EUR", "2026-02-01"),
        ];
        write(&db, &rows).await;
        assert!(of_ann(&db).await == rows[1..3], "{}", db.name());
    }
}

async fn twenty_accounts(tx: &mut Tx) -> Vec<AccountId> {
    let ids: Vec<AccountId> = (0..20)
        .map(|n| AccountId(Uuid::from_u128(500 + n)))
        .collect();
    for id in &ids {
        let copied = on!(tx, |conn, D| sqlx::query::<D>(
            "insert into account (tenant_id, id, end_user_id, kind, status, lifecycle, \
             sort_date, sort_date_rule, data_key_id, created_seq, changed_seq, \
             mapping_version, schema_major, schema_minor, mapped_at, content_sha256) \
             select tenant_id, $1, end_user_id, kind, status, lifecycle, sort_date, \
             sort_date_rule, data_key_id, created_seq, changed_seq, mapping_version, \
             schema_major, schema_minor, mapped_at, content_sha256 from account where id = $2"
        )
        .bind(id.0)
        .bind(ANNS.0)
        .execute(&mut *conn)
        .await
        .map(|_| ()));
        copied.unwrap();
    }
    ids
}

#[tokio::test]
async fn the_latest_of_each_type_and_currency_is_found_for_one_and_for_twenty_accounts() {
    for db in engines().await {
        seed(&db).await;
        let mut tx = db.begin(TENANT).await.unwrap();
        let accounts = twenty_accounts(&mut tx).await;
        let other = AccountSourceId(Uuid::from_u128(32));
        let mut rows = Vec::new();
        for (at, account) in (0_u128..).zip(&accounts) {
            let mut gone = row(at * 10 + 5, "ITAV", "9 EUR", "2026-01-09");
            gone.lifecycle = Lifecycle::Removed;
            let mut elsewhere = row(at * 10 + 6, "CLBD", "6 EUR", "2026-01-08");
            elsewhere.account_source_id = other;
            let stated = [
                row(at * 10 + 1, "CLBD", "1 EUR", "2026-01-05"),
                row(at * 10 + 2, "CLBD", "2 EUR", "2026-01-06"),
                row(at * 10 + 3, "CLBD", "3 USD", "2026-01-05"),
                row(at * 10 + 4, "ITBD", "4 EUR", "2026-01-01"),
                gone,
                elsewhere,
            ];
            rows.extend(stated.map(|row| BalanceRow {
                account_id: *account,
                ..row
            }));
        }
        upsert(&mut tx, &rows).await.unwrap();
        tx.commit().await.unwrap();
        for count in [1, 20] {
            let mut session = db.read(TENANT).await.unwrap();
            let found = latest(&mut session, Scope::Tenant, &accounts[..count])
                .await
                .unwrap();
            assert_eq!(found.len(), count * 3, "{}", db.name());
            for (account, found) in accounts.iter().zip(found.chunks(3)) {
                assert!(found.iter().all(|row| row.account_id == *account));
                let amounts: Vec<String> = found.iter().map(|row| row.amount.to_string()).collect();
                assert_eq!(amounts, ["6.00 EUR", "3.00 USD", "4.00 EUR"]);
            }
        }
    }
}

#[tokio::test]
async fn a_scope_hides_the_balances_of_others_and_a_stranger_sees_nothing() {
    for db in engines().await {
        seed(&db).await;
        let mut bobs = row(2, "CLBD", "2 EUR", "2026-01-05");
        bobs.account_id = BOBS;
        bobs.end_user_id = BOB;
        write(&db, &[row(1, "CLBD", "1 EUR", "2026-01-05"), bobs]).await;
        for (tenant, scope, expected) in [
            (TENANT, Scope::Tenant, vec![ANNS, BOBS]),
            (TENANT, Scope::EndUser(ANN), vec![ANNS]),
            (STRANGER, Scope::Tenant, vec![]),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let found = latest(&mut session, scope, &[ANNS, BOBS]).await.unwrap();
            let found: Vec<AccountId> = found.iter().map(|row| row.account_id).collect();
            assert_eq!(found, expected, "{} {scope:?}", db.name());
            assert!(latest(&mut session, scope, &[]).await.unwrap().is_empty());
        }
    }
}

#[test]
fn the_choice_of_a_balance_follows_its_documented_preference() {
    fn check(kinds: &[&str], ledger: Option<&str>, available: Option<&str>) {
        let rows: Vec<BalanceRow> = kinds
            .iter()
            .map(|kind| row(1, kind, "1 EUR", "2026-01-05"))
            .collect();
        assert_eq!(
            choose_ledger(&rows).map(|chosen| chosen.rule),
            ledger,
            "{kinds:?}"
        );
        assert_eq!(
            choose_available(&rows).map(|chosen| chosen.rule),
            available,
            "{kinds:?}"
        );
    }
    check(&[], None, None);
    check(&["OPBD", "VALU", "INFO", "made up"], None, None);
    check(
        &["PRCD", "FWAV"],
        Some("LEDGER_PRCD"),
        Some("AVAILABLE_FWAV"),
    );
    check(
        &["PRCD", "XPCD", "FWAV"],
        Some("LEDGER_XPCD"),
        Some("AVAILABLE_FWAV"),
    );
    check(
        &["XPCD", "CLBD", "FWAV", "CLAV"],
        Some("LEDGER_CLBD"),
        Some("AVAILABLE_CLAV"),
    );
    check(
        &["CLBD", "ITBD", "CLAV", "ITAV"],
        Some("LEDGER_ITBD"),
        Some("AVAILABLE_ITAV"),
    );
}

#[test]
fn of_several_balances_of_the_preferred_type_the_newest_is_chosen() {
    let rows = [
        row(1, "CLBD", "1 EUR", "2026-01-05"),
        row(2, "CLBD", "2 USD", "2026-01-06"),
        row(3, "CLBD", "3 GBP", "2026-01-06"),
    ];
    assert_eq!(choose_ledger(&rows).unwrap().balance.id, rows[1].id);
}

#[test]
fn a_newer_closing_balance_is_chosen_before_an_old_interim_one_and_never_an_expected_one() {
    let rows = [
        row(1, "ITBD", "1.00 EUR", "2026-01-01"),
        row(2, "CLBD", "2.00 EUR", "2026-02-01"),
        row(3, "XPCD", "3.00 EUR", "2026-03-01"),
    ];
    let chosen = choose_ledger(&rows).unwrap();
    assert_eq!((chosen.balance.id, chosen.rule), (rows[1].id, "LEDGER_CLBD"));
}
