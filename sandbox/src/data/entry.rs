//! One movement on an account, pending first and booked later.

use crate::date::Day;
use crate::rng;

/// How an account is named towards others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AccountRef {
    Iban(String),
    Bban(String),
}

/// The other side of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) name: String,
    pub(crate) account: Option<AccountRef>,
}

/// A currency conversion as the Berlin Group reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) source: &'static str,
    pub(crate) target: &'static str,
    /// Units of `target` for one unit of `source`, in ten-thousandths.
    pub(crate) rate_e4: i64,
}

/// References that a payment scheme carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    pub(crate) end_to_end: Option<String>,
    pub(crate) mandate: Option<String>,
    pub(crate) creditor_id: Option<String>,
}

/// A movement. It is pending from `entered` until the day before `booked`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) account: usize,
    pub(crate) entered: Day,
    /// Position among the account's movements of the day `entered`.
    pub(crate) ordinal: u32,
    pub(crate) booked: Day,
    pub(crate) value: Day,
    /// Minor units, in is positive.
    pub(crate) minor: i64,
    pub(crate) party: Option<Party>,
    pub(crate) remittance: Vec<String>,
    pub(crate) references: References,
    /// ISO 20022 domain, family and sub-family, joined by hyphens.
    pub(crate) code: &'static str,
    pub(crate) purpose: Option<&'static str>,
    pub(crate) exchange: Option<Exchange>,
    pub(crate) info: Option<String>,
}

const PENDING: u64 = 1;
const BOOKED: u64 = 2;
const ENTRY: u64 = 3;

impl Entry {
    fn key(&self, seed: u64, kind: u64) -> u64 {
        let account = u64::try_from(self.account).unwrap_or(0);
        let entered = u64::from(self.entered.0.unsigned_abs());
        rng::mix(&[seed, kind, account, entered, u64::from(self.ordinal)])
    }

    /// The id under which the movement is listed while it is pending.
    pub(crate) fn pending_id(&self, seed: u64) -> String {
        format!("P{:016X}", self.key(seed, PENDING))
    }

    /// The id of the booked movement; it has nothing in common with the pending one.
    pub(crate) fn booked_id(&self, seed: u64) -> String {
        format!("{:016X}", self.key(seed, BOOKED))
    }

    /// The bank's immutable reference of the booking.
    pub(crate) fn entry_reference(&self, seed: u64) -> String {
        format!(
            "{}{:012X}",
            self.booked.compact(),
            self.key(seed, ENTRY) >> 16
        )
    }
}
