//! What happens on a day of the month: payments, own transfers, own conversions.

/// Months as bits, January is bit 0.
pub(crate) const EVERY_MONTH: u16 = 0x0FFF;
const QUARTER_ENDS: u16 = 0b1001_0010_0100;
const TEN_MONTHS: u16 = 0b1111_1111_1001;

/// The instrument of a regular payment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instrument {
    CreditIn,
    Salary,
    StandingOrder,
    DirectDebit,
    Fee,
}

/// A payment that falls due on a day of the month (at most 28), or the next business day.
pub(crate) struct Monthly {
    pub(crate) account: usize,
    pub(crate) day: i32,
    pub(crate) months: u16,
    pub(crate) minor: i64,
    /// The amount varies by up to this many minor units, away from zero.
    pub(crate) spread: u32,
    pub(crate) instrument: Instrument,
    pub(crate) party: &'static str,
    pub(crate) country: &'static str,
    pub(crate) text: &'static [&'static str],
    pub(crate) purpose: Option<&'static str>,
}

use Instrument::{CreditIn, DirectDebit, Fee, Salary, StandingOrder};

macro_rules! monthly {
    ($account:literal, $day:literal, $months:expr, $minor:literal ~ $spread:literal, $how:expr,
     $party:literal, $country:literal, $text:expr, $purpose:expr) => {
        Monthly {
            account: $account,
            day: $day,
            months: $months,
            minor: $minor,
            spread: $spread,
            instrument: $how,
            party: $party,
            country: $country,
            text: &$text,
            purpose: $purpose,
        }
    };
}

#[rustfmt::skip]
pub(crate) const MONTHLY: &[Monthly] = &[
    monthly!(
        0, 28, EVERY_MONTH, 328_417 ~ 0, Salary,
        "Hanseatische Messgeräte GmbH", "DE",
        ["Lohn und Gehalt", "Personalnummer 004711"], Some("SALA")
    ),
    monthly!(
        0, 1, EVERY_MONTH, -114_000 ~ 0, StandingOrder,
        "Wohnbau Elbe eG", "DE",
        ["Miete Wohnung 3.14", "Mietvertrag 20-0815"], Some("RENT")
    ),
    monthly!(
        0, 3, EVERY_MONTH, -7_200 ~ 1_900, DirectDebit,
        "Nordstrom Energie AG", "DE",
        ["Abschlag Strom", "Vertragskonto 2210456"], Some("ELEC")
    ),
    monthly!(
        0, 5, EVERY_MONTH, -3_999 ~ 0, DirectDebit,
        "Glasfaser Nord GmbH", "DE",
        ["Internet und Telefon"], Some("TELI")
    ),
    monthly!(
        0, 8, QUARTER_ENDS, -11_840 ~ 0, DirectDebit,
        "Hafen Versicherung a.G.", "DE",
        ["Beitrag Hausrat und Haftpflicht"], Some("INSU")
    ),
    monthly!(
        0, 15, EVERY_MONTH, -2_990 ~ 0, DirectDebit,
        "Kraftraum Altona GmbH", "DE",
        ["Mitgliedsbeitrag"], None
    ),
    monthly!(
        0, 20, EVERY_MONTH, -5_800 ~ 0, DirectDebit,
        "Verkehrsbetriebe Elbe", "DE",
        ["Deutschlandticket Abo 88120"], Some("TRPT")
    ),
    monthly!(
        0, 27, QUARTER_ENDS, -990 ~ 0, Fee,
        "", "",
        ["Kontoführung Quartal"], None
    ),
    monthly!(
        3, 27, EVERY_MONTH, 291_540 ~ 0, Salary,
        "Thamesside Logistics Ltd", "GB",
        ["SALARY THAMESSIDE"], Some("SALA")
    ),
    monthly!(
        3, 1, EVERY_MONTH, -89_500 ~ 0, StandingOrder,
        "Peckham Lettings", "GB",
        ["RENT FLAT 2B"], Some("RENT")
    ),
    monthly!(
        3, 4, TEN_MONTHS, -14_210 ~ 0, DirectDebit,
        "London Borough Council", "GB",
        ["COUNCIL TAX 7730129"], Some("TAXS")
    ),
    monthly!(
        3, 2, EVERY_MONTH, -41_200 ~ 0, DirectDebit,
        "Student Loans Repayment", "GB",
        ["STUDENT LOAN 4471"], Some("LOAR")
    ),
    monthly!(
        3, 6, EVERY_MONTH, -28_950 ~ 0, DirectDebit,
        "Foxglove Car Finance", "GB",
        ["CAR FINANCE AGR 33018"], Some("LOAR")
    ),
    monthly!(
        3, 9, EVERY_MONTH, -8_100 ~ 2_400, DirectDebit,
        "Brightgrid Energy", "GB",
        ["ELECTRICITY AND GAS"], Some("ENRG")
    ),
    monthly!(
        3, 12, EVERY_MONTH, -1_399 ~ 0, DirectDebit,
        "TV Licence", "GB",
        ["TV LICENCE MBP"], None
    ),
    monthly!(
        3, 18, EVERY_MONTH, -2_250 ~ 0, DirectDebit,
        "Pelican Mobile", "GB",
        ["MOBILE 07700 900123"], Some("PHON")
    ),
    monthly!(
        5, 6, EVERY_MONTH, 45_000 ~ 12_500, CreditIn,
        "Atelier Lumière SARL", "FR",
        ["Facture photo", "Invoice 2210"], Some("SCVE")
    ),
    monthly!(
        5, 14, EVERY_MONTH, -1_849 ~ 0, DirectDebit,
        "Emerald Hosting DAC", "IE",
        ["Web hosting plan M"], None
    ),
    monthly!(
        5, 22, EVERY_MONTH, -500 ~ 0, Fee,
        "", "",
        ["Account maintenance fee"], None
    ),
    monthly!(
        6, 25, EVERY_MONTH, 1_250_750 ~ 0, Salary,
        "Gulf Marine Survey Co", "KW",
        ["SALARY TRANSFER"], Some("SALA")
    ),
    monthly!(
        6, 1, EVERY_MONTH, -380_000 ~ 0, StandingOrder,
        "Salmiya Real Estate", "KW",
        ["RENT APT 1204"], Some("RENT")
    ),
    monthly!(
        6, 2, EVERY_MONTH, -285_250 ~ 24_500, DirectDebit,
        "Bayan Bilingual School", "KW",
        ["TUITION AND BUS"], Some("EDUC")
    ),
    monthly!(
        6, 4, EVERY_MONTH, -90_000 ~ 0, StandingOrder,
        "Hala Family Account", "KW",
        ["FAMILY SUPPORT"], Some("FAND")
    ),
    monthly!(
        6, 7, EVERY_MONTH, -12_500 ~ 4_375, DirectDebit,
        "Zephyr Telecom", "KW",
        ["MOBILE AND INTERNET"], Some("TELI")
    ),
    monthly!(
        6, 16, EVERY_MONTH, -22_125 ~ 9_250, DirectDebit,
        "Ministry Utilities", "KW",
        ["ELECTRICITY AND WATER"], Some("UBIL")
    ),
    monthly!(
        6, 28, QUARTER_ENDS, -1_125 ~ 0, Fee,
        "", "",
        ["Card service charge"], None
    ),
    monthly!(
        7, 10, EVERY_MONTH, 48_000 ~ 9_500, CreditIn,
        "Kitasora Press KK", "JP",
        ["印税", "ROYALTY STATEMENT"], Some("ROYA")
    ),
    monthly!(
        7, 26, EVERY_MONTH, -3_300 ~ 0, DirectDebit,
        "Sakura Mobile KK", "JP",
        ["携帯電話料金"], Some("PHON")
    ),
    monthly!(
        2, 28, QUARTER_ENDS, -300 ~ 0, Fee,
        "", "",
        ["Kontoführung Fremdwährung"], None
    ),
];

/// Money that a person moves between own accounts of one currency, on a day of the month.
pub(crate) struct OwnTransfer {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) day: i32,
    pub(crate) minor: i64,
    /// Above this balance everything but the half of it is moved.
    pub(crate) ceiling_minor: i64,
    pub(crate) text: &'static str,
}

pub(crate) const OWN_TRANSFERS: &[OwnTransfer] = &[
    OwnTransfer {
        from: 0,
        to: 1,
        day: 2,
        minor: 20_000,
        ceiling_minor: 600_000,
        text: "Sparen monatlich",
    },
    OwnTransfer {
        from: 3,
        to: 4,
        day: 3,
        minor: 15_000,
        ceiling_minor: 500_000,
        text: "TO SAVER",
    },
];

/// A conversion between own accounts of two currencies.
pub(crate) struct OwnExchange {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) day: i32,
    pub(crate) months: u16,
    pub(crate) minor: i64,
    pub(crate) rate_e4: i64,
    pub(crate) spread_e4: u32,
    pub(crate) text: &'static str,
}

pub(crate) const OWN_EXCHANGES: &[OwnExchange] = &[
    OwnExchange {
        from: 0,
        to: 2,
        day: 20,
        months: EVERY_MONTH,
        minor: 4_500,
        rate_e4: 1_618_250,
        spread_e4: 42_000,
        text: "Umtausch EUR in JPY",
    },
    OwnExchange {
        from: 5,
        to: 3,
        day: 24,
        months: EVERY_MONTH,
        minor: 30_000,
        rate_e4: 8_540,
        spread_e4: 240,
        text: "EUR to GBP",
    },
    OwnExchange {
        from: 6,
        to: 7,
        day: 19,
        months: QUARTER_ENDS,
        minor: 60_500,
        rate_e4: 4_861_000,
        spread_e4: 120_000,
        text: "KWD TO JPY",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_month_exist_in_every_month() {
        assert!(MONTHLY.iter().all(|row| (1..=28).contains(&row.day)));
        assert!(OWN_TRANSFERS.iter().all(|row| (1..=28).contains(&row.day)));
        assert!(OWN_EXCHANGES.iter().all(|row| (1..=28).contains(&row.day)));
    }
}
