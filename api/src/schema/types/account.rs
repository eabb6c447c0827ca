//! Accounts: the interface that every kind shares, and the accounts of banks.

use std::sync::Arc;

use async_graphql::{Context, ID, Interface, Object, Result};
use fondaco_model::ids::AccountId;
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::account::AccountRow;
use fondaco_store::repo::balance::{BalanceRow, Chosen, choose_available, choose_ledger};

use super::balance::Balance;
use super::common::{AccountIdentifier, NullReason, Place, Provenance};
use super::institution::Institution;
use super::link::{self, Link};
use super::people::EndUser;
use super::transaction::Transaction;
use crate::schema::access::{Access, Field, found, store_error};
use crate::schema::filter::{TransactionFilter, TransactionOrder};
use crate::schema::page::{PageArgs, Paged};
use crate::schema::reads::Reads;
use crate::schema::scalars::{AccountType, BigInt, CurrencyCode};
use crate::schema::transactions;
use crate::schema::words::{AccountStatus, Kind, Lifecycle};

pub(crate) use super::link::account_place as place;

/// An account of any kind, with exactly the fields that every kind shares.
#[derive(Clone, Interface)]
#[expect(
    clippy::duplicated_attributes,
    reason = "fields of one type look alike to the lint"
)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Our id."),
    field(name = "kind", ty = "Kind", desc = "Which object type it is."),
    field(
        name = "name",
        ty = "Option<String>",
        desc = "The name that the holder or the institution gave it."
    ),
    field(
        name = "currency",
        ty = "Option<CurrencyCode>",
        desc = "Currency, when known."
    ),
    field(
        name = "status",
        ty = "AccountStatus",
        desc = "Where it stands in its life."
    ),
    field(
        name = "lifecycle",
        ty = "Lifecycle",
        desc = "Whether the record still counts."
    ),
    field(
        name = "link",
        ty = "Field<Link>",
        desc = "The link that reads it; null for accounts of files."
    ),
    field(
        name = "institution",
        ty = "Field<Institution>",
        desc = "The institution, when known."
    ),
    field(
        name = "end_user",
        ty = "Field<EndUser>",
        desc = "The person who owns it."
    ),
    field(
        name = "balances",
        ty = "Field<Vec<Balance>>",
        desc = "The latest balance of each type, currency and source."
    ),
    field(
        name = "ledger_balance",
        ty = "Field<Balance>",
        desc = "Booked money: the balance of type ITBD, else CLBD, else XPCD, else PRCD."
    ),
    field(
        name = "available_balance",
        ty = "Field<Balance>",
        desc = "Money that can be spent: the balance of type ITAV, else CLAV, else FWAV."
    ),
    field(
        name = "transactions",
        ty = "Field<Paged<Transaction>>",
        desc = "Its transactions. Give `first` or `last`.",
        arg(
            name = "first",
            ty = "Option<i32>",
            desc = "Transactions from the beginning."
        ),
        arg(
            name = "after",
            ty = "Option<String>",
            desc = "Only behind this cursor."
        ),
        arg(name = "last", ty = "Option<i32>", desc = "Transactions from the end."),
        arg(
            name = "before",
            ty = "Option<String>",
            desc = "Only before this cursor."
        ),
        arg(
            name = "filter",
            ty = "Option<TransactionFilter>",
            desc = "Which transactions."
        ),
        arg(
            name = "order_by",
            ty = "Option<TransactionOrder>",
            desc = "In which order; newest sort date first unless given."
        )
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
pub(crate) enum Account {
    Bank(BankAccount),
}

/// An account of a bank.
#[derive(Clone)]
pub(crate) struct BankAccount(pub(crate) Arc<AccountRow>);

/// The id of a row.
pub(crate) fn id(row: &Arc<AccountRow>) -> AccountId {
    row.id
}

/// The place and the node of a row.
pub(crate) fn edge(row: Arc<AccountRow>) -> (Vec<u8>, Account) {
    (
        row.id.0.as_bytes().to_vec(),
        Account::Bank(BankAccount(row)),
    )
}

/// An account by id, or null when the caller cannot see it.
pub(crate) async fn by_id(cx: &Context<'_>, id: AccountId) -> Field<Account> {
    let row = Reads::of(cx).accounts.load(id).await;
    let account = |row| Account::Bank(BankAccount(row));
    found(row, account)
}

/// An account of a bank in one currency.
#[Object]
impl BankAccount {
    /// Our id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Which object type it is.
    async fn kind(&self) -> Kind {
        Kind::Bank
    }

    /// The name that the holder or the institution gave it.
    async fn name(&self) -> Option<String> {
        self.0.name.clone()
    }

    /// Currency, when known.
    async fn currency(&self) -> Option<CurrencyCode> {
        self.0.currency.map(CurrencyCode)
    }

    /// Where it stands in its life.
    async fn status(&self) -> AccountStatus {
        self.0.status.into()
    }

    /// Whether the record still counts.
    async fn lifecycle(&self) -> Lifecycle {
        self.0.lifecycle.into()
    }

    /// The link that reads it; null for accounts of files.
    async fn link(&self, cx: &Context<'_>) -> Field<Link> {
        link::by_id(cx, self.0.link_id).await
    }

    /// The institution, when known.
    async fn institution(&self, cx: &Context<'_>) -> Field<Institution> {
        let row = Reads::of(cx)
            .institutions
            .load_opt(self.0.institution_id.clone())
            .await;
        found(row, Institution)
    }

    /// The person who owns it.
    async fn end_user(&self, cx: &Context<'_>) -> Field<EndUser> {
        let row = Reads::of(cx).end_users.load(self.0.end_user_id).await;
        found(row, EndUser)
    }

    /// The latest balance of each type, currency and source.
    async fn balances(&self, cx: &Context<'_>) -> Field<Vec<Balance>> {
        let rows = self.balance_rows(cx).await;
        rows.map(|rows| Some(Balance::all(&rows))).transpose()
    }

    /// Booked money: the balance of type ITBD, else CLBD, else XPCD, else PRCD.
    async fn ledger_balance(&self, cx: &Context<'_>) -> Field<Balance> {
        self.chosen(cx, choose_ledger).await.transpose()
    }

    /// Money that can be spent: the balance of type ITAV, else CLAV, else FWAV.
    async fn available_balance(&self, cx: &Context<'_>) -> Field<Balance> {
        self.chosen(cx, choose_available).await.transpose()
    }

    /// Its transactions. Give `first` or `last`.
    #[expect(
        clippy::too_many_arguments,
        reason = "a connection's arguments are a fixed list"
    )]
    async fn transactions(
        &self,
        cx: &Context<'_>,
        #[graphql(desc = "Transactions from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Transactions from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which transactions.")] filter: Option<TransactionFilter>,
        #[graphql(desc = "In which order; newest sort date first unless given.")] order_by: Option<
            TransactionOrder,
        >,
    ) -> Field<Paged<Transaction>> {
        let asked = transactions::Asked {
            page: PageArgs {
                first,
                after,
                last,
                before,
            },
            filter: filter.unwrap_or_default(),
            order: order_by.unwrap_or_default(),
        };
        Some(transactions::of_account(cx, self.0.id, asked).await)
    }

    /// Position in the tenant's sequence when it was made.
    async fn created_seq(&self) -> BigInt {
        BigInt(self.0.created_seq)
    }

    /// Position in the tenant's sequence when it last changed.
    async fn changed_seq(&self) -> BigInt {
        BigInt(self.0.changed_seq)
    }

    /// Kind of account.
    #[graphql(name = "type")]
    async fn account_type(&self) -> AccountType {
        self.0.bank.account_type.clone().into()
    }

    /// The source's own word for the kind.
    async fn subtype(&self) -> Option<&str> {
        self.0.bank.subtype.as_deref()
    }

    /// The bank's product.
    async fn product_name(&self) -> Option<&str> {
        self.0.bank.product_name.as_deref()
    }

    /// Holder's name as the bank states it.
    async fn holder_name(&self) -> Option<&str> {
        self.0.bank.holder_name.as_deref()
    }

    /// ISO 9362 code of the servicing institution.
    async fn bic(&self) -> Option<&str> {
        self.0.bank.bic.as_deref()
    }

    /// True for a business account; null when not stated.
    async fn business(&self) -> Option<bool> {
        self.0.bank.business
    }

    /// Account numbers, in the order of the source.
    async fn identifiers(&self) -> Vec<AccountIdentifier> {
        let place = Place {
            table: "account_identifier",
            column: "sealed",
            row: self.0.id.0,
        };
        self.0
            .identifiers
            .iter()
            .map(|row| AccountIdentifier::new(row, place))
            .collect()
    }

    /// Where it comes from; null for an account that was made by hand.
    async fn provenance(&self) -> Option<Provenance> {
        self.0.provenance.map(Into::into)
    }

    /// Why fields of the source are null.
    async fn null_reasons(&self) -> Vec<NullReason> {
        let bank = &self.0.bank;
        NullReason::not_provided(&[
            ("name", self.0.name.is_some()),
            ("currency", self.0.currency.is_some()),
            ("subtype", bank.subtype.is_some()),
            ("productName", bank.product_name.is_some()),
            ("holderName", bank.holder_name.is_some()),
            ("bic", bank.bic.is_some()),
            ("business", bank.business.is_some()),
        ])
    }
}

impl BankAccount {
    async fn balance_rows(&self, cx: &Context<'_>) -> Result<Arc<Vec<BalanceRow>>> {
        Access::of(cx).need(KeyScope::AccountsRead)?;
        let found = Reads::of(cx).balances.load(self.0.id).await;
        Ok(found
            .map_err(|error| store_error(&error))?
            .unwrap_or_default())
    }

    async fn chosen(
        &self,
        cx: &Context<'_>,
        choose: fn(&[BalanceRow]) -> Option<Chosen<'_>>,
    ) -> Result<Option<Balance>> {
        Ok(Balance::chosen(&self.balance_rows(cx).await?, choose))
    }
}
