//! Reads values at paths and leaves remarks that name the path, the rule and the original.

use fondaco_model::draft::{Identifier, Remark};
use fondaco_model::v1::IdentifierScheme;
use fondaco_model::{Currency, Date, Direction, Instant, Money, Secret};

use crate::core::xml::Node;
use crate::core::{codes, text};

/// Whether a record can do without a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Without it the record is quarantined.
    Required,
    /// Without it the field is left out.
    Optional,
}

/// The remarks of one record.
pub(super) struct Notes {
    at: String,
    remarks: Vec<Remark>,
}

impl Notes {
    pub(super) fn new(at: String) -> Self {
        Self {
            at,
            remarks: Vec::new(),
        }
    }

    pub(super) fn into_remarks(self) -> Vec<Remark> {
        self.remarks
    }

    fn path(&self, path: &str) -> String {
        if path.is_empty() {
            self.at.clone()
        } else {
            format!("{}/{path}", self.at)
        }
    }

    pub(super) fn note(&mut self, path: &str, rule: &'static str, original: &str) {
        self.remarks
            .push(Remark::new(self.path(path), rule, original));
    }

    pub(super) fn fatal(&mut self, path: &str, rule: &'static str, original: &str) {
        self.remarks
            .push(Remark::fatal(self.path(path), rule, original));
    }

    fn remark(&mut self, need: Need, path: &str, rule: &'static str, original: &str) {
        match need {
            Need::Required => self.fatal(path, rule, original),
            Need::Optional => self.note(path, rule, original),
        }
    }

    /// The unsigned amount of an element with its `Ccy`.
    pub(super) fn amount(&mut self, node: &Node<'_>, path: &str, need: Need) -> Option<Money> {
        let Some(lexeme) = node.own_text() else {
            self.remark(need, path, "amount.missing", "");
            return None;
        };
        let Some(code) = node.attribute("Ccy") else {
            self.remark(need, &format!("{path}/@Ccy"), "currency.missing", "");
            return None;
        };
        let Ok(currency) = Currency::from_code(code) else {
            self.remark(need, &format!("{path}/@Ccy"), "currency.unknown", code);
            return None;
        };
        let money = match Money::parse(lexeme, currency) {
            Ok(money) => money,
            Err(error) => {
                self.remark(need, path, codes::money_rule(error), lexeme);
                return None;
            }
        };
        // The direction stands in CdtDbtInd; a sign besides could mean either.
        if lexeme.starts_with('-') {
            self.remark(need, path, "amount.signed", lexeme);
            return None;
        }
        Some(money)
    }

    /// `CRDT` or `DBIT`.
    pub(super) fn direction(
        &mut self,
        node: &Node<'_>,
        path: &str,
        need: Need,
    ) -> Option<Direction> {
        match node.own_text() {
            Some("CRDT") => Some(Direction::Credit),
            Some("DBIT") => Some(Direction::Debit),
            Some(other) => {
                self.remark(need, path, "direction.unknown", other);
                None
            }
            None => {
                self.remark(need, path, "direction.missing", "");
                None
            }
        }
    }

    /// The signed amount of an element that has `Amt` and `CdtDbtInd`.
    pub(super) fn signed(&mut self, node: &Node<'_>, path: &str, need: Need) -> Option<Money> {
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}/{name}")
            }
        };
        let nothing = Node::default();
        let amount = node.at(&["Amt"]).unwrap_or(&nothing);
        let amount = self.amount(amount, &below("Amt"), need);
        let direction = node.at(&["CdtDbtInd"]).unwrap_or(&nothing);
        let direction = self.direction(direction, &below("CdtDbtInd"), need);
        // An amount that was read is not negative, so its negation fits.
        amount?.signed(direction?).ok()
    }

    /// The choice of `Dt` and `DtTm` below an element.
    pub(super) fn day(
        &mut self,
        node: Option<&Node<'_>>,
        path: &str,
        need: Need,
    ) -> Option<(Date, Option<Instant>)> {
        let node = node?;
        let (part, found) = match (node.at(&["Dt"]), node.at(&["DtTm"])) {
            (Some(day), _) => ("Dt", day),
            (None, Some(instant)) => ("DtTm", instant),
            (None, None) => return None,
        };
        self.day_of(found, &format!("{path}/{part}"), need)
    }

    /// The day of an element that is a date or a date-time itself.
    pub(super) fn day_of(
        &mut self,
        node: &Node<'_>,
        path: &str,
        need: Need,
    ) -> Option<(Date, Option<Instant>)> {
        let original = node.own_text()?;
        let found = text::day_and_instant(original);
        if found.is_none() {
            self.remark(need, path, "date.not_a_day", original);
        }
        found
    }

    /// A currency that can be left out.
    pub(super) fn currency(&mut self, code: Option<&str>, path: &str) -> Option<Currency> {
        let code = code?;
        let currency = Currency::from_code(code).ok();
        if currency.is_none() {
            self.note(path, "currency.unknown", code);
        }
        currency
    }

    /// The identifier of an account: `Id/IBAN` or `Id/Othr`.
    pub(super) fn account_id(&mut self, account: &Node<'_>, path: &str) -> Option<Identifier> {
        if let Some(found) = account.text_at(&["Id", "IBAN"]) {
            let value = text::iban(found);
            if !text::iban_is_valid(&value) {
                self.note(&format!("{path}/Id/IBAN"), "iban.checksum", found);
            }
            return Some(identifier(IdentifierScheme::Iban, value));
        }
        let other = account.at(&["Id", "Othr"])?;
        let found = other.text_at(&["Id"])?;
        let value = text::iban(found);
        let code = other.text_at(&["SchmeNm", "Cd"]);
        Some(match code {
            // Banks put IBANs here too; the same account must get the same identifier.
            _ if text::iban_is_valid(&value) => {
                self.note(&format!("{path}/Id/Othr/Id"), "identifier.is_iban", found);
                identifier(IdentifierScheme::Iban, value)
            }
            Some("BBAN") => identifier(IdentifierScheme::Bban, value),
            _ => identifier(IdentifierScheme::Proprietary, found.to_owned()),
        })
    }
}

fn identifier(scheme: IdentifierScheme, value: String) -> Identifier {
    Identifier {
        scheme,
        value: Secret::new(value),
    }
}
