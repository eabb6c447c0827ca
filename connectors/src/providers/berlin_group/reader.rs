//! Reads lexemes leniently: what an optional field cannot give becomes a remark.

use fondaco_model::draft::{Identifier, Remark};
use fondaco_model::v1::IdentifierScheme;
use fondaco_model::{Currency, Date, Instant, Money, Secret};
use serde::Deserialize;

use super::wire::{AccountReference, Amount, OtherId, Raw};
use crate::core::{codes, text};

/// Most elements of a list within a row.
const LIST_MAX: usize = 1_000;

/// Collects the remarks of one record.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) remarks: Vec<Remark>,
}

impl Reader {
    pub(super) fn note(&mut self, field: &str, rule: &'static str, original: &str) {
        self.remarks.push(Remark::new(field, rule, original));
    }

    pub(super) fn fatal(&mut self, field: &str, rule: &'static str, original: &str) {
        self.remarks.push(Remark::fatal(field, rule, original));
    }

    /// A text without surrounding space; empty is absent. A number is taken as it is written.
    pub(super) fn text(&mut self, field: &str, raw: Raw<'_>) -> Option<String> {
        let lexeme = raw?.get();
        let text: String = match lexeme.as_bytes().first() {
            Some(b'"') => serde_json::from_str(lexeme).ok()?,
            Some(b'-' | b'0'..=b'9') => {
                self.note(field, "text.is_number", lexeme);
                lexeme.to_owned()
            }
            Some(b'n') => return None,
            _ => {
                self.note(field, "text.not_text", lexeme);
                return None;
            }
        };
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// A text that may also be written as a list of texts.
    pub(super) fn texts(&mut self, field: &str, raw: Raw<'_>) -> Vec<String> {
        let Some(value) = raw else {
            return Vec::new();
        };
        if !value.get().starts_with('[') {
            return self.text(field, raw).into_iter().collect();
        }
        let items = self.list(field, raw);
        items
            .iter()
            .filter_map(|item| self.text(field, Some(item)))
            .collect()
    }

    /// The elements of a list.
    pub(super) fn list<'a>(
        &mut self,
        field: &str,
        raw: Raw<'a>,
    ) -> Vec<&'a serde_json::value::RawValue> {
        let items: Option<Vec<_>> = self.object(field, raw);
        let mut items = items.unwrap_or_default();
        if items.len() > LIST_MAX {
            self.note(field, "list.too_long", &items.len().to_string());
            items.truncate(LIST_MAX);
        }
        items
    }

    /// A value of a documented shape.
    pub(super) fn object<'a, T: Deserialize<'a>>(
        &mut self,
        field: &str,
        raw: Raw<'a>,
    ) -> Option<T> {
        let lexeme = raw?.get();
        if lexeme == "null" {
            return None;
        }
        let value = serde_json::from_str(lexeme).ok();
        if value.is_none() {
            self.note(field, "value.shape", lexeme);
        }
        value
    }

    pub(super) fn truth(&mut self, field: &str, raw: Raw<'_>) -> Option<bool> {
        match raw?.get() {
            "true" | "\"true\"" => Some(true),
            "false" | "\"false\"" => Some(false),
            "null" => None,
            other => {
                self.note(field, "value.not_boolean", other);
                None
            }
        }
    }

    /// A day, as it is written; a date-time gives its day.
    pub(super) fn day(&mut self, field: &str, raw: Raw<'_>) -> Option<(Date, Option<Instant>)> {
        let text = self.text(field, raw)?;
        let day = text::day_and_instant(&text);
        if day.is_none() {
            self.note(field, "date.not_a_day", &text);
        }
        day
    }

    /// A currency; `XXX` says that there is none.
    pub(super) fn currency(&mut self, field: &str, raw: Raw<'_>) -> Option<Currency> {
        let code = self.text(field, raw)?;
        let currency = Currency::from_code(&code).ok();
        if currency.is_none() {
            let rule = if code == "XXX" {
                "currency.none"
            } else {
                "currency.unknown"
            };
            self.note(field, rule, &code);
        }
        currency
    }

    /// An amount that can be left out.
    pub(super) fn money(&mut self, field: &str, raw: Raw<'_>) -> Option<Money> {
        self.try_money(field, raw, Remark::new)
    }

    /// An amount without which the record is of no use.
    pub(super) fn required_money(&mut self, field: &str, raw: Raw<'_>) -> Option<Money> {
        if raw.is_none() {
            self.fatal(field, "amount.missing", "");
            return None;
        }
        self.try_money(field, raw, Remark::fatal)
    }

    fn try_money(
        &mut self,
        field: &str,
        raw: Raw<'_>,
        remark: fn(String, &'static str, &str) -> Remark,
    ) -> Option<Money> {
        let lexeme = raw?.get();
        let Ok(wire) = serde_json::from_str::<Amount<'_>>(lexeme) else {
            self.remarks
                .push(remark(field.to_owned(), "amount.shape", lexeme));
            return None;
        };
        let mut bad = |part: &str, rule, original: &str| {
            self.remarks
                .push(remark(format!("{field}.{part}"), rule, original));
            None
        };
        let Some(code) = plain(wire.currency) else {
            return bad("currency", "currency.missing", lexeme);
        };
        let Ok(currency) = Currency::from_code(&code) else {
            return bad("currency", "currency.unknown", &code);
        };
        // Text by the standard, a number at some banks: the digits are the same.
        let Some(digits) = plain(wire.amount) else {
            return bad("amount", "amount.missing", lexeme);
        };
        match Money::parse(&digits, currency) {
            Ok(money) => Some(money),
            Err(error) => bad("amount", codes::money_rule(error), &digits),
        }
    }

    /// The account numbers of a reference, most telling first.
    pub(super) fn identifiers(
        &mut self,
        field: &str,
        reference: &AccountReference<'_>,
    ) -> Vec<Identifier> {
        let mut found = Vec::new();
        if let Some(value) = self.text(&format!("{field}.iban"), reference.iban) {
            let value = text::iban(&value);
            if !text::iban_is_valid(&value) {
                self.note(&format!("{field}.iban"), "iban.checksum", &value);
            }
            found.push(identifier(IdentifierScheme::Iban, value));
        }
        for (part, scheme, raw) in [
            ("bban", IdentifierScheme::Bban, reference.bban),
            (
                "maskedPan",
                IdentifierScheme::MaskedPan,
                reference.masked_pan,
            ),
            ("msisdn", IdentifierScheme::Msisdn, reference.msisdn),
        ] {
            let value = self.text(&format!("{field}.{part}"), raw);
            found.extend(value.map(|value| identifier(scheme, value.replace(' ', ""))));
        }
        let field = format!("{field}.other");
        let other: Option<OtherId<'_>> = self.object(&field, reference.other);
        let value = other.and_then(|other| self.text(&field, other.identification));
        found.extend(value.map(|value| identifier(IdentifierScheme::Proprietary, value)));
        found
    }
}

fn identifier(scheme: IdentifierScheme, value: String) -> Identifier {
    Identifier {
        scheme,
        value: Secret::new(value),
    }
}

fn plain(raw: Raw<'_>) -> Option<String> {
    let lexeme = raw?.get();
    match lexeme.as_bytes().first() {
        Some(b'"') => serde_json::from_str(lexeme).ok(),
        Some(b'-' | b'0'..=b'9') => Some(lexeme.to_owned()),
        _ => None,
    }
}
