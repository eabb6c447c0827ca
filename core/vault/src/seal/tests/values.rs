//! Sealed values: they open where they were sealed, unchanged, and nowhere else.

use std::collections::HashSet;

use fondaco_model::Effects;

use super::*;

fn key() -> DataKey {
    DataKey::generate(&counting_from(32), label())
}

#[test]
fn a_value_opens_in_its_place_in_either_form() {
    let (effects, key) = (Effects::system(), key());
    for plain in ["", "a", "refresh-token", "日本語", &"x".repeat(5_000)] {
        let text = seal_text(&effects, &key, &place(), plain).unwrap();
        assert_eq!(open_text(&key, &place(), &text).unwrap().expose(), plain);
        assert_eq!(key_of_text(&text), Ok(key.label().id));
        assert!(text.starts_with("v1.dky_00000000000000000000000000000003."));
        let bytes = seal_bytes(&effects, &key, &place(), plain.as_bytes()).unwrap();
        assert_eq!(
            &open_bytes(&key, &place(), &bytes).unwrap()[..],
            plain.as_bytes()
        );
    }
}

// Computed with another implementation of AES-256-GCM over the documented associated data.
#[test]
fn the_text_form_is_the_one_that_another_implementation_computes() {
    let sealed = seal_text(&counting_from(76), &key(), &place(), "refresh-token").unwrap();
    assert_eq!(
        sealed,
        "v1.dky_00000000000000000000000000000003.TE1OT1BRUlNUVVZX.\
         v7Its2rs9yA9tCeUvjM6e6EfZxUdM3ijvfGy95w"
    );
}

#[test]
fn a_value_that_was_moved_elsewhere_does_not_open() {
    let (effects, key, here) = (Effects::system(), key(), place());
    let other_tenant = Some(fondaco_model::ids::TenantId(uuid::Uuid::from_u128(9)));
    let elsewhere = [
        Place {
            purpose: purpose::CODE,
            ..here
        },
        Place {
            tenant: other_tenant,
            ..here
        },
        Place {
            tenant: None,
            ..here
        },
        Place {
            table: "grants",
            ..here
        },
        Place {
            column: "seale",
            ..here
        },
        Place {
            table: "grantsealed",
            column: "",
            ..here
        },
        Place {
            row: uuid::Uuid::from_u128(5),
            ..here
        },
        Place { version: 6, ..here },
        Place { version: 8, ..here },
        Place { part: 1, ..here },
    ];
    let text = seal_text(&effects, &key, &here, "token").unwrap();
    let bytes = seal_bytes(&effects, &key, &here, b"token").unwrap();
    for place in elsewhere {
        let refused = Err(SealError::NotAuthentic);
        assert_eq!(open_text(&key, &place, &text), refused, "{place:?}");
        let opened = open_bytes(&key, &place, &bytes).map(|_| ());
        assert_eq!(opened, Err(SealError::NotAuthentic), "{place:?}");
    }
    assert!(open_text(&key, &here, &text).is_ok());
}

#[test]
fn a_value_with_any_bit_flipped_does_not_open() {
    let (effects, key) = (Effects::system(), key());
    let bytes = seal_bytes(&effects, &key, &place(), b"refresh-token").unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(open_bytes(&key, &place(), &changed).is_err(), "bit {bit}");
    }
    let text = seal_text(&effects, &key, &place(), "refresh-token").unwrap();
    for bit in 0..text.len() * 8 {
        let mut changed = text.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(changed) = String::from_utf8(changed) else {
            continue;
        };
        assert!(open_text(&key, &place(), &changed).is_err(), "bit {bit}");
    }
}

#[test]
fn a_value_cut_anywhere_does_not_open() {
    let (effects, key) = (Effects::system(), key());
    let bytes = seal_bytes(&effects, &key, &place(), b"refresh-token").unwrap();
    let text = seal_text(&effects, &key, &place(), "refresh-token").unwrap();
    for length in 0..bytes.len() {
        assert!(open_bytes(&key, &place(), &bytes[..length]).is_err());
    }
    for length in 0..text.len() {
        assert!(open_text(&key, &place(), &text[..length]).is_err());
    }
}

#[test]
fn malformed_texts_are_refused_as_such() {
    let key = key();
    let kid = key.label().id;
    let nonce = "AAAAAAAAAAAAAAAA";
    let tag = "AAAAAAAAAAAAAAAAAAAAAA";
    for wrong in [
        String::new(),
        "v1".to_owned(),
        format!("v2.{kid}.{nonce}.{tag}"),
        format!("v1.{kid}.{nonce}"),
        format!("v1.{kid}.{nonce}.{tag}."),
        format!("v1.{kid}.{nonce}.{tag}.x"),
        format!("v1.{kid}.{nonce}=.{tag}"),
        format!("v1.{kid}.{nonce}AAAA.{tag}"),
        format!("v1.{kid}.{nonce}.AAAA"),
        format!("v1.{kid}.{nonce}.AAAAAAAAAAAAAAAAAAAAAB"),
        format!("v1.{kid}.{nonce}.AAAAAAAAAAAAAAAAAAAA+/"),
        format!(" v1.{kid}.{nonce}.{tag}"),
        format!("v1.key.{nonce}.{tag}"),
    ] {
        assert_eq!(
            open_text(&key, &place(), &wrong),
            Err(SealError::Malformed),
            "{wrong}"
        );
    }
    let well_formed = format!("v1.{kid}.{nonce}.{tag}");
    assert_eq!(
        open_text(&key, &place(), &well_formed),
        Err(SealError::NotAuthentic)
    );
}

#[test]
fn the_largest_value_is_sealed_and_a_larger_one_refused() {
    let (effects, key) = (Effects::system(), key());
    let largest = vec![7; PLAIN_BYTES_MAX];
    let sealed = seal_bytes(&effects, &key, &place(), &largest).unwrap();
    assert_eq!(
        &open_bytes(&key, &place(), &sealed).unwrap()[..],
        &largest[..]
    );
    let larger = vec![7; PLAIN_BYTES_MAX + 1];
    assert_eq!(
        seal_bytes(&effects, &key, &place(), &larger),
        Err(SealError::TooLarge)
    );
    let longer = [&sealed[..], &[0]].concat();
    assert_eq!(
        open_bytes(&key, &place(), &longer).map(|_| ()),
        Err(SealError::TooLarge)
    );
}

#[test]
fn ten_thousand_seals_use_ten_thousand_nonces() {
    let (effects, key) = (Effects::system(), key());
    let nonces: HashSet<Vec<u8>> = (0..10_000)
        .map(|_| seal_bytes(&effects, &key, &place(), b"same").unwrap()[17..29].to_vec())
        .collect();
    assert_eq!(nonces.len(), 10_000);
}

#[test]
fn a_key_seals_up_to_its_limit_and_not_once_more() {
    let (effects, key) = (Effects::system(), key());
    key.pretend_sealed(SEALS_PER_KEY_MAX - 1);
    let last = seal_text(&effects, &key, &place(), "token").unwrap();
    assert_eq!(
        seal_text(&effects, &key, &place(), "token"),
        Err(SealError::KeyUsedUp)
    );
    assert!(open_text(&key, &place(), &last).is_ok());
}
