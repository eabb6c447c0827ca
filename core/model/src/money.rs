//! Exact money: integer units, a scale and a currency.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most fraction digits that an amount may carry.
pub const SCALE_MAX: u8 = 18;

/// Longest decimal lexeme that is looked at: 20 digits of `i64`, a sign, a point and slack for
/// insignificant zeros.
pub const LEXEME_MAX: usize = 64;

/// An ISO 4217 currency with a defined number of minor units.
///
/// `XXX` (no currency), `XTS` and the precious metals have no minor units in the standard's table
/// and are refused: an amount without a currency stays unknown. Source: ISO 4217 list one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Looks a code up, upper case only, as the standard writes it.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] when the code is not in ISO 4217 or has no minor units.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        let found = iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some())
            .filter(|_| code.bytes().all(|byte| byte.is_ascii_uppercase()));
        found.map(Self).ok_or(MoneyError::UnknownCurrency)
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits after the decimal point of the minor unit: 0 for JPY, 2 for EUR, 3 for KWD.
    pub fn exponent(self) -> u8 {
        let exponent = self
            .0
            .exponent()
            .expect("from_code admits only currencies with one");
        u8::try_from(exponent).expect("ISO 4217 exponents are at most 4")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.code().cmp(other.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::from_code(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::from_code(&code).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CurrencyCode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217 currency code"
        })
    }
}

/// The side of the account that an amount moves, from the account holder's view.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// Money comes in; the amount is zero or positive.
    Credit,
    /// Money goes out; the amount is zero or negative.
    Debit,
}

impl Direction {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "CREDIT",
            Self::Debit => "DEBIT",
        }
    }
}

impl FromStr for Direction {
    type Err = MoneyError;
    fn from_str(word: &str) -> Result<Self, MoneyError> {
        match word {
            "CREDIT" => Ok(Self::Credit),
            "DEBIT" => Ok(Self::Debit),
            _ => Err(MoneyError::UnknownDirection),
        }
    }
}

/// An exact amount of one currency: `minor` units of 10^-`scale`.
///
/// The scale is the currency's ISO 4217 exponent, or the source's own scale where it states more
/// significant digits (at most [`SCALE_MAX`]). This form is canonical, so that equal amounts are
/// equal values. Nothing is ever rounded: what does not fit is refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    scale: u8,
    currency: Currency,
}

/// Why a text or a pair of numbers is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an optional sign, digits and at most one point followed by digits.
    #[error("not a plain decimal number")]
    NotDecimal,
    /// More than [`SCALE_MAX`] significant fraction digits.
    #[error("more than 18 fraction digits")]
    TooFine,
    /// The integer units do not fit into 64 bits.
    #[error("amount does not fit into 64 bits of minor units")]
    TooLarge,
    /// Not a code of ISO 4217 that has minor units.
    #[error("unknown currency code")]
    UnknownCurrency,
    /// Two amounts of different currencies were to be added or compared.
    #[error("currencies differ")]
    CurrenciesDiffer,
    /// Neither CREDIT nor DEBIT.
    #[error("unknown direction")]
    UnknownDirection,
}

impl Money {
    /// Builds an amount from units at a scale and brings it into canonical form.
    ///
    /// # Errors
    /// [`MoneyError::TooFine`] above [`SCALE_MAX`], [`MoneyError::TooLarge`] when the units at the
    /// currency's exponent do not fit.
    pub fn new(minor: i64, scale: u8, currency: Currency) -> Result<Self, MoneyError> {
        if scale > SCALE_MAX {
            return Err(MoneyError::TooFine);
        }
        Self::canonical(i128::from(minor), scale, currency)
    }

    /// No money of a currency.
    pub fn zero(currency: Currency) -> Self {
        Self {
            minor: 0,
            scale: currency.exponent(),
            currency,
        }
    }

    /// Parses a decimal lexeme as it stood on the wire: `-12.30`, `1500`, `0.001`.
    ///
    /// # Errors
    /// [`MoneyError::NotDecimal`] for an exponent, a comma, a space or an empty text,
    /// [`MoneyError::TooFine`] and [`MoneyError::TooLarge`] for what does not fit.
    pub fn parse(lexeme: &str, currency: Currency) -> Result<Self, MoneyError> {
        if lexeme.len() > LEXEME_MAX {
            return Err(MoneyError::NotDecimal);
        }
        let (negative, digits) = match lexeme.as_bytes().first() {
            Some(b'-') => (true, &lexeme[1..]),
            Some(b'+') => (false, &lexeme[1..]),
            _ => (false, lexeme),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(MoneyError::NotDecimal);
        }
        let fraction = fraction.trim_end_matches('0');
        let scale = u8::try_from(fraction.len()).map_err(|_| MoneyError::TooFine)?;
        if scale > SCALE_MAX {
            return Err(MoneyError::TooFine);
        }
        let mut units: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            units = units
                .checked_mul(10)
                .and_then(|units| units.checked_add(i128::from(digit - b'0')))
                .ok_or(MoneyError::TooLarge)?;
        }
        Self::canonical(if negative { -units } else { units }, scale, currency)
    }

    fn canonical(mut units: i128, mut scale: u8, currency: Currency) -> Result<Self, MoneyError> {
        let exponent = currency.exponent();
        while scale > exponent && units % 10 == 0 {
            units /= 10;
            scale -= 1;
        }
        while scale < exponent {
            units = units.checked_mul(10).ok_or(MoneyError::TooLarge)?;
            scale += 1;
        }
        let minor = i64::try_from(units).map_err(|_| MoneyError::TooLarge)?;
        Ok(Self {
            minor,
            scale,
            currency,
        })
    }

    /// Integer units of 10^-[`scale`](Self::scale).
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// Fraction digits of the units, at least the currency's exponent.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Units at the ISO exponent, or none when the amount is finer than that.
    pub fn iso_minor_units(self) -> Option<i64> {
        (self.scale == self.currency.exponent()).then_some(self.minor)
    }

    /// The exact decimal text, with as many fraction digits as the scale.
    pub fn amount(self) -> String {
        decimal_text(i128::from(self.minor), self.scale)
    }

    /// True when the amount is nothing.
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// True when the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The direction that the sign states; zero counts as a credit.
    pub fn direction(self) -> Direction {
        if self.is_negative() {
            Direction::Debit
        } else {
            Direction::Credit
        }
    }

    /// The same amount with the sign that a direction demands.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`] for the one value whose negation does not fit.
    pub fn signed(self, direction: Direction) -> Result<Self, MoneyError> {
        let minor = match direction {
            Direction::Credit => self.minor.checked_abs(),
            Direction::Debit => self.minor.checked_abs().map(|minor| -minor),
        };
        minor
            .map(|minor| Self { minor, ..self })
            .ok_or(MoneyError::TooLarge)
    }

    /// The amount with the opposite sign.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`] for the one value whose negation does not fit.
    pub fn negated(self) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_neg().ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    /// Adds two amounts of one currency exactly, at the finer of both scales.
    ///
    /// # Errors
    /// [`MoneyError::CurrenciesDiffer`] and [`MoneyError::TooLarge`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrenciesDiffer);
        }
        let scale = self.scale.max(other.scale);
        Self::canonical(
            self.units_at(scale) + other.units_at(scale),
            scale,
            self.currency,
        )
    }

    /// Compares by value, across scales.
    ///
    /// # Errors
    /// [`MoneyError::CurrenciesDiffer`].
    pub fn compare(self, other: Self) -> Result<Ordering, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrenciesDiffer);
        }
        Ok(self.units_at(SCALE_MAX).cmp(&other.units_at(SCALE_MAX)))
    }

    fn units_at(self, scale: u8) -> i128 {
        i128::from(self.minor) * 10_i128.pow(u32::from(scale - self.scale))
    }
}

/// Writes integer units at a scale as a plain decimal text.
pub fn decimal_text(units: i128, scale: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!(
        "{:0>width$}",
        units.unsigned_abs(),
        width = usize::from(scale) + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename = "Money", rename_all = "camelCase", deny_unknown_fields)]
/// An exact amount of one currency.
struct MoneyForm {
    /// Plain decimal text, never rounded.
    amount: String,
    /// ISO 4217 code.
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MoneyForm {
            amount: self.amount(),
            currency: self.currency,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = MoneyForm::deserialize(deserializer)?;
        Self::parse(&form.amount, form.currency).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Money {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        MoneyForm::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        MoneyForm::json_schema(generator)
    }
}

#[cfg(test)]
mod tests;
