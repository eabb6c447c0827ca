//! The three people and their eight accounts.

use crate::data::AccountRef;
use crate::iban;

/// Everybody's password; the login page says so.
pub(crate) const PASSWORD: &str = "sandbox";

/// A person who can log in at the bank.
pub(crate) struct Person {
    pub(crate) user: &'static str,
    pub(crate) name: &'static str,
}

pub(crate) const PEOPLE: [Person; 3] = [
    Person {
        user: "anna",
        name: "Anna Lindqvist",
    },
    Person {
        user: "bruno",
        name: "Bruno Hartley",
    },
    Person {
        user: "chiara",
        name: "Chiara Al-Sabah",
    },
];

/// An account as the bank opened it.
pub(crate) struct Account {
    /// Short name for tests and the control port; never shown to a client.
    pub(crate) key: &'static str,
    /// Index into [`PEOPLE`].
    pub(crate) owner: usize,
    pub(crate) currency: &'static str,
    pub(crate) decimals: u32,
    pub(crate) name: &'static str,
    pub(crate) product: &'static str,
    /// ISO 20022 `ExternalCashAccountType1Code`.
    pub(crate) cash_type: &'static str,
    /// `None` where the country has no IBAN; `national` is the BBAN then.
    pub(crate) country: Option<&'static str>,
    pub(crate) national: &'static str,
    pub(crate) bic: &'static str,
    /// Balance in minor units on the first day of the bank's books.
    pub(crate) opening_minor: i64,
    /// Interest a year, in hundredths of a percent.
    pub(crate) interest_bp: i64,
}

pub(crate) const ACCOUNTS: [Account; 8] = [
    Account {
        key: "anna-eur",
        owner: 0,
        currency: "EUR",
        decimals: 2,
        name: "Girokonto",
        product: "Giro Komfort",
        cash_type: "CACC",
        country: Some("DE"),
        national: "500999000012345678",
        bic: "SNDBDEFFXXX",
        opening_minor: 184_255,
        interest_bp: 0,
    },
    Account {
        key: "anna-eur-savings",
        owner: 0,
        currency: "EUR",
        decimals: 2,
        name: "Tagesgeld Rücklage",
        product: "Tagesgeld",
        cash_type: "SVGS",
        country: Some("DE"),
        national: "500999000012345686",
        bic: "SNDBDEFFXXX",
        opening_minor: 950_000,
        interest_bp: 175,
    },
    Account {
        key: "anna-jpy",
        owner: 0,
        currency: "JPY",
        decimals: 0,
        name: "Reisekonto Japan",
        product: "Fremdwährungskonto",
        cash_type: "CACC",
        country: None,
        national: "99990017654321",
        bic: "SNDBJPJTXXX",
        opening_minor: 60_000,
        interest_bp: 0,
    },
    Account {
        key: "bruno-gbp",
        owner: 1,
        currency: "GBP",
        decimals: 2,
        name: "Current Account",
        product: "Everyday Current",
        cash_type: "CACC",
        country: Some("GB"),
        national: "SNDB00990031926819",
        bic: "SNDBGB2LXXX",
        opening_minor: 121_730,
        interest_bp: 0,
    },
    Account {
        key: "bruno-gbp-savings",
        owner: 1,
        currency: "GBP",
        decimals: 2,
        name: "Rainy Day Saver",
        product: "Instant Saver",
        cash_type: "SVGS",
        country: Some("GB"),
        national: "SNDB00990031926827",
        bic: "SNDBGB2LXXX",
        opening_minor: 410_000,
        interest_bp: 260,
    },
    Account {
        key: "bruno-eur",
        owner: 1,
        currency: "EUR",
        decimals: 2,
        name: "Euro Account",
        product: "Currency Account",
        cash_type: "CACC",
        country: Some("IE"),
        national: "SNDB99001254123412",
        bic: "SNDBIE2DXXX",
        opening_minor: 50_000,
        interest_bp: 0,
    },
    Account {
        key: "chiara-kwd",
        owner: 2,
        currency: "KWD",
        decimals: 3,
        name: "Salary Account",
        product: "Personal Current",
        cash_type: "CACC",
        country: Some("KW"),
        national: "SNDB0000000000001234560101",
        bic: "SNDBKWKWXXX",
        opening_minor: 2_310_500,
        interest_bp: 0,
    },
    Account {
        key: "chiara-jpy",
        owner: 2,
        currency: "JPY",
        decimals: 0,
        name: "円普通預金",
        product: "Futsu Yokin",
        cash_type: "CACC",
        country: None,
        national: "99990018765432",
        bic: "SNDBJPJTXXX",
        opening_minor: 214_000,
        interest_bp: 0,
    },
];

/// The number that stands for an account in references.
pub(crate) fn account_ref(account: &Account) -> AccountRef {
    match account.country {
        Some(country) => AccountRef::Iban(iban::with_check_digits(country, account.national)),
        None => AccountRef::Bban(account.national.to_owned()),
    }
}

/// Indexes into [`ACCOUNTS`] of one person's accounts.
pub(crate) fn accounts_of(owner: usize) -> Vec<usize> {
    (0..ACCOUNTS.len())
        .filter(|at| ACCOUNTS[*at].owner == owner)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_iban_is_valid_and_no_number_occurs_twice() {
        let mut seen = Vec::new();
        for account in &ACCOUNTS {
            let reference = account_ref(account);
            if let AccountRef::Iban(number) = &reference {
                assert!(iban::holds(number), "{number}");
            }
            assert!(!seen.contains(&reference));
            seen.push(reference);
        }
    }

    #[test]
    fn four_currencies_with_zero_two_and_three_decimals() {
        let mut found: Vec<_> = ACCOUNTS
            .iter()
            .map(|account| (account.currency, account.decimals))
            .collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, [("EUR", 2), ("GBP", 2), ("JPY", 0), ("KWD", 3)]);
    }
}
