//! Transactions: the interface that every kind shares, and the entries of banks.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use fondaco_model::ids::TransactionId;
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::transaction::TransactionRow;

use super::account::{self, Account};
use super::common::{Money, Party, Provenance, Remittance};
use super::detail::{
    BankTransactionCode, CurrencyExchange, Remark, Revision, TransactionCategory,
    TransactionDetail, TransactionReference,
};
use crate::schema::access::{Access, Field, found, store_error};
use crate::schema::reads::Reads;
use crate::schema::scalars::{BigInt, BookingStatus, DateScalar, DateTime, Method};
use crate::schema::words::{DateRule, Direction, Kind, Lifecycle, TransactionStatus};

/// A transaction of any kind, with exactly the fields that every kind shares.
#[derive(Clone, Interface)]
#[expect(
    clippy::duplicated_attributes,
    reason = "fields of one type look alike to the lint"
)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Our id."),
    field(name = "kind", ty = "Kind", desc = "Which object type it is."),
    field(name = "account", ty = "Field<Account>", desc = "The account."),
    field(
        name = "amount",
        ty = "Money",
        desc = "Signed amount from the account holder's view: in is positive."
    ),
    field(
        name = "direction",
        ty = "Direction",
        desc = "Direction; agrees with the sign."
    ),
    field(
        name = "sort_date",
        ty = "DateScalar",
        desc = "The day that orders it."
    ),
    field(name = "sort_date_rule", ty = "DateRule", desc = "Which date that is."),
    field(
        name = "status",
        ty = "TransactionStatus",
        desc = "The status that every kind shares."
    ),
    field(
        name = "description",
        ty = "Option<String>",
        desc = "One line for people."
    ),
    field(
        name = "lifecycle",
        ty = "Lifecycle",
        desc = "Whether the record still counts."
    ),
    field(
        name = "created_seq",
        ty = "BigInt",
        desc = "Position in the tenant's sequence when it was made."
    ),
    field(
        name = "changed_seq",
        ty = "BigInt",
        desc = "Position in the tenant's sequence when it last changed."
    )
)]
pub(crate) enum Transaction {
    Bank(BankTransaction),
}

/// An entry of a bank.
#[derive(Clone)]
pub(crate) struct BankTransaction(pub(crate) Arc<TransactionRow>);

/// A transaction by id, or null when the caller cannot see it.
pub(crate) async fn by_id(cx: &Context<'_>, id: TransactionId) -> Field<BankTransaction> {
    let row = Reads::of(cx).transactions.load(id).await;
    found(row, BankTransaction)
}

/// An entry on the statement of a bank account.
#[Object]
impl BankTransaction {
    /// Our id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Which object type it is.
    async fn kind(&self) -> Kind {
        Kind::Bank
    }

    /// The account.
    async fn account(&self, cx: &Context<'_>) -> Field<Account> {
        match Access::of(cx).need(KeyScope::AccountsRead) {
            Ok(()) => account::by_id(cx, self.0.account_id).await,
            Err(error) => Some(Err(error)),
        }
    }

    /// Signed amount from the account holder's view: in is positive.
    async fn amount(&self) -> Money {
        self.0.amount.into()
    }

    /// Direction; agrees with the sign.
    async fn direction(&self) -> Direction {
        self.0.direction.into()
    }

    /// The day that orders it.
    async fn sort_date(&self) -> DateScalar {
        DateScalar(self.0.sort_date)
    }

    /// Which date that is.
    async fn sort_date_rule(&self) -> DateRule {
        self.0.sort_date_rule.into()
    }

    /// The status that every kind shares.
    async fn status(&self) -> TransactionStatus {
        self.0.status.into()
    }

    /// One line for people.
    async fn description(&self) -> Option<String> {
        self.0.description.clone()
    }

    /// Whether the record still counts.
    async fn lifecycle(&self) -> Lifecycle {
        self.0.lifecycle.into()
    }

    /// Position in the tenant's sequence when it was made.
    async fn created_seq(&self) -> BigInt {
        BigInt(self.0.created_seq)
    }

    /// Position in the tenant's sequence when it last changed.
    async fn changed_seq(&self) -> BigInt {
        BigInt(self.0.changed_seq)
    }

    /// The bank's status.
    async fn booking_status(&self) -> BookingStatus {
        self.0.bank.booking_status.clone().into()
    }

    /// True when the bank marks it as a reversal of an earlier entry.
    async fn reversal(&self) -> bool {
        self.0.bank.reversal
    }

    /// Day of booking.
    async fn booking_date(&self) -> Option<DateScalar> {
        self.0.bank.booking_date.map(DateScalar)
    }

    /// Day from which interest counts.
    async fn value_date(&self) -> Option<DateScalar> {
        self.0.bank.value_date.map(DateScalar)
    }

    /// Day of the purchase or order.
    async fn transaction_date(&self) -> Option<DateScalar> {
        self.0.bank.transaction_date.map(DateScalar)
    }

    /// Instant of the booking, when stated with an offset.
    async fn booked_at(&self) -> Option<DateTime> {
        self.0.bank.booked_at.map(DateTime)
    }

    /// Instant of the authorisation, when stated with an offset.
    async fn authorised_at(&self) -> Option<DateTime> {
        self.0.bank.authorised_at.map(DateTime)
    }

    /// Amount in the original currency, signed like the amount.
    async fn original_amount(&self) -> Option<Money> {
        self.0.bank.original_amount.map(Into::into)
    }

    /// Exchange between the original currency and the account's.
    async fn fx(&self) -> Option<CurrencyExchange> {
        self.0.bank.fx.as_ref().map(Into::into)
    }

    /// Amount before charges in the account's currency, signed like the amount; stated by the
    /// source, never computed.
    async fn gross_amount(&self) -> Option<Money> {
        self.0.bank.gross_amount.map(Into::into)
    }

    /// Charges, positive when they cost the holder something.
    async fn fees(&self) -> Vec<Money> {
        self.0.bank.fees.iter().map(|fee| (*fee).into()).collect()
    }

    /// Balance after this entry, when stated.
    async fn running_balance(&self) -> Option<Money> {
        self.0.bank.running_balance.map(Into::into)
    }

    /// Remittance information.
    async fn remittance(&self) -> Remittance {
        (&self.0.bank.remittance).into()
    }

    /// The bank's own additional text.
    async fn additional_information(&self) -> Option<&str> {
        self.0.bank.additional_information.as_deref()
    }

    /// End-to-end id given by the payer.
    async fn end_to_end_id(&self) -> Option<&str> {
        self.0.bank.end_to_end_id.as_deref()
    }

    /// Direct debit mandate.
    async fn mandate_id(&self) -> Option<&str> {
        self.0.bank.mandate_id.as_deref()
    }

    /// Direct debit creditor.
    async fn creditor_id(&self) -> Option<&str> {
        self.0.bank.creditor_id.as_deref()
    }

    /// Unique end-to-end transaction reference.
    async fn uetr(&self) -> Option<&str> {
        self.0.bank.uetr.as_deref()
    }

    /// Cheque number.
    async fn check_number(&self) -> Option<&str> {
        self.0.bank.check_number.as_deref()
    }

    /// ISO 20022 external purpose code.
    async fn purpose_code(&self) -> Option<&str> {
        self.0.bank.purpose_code.as_deref()
    }

    /// ISO 20022 category purpose code.
    async fn category_purpose_code(&self) -> Option<&str> {
        self.0.bank.category_purpose_code.as_deref()
    }

    /// Bank transaction code.
    async fn bank_transaction_code(&self) -> BankTransactionCode {
        (&self.0.bank.code).into()
    }

    /// How the money moved.
    async fn method(&self) -> Method {
        self.0.bank.method.clone().into()
    }

    /// The other side.
    async fn counterparty(&self) -> Party {
        Party::new(&self.0.bank.counterparty, "bank_transaction", self.0.id.0)
    }

    /// Merchant name, for cards.
    async fn merchant_name(&self) -> Option<&str> {
        self.0.bank.merchant_name.as_deref()
    }

    /// The merchant's id at its acquirer, for cards.
    async fn merchant_id(&self) -> Option<&str> {
        self.0.bank.merchant_id.as_deref()
    }

    /// Where the merchant is, in one line.
    async fn merchant_location(&self) -> Option<&str> {
        self.0.bank.merchant_location.as_deref()
    }

    /// The merchant's terminal.
    async fn merchant_terminal(&self) -> Option<&str> {
        self.0.bank.merchant_terminal.as_deref()
    }

    /// Merchant category code (ISO 18245).
    async fn merchant_category_code(&self) -> Option<&str> {
        self.0.bank.merchant_category_code.as_deref()
    }

    /// Last four digits of the card.
    async fn card_last4(&self) -> Option<&str> {
        self.0.bank.card_last4.as_deref()
    }

    /// Categories that the source assigned; empty when it assigns none. At most 20.
    async fn categories(&self) -> Vec<TransactionCategory> {
        self.0.bank.categories.iter().map(Into::into).collect()
    }

    /// What the source marks the entry as, such as `BATCH` or `FEE`; empty when it marks nothing.
    /// At most 20; the words may grow.
    async fn flags(&self) -> Vec<&str> {
        let flags = self.0.bank.flags.iter();
        flags
            .map(fondaco_model::v1::TransactionFlag::as_str)
            .collect()
    }

    /// How sure the row's identity is: `EXACT`, `MATCHED` or `NEW`. May grow.
    async fn identity_confidence(&self) -> &str {
        &self.0.bank.identity_confidence
    }

    /// Allocations of a batch entry, in their order.
    async fn details(&self, cx: &Context<'_>) -> Field<Vec<TransactionDetail>> {
        Some(self.detail_list(cx).await)
    }

    /// References that sources gave to it.
    async fn references(&self, cx: &Context<'_>) -> Field<Vec<TransactionReference>> {
        let row = Reads::of(cx).references.load(self.0.id).await;
        let list = |rows: Arc<Vec<_>>| rows.iter().map(Into::into).collect();
        found(row, list)
    }

    /// What was noticed while it was understood.
    async fn remarks(&self, cx: &Context<'_>) -> Field<Vec<Remark>> {
        let row = Reads::of(cx).remarks.load(self.0.id.0).await;
        let list = |rows: Arc<Vec<_>>| rows.iter().map(Into::into).collect();
        found(row, list)
    }

    /// Its changes, the oldest first.
    async fn revisions(&self, cx: &Context<'_>) -> Field<Vec<Revision>> {
        let row = Reads::of(cx).revisions.load(self.0.id).await;
        let list = |rows: Arc<Vec<_>>| rows.iter().map(Into::into).collect();
        found(row, list)
    }

    /// Where it comes from.
    async fn provenance(&self) -> Provenance {
        self.0.provenance.into()
    }
}

impl BankTransaction {
    async fn detail_list(&self, cx: &Context<'_>) -> Result<Vec<TransactionDetail>> {
        let found = Reads::of(cx).details.load(self.0.id).await;
        let rows = found
            .map_err(|error| store_error(&error))?
            .unwrap_or_default();
        let detail = |at| TransactionDetail {
            rows: Arc::clone(&rows),
            at,
        };
        Ok((0..rows.len()).map(detail).collect())
    }
}
