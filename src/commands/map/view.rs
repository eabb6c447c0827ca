//! A draft as the canonical record that it would become, with made-up ids.

use fondaco_connectors::core::{Cx, Record};
use fondaco_model::draft::{
    AccountDraft, BalanceDraft, DetailDraft, Draft, Identifier, PartyDraft, ReferenceDraft, Remark,
    StatementDraft, TransactionDraft,
};
use fondaco_model::ids::{
    AccountId, AccountSourceId, BalanceId, EndUserId, TransactionDetailId, TransactionId,
};
use fondaco_model::v1::{
    Account, AccountIdentifier, AccountStatus, Balance, BankTransaction, DateRule,
    IdentityConfidence, Lifecycle, Party, Transaction, TransactionDetail, TransactionRef,
};
use fondaco_normalize::settle;
use fondaco_vault::identifiers::mask;
use serde_json::{Value, json};
use uuid::Uuid;

/// When something was read: nothing is, here, and two runs over one file print the same.
const CLOCK_KEYS: [&str; 2] = ["fetchedAt", "firstSeenAt"];

/// The canonical record of a draft, or why there is none.
pub(super) fn of(draft: &Draft, record: &Record<'_>, cx: &Cx<'_>) -> Result<Value, Remark> {
    let value = match draft {
        Draft::Account(draft) => json(&account(draft, cx)),
        Draft::Balance(draft) => json(&balance(draft, 0, cx)),
        Draft::Statement(draft) => statement(draft, cx),
        Draft::Transaction(draft) => json(&transaction(draft, record, cx)?),
    };
    Ok(without_clock(value))
}

/// The record with `null` where a stored one tells when it was read: the instants, and the day of
/// a pending row that has no day of its own.
fn without_clock(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            if fields.get("sortDateRule") == Some(&json!(DateRule::FirstSeen)) {
                fields.insert("sortDate".to_owned(), Value::Null);
            }
            let cleared = fields.into_iter().map(|(key, value)| {
                let clock = CLOCK_KEYS.contains(&key.as_str());
                let value = if clock {
                    Value::Null
                } else {
                    without_clock(value)
                };
                (key, value)
            });
            Value::Object(cleared.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_clock).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("canonical records are texts, numbers and lists")
}

fn made_up(number: i64) -> Uuid {
    Uuid::from_u64_pair(0, number.unsigned_abs())
}

fn account(draft: &AccountDraft, cx: &Cx<'_>) -> Account {
    Account {
        id: AccountId(made_up(0)),
        end_user_id: EndUserId(made_up(0)),
        link_id: None,
        institution_id: Some(cx.manifest.id.clone()),
        currency: draft.currency,
        account_type: draft.account_type.clone(),
        subtype: draft.subtype.clone(),
        status: AccountStatus::Unknown,
        name: draft.name.clone(),
        product_name: draft.product_name.clone(),
        holder_name: draft.holder_name.clone(),
        bic: draft.bic.clone(),
        identifiers: draft.identifiers.iter().map(masked).collect(),
        created_seq: 0,
        changed_seq: 0,
        provenance: None,
    }
}

fn balance(draft: &BalanceDraft, number: i64, cx: &Cx<'_>) -> Balance {
    Balance {
        id: BalanceId(made_up(number)),
        account_id: AccountId(made_up(0)),
        account_source_id: AccountSourceId(made_up(0)),
        balance_type: draft.balance_type.clone(),
        amount: draft.amount,
        as_of_date: draft.as_of_date,
        as_of: draft.as_of,
        fetched_at: cx.now,
        credit_limit_included: draft.credit_limit_included,
        last_transaction_ref: draft.last_transaction_ref.clone(),
        provenance: None,
    }
}

fn statement(draft: &StatementDraft, cx: &Cx<'_>) -> Value {
    let balances: Vec<_> = (0..)
        .zip(&draft.balances)
        .map(|(number, draft)| balance(draft, number, cx))
        .collect();
    json!({
        "ordinal": draft.ordinal,
        "statementId": draft.statement_id,
        "sequence": draft.sequence,
        "from": draft.from,
        "to": draft.to,
        "account": account(&draft.account, cx),
        "balances": balances,
    })
}

fn transaction(
    draft: &TransactionDraft,
    record: &Record<'_>,
    cx: &Cx<'_>,
) -> Result<Transaction, Remark> {
    let settled = settle(draft, cx.now.utc_date())?;
    Ok(Transaction {
        id: TransactionId(made_up(record.ordinal)),
        account_id: AccountId(made_up(0)),
        amount: draft.amount,
        direction: draft.direction,
        sort_date: settled.sort_date,
        sort_date_rule: settled.sort_date_rule,
        status: settled.status,
        description: settled.description,
        lifecycle: Lifecycle::Live,
        created_seq: 0,
        changed_seq: 0,
        provenance: None,
        bank: BankTransaction {
            booking_status: draft.status.clone(),
            reversal: draft.reversal,
            identity_confidence: IdentityConfidence::New,
            booking_date: draft.booking_date,
            value_date: draft.value_date,
            transaction_date: draft.transaction_date,
            booked_at: draft.booked_at,
            authorised_at: draft.authorised_at,
            original_amount: draft.original_amount,
            fx: draft.fx.clone(),
            gross_amount: draft.gross_amount,
            fees: draft.fees.clone(),
            running_balance: draft.running_balance,
            remittance: draft.remittance.clone(),
            additional_information: draft.additional_information.clone(),
            end_to_end_id: draft.end_to_end_id.clone(),
            mandate_id: draft.mandate_id.clone(),
            creditor_id: draft.creditor_id.clone(),
            uetr: draft.uetr.clone(),
            check_number: draft.check_number.clone(),
            purpose_code: draft.purpose_code.clone(),
            category_purpose_code: draft.category_purpose_code.clone(),
            bank_transaction_code: draft.bank_transaction_code.clone(),
            method: settled.method,
            counterparty: party(&draft.counterparty),
            merchant_name: draft.merchant_name.clone(),
            merchant_id: draft.merchant_id.clone(),
            merchant_category_code: draft.merchant_category_code.clone(),
            merchant_location: draft.merchant_location.clone(),
            merchant_terminal: draft.merchant_terminal.clone(),
            card_last4: draft.card_last4.clone(),
            categories: draft.categories.clone(),
            flags: draft.flags.clone(),
            details: draft.details.iter().map(detail).collect(),
            references: draft
                .references
                .iter()
                .map(|found| reference(found, cx))
                .collect(),
        },
    })
}

fn detail(draft: &DetailDraft) -> TransactionDetail {
    TransactionDetail {
        id: TransactionDetailId(made_up(draft.ordinal.into())),
        ordinal: draft.ordinal,
        amount: draft.amount,
        end_to_end_id: draft.end_to_end_id.clone(),
        mandate_id: draft.mandate_id.clone(),
        counterparty: party(&draft.counterparty),
        remittance: draft.remittance.clone(),
    }
}

fn reference(draft: &ReferenceDraft, cx: &Cx<'_>) -> TransactionRef {
    TransactionRef {
        kind: draft.kind.clone(),
        value: draft.value.clone(),
        stability: draft.stability,
        account_source_id: AccountSourceId(made_up(0)),
        first_seen_at: cx.now,
    }
}

fn party(draft: &PartyDraft) -> Party {
    Party {
        name: draft.name.clone(),
        party_type: draft.party_type,
        identifiers: draft.identifiers.iter().map(masked).collect(),
        agent_bic: draft.agent_bic.clone(),
        agent_clearing_system: draft.agent_clearing_system.clone(),
        agent_member_id: draft.agent_member_id.clone(),
        agent_name: draft.agent_name.clone(),
        ultimate_name: draft.ultimate_name.clone(),
        address: draft
            .address
            .as_ref()
            .map(|address| address.expose().to_owned()),
    }
}

fn masked(identifier: &Identifier) -> AccountIdentifier {
    AccountIdentifier {
        scheme: identifier.scheme.clone(),
        masked: mask(&identifier.scheme, identifier.value.expose()),
    }
}
