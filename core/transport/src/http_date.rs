//! Dates in HTTP headers (RFC 9110 section 5.6.7, the preferred form only).

use fondaco_model::Instant;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The instant as a header value, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Years outside 0 to 9999 have no such form; callers pass the present time.
pub(crate) fn format(instant: Instant) -> String {
    // The epoch was a Thursday, the first entry of the table.
    let weekday = instant.micros().div_euclid(MICROS_PER_DAY).rem_euclid(7);
    let weekday = DAYS[usize::try_from(weekday).expect("a remainder of seven is small")];
    let (year, month, day) = instant.utc_date().parts();
    let month = MONTHS[usize::try_from(month - 1).expect("months begin with one")];
    let second = instant.micros().rem_euclid(MICROS_PER_DAY) / 1_000_000;
    format!(
        "{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} GMT",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Reads a header value; the two obsolete forms are not read.
pub(crate) fn parse(text: &str) -> Option<Instant> {
    let mut parts = text.trim().split(' ');
    let weekday = parts.next()?.strip_suffix(',')?;
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (time, zone) = (parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let shaped = DAYS.contains(&weekday) && zone == "GMT" && parts.next().is_none();
    let instant = format!("{year}-{month:02}-{day}T{time}Z").parse().ok()?;
    shaped.then_some(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_goes_both_ways() {
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        let instant: Instant = "1994-11-06T08:49:37Z".parse().unwrap();
        assert_eq!(parse(text), Some(instant));
        assert_eq!(format(instant), text);
        assert_eq!(
            format(Instant::from_micros(0)),
            "Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn other_forms_are_no_dates() {
        for text in [
            "",
            "soon",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
