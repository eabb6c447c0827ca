use fondaco_model::Effects;
use fondaco_model::ids::EndUserId;
use fondaco_vault::seal::{HashKey, HashKeyId, HashKeyLabel, HashPurpose, KeyRing, MasterKey};
use uuid::Uuid;

use super::*;

const ONE: TenantId = TenantId(Uuid::from_u128(1));

fn key(tenant: TenantId) -> HashKey {
    let label = HashKeyLabel {
        id: HashKeyId(Uuid::nil()),
        tenant,
        purpose: HashPurpose::Cursor,
    };
    HashKey::generate(&Effects::system(), label)
}

fn keys(tenant: TenantId) -> Arc<HashKeys> {
    Arc::new(HashKeys::new(key(tenant), Vec::new()).unwrap())
}

fn binding() -> Binding {
    Binding {
        tenant: ONE,
        scope: Scope::Tenant,
        list: List::TransactionsPosted,
        descending: true,
        filter: FilterDigest::new().with("text", Some(b"rent")).finish(),
    }
}

fn code(opened: async_graphql::Result<Vec<u8>>) -> String {
    let extensions = opened.unwrap_err().extensions.unwrap();
    extensions.get("code").unwrap().to_string()
}

#[test]
fn a_cursor_opens_where_it_was_made_also_when_it_points_nowhere() {
    let cursors = Cursors::new(binding(), keys(ONE));
    for place in [&b"2026-01-01"[..], b"", &[0xff; 300]] {
        assert_eq!(cursors.open(&cursors.seal(place)).unwrap(), place);
    }
}

#[test]
fn another_list_order_or_filter_is_a_mismatch_and_another_owner_is_invalid() {
    let keys = keys(ONE);
    let cursor = Cursors::new(binding(), keys.clone()).seal(b"place");
    let open = |change: fn(&mut Binding)| {
        let mut other = binding();
        change(&mut other);
        code(Cursors::new(other, keys.clone()).open(&cursor))
    };
    let mismatch = "\"CURSOR_FILTER_MISMATCH\"";
    assert_eq!(open(|b| b.list = List::TransactionsCreated), mismatch);
    assert_eq!(open(|b| b.descending = false), mismatch);
    assert_eq!(open(|b| b.filter = FilterDigest::new().finish()), mismatch);
    let invalid = "\"CURSOR_INVALID\"";
    assert_eq!(open(|b| b.tenant = TenantId(Uuid::from_u128(2))), invalid);
    assert_eq!(
        open(|b| b.scope = Scope::EndUser(EndUserId(Uuid::nil()))),
        invalid
    );
    let other_key = Cursors::new(binding(), self::keys(ONE));
    assert_eq!(code(other_key.open(&cursor)), invalid);
}

#[test]
fn every_changed_byte_and_every_length_is_refused() {
    let cursors = Cursors::new(binding(), keys(ONE));
    let cursor = cursors.seal(b"place");
    let bytes = BASE64URL.decode(&cursor).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let opened = cursors.open(&BASE64URL.encode(&changed));
        assert_eq!(code(opened), "\"CURSOR_INVALID\"", "byte {at}");
        let opened = cursors.open(&BASE64URL.encode(&bytes[..at]));
        assert_eq!(code(opened), "\"CURSOR_INVALID\"", "length {at}");
    }
    for text in [
        "",
        "=",
        "not base64url!",
        &"A".repeat(TEXT_MAX),
        &"A".repeat(TEXT_MAX + 1),
    ] {
        assert_eq!(code(cursors.open(text)), "\"CURSOR_INVALID\"");
    }
}

#[test]
fn a_replaced_key_still_opens_what_it_made() {
    let masters =
        KeyRing::new(MasterKey::from_text(&"0a1b2c3d".repeat(8)).unwrap(), vec![]).unwrap();
    let old = key(ONE);
    let wrapped = old.wrap(&Effects::system(), &masters);
    let again = HashKey::unwrap(*old.label(), &wrapped, &masters).unwrap();
    let before = Cursors::new(binding(), Arc::new(HashKeys::new(old, Vec::new()).unwrap()));
    let after = HashKeys::new(key(ONE), vec![again]).unwrap();
    let opened = Cursors::new(binding(), Arc::new(after)).open(&before.seal(b"place"));
    assert_eq!(opened.unwrap(), b"place");
}

#[test]
fn conditions_do_not_run_into_each_other() {
    let digest = |a: &[u8], b: &[u8]| {
        FilterDigest::new()
            .with("a", Some(a))
            .with("b", Some(b))
            .finish()
    };
    assert_ne!(digest(b"xy", b"z"), digest(b"x", b"yz"));
    let absent = FilterDigest::new().with("a", None).finish();
    assert_ne!(absent, FilterDigest::new().with("a", Some(b"")).finish());
}
