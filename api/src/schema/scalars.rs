//! Scalars: exact decimals, currencies, days, instants, large integers, and words of open lists.

use std::str::FromStr;

use async_graphql::{InputValueError, InputValueResult, Pos, Scalar, ScalarType, Value};
use fondaco_model::money::{Currency, LEXEME_MAX};
use fondaco_model::{Date, Instant};

/// Plain text of an input value.
fn text(value: Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("write it as a string"),
    }
}

/// An exact decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal(pub(crate) String);

/// A plain decimal number as a string: digits, at most one point, a leading minus sign when it is
/// negative; no exponent, no grouping. It is exact and never passes through a float. As input a
/// whole number is taken too.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match value {
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            Value::Number(_) => {
                return Err(InputValueError::custom(
                    "write fractions as a string, to stay exact",
                ));
            }
            other => text(other).map_err(InputValueError::custom)?,
        };
        if text.len() > LEXEME_MAX {
            return Err(InputValueError::custom(
                "a decimal number has at most 64 characters",
            ));
        }
        if !is_plain(&text) {
            return Err(InputValueError::custom(
                "write digits, at most one point, and a minus sign in front",
            ));
        }
        Ok(Self(text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// Digits, with one point between them at most, and a minus sign before them.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    number(whole) && number(fraction)
}

/// An integer of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BigInt(pub(crate) i64);

/// An integer of 64 bits as a string, because JavaScript's numbers end at 53 bits.
#[Scalar]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number
            .map(Self)
            .ok_or_else(|| InputValueError::custom("not an integer of 64 bits"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CurrencyCode(pub(crate) Currency);

/// An ISO 4217 code of a currency that has minor units, in upper case, such as `EUR`.
#[Scalar]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::custom)?;
        let found = Currency::from_code(&text);
        found
            .map(Self)
            .map_err(|_| InputValueError::custom("no ISO 4217 code of a currency"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.code().to_owned())
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateScalar(pub(crate) Date);

/// A day of the calendar as `YYYY-MM-DD`: as the source stated it, without a zone, never converted.
#[Scalar(name = "Date")]
impl ScalarType for DateScalar {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::custom)?;
        let day = Date::from_str(&text);
        day.map(Self)
            .map_err(|_| InputValueError::custom("not a day of the form YYYY-MM-DD"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) Instant);

/// An instant as RFC 3339 in UTC, such as `2026-01-31T09:00:00Z`, with at most six digits of a
/// second's fraction.
#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::custom)?;
        let instant = Instant::from_str(&text);
        instant
            .map(Self)
            .map_err(|_| InputValueError::custom("not an instant of RFC 3339"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CountryCode(pub(crate) String);

/// An ISO 3166-1 alpha-2 code of a country, in upper case, such as `DE`.
#[Scalar]
impl ScalarType for CountryCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value).map_err(InputValueError::custom)?;
        if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Self(text))
        } else {
            Err(InputValueError::custom("a country is two capital letters"))
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn taken<T: ScalarType + async_graphql::InputType>(value: Value) -> Result<(), String> {
    let told = |error: InputValueError<T>| {
        let message = error.into_server_error(Pos::default()).message;
        // The name stands in front already, as the executor puts it.
        match message.split_once("\": ") {
            Some((_, reason)) => reason.to_owned(),
            None => "a value of another kind".to_owned(),
        }
    };
    <T as ScalarType>::parse(value).map(|_| ()).map_err(told)
}

/// Words of lists that grow with their standard: a scalar, so that a new word breaks no client.
macro_rules! open_words {
    ($($(#[$doc:meta])* $name:ident $graphql:literal = $model:ty;)+) => {$(
        #[doc = concat!("A word of the open list ", $graphql, ".")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $model);

        $(#[$doc])*
        #[Scalar(name = $graphql)]
        impl ScalarType for $name {
            fn parse(value: Value) -> InputValueResult<Self> {
                let text = text(value).map_err(InputValueError::custom)?;
                Ok(Self(<$model>::from_word(&text)))
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.as_str().to_owned())
            }
        }

        impl From<$model> for $name {
            fn from(word: $model) -> Self {
                Self(word)
            }
        }
    )+

        /// Whether a scalar of the schema takes a value; the reason when it does not. Names that
        /// are no scalar of ours are the executor's to judge.
        pub(crate) fn check(name: &str, value: Value) -> Result<(), String> {
            match name {
                "Decimal" => taken::<Decimal>(value),
                "BigInt" => taken::<BigInt>(value),
                "CurrencyCode" => taken::<CurrencyCode>(value),
                "Date" => taken::<DateScalar>(value),
                "DateTime" => taken::<DateTime>(value),
                "CountryCode" => taken::<CountryCode>(value),
                "Int" => taken::<i32>(value),
                "Boolean" => taken::<bool>(value),
                "String" => taken::<String>(value),
                "ID" => taken::<async_graphql::ID>(value),
                $($graphql => taken::<$name>(value),)+
                _ => Ok(()),
            }
        }

        /// Each open list with its known words.
        #[cfg(test)]
        pub(crate) const OPEN_WORDS: &[(&str, &[&str])] =
            &[$(($graphql, <$model>::WORDS)),+];
    };
}

open_words! {
    /// Kind of account; an open list. Known words: `CURRENT`, `SAVINGS`, `CARD`, `LOAN`,
    /// `MORTGAGE`, `CASH`, `MONEY_MARKET`, `TERM_DEPOSIT`, `INVESTMENT`, `PENSION`, `PREPAID`,
    /// `WALLET`.
    AccountType "AccountType" = fondaco_model::v1::AccountType;

    /// Kind of account number; an open list. Known words: `IBAN`, `BBAN`, `UK_SORT_CODE_ACCOUNT`,
    /// `ABA_ROUTING`, `MASKED_PAN`, `MSISDN`, `PROPRIETARY`.
    IdentifierScheme "IdentifierScheme" = fondaco_model::v1::IdentifierScheme;

    /// Kind of balance, as ISO 20022 codes it; an open list. Known words: `CLBD` closing booked,
    /// `CLAV` closing available, `OPBD` opening booked, `OPAV` opening available, `ITBD` interim
    /// booked, `ITAV` interim available, `PRCD` previously closed booked, `FWAV` forward
    /// available, `XPCD` expected, `VALU` by value date, `INFO` information, `NON_INVOICED`,
    /// `CREDIT` unused credit line.
    BalanceType "BalanceType" = fondaco_model::v1::BalanceType;

    /// Status of a bank's entry; an open list. Known words: `BOOKED`, `PENDING`, `HOLD`,
    /// `SCHEDULED`, `CANCELLED`, `REJECTED`.
    BookingStatus "BookingStatus" = fondaco_model::v1::BookingStatus;

    /// How money moved; an open list. Known words: `CARD`, `TRANSFER`, `DIRECT_DEBIT`,
    /// `STANDING_ORDER`, `CASH`, `CHEQUE`, `FEE`, `INTEREST`, `FX`, `REFUND`, `CHARGEBACK`,
    /// `PAYOUT`.
    Method "TransactionMethod" = fondaco_model::v1::Method;

    /// Kind of reference; an open list. Known words: `SERVICER_REFERENCE`, `ENTRY_REFERENCE`,
    /// `TRANSACTION_ID`, `INTERNAL_ID`, `PENDING_ID`, `END_TO_END_ID`, `FINGERPRINT`.
    ReferenceKind "ReferenceKind" = fondaco_model::v1::ReferenceKind;

    /// Why a consent ended or does not work; an open list. Known words: `USER_DENIED`,
    /// `USER_CANCELLED`, `SCA_FAILED`, `NOT_ELIGIBLE`, `TIMED_OUT`, `CODE_INVALID`,
    /// `ISSUER_MISMATCH`, `NO_ACCOUNTS`, `BANK_ERROR`, `OUR_ERROR`, `INTERRUPTED`,
    /// `GRANT_INVALID`, `TIME_OVER`, `END_USER_HERE`, `END_USER_AT_BANK`, `CLIENT`, `BANK`,
    /// `SUPERSEDED`.
    TerminationReason "TerminationReason" = fondaco_model::v1::TerminationReason;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_lists_name_all_their_known_words() {
        let sdl = crate::schema::sdl();
        for (name, words) in OPEN_WORDS {
            let (before, _) = sdl.split_once(&format!("scalar {name}\n")).unwrap();
            let description = before.rsplit("\"\"\"").nth(1).unwrap();
            for word in *words {
                assert!(description.contains(&format!("`{word}`")), "{name} {word}");
            }
        }
    }

    #[test]
    fn decimals_are_texts_and_whole_numbers_and_never_floats() {
        let number = |text: &str| Value::Number(text.parse().unwrap());
        assert_eq!(Decimal::parse(number("-12")).ok().unwrap().0, "-12");
        let text = Value::String("0.10".to_owned());
        assert_eq!(
            Decimal::parse(text).ok().unwrap().to_value(),
            Value::String("0.10".to_owned())
        );
        assert!(Decimal::parse(number("0.1")).is_err());
        for wrong in [
            "", "-", ".5", "5.", "1,50", "1e3", "+1", "--1", "1.2.3", " 1",
        ] {
            assert!(
                Decimal::parse(Value::String(wrong.to_owned())).is_err(),
                "{wrong}"
            );
        }
        assert!(Decimal::parse(Value::String("1".repeat(LEXEME_MAX + 1))).is_err());
    }

    #[test]
    fn large_integers_survive_as_texts() {
        let max = BigInt(i64::MAX);
        assert_eq!(BigInt::parse(max.to_value()).ok(), Some(max));
        assert!(BigInt::parse(Value::String("9223372036854775808".to_owned())).is_err());
    }
}
