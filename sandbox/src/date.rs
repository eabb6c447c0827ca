//! Calendar days of the proleptic Gregorian calendar, without a zone.

use std::fmt;

/// A calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i32);

/// Year, month (1 to 12) and day of the month (1 to 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i32,
    pub(crate) month: i32,
    pub(crate) day: i32,
}

const DAYS_PER_ERA: i32 = 146_097;
const EPOCH_SHIFT: i32 = 719_468;

impl Day {
    /// The day of a civil date, or `None` when the calendar has no such day.
    pub(crate) fn from_civil(civil: Civil) -> Option<Self> {
        let Civil { year, month, day } = civil;
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 {
            return None;
        }
        let shifted = if month <= 2 { year - 1 } else { year };
        let era = shifted.div_euclid(400);
        let year_of_era = shifted - era * 400;
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let found = Self(era * DAYS_PER_ERA + day_of_era - EPOCH_SHIFT);
        (found.civil() == civil).then_some(found)
    }

    /// The day that an ISO 8601 text `YYYY-MM-DD` names; nothing else is accepted.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return None;
        }
        Self::from_civil(Civil {
            year: text[0..4].parse().ok()?,
            month: text[5..7].parse().ok()?,
            day: text[8..10].parse().ok()?,
        })
    }

    pub(crate) fn civil(self) -> Civil {
        let shifted = self.0 + EPOCH_SHIFT;
        let era = shifted.div_euclid(DAYS_PER_ERA);
        let day_of_era = shifted - era * DAYS_PER_ERA;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i32::from(month <= 2);
        Civil { year, month, day }
    }

    /// Monday is 0, Sunday is 6.
    pub(crate) fn weekday(self) -> i32 {
        (self.0 + 3).rem_euclid(7)
    }

    /// Monday to Friday; public holidays are not modelled.
    pub(crate) fn is_business_day(self) -> bool {
        self.weekday() < 5
    }

    pub(crate) fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// The `count`-th business day after this day.
    pub(crate) fn plus_business_days(self, count: i32) -> Self {
        let mut day = self;
        for _ in 0..count {
            day = day.plus(1);
            while !day.is_business_day() {
                day = day.plus(1);
            }
        }
        day
    }

    /// The first day of the month that lies `months` months before this day's month.
    pub(crate) fn month_start_before(self, months: i32) -> Self {
        let civil = self.civil();
        let total = civil.year * 12 + civil.month - 1 - months;
        Self::from_civil(Civil {
            year: total.div_euclid(12),
            month: total.rem_euclid(12) + 1,
            day: 1,
        })
        .unwrap_or(self)
    }

    /// `YYYYMMDD`, as references carry it.
    pub(crate) fn compact(self) -> String {
        let Civil { year, month, day } = self.civil();
        format!("{year:04}{month:02}{day:02}")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day } = self.civil();
        write!(out, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_day_are_one_to_one_over_two_centuries() {
        for number in -25_567..=47_482 {
            let day = Day(number);
            assert_eq!(Day::parse(&day.to_string()), Some(day));
        }
        assert_eq!(Day::parse("1970-01-01"), Some(Day(0)));
        assert_eq!(Day::parse("9999-12-31"), Some(Day(2_932_896)));
    }

    #[test]
    fn what_no_calendar_has_is_refused() {
        for text in [
            "2025-02-29",
            "2025-13-01",
            "2025-00-10",
            "2025-4-01",
            "+025-01-01",
            "",
            "0000-01-01",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        assert!(Day::parse("2024-02-29").is_some());
    }

    #[test]
    fn weekends_are_skipped() {
        let friday = Day::parse("2025-11-21").unwrap();
        assert_eq!(friday.weekday(), 4);
        assert_eq!(friday.plus_business_days(1).to_string(), "2025-11-24");
        assert_eq!(friday.month_start_before(24).to_string(), "2023-11-01");
    }
}
