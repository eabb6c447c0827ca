//! Master keys, data keys and hash keys: files, wrapping, rotation and what they never show.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use fondaco_model::ids::TenantId;

use super::*;

/// A folder of its own for one test; removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let id = Effects::system().uuid().simple();
        let path = std::env::temp_dir().join(format!("fondaco-seal-{name}-{id}"));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, text: &str, mode: u32) -> PathBuf {
        let path = self.0.join(format!("key-{mode:o}"));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn wrapped() -> Vec<u8> {
    DataKey::generate(&counting_from(32), label()).wrap(&counting_from(64), &ring(0))
}

fn unwrap(wrapped: &[u8], masters: &KeyRing) -> Result<DataKey, SealError> {
    DataKey::unwrap(label(), wrapped, masters)
}

// Computed with another implementation of AES-256-GCM over the documented associated data.
#[test]
fn a_wrapped_key_is_the_one_that_another_implementation_computes() {
    let hex = bytes::hex(&wrapped());
    assert_eq!(
        hex,
        "01e2683d765d3d7aa5404142434445464748494a4bc2988c000219a124e5ed3d1db7493d74\
         49f7606f830039144f7e74deab2ed3e460b7a688ed2825713311ae31565f606d"
    );
    assert_eq!(master(0).kid(), "e2683d765d3d7aa5");
}

#[test]
fn a_key_is_read_from_every_form_that_tools_write() {
    for text in [
        HEX.to_owned(),
        HEX.to_uppercase(),
        format!("  {HEX}\r\n"),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".to_owned(),
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n".to_owned(),
    ] {
        assert_eq!(MasterKey::from_text(&text).unwrap().kid(), master(0).kid());
    }
    let standard = MasterKey::from_text("+/7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v4=");
    let url_safe = MasterKey::from_text("-_7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v4");
    assert_eq!(standard.unwrap().kid(), url_safe.unwrap().kid());
}

#[test]
fn texts_that_are_no_key_are_refused() {
    for text in [
        "",
        "secret",
        &HEX[1..],
        &format!("{HEX}0"),
        &HEX.replace('f', "g"),
    ] {
        let error = MasterKey::from_text(text).unwrap_err();
        assert_eq!(error, MasterKeyError::Malformed, "{text}");
    }
    for text in ["0".repeat(64), "7a".repeat(32)] {
        assert_eq!(
            MasterKey::from_text(&text).unwrap_err(),
            MasterKeyError::Placeholder
        );
    }
}

#[test]
fn a_made_key_file_is_its_owners_alone_and_is_never_overwritten() {
    let folder = Folder::new("make");
    let path = folder.0.join("master.key");
    let made = create_file(&Effects::system(), &path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(MasterKey::from_file(&path).unwrap().kid(), made.kid());

    let again = create_file(&Effects::system(), &path).unwrap_err();
    assert_eq!(again, MasterKeyError::Exists(path.clone()));
    assert_eq!(MasterKey::from_file(&path).unwrap().kid(), made.kid());
}

#[test]
fn a_key_file_that_others_may_touch_is_refused_with_the_way_out() {
    let folder = Folder::new("modes");
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o777] {
        let path = folder.file(HEX, mode);
        let error = MasterKey::from_file(&path).unwrap_err();
        assert_eq!(
            error,
            MasterKeyError::OpenToOthers {
                path: path.clone(),
                mode
            }
        );
        assert!(
            error
                .to_string()
                .contains(&format!("chmod 600 {}", path.display()))
        );
    }
    for mode in [0o600, 0o400] {
        assert!(
            MasterKey::from_file(&folder.file(HEX, mode)).is_ok(),
            "{mode:o}"
        );
    }
}

#[test]
fn what_is_no_key_file_is_refused_without_showing_its_text() {
    let folder = Folder::new("odd");
    let missing = folder.0.join("nothing");
    let error = MasterKey::from_file(&missing).unwrap_err();
    assert_eq!(error, MasterKeyError::Missing(missing));
    let error = MasterKey::from_file(&folder.0).unwrap_err();
    assert_eq!(error, MasterKeyError::NotAKeyFile(folder.0.clone()));
    let long = folder.file(&" ".repeat(1025), 0o600);
    assert_eq!(
        MasterKey::from_file(&long).unwrap_err(),
        MasterKeyError::NotAKeyFile(long)
    );
    let error = MasterKey::from_file(&folder.file("hunter2", 0o600)).unwrap_err();
    assert_eq!(error, MasterKeyError::Malformed);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let padded = folder.file(&format!("{HEX}{}", " ".repeat(1024 - 64)), 0o400);
    assert!(MasterKey::from_file(&padded).is_ok());
}

#[test]
fn a_wrapped_key_opens_under_its_own_label_only() {
    let here = label();
    let other = uuid::Uuid::from_u128(9);
    for label in [
        DataKeyLabel {
            id: DataKeyId(other),
            ..here
        },
        DataKeyLabel {
            tenant: Some(TenantId(other)),
            ..here
        },
        DataKeyLabel {
            tenant: None,
            ..here
        },
        DataKeyLabel {
            ring: Ring::Data,
            ..here
        },
        DataKeyLabel {
            subject: Subject::Tenant(TenantId(uuid::Uuid::from_u128(2))),
            ..here
        },
        DataKeyLabel {
            subject: Subject::EndUser(EndUserId(other)),
            ..here
        },
    ] {
        let error = DataKey::unwrap(label, &wrapped(), &ring(0)).unwrap_err();
        assert_eq!(error, SealError::NotAuthentic, "{label:?}");
    }
    assert!(unwrap(&wrapped(), &ring(0)).is_ok());
}

#[test]
fn a_wrapped_key_with_any_bit_flipped_or_any_byte_missing_does_not_open() {
    let wrapped = wrapped();
    for bit in 0..wrapped.len() * 8 {
        let mut changed = wrapped.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(unwrap(&changed, &ring(0)).is_err(), "bit {bit}");
    }
    for length in 0..wrapped.len() {
        let error = unwrap(&wrapped[..length], &ring(0)).unwrap_err();
        assert_eq!(error, SealError::Malformed);
    }
}

#[test]
fn after_a_rotation_old_keys_open_until_their_master_key_is_gone() {
    let effects = Effects::system();
    let old = wrapped();
    let value = seal_text(&effects, &unwrap(&old, &ring(0)).unwrap(), &place(), "t").unwrap();

    let both = KeyRing::new(master(100), vec![master(0)]).unwrap();
    let key = unwrap(&old, &both).unwrap();
    let new = key.wrap(&effects, &both);

    let alone = ring(100);
    assert_eq!(unwrap(&old, &alone).unwrap_err(), SealError::UnknownKey);
    let key = unwrap(&new, &alone).unwrap();
    assert_eq!(open_text(&key, &place(), &value).unwrap().expose(), "t");
}

#[test]
fn a_ring_takes_as_many_master_keys_as_it_may_and_none_twice() {
    let keys = |count: u8| (1..count).map(master).collect::<Vec<_>>();
    let most = u8::try_from(MASTER_KEYS_MAX).unwrap();
    assert!(KeyRing::new(master(0), keys(most)).is_ok());
    for older in [keys(most + 1), vec![master(0)]] {
        let error = KeyRing::new(master(0), older).unwrap_err();
        assert_eq!(error, MasterKeyError::TooManyOrTwice);
    }
}

#[test]
fn debug_output_shows_ids_and_no_key() {
    let key = DataKey::generate(&counting_from(32), label());
    let hash = HashKey::generate(&counting_from(32), hash_label());
    let shown = format!("{:?} {key:?} {hash:?} {:?}", master(32), ring(32));
    for form in ["2021222324", "20, 21", "32, 33", "ICEiIyQ"] {
        assert!(!shown.contains(form), "{shown}");
    }
    assert!(shown.contains(&label().id.to_string()) && shown.contains(&master(32).kid()));
}

fn hash_label() -> HashKeyLabel {
    HashKeyLabel {
        id: HashKeyId(uuid::Uuid::from_u128(6)),
        tenant: TenantId(uuid::Uuid::from_u128(1)),
        purpose: HashPurpose::Identifier,
    }
}

// RFC 4231 has no key of 32 bytes; the expected value was computed with another implementation.
#[test]
fn a_keyed_hash_is_hmac_sha_256() {
    let hash = HashKey::generate(&counting_from(0), hash_label()).hash("DE02120300000000202051");
    let hex = bytes::hex(&hash.hash);
    assert_eq!(
        hex,
        "0e0990b3bb2b744747d7c2a750a63964401afe613c3fdb5327908aee9e718227"
    );
    assert_eq!(hash.key, hash_label().id);
}

#[test]
fn a_hash_key_survives_wrapping_and_is_bound_to_its_label() {
    let effects = Effects::system();
    let key = HashKey::generate(&effects, hash_label());
    let wrapped = key.wrap(&effects, &ring(0));
    let back = HashKey::unwrap(hash_label(), &wrapped, &ring(0)).unwrap();
    assert_eq!(back.hash("x"), key.hash("x"));
    assert_ne!(back.hash("x").hash, key.hash("y").hash);
    let other = uuid::Uuid::from_u128(9);
    for label in [
        HashKeyLabel {
            id: HashKeyId(other),
            ..hash_label()
        },
        HashKeyLabel {
            tenant: TenantId(other),
            ..hash_label()
        },
        HashKeyLabel {
            purpose: HashPurpose::ProviderRef,
            ..hash_label()
        },
    ] {
        let error = HashKey::unwrap(label, &wrapped, &ring(0)).unwrap_err();
        assert_eq!(error, SealError::NotAuthentic);
    }
    let as_data_key = DataKey::unwrap(label(), &wrapped, &ring(0)).unwrap_err();
    assert_eq!(as_data_key, SealError::NotAuthentic);
}

#[test]
fn a_changed_hash_key_still_finds_what_the_older_one_stored() {
    let effects = Effects::system();
    let key = |number| {
        let id = HashKeyId(uuid::Uuid::from_u128(number));
        HashKey::generate(&effects, HashKeyLabel { id, ..hash_label() })
    };
    let (old, new) = (key(1), key(2));
    let stored = old.hash("DE02");
    let keys = HashKeys::new(new, vec![old]).unwrap();
    assert_ne!(keys.hash("DE02"), stored);
    assert_eq!(keys.candidates("DE02"), [keys.hash("DE02"), stored]);

    let foreign = HashKeyLabel {
        purpose: HashPurpose::Content,
        ..hash_label()
    };
    let mixed = HashKeys::new(key(1), vec![HashKey::generate(&effects, foreign)]);
    assert_eq!(mixed.unwrap_err(), SealError::UnknownKey);
}

#[test]
fn rings_and_subjects_read_their_own_words_only() {
    for ring in Ring::ALL {
        assert_eq!(Ring::from_word(ring.as_str()), Some(*ring));
    }
    let id = uuid::Uuid::from_u128(9);
    for subject in [
        Subject::EndUser(EndUserId(id)),
        Subject::Tenant(TenantId(id)),
        Subject::Operator,
    ] {
        let read = Subject::from_stored(subject.as_str(), subject.id());
        assert_eq!(read, Some(subject));
    }
    assert_eq!(Subject::from_stored("OPERATOR", id), None);
    assert_eq!(Ring::from_word("data"), None);
}
