use fondaco_model::Currency;
use fondaco_model::ids::{AccountId, AccountSourceId, ConsentId, EndUserId, LinkId};
use fondaco_model::v1::{AccountStatus, AccountType, DateRule, IdentifierScheme, Lifecycle};
use uuid::Uuid;

use super::{
    AccountQuery, AccountRow, BankAccountRow, HASHES_MAX, IDENTIFIERS_MAX, by_ids, by_link,
    by_links, find_by_identifiers, list, relink, upsert,
};
use crate::repo::Scope;
use crate::repo::account_source::{self, AccountSourceRow, SourcePlace};
use crate::repo::testing_ids::{ANN, BOB, KEY, LINK, NOW, STRANGER, TENANT, day, provenance, seed};
use crate::repo::transaction::SealedIdentifier;
use crate::testing::engines;
use crate::{Db, StoreError};

fn id(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(0x0100_0000 + number))
}

fn number(hash: u8, nonce: &str) -> SealedIdentifier {
    SealedIdentifier {
        scheme: IdentifierScheme::Iban,
        masked: "••••3000".to_owned(),
        sealed: format!("v1.k.{nonce}.c"),
        hash: [hash; 32],
        hash_key_id: Uuid::from_u128(5),
    }
}

/// Account `place` of a person, with numbers of these hashes.
fn row(place: u8, end_user: EndUserId, hashes: &[u8]) -> AccountRow {
    AccountRow {
        id: id(place.into()),
        end_user_id: end_user,
        link_id: Some(LINK),
        institution_id: Some("example-bank".to_owned()),
        currency: Currency::from_code("EUR").ok(),
        name: Some("Household".to_owned()),
        status: AccountStatus::Open,
        lifecycle: Lifecycle::Live,
        sort_date: day("2026-01-02"),
        sort_date_rule: DateRule::FirstSeen,
        data_key_id: KEY,
        created_seq: 10,
        changed_seq: 10,
        provenance: Some(provenance(i64::from(place))),
        content_sha256: [place; 32],
        bank: BankAccountRow {
            account_type: AccountType::Current,
            subtype: None,
            product_name: Some("Giro".to_owned()),
            holder_name: Some("Ann Example".to_owned()),
            bic: Some("EXAMDEFF".to_owned()),
            business: Some(false),
            source_status: None,
        },
        identifiers: hashes.iter().map(|hash| number(*hash, "first")).collect(),
    }
}

async fn write(db: &Db, rows: &[AccountRow]) {
    let mut tx = db.begin(TENANT).await.unwrap();
    upsert(&mut tx, rows).await.unwrap();
    tx.commit().await.unwrap();
}

async fn read(db: &Db, ids: &[AccountId]) -> Vec<AccountRow> {
    by_ids(&mut db.read(TENANT).await.unwrap(), Scope::Tenant, ids)
        .await
        .unwrap()
}

#[tokio::test]
async fn accounts_are_read_back_with_their_numbers_in_order() {
    for db in engines().await {
        seed(&db).await;
        let mut by_hand = row(3, ANN, &[]);
        by_hand.provenance = None;
        by_hand.currency = None;
        by_hand.bank.business = None;
        let rows = [row(1, ANN, &[9, 8]), row(2, BOB, &[7]), by_hand];
        write(&db, &rows).await;
        assert!(
            read(&db, &[id(1), id(2), id(3)]).await == rows,
            "{}",
            db.name()
        );
        assert!(read(&db, &[]).await.is_empty());
        let canonical = rows[0].clone().into_canonical();
        assert_eq!(canonical.identifiers.len(), 2);
        assert_eq!(canonical.provenance, rows[0].provenance);
        assert_eq!(format!("{:?}", rows[0]), "AccountRow(…)");
    }
}

#[tokio::test]
async fn an_account_of_the_same_digest_is_not_rewritten() {
    for db in engines().await {
        seed(&db).await;
        let first = row(1, ANN, &[9]);
        write(&db, std::slice::from_ref(&first)).await;
        let mut again = first.clone();
        again.changed_seq = 11;
        again.name = Some("never stated".to_owned());
        again.identifiers = vec![number(9, "second")];
        write(&db, &[again]).await;
        assert!(read(&db, &[first.id]).await == [first], "{}", db.name());
    }
}

#[tokio::test]
async fn a_changed_account_keeps_its_making_and_loses_numbers_that_are_gone() {
    for db in engines().await {
        seed(&db).await;
        let first = row(1, ANN, &[9, 8, 7]);
        write(&db, &[first.clone(), row(2, ANN, &[6])]).await;
        let mut changed = row(1, ANN, &[9, 5]);
        changed.content_sha256 = [99; 32];
        changed.created_seq = 40;
        changed.changed_seq = 40;
        changed.name = None;
        changed.bank.product_name = None;
        changed.lifecycle = Lifecycle::Removed;
        write(&db, std::slice::from_ref(&changed)).await;
        changed.created_seq = first.created_seq;
        let expected = [changed, row(2, ANN, &[6])];
        assert!(
            read(&db, &[id(1), id(2)]).await == expected,
            "{}",
            db.name()
        );
    }
}

#[tokio::test]
async fn a_gone_account_of_the_same_digest_comes_back() {
    for db in engines().await {
        seed(&db).await;
        let mut gone = row(1, ANN, &[]);
        gone.lifecycle = Lifecycle::Removed;
        write(&db, &[gone]).await;
        write(&db, &[row(1, ANN, &[])]).await;
        assert_eq!(
            read(&db, &[id(1)]).await[0].lifecycle,
            Lifecycle::Live,
            "{}",
            db.name()
        );
    }
}

#[tokio::test]
async fn sixteen_numbers_are_kept_and_seventeen_are_refused() {
    for db in engines().await {
        seed(&db).await;
        let hashes: Vec<u8> = (0..=16).collect();
        write(&db, &[row(1, ANN, &hashes[..IDENTIFIERS_MAX])]).await;
        let mut tx = db.begin(TENANT).await.unwrap();
        let refused = upsert(&mut tx, &[row(2, ANN, &hashes)]).await;
        assert!(
            matches!(refused, Err(StoreError::Inconsistent { .. })),
            "{}",
            db.name()
        );
        drop(tx);
        assert_eq!(
            read(&db, &[id(1)]).await[0].identifiers.len(),
            IDENTIFIERS_MAX
        );
    }
}

#[tokio::test]
async fn a_number_finds_the_live_accounts_of_its_person_only() {
    for db in engines().await {
        seed(&db).await;
        let mut removed = row(4, ANN, &[9]);
        removed.lifecycle = Lifecycle::Removed;
        let rows = [
            row(1, ANN, &[9, 8]),
            row(2, BOB, &[9]),
            row(3, ANN, &[7]),
            removed,
        ];
        write(&db, &rows).await;
        let mut session = db.read(TENANT).await.unwrap();
        let hits = find_by_identifiers(&mut session, ANN, &[[9; 32], [7; 32], [1; 32]]).await;
        let hits: Vec<_> = hits
            .unwrap()
            .iter()
            .map(|hit| (hit.account_id, hit.hash[0]))
            .collect();
        assert_eq!(hits, [(id(1), 9), (id(3), 7)], "{}", db.name());
        assert!(
            find_by_identifiers(&mut session, ANN, &[])
                .await
                .unwrap()
                .is_empty()
        );
        let many = [[9; 32]; HASHES_MAX + 1];
        assert!(find_by_identifiers(&mut session, ANN, &many).await.is_err());
        assert_eq!(
            find_by_identifiers(&mut session, ANN, &many[1..])
                .await
                .unwrap()
                .len(),
            1
        );
        let mut stranger = db.read(STRANGER).await.unwrap();
        assert!(
            find_by_identifiers(&mut stranger, ANN, &[[9; 32]])
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn lists_page_in_both_directions() {
    for db in engines().await {
        seed(&db).await;
        let mut gone = row(6, ANN, &[]);
        gone.lifecycle = Lifecycle::Superseded;
        let mut rows: Vec<AccountRow> = (1..=5).map(|place| row(place, ANN, &[1, 2])).collect();
        rows.push(gone);
        write(&db, &rows).await;
        for (after, before, limit, backward, expected, more) in [
            (None, None, 2, false, vec![1, 2], true),
            (Some(2), None, 3, false, vec![3, 4, 5], false),
            (Some(2), None, 2, false, vec![3, 4], true),
            (None, None, 2, true, vec![4, 5], true),
            (None, Some(4), 3, true, vec![1, 2, 3], false),
            (Some(5), None, 2, false, vec![], false),
            (Some(1), Some(4), 9, false, vec![2, 3], false),
        ] {
            let asked = AccountQuery {
                link: Some(LINK),
                after: after.map(id),
                before: before.map(id),
                limit,
                backward,
            };
            let mut session = db.read(TENANT).await.unwrap();
            let page = list(&mut session, Scope::Tenant, &asked).await.unwrap();
            let ids: Vec<AccountId> = page.rows.iter().map(|row| row.id).collect();
            let expected: Vec<AccountId> = expected.into_iter().map(id).collect();
            assert_eq!(
                (ids, page.more),
                (expected, more),
                "{} {asked:?}",
                db.name()
            );
            assert!(page.rows.iter().all(|row| row.identifiers.len() == 2));
        }
    }
}

#[tokio::test]
async fn a_scope_hides_what_belongs_to_others_and_a_stranger_sees_nothing() {
    for db in engines().await {
        seed(&db).await;
        write(&db, &[row(1, ANN, &[9]), row(2, BOB, &[8])]).await;
        let asked = AccountQuery {
            limit: 10,
            ..AccountQuery::default()
        };
        for (tenant, scope, expected) in [
            (TENANT, Scope::Tenant, vec![id(1), id(2)]),
            (TENANT, Scope::EndUser(ANN), vec![id(1)]),
            (TENANT, Scope::EndUser(BOB), vec![id(2)]),
            (STRANGER, Scope::Tenant, vec![]),
            (STRANGER, Scope::EndUser(ANN), vec![]),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            let ids = |rows: Vec<AccountRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
            let all = list(&mut session, scope, &asked).await.unwrap().rows;
            assert_eq!(ids(all), expected, "{} {scope:?}", db.name());
            let asked = [id(1), id(2)];
            assert_eq!(
                ids(by_ids(&mut session, scope, &asked).await.unwrap()),
                expected
            );
            assert_eq!(
                ids(by_link(&mut session, scope, LINK).await.unwrap()),
                expected
            );
            let links = [LINK, LinkId(Uuid::from_u128(404))];
            assert_eq!(
                ids(by_links(&mut session, scope, &links).await.unwrap()),
                expected
            );
        }
    }
}

#[tokio::test]
async fn a_link_can_be_given_up_once() {
    for db in engines().await {
        seed(&db).await;
        write(&db, &[row(1, ANN, &[])]).await;
        for (link, changes) in [(Some(LINK), false), (None, true), (None, false)] {
            let mut tx = db.begin(TENANT).await.unwrap();
            assert_eq!(
                relink(&mut tx, id(1), link, 77).await.unwrap(),
                changes,
                "{}",
                db.name()
            );
            tx.commit().await.unwrap();
        }
        let stored = &read(&db, &[id(1)]).await[0];
        assert_eq!((stored.link_id, stored.changed_seq), (None, 77));
    }
}

fn source(number: u128, link: Option<LinkId>, hash: u8) -> AccountSourceRow {
    AccountSourceRow {
        id: AccountSourceId(Uuid::from_u128(900 + number)),
        account_id: id(1),
        end_user_id: ANN,
        family: "example_family".to_owned(),
        link_id: link,
        consent_id: None,
        provider_account_sealed: Some("v1.k.n.c".to_owned()),
        provider_account_hash: [hash; 32],
        hash_key_id: Uuid::from_u128(5),
        data_key_id: KEY,
        first_seen_at: NOW,
        last_seen_at: NOW,
    }
}

#[tokio::test]
async fn a_source_is_found_in_its_own_place_only() {
    for db in engines().await {
        seed(&db).await;
        write(&db, &[row(1, ANN, &[])]).await;
        let (by_link, by_file) = (source(1, Some(LINK), 3), source(2, None, 3));
        let mut tx = db.begin(TENANT).await.unwrap();
        account_source::insert(&mut tx, &by_link).await.unwrap();
        account_source::insert(&mut tx, &by_file).await.unwrap();
        tx.commit().await.unwrap();
        let other = LinkId(Uuid::from_u128(404));
        for (tenant, person, place, hash, expected) in [
            (TENANT, ANN, SourcePlace::Link(LINK), 3, Some(&by_link)),
            (
                TENANT,
                ANN,
                SourcePlace::Files("example_family"),
                3,
                Some(&by_file),
            ),
            (TENANT, ANN, SourcePlace::Files("other_family"), 3, None),
            (TENANT, ANN, SourcePlace::Link(other), 3, None),
            (TENANT, ANN, SourcePlace::Link(LINK), 4, None),
            (TENANT, BOB, SourcePlace::Link(LINK), 3, None),
            (STRANGER, ANN, SourcePlace::Link(LINK), 3, None),
        ] {
            let mut session = db.read(tenant).await.unwrap();
            // One hash of each key that may have made it.
            let hashes = [[9; 32], [hash; 32]];
            let found = account_source::find(&mut session, person, place, &hashes).await;
            assert_eq!(found.unwrap().as_ref(), expected, "{} {place:?}", db.name());
            let none = account_source::find(&mut session, person, place, &[]).await;
            assert_eq!(none, Ok(None));
            let many = [[hash; 32]; account_source::HASHES_MAX + 1];
            let find = account_source::find(&mut session, person, place, &many);
            assert!(find.await.is_err());
            let find = account_source::find(&mut session, person, place, &many[1..]);
            assert_eq!(find.await.unwrap().as_ref(), expected);
        }
        let mut session = db.read(TENANT).await.unwrap();
        let rows = account_source::by_accounts(&mut session, Scope::EndUser(ANN), &[id(1)]).await;
        assert_eq!(rows.unwrap(), [by_link.clone(), by_file]);
        let rows = account_source::by_links(&mut session, Scope::Tenant, &[LINK])
            .await
            .unwrap();
        assert_eq!(rows, std::slice::from_ref(&by_link));
        let rows = account_source::by_ids(&mut session, Scope::EndUser(BOB), &[by_link.id]).await;
        assert!(rows.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_source_that_is_seen_again_moves_forward_only_and_keeps_its_consent() {
    for db in engines().await {
        seed(&db).await;
        write(&db, &[row(1, ANN, &[])]).await;
        let mut expected = source(1, Some(LINK), 3);
        let consent = ConsentId(Uuid::from_u128(8));
        let mut tx = db.begin(TENANT).await.unwrap();
        account_source::insert(&mut tx, &expected).await.unwrap();
        for (consent, seconds) in [(Some(consent), 5), (None, 7), (None, -1)] {
            let at = NOW.plus_seconds(seconds);
            account_source::touch(&mut tx, expected.id, consent, at)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        expected.consent_id = Some(consent);
        expected.last_seen_at = NOW.plus_seconds(7);
        let mut session = db.read(TENANT).await.unwrap();
        let found = account_source::by_ids(&mut session, Scope::Tenant, &[expected.id]).await;
        assert_eq!(found.unwrap(), [expected], "{}", db.name());
    }
}
