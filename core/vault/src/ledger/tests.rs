//! Personal parts and facts hold what they promise.

use serde_json::json;

use super::*;

#[test]
fn an_opened_personal_part_is_the_one_that_was_chained() {
    let part = PersonalPart::new(&Effects::system(), b"Erika Mustermann, 192.0.2.7");
    let opened = PersonalPart::content(&part.plain, &part.digest).unwrap();
    assert_eq!(opened, b"Erika Mustermann, 192.0.2.7");
}

#[test]
fn a_personal_part_is_salted_and_any_change_of_it_is_found() {
    let effects = Effects::system();
    let part = PersonalPart::new(&effects, b"Erika");
    assert_ne!(part.digest, PersonalPart::new(&effects, b"Erika").digest);
    for bit in 0..part.plain.len() * 8 {
        let mut changed = part.plain.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            PersonalPart::content(&changed, &part.digest),
            None,
            "bit {bit}"
        );
    }
    for length in 0..part.plain.len() {
        assert_eq!(
            PersonalPart::content(&part.plain[..length], &part.digest),
            None
        );
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

#[test]
fn actors_read_their_own_words_only() {
    for actor in Actor::ALL {
        assert_eq!(Actor::from_word(actor.as_str()), Some(*actor));
    }
    assert_eq!(Actor::from_word("ADMIN"), None);
}
