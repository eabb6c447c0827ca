//! Dates without a zone, instants in microseconds, and the clock that everything is given.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Instant(i64);

impl Instant {
    /// From microseconds since the epoch, UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch, UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This instant moved by whole seconds, held at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(
            self.0
                .saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)),
        )
    }

    /// This instant moved by milliseconds, held at the ends of the range.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }

    /// Whole seconds from `earlier` to this instant; negative when it is later.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / MICROS_PER_SECOND
    }

    /// The UTC calendar date, for rules that need a day where a source stated none.
    pub fn utc_date(self) -> Date {
        Date(self.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date())
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp())
    }
}

/// A text that is not a date or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not `YYYY-MM-DD`, or no day of the calendar.
    #[error("not a calendar date of the form YYYY-MM-DD")]
    NotADate,
    /// Not an RFC 3339 instant with an offset.
    #[error("not an RFC 3339 instant")]
    NotAnInstant,
}

impl FromStr for Instant {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| TimeError::NotAnInstant)?;
        Ok(Self(timestamp.as_microsecond()))
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Instant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DateTime".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A calendar day as a source stated it: no zone, never converted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// Builds a day of years 1 to 9999.
    ///
    /// # Errors
    /// [`TimeError::NotADate`] when the calendar has no such day.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, TimeError> {
        let date = jiff::civil::Date::new(year, month, day).map_err(|_| TimeError::NotADate)?;
        if year < 1 {
            Err(TimeError::NotADate)
        } else {
            Ok(Self(date))
        }
    }

    /// This day moved by whole days, held at the ends of the range.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(
            self.0
                .saturating_add(jiff::Span::new().days(days.clamp(-3_000_000, 3_000_000))),
        )
    }

    /// Whole days from `earlier` to this day; negative when it is later.
    pub fn days_since(self, earlier: Self) -> i32 {
        self.0
            .duration_since(earlier.0)
            .as_hours()
            .div_euclid(24)
            .try_into()
            .unwrap_or(i32::MAX)
    }

    /// Year, month and day.
    pub fn parts(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }
}

impl FromStr for Date {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return Err(TimeError::NotADate);
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<i16>();
        let (Ok(year), Ok(month), Ok(day)) = (number(0..4), number(5..7), number(8..10)) else {
            return Err(TimeError::NotADate);
        };
        let month = i8::try_from(month).map_err(|_| TimeError::NotADate)?;
        let day = i8::try_from(day).map_err(|_| TimeError::NotADate)?;
        Self::new(year, month, day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}",
            self.0.year(),
            self.0.month(),
            self.0.day()
        )
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Date {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}

/// Tells what time it is. Everything that needs the time is given one.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// The wall clock; the only place that reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Instant {
        Instant(jiff::Timestamp::now().as_microsecond())
    }
}

/// A clock that stands until it is moved, for tests and simulations.
#[derive(Debug, Default)]
pub struct ManualClock(std::sync::atomic::AtomicI64);

impl ManualClock {
    /// A clock that stands at an instant.
    pub fn at(instant: Instant) -> Self {
        Self(std::sync::atomic::AtomicI64::new(instant.0))
    }

    /// Moves the clock forward by seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        let micros = seconds.saturating_mul(MICROS_PER_SECOND);
        self.0
            .fetch_add(micros, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_of_the_calendar_are_dates() {
        for text in ["2026-02-28", "2024-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
        }
        for text in [
            "2026-02-29",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "26-1-1",
        ] {
            assert_eq!(text.parse::<Date>(), Err(TimeError::NotADate), "{text}");
        }
        for text in [
            "0000-01-01",
            "",
            "2026-01-011",
            "2026/01/01",
            "２０26-01-1",
            "+026-01-01",
        ] {
            assert_eq!(text.parse::<Date>(), Err(TimeError::NotADate), "{text}");
        }
    }

    #[test]
    fn days_are_counted_over_leap_years_and_backwards() {
        let day: Date = "2024-02-28".parse().unwrap();
        assert_eq!(day.plus_days(2).to_string(), "2024-03-01");
        assert_eq!(day.plus_days(2).days_since(day), 2);
        assert_eq!(day.days_since(day.plus_days(400)), -400);
    }

    #[test]
    fn instants_are_read_with_an_offset_and_written_in_utc() {
        let instant: Instant = "2026-01-02T03:04:05+02:00".parse().unwrap();
        assert_eq!(instant.to_string(), "2026-01-02T01:04:05Z");
        assert_eq!(instant.utc_date().to_string(), "2026-01-02");
        assert_eq!(
            "2026-01-02T03:04:05".parse::<Instant>(),
            Err(TimeError::NotAnInstant)
        );
        assert_eq!(instant.plus_seconds(90).seconds_since(instant), 90);
    }
}
