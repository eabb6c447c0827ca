//! International bank account numbers with right check digits (ISO 13616, ISO 7064 MOD 97-10).

use crate::rng;

/// Puts the check digits between a country code and a national account number.
pub(crate) fn with_check_digits(country: &str, national: &str) -> String {
    let check = 98 - remainder(&format!("{national}{country}00"));
    format!("{country}{check:02}{national}")
}

/// An account number for a made-up counterparty; `None` where the country has no IBAN.
pub(crate) fn of_counterparty(country: &str, name: &str) -> Option<String> {
    let key = rng::text_key(name);
    let national = match country {
        "DE" => format!("50019900{:010}", key % 10_000_000_000),
        "GB" | "IE" => format!("FICT{:014}", key % 100_000_000_000_000),
        "FR" => french(key),
        "KW" => format!("FICT{key:022}"),
        _ => return None,
    };
    Some(with_check_digits(country, &national))
}

/// France closes the national number with a key of its own (RIB, modulo 97).
fn french(key: u64) -> String {
    let account = key % 100_000_000_000;
    let rest = (89 * 30_099 + 15 * 99 + 3 * (account % 97)) % 97;
    format!("3009900099{account:011}{:02}", 97 - rest)
}

/// The number modulo 97, letters counted as 10 to 35.
fn remainder(text: &str) -> u32 {
    text.chars().fold(0, |rest, sign| {
        let digit = sign.to_digit(36).unwrap_or(0);
        let shift = if digit > 9 { 100 } else { 10 };
        (rest * shift + digit) % 97
    })
}

/// Whether the check digits fit.
#[cfg(test)]
pub(crate) fn holds(iban: &str) -> bool {
    iban.len() > 4 && remainder(&format!("{}{}", &iban[4..], &iban[..4])) == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_example_gets_its_check_digits() {
        assert_eq!(
            with_check_digits("DE", "370400440532013000"),
            "DE89370400440532013000"
        );
        assert_eq!(
            with_check_digits("GB", "WEST12345698765432"),
            "GB82WEST12345698765432"
        );
        assert_eq!(
            with_check_digits("KW", "CBKU0000000000001234560101"),
            "KW81CBKU0000000000001234560101"
        );
    }

    #[test]
    fn made_up_counterparties_have_valid_numbers_of_the_right_length() {
        for (country, length) in [("DE", 22), ("GB", 22), ("IE", 22), ("FR", 27), ("KW", 30)] {
            let iban = of_counterparty(country, "Wohnbau Elbe eG").unwrap();
            assert_eq!(iban.len(), length, "{iban}");
            assert!(holds(&iban), "{iban}");
        }
        assert_eq!(of_counterparty("JP", "Kitasora"), None);
    }
}
