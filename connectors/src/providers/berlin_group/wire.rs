//! The JSON of NextGenPSD2 as it stands on the wire: every field a borrowed lexeme.
//!
//! A field of an unexpected type must cost a remark and not the record, and an amount must not
//! pass through a float; both need the lexeme itself.

#![expect(
    clippy::struct_field_names,
    reason = "the names are those of the standard"
)]

use serde::Deserialize;
use serde_json::value::RawValue;

/// A field as it stands; none when it is absent or null.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// A transaction with the list that it stood in.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) status: &'a str,
    #[serde(borrow)]
    pub(super) row: &'a RawValue,
}

/// Objects of the standard whose fields are all optional lexemes.
macro_rules! wire {
    ($($(#[$doc:meta])* $name:ident { $($field:ident,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name<'a> {
            $(#[serde(borrow)] pub(super) $field: Raw<'a>,)+
        }
    )+};
}

wire! {
    /// `accountDetails`.
    Account {
        resource_id, iban, bban, msisdn, masked_pan, other, currency, name, display_name,
        product, cash_account_type, status, bic, usage, owner_name,
    }

    /// `balance`.
    Balance {
        balance_amount, balance_type, credit_limit_included, last_change_date_time,
        reference_date, last_committed_transaction,
    }

    /// `transactions`, the details of one of them.
    Transaction {
        transaction_id, entry_reference, end_to_end_id, mandate_id, check_id, creditor_id,
        booking_date, value_date, transaction_amount, currency_exchange, creditor_name,
        creditor_account, creditor_agent, ultimate_creditor, debtor_name, debtor_account,
        debtor_agent, ultimate_debtor, remittance_information_unstructured,
        remittance_information_unstructured_array, remittance_information_structured,
        remittance_information_structured_array, additional_information, purpose_code,
        bank_transaction_code, proprietary_bank_transaction_code, balance_after_transaction,
        entry_details, batch_indicator,
    }

    /// `amount`.
    Amount {
        currency, amount,
    }

    /// `accountReference`.
    AccountReference {
        iban, bban, masked_pan, msisdn, other,
    }

    /// `otherType`.
    OtherId {
        identification,
    }

    /// `reportExchangeRate`.
    ExchangeRate {
        source_currency, exchange_rate, unit_currency, target_currency, quotation_date,
        contract_identification,
    }

    /// `remittanceInformationStructured` in its object form.
    StructuredRemittance {
        reference, reference_type,
    }
}
