//! Codes of ISO 20022 that several families carry, and the words of shared rules.

use fondaco_model::MoneyError;
use fondaco_model::v1::AccountType;

/// The kind of account that an external cash account type code names; unknown codes are kept.
pub(crate) fn account_type(code: Option<&str>) -> AccountType {
    match code {
        Some("CACC" | "TRAN" | "SLRY") => AccountType::Current,
        Some("SVGS" | "LLSV") => AccountType::Savings,
        Some("CARD") => AccountType::Card,
        Some("LOAN") => AccountType::Loan,
        Some("CASH") => AccountType::Cash,
        Some("MOMA") => AccountType::MoneyMarket,
        Some("ONDP") => AccountType::TermDeposit,
        Some(other) => AccountType::Other(other.to_owned()),
        None => AccountType::Other("UNKNOWN".to_owned()),
    }
}

/// The rule's word for a text that is no amount.
pub(crate) fn money_rule(error: MoneyError) -> &'static str {
    match error {
        MoneyError::NotDecimal => "amount.not_decimal",
        MoneyError::TooFine => "amount.too_fine",
        MoneyError::TooLarge => "amount.too_large",
        MoneyError::UnknownCurrency => "currency.unknown",
        MoneyError::CurrenciesDiffer | MoneyError::UnknownDirection => "amount.invalid",
    }
}
