//! Personal parts and facts hold what they promise.

use serde_json::json;

use super::*;

#[test]
fn a_personal_part_is_salted_and_any_change_of_it_is_found() {
    let effects = Effects::system();
    let part = PersonalPart::new(&effects, b"Erika");
    assert_eq!(&part.plain[SALT_BYTES..], b"Erika");
    assert_eq!(personal_digest(&part.plain), part.digest);
    assert_ne!(part.digest, PersonalPart::new(&effects, b"Erika").digest);
    for bit in 0..part.plain.len() * 8 {
        let mut changed = part.plain.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(personal_digest(&changed), part.digest, "bit {bit}");
    }
    for length in 0..part.plain.len() {
        assert_ne!(personal_digest(&part.plain[..length]), part.digest);
    }
    assert!(!format!("{part:?}").contains("Erika"));
}

#[test]
fn facts_have_one_text() {
    let facts = Facts::new(&json!({ "b": [1, null, true], "a": { "z": "ä\n\"", "y": -1 } }));
    let text = r#"{"a":{"y":-1,"z":"ä\n\""},"b":[1,null,true]}"#;
    assert_eq!(facts.unwrap().as_str(), text);
    assert_eq!(Facts::new(&json!({ "a": 1.5 })), Err(FactsError::NotWhole));
}

#[test]
fn facts_are_taken_up_to_their_limits() {
    let sized = |bytes: usize| Facts::new(&json!("x".repeat(bytes - 2)));
    assert!(sized(FACTS_BYTES_MAX).is_ok());
    assert_eq!(sized(FACTS_BYTES_MAX + 1), Err(FactsError::TooLarge));
    let nested = |levels: usize| Facts::new(&(0..levels).fold(json!(1), |inner, _| json!([inner])));
    assert!(nested(FACTS_DEPTH_MAX).is_ok());
    assert_eq!(nested(FACTS_DEPTH_MAX + 1), Err(FactsError::TooDeep));
}
