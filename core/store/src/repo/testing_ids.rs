//! Ids, instants and a seeded tenant that repository tests share.

use fondaco_model::ids::{
    AccountId, AccountSourceId, DataKeyId, EndUserId, LinkId, RawAnswerId, SyncRunId, TenantId,
    TransactionId,
};
use fondaco_model::provenance::Provenance;
use fondaco_model::{Currency, Date, Instant, Money, version};
use uuid::Uuid;

use super::testing_seed::tenant_with_accounts;
use crate::Db;

/// The instant at which tests happen.
pub(crate) const NOW: Instant = Instant::from_micros(1_770_000_000_000_000);

/// The tenant of a test, and another one that must see nothing of it.
pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(1));
pub(crate) const STRANGER: TenantId = TenantId(Uuid::from_u128(2));

/// The two people of the tenant.
pub(crate) const ANN: EndUserId = EndUserId(Uuid::from_u128(11));
pub(crate) const BOB: EndUserId = EndUserId(Uuid::from_u128(12));

/// Their accounts, seeded without a bank's fields.
pub(crate) const ANNS: AccountId = AccountId(Uuid::from_u128(21));
pub(crate) const BOBS: AccountId = AccountId(Uuid::from_u128(22));

pub(crate) const SOURCE: AccountSourceId = AccountSourceId(Uuid::from_u128(31));
pub(crate) const LINK: LinkId = LinkId(Uuid::from_u128(41));
pub(crate) const KEY: DataKeyId = DataKeyId(Uuid::from_u128(51));
pub(crate) const RAW: RawAnswerId = RawAnswerId(Uuid::from_u128(61));
pub(crate) const RUN: SyncRunId = SyncRunId(Uuid::from_u128(71));

pub(crate) fn transaction(number: u128) -> TransactionId {
    TransactionId(Uuid::from_u128(1_000 + number))
}

pub(crate) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// `12.30 EUR`
pub(crate) fn money(text: &str) -> Money {
    let (amount, code) = text.split_once(' ').unwrap();
    Money::parse(amount, Currency::from_code(code).unwrap()).unwrap()
}

pub(crate) fn provenance(ordinal: i64) -> Provenance {
    Provenance {
        raw_answer_id: RAW,
        ordinal,
        mapping_version: 3,
        schema_version: version::CURRENT,
        mapped_at: NOW,
    }
}

/// Both tenants, each with its people and their accounts; ids are the same under both.
pub(crate) async fn seed(db: &Db) {
    for tenant in [TENANT, STRANGER] {
        let mut tx = db.begin(tenant).await.unwrap();
        tenant_with_accounts(&mut tx, &[(ANN, ANNS), (BOB, BOBS)]).await;
        tx.commit().await.unwrap();
    }
}
