//! Texts that standards share: account numbers, references that say nothing, dates with times.

use fondaco_model::{Date, Instant};

/// An IBAN in its electronic form: no spaces, upper case (ISO 13616).
pub(crate) fn iban(text: &str) -> String {
    let kept = text.chars().filter(|c| !c.is_whitespace());
    kept.flat_map(char::to_uppercase).collect()
}

/// True when the text has an IBAN's shape and its check digits agree (ISO 7064 MOD 97-10).
pub(crate) fn iban_is_valid(iban: &str) -> bool {
    let bytes = iban.as_bytes();
    let shaped = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes
            .iter()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    if !shaped {
        return false;
    }
    let remainder = bytes[4..]
        .iter()
        .chain(&bytes[..4])
        .fold(0_u32, |rest, byte| match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
        });
    remainder == 1
}

/// The text, unless it is a word that only says that there is no reference.
pub(crate) fn reference(text: &str) -> Option<&str> {
    const NOTHING: [&str; 4] = ["NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOREF"];
    let text = text.trim();
    let nothing = text.is_empty() || NOTHING.iter().any(|word| word.eq_ignore_ascii_case(text));
    (!nothing).then_some(text)
}

/// Day and instant of a date or date-time: the day as it is written, never converted, and the
/// instant only when an offset is stated. None when it holds no day of the calendar.
pub(crate) fn day_and_instant(text: &str) -> Option<(Date, Option<Instant>)> {
    let day = text.get(..10)?.parse().ok()?;
    match text.get(10..)? {
        "" => Some((day, None)),
        // XML Schema also allows an offset on a bare date: `2026-01-31+01:00`.
        rest if is_offset(rest) => Some((day, None)),
        rest if rest.starts_with('T') => {
            let instant: Option<Instant> = text.parse().ok();
            // Without an offset the time of day is left alone: nobody knows its zone.
            (instant.is_some() || is_time(&rest[1..])).then_some((day, instant))
        }
        _ => None,
    }
}

fn is_offset(text: &str) -> bool {
    let shape = |at: (usize, u8)| match at.0 {
        0 => at.1 == b'+' || at.1 == b'-',
        3 => at.1 == b':',
        _ => at.1.is_ascii_digit(),
    };
    text == "Z" || (text.len() == 6 && text.bytes().enumerate().all(shape))
}

fn is_time(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_digit() || b == b':' || b == b'.';
    text.len() >= 5 && text.len() <= 24 && text.bytes().all(plain)
}

/// True for a positive plain decimal number of at most 40 characters, as rates are.
pub(crate) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 40 && digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ibans_are_checked_by_their_digits() {
        assert_eq!(
            iban("de89 3704 0044 0532 0130 00"),
            "DE89370400440532013000"
        );
        assert!(iban_is_valid("DE89370400440532013000"));
        assert!(!iban_is_valid("DE88370400440532013000"));
        assert!(!iban_is_valid("DE89"));
        assert!(!iban_is_valid("ÄÖ89370400440532013000"));
    }

    #[test]
    fn words_for_nothing_are_no_reference() {
        assert_eq!(reference(" NOTPROVIDED "), None);
        assert_eq!(reference("notprovided"), None);
        assert_eq!(reference(""), None);
        assert_eq!(reference(" RF18 "), Some("RF18"));
    }

    #[test]
    fn a_day_stays_as_it_is_written() {
        let day = |text| day_and_instant(text).map(|(day, at)| (day.to_string(), at.is_some()));
        let some = |text: &str, instant| Some((text.to_owned(), instant));
        assert_eq!(day("2026-01-31"), some("2026-01-31", false));
        assert_eq!(day("2026-01-31+01:00"), some("2026-01-31", false));
        assert_eq!(day("2026-01-31T23:59:00"), some("2026-01-31", false));
        assert_eq!(day("2026-01-31T23:59:00-05:00"), some("2026-01-31", true));
        for text in [
            "2026-02-30",
            "2026-01-31 12:00",
            "2026-01-31Tnoon",
            "31.01.2026",
            "",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
