//! Logical accounts: found by their source, then by their numbers, else made; and balances.

use fondaco_model::draft::{AccountDraft, BalanceDraft};
use fondaco_model::ids::{AccountId, AccountSourceId, BalanceId, ConsentId, LinkId};
use fondaco_model::money::Currency;
use fondaco_model::provenance::Provenance;
use fondaco_model::v1::{AccountStatus, DateRule, Lifecycle};
use fondaco_model::version;
use fondaco_store::repo::account::{self as store, AccountRow, BankAccountRow};
use fondaco_store::repo::account_source::{self, AccountSourceRow, SourcePlace};
use fondaco_store::repo::balance::{self, BalanceDateRule, BalanceRow};
use fondaco_store::repo::transaction::SealedIdentifier;
use fondaco_store::repo::{Digest, Scope, change};
use fondaco_store::{StoreError, Tx};

use fondaco_normalize::digest;
use fondaco_vault::identifiers::Spot;
use fondaco_vault::seal::KeyedHash;

use super::sealer::spot;
use super::{IngestError, Reading};

/// Where an account's data comes from.
#[derive(Debug, Clone, Copy)]
pub enum AccountOrigin<'a> {
    /// A link at an institution.
    Link {
        /// The link.
        link: LinkId,
        /// The consent under which it is read.
        consent: ConsentId,
        /// The institution's entry.
        institution: &'a str,
    },
    /// A file; the account must be one of these, when the caller chose.
    File {
        /// The account that the caller chose.
        chosen: Option<AccountId>,
        /// True when an unknown account may be made.
        create: bool,
    },
}

/// What an account is written with.
#[derive(Clone, Copy)]
pub struct AccountTarget<'a> {
    /// What the run's records share.
    pub reading: Reading<'a>,
    /// The provider family.
    pub family: &'a str,
    /// Where the data comes from.
    pub origin: AccountOrigin<'a>,
    /// Position of the record within the raw answer.
    pub ordinal: i64,
}

/// The account that a draft is about, and the source that states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundAccount {
    /// The logical account.
    pub account_id: AccountId,
    /// The source.
    pub source_id: AccountSourceId,
    /// Its currency, when known.
    pub currency: Option<Currency>,
    /// True when it was not stored before.
    pub created: bool,
}

/// Why an account cannot be found or made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The ingest failed.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// No account has these numbers, and none may be made.
    #[error("no account with this number is known")]
    Unknown,
    /// The statement is about another account than the chosen one.
    #[error("the statement is about another account than the chosen one")]
    Other,
    /// Several accounts have these numbers.
    #[error("several accounts have this number; name one")]
    Ambiguous,
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Ingest(error.into())
    }
}

impl From<fondaco_vault::seal::SealError> for AccountError {
    fn from(error: fondaco_vault::seal::SealError) -> Self {
        Self::Ingest(error.into())
    }
}

impl fondaco_store::Retryable for AccountError {
    fn is_busy(&self) -> bool {
        match self {
            Self::Ingest(error) => error.is_busy(),
            Self::Unknown | Self::Other | Self::Ambiguous => false,
        }
    }
}

/// Finds or makes the logical account of a draft and its source.
///
/// # Errors
/// [`AccountError`]; nothing is written then.
pub async fn account(
    tx: &mut Tx,
    target: &AccountTarget<'_>,
    draft: &AccountDraft,
) -> Result<FoundAccount, AccountError> {
    let place = match target.origin {
        AccountOrigin::Link { link, .. } => SourcePlace::Link(link),
        AccountOrigin::File { .. } => SourcePlace::Files(target.family),
    };
    let key = source_key(target, draft);
    let hashes = digests(target.reading.sealer.provider_refs(&key));
    let known = account_source::find(tx, target.reading.end_user_id, place, &hashes).await?;
    if let Some(source) = known.filter(|_| !key.is_empty()) {
        check_choice(target, source.account_id)?;
        let consent = consent_of(target);
        account_source::touch(tx, source.id, consent, target.reading.now).await?;
        let currency = update(tx, target, draft, source.account_id).await?;
        let (account_id, source_id) = (source.account_id, source.id);
        return Ok(FoundAccount {
            account_id,
            source_id,
            currency,
            created: false,
        });
    }
    let (account_id, currency, created) = match by_numbers(tx, target, draft).await? {
        Some(found) => {
            check_choice(target, found)?;
            (found, update(tx, target, draft, found).await?, false)
        }
        None => chosen_or_made(tx, target, draft).await?,
    };
    let source_id = AccountSourceId::new(target.reading.effects);
    let hash = target.reading.sealer.provider_ref(&key);
    let sealed = target.reading.sealer.text(
        spot(source_id.0, "account_source", "provider_account_sealed"),
        &draft.provider_account_id,
    )?;
    let row = AccountSourceRow {
        id: source_id,
        account_id,
        end_user_id: target.reading.end_user_id,
        family: target.family.to_owned(),
        link_id: link_of(target),
        consent_id: consent_of(target),
        provider_account_sealed: Some(sealed),
        provider_account_hash: hash.hash,
        hash_key_id: hash.key.0,
        data_key_id: target.reading.sealer.data_key_id(),
        first_seen_at: target.reading.now,
        last_seen_at: target.reading.now,
    };
    account_source::insert(tx, &row).await?;
    Ok(FoundAccount {
        account_id,
        source_id,
        currency,
        created,
    })
}

/// What names the account at its source: a number that outlives consents where there is one, with
/// the currency, because several currencies may stand under one number.
fn source_key(target: &AccountTarget<'_>, draft: &AccountDraft) -> String {
    let currency = draft.currency.map_or("", Currency::code);
    let number = draft
        .identifiers
        .first()
        .map(|identifier| format!("{}:{}", identifier.scheme, identifier.value.expose()));
    match (number, target.origin) {
        (Some(number), _) => format!("{number}:{currency}"),
        (None, AccountOrigin::Link { .. }) => {
            format!("id:{}:{currency}", draft.provider_account_id)
        }
        (
            None,
            AccountOrigin::File {
                chosen: Some(account),
                ..
            },
        ) => format!("chosen:{account}"),
        (None, AccountOrigin::File { chosen: None, .. }) => String::new(),
    }
}

fn link_of(target: &AccountTarget<'_>) -> Option<LinkId> {
    match target.origin {
        AccountOrigin::Link { link, .. } => Some(link),
        AccountOrigin::File { .. } => None,
    }
}

fn consent_of(target: &AccountTarget<'_>) -> Option<ConsentId> {
    match target.origin {
        AccountOrigin::Link { consent, .. } => Some(consent),
        AccountOrigin::File { .. } => None,
    }
}

fn check_choice(target: &AccountTarget<'_>, found: AccountId) -> Result<(), AccountError> {
    match target.origin {
        AccountOrigin::File {
            chosen: Some(chosen),
            ..
        } if chosen != found => Err(AccountError::Other),
        AccountOrigin::File { .. } | AccountOrigin::Link { .. } => Ok(()),
    }
}

fn digests(hashes: Vec<KeyedHash>) -> Vec<Digest> {
    hashes.into_iter().map(|keyed| keyed.hash).collect()
}

async fn by_numbers(
    tx: &mut Tx,
    target: &AccountTarget<'_>,
    draft: &AccountDraft,
) -> Result<Option<AccountId>, AccountError> {
    let hashes: Vec<_> = draft
        .identifiers
        .iter()
        .take(store::IDENTIFIERS_MAX)
        .flat_map(|identifier| digests(target.reading.sealer.hashes(identifier)))
        .collect();
    let hits = store::find_by_identifiers(tx, target.reading.end_user_id, &hashes).await?;
    let fits = |currency: Option<Currency>| match (currency, draft.currency) {
        (Some(stored), Some(stated)) => stored == stated,
        _ => true,
    };
    let mut found: Vec<AccountId> = hits
        .into_iter()
        .filter(|hit| fits(hit.currency))
        .map(|hit| hit.account_id)
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(AccountError::Ambiguous),
    }
}

async fn chosen_or_made(
    tx: &mut Tx,
    target: &AccountTarget<'_>,
    draft: &AccountDraft,
) -> Result<(AccountId, Option<Currency>, bool), AccountError> {
    match target.origin {
        AccountOrigin::File {
            chosen: Some(chosen),
            ..
        } => {
            let scope = Scope::EndUser(target.reading.end_user_id);
            let stored = store::by_ids(tx, scope, &[chosen]).await?.pop();
            let stored = stored.ok_or(AccountError::Unknown)?;
            if !stored.identifiers.is_empty() && !draft.identifiers.is_empty() {
                return Err(AccountError::Other);
            }
            Ok((chosen, stored.currency, false))
        }
        AccountOrigin::File { create: false, .. } => Err(AccountError::Unknown),
        AccountOrigin::File { create: true, .. } | AccountOrigin::Link { .. } => {
            let id = AccountId::new(target.reading.effects);
            let seq = tx.reserve_seq(1).await?;
            let row = row(target, draft, id, seq)?;
            store::upsert(tx, std::slice::from_ref(&row)).await?;
            event(tx, target, id, seq, change::ChangeOp::Created).await?;
            Ok((id, draft.currency, true))
        }
    }
}

/// Brings a known account up to date with what its source states; answers its currency.
async fn update(
    tx: &mut Tx,
    target: &AccountTarget<'_>,
    draft: &AccountDraft,
    id: AccountId,
) -> Result<Option<Currency>, AccountError> {
    let scope = Scope::EndUser(target.reading.end_user_id);
    let stored = store::by_ids(tx, scope, &[id])
        .await?
        .pop()
        .ok_or(StoreError::NotFound)?;
    // A file knows less of an account than its institution: it fills in nothing.
    let by_file = matches!(target.origin, AccountOrigin::File { .. });
    let made_by_link = stored.link_id.is_some();
    let mut changed = row(target, draft, id, stored.created_seq)?;
    changed.created_seq = stored.created_seq;
    if (by_file && made_by_link) || changed.content_sha256 == stored.content_sha256 {
        return Ok(stored.currency);
    }
    let seq = tx.reserve_seq(1).await?;
    changed.changed_seq = seq;
    changed.sort_date = stored.sort_date;
    changed.currency = draft.currency.or(stored.currency);
    let currency = changed.currency;
    store::upsert(tx, std::slice::from_ref(&changed)).await?;
    event(tx, target, id, seq, change::ChangeOp::Updated).await?;
    Ok(currency)
}

async fn event(
    tx: &mut Tx,
    target: &AccountTarget<'_>,
    id: AccountId,
    seq: i64,
    op: change::ChangeOp,
) -> Result<(), AccountError> {
    let row = change::ChangeEventRow {
        seq,
        end_user_id: Some(target.reading.end_user_id),
        entity: change::Entity::Account,
        entity_id: id.0,
        op,
        cause: "PROVIDER_UPDATE".to_owned(),
        at: target.reading.now,
    };
    Ok(change::insert_events(tx, std::slice::from_ref(&row)).await?)
}

fn row(
    target: &AccountTarget<'_>,
    draft: &AccountDraft,
    id: AccountId,
    seq: i64,
) -> Result<AccountRow, AccountError> {
    let seal = |(part, identifier)| {
        let place = Spot {
            part,
            ..spot(id.0, "account_identifier", "sealed")
        };
        target.reading.sealer.identifier(place, identifier)
    };
    let numbers = (0..).zip(draft.identifiers.iter().take(store::IDENTIFIERS_MAX));
    let identifiers: Result<Vec<SealedIdentifier>, _> = numbers.map(seal).collect();
    let institution_id = match target.origin {
        AccountOrigin::Link { institution, .. } => Some(institution.to_owned()),
        AccountOrigin::File { .. } => None,
    };
    Ok(AccountRow {
        id,
        end_user_id: target.reading.end_user_id,
        link_id: link_of(target),
        institution_id,
        currency: draft.currency,
        name: draft.name.clone().or_else(|| draft.product_name.clone()),
        status: status(draft),
        lifecycle: Lifecycle::Live,
        sort_date: target.reading.now.utc_date(),
        sort_date_rule: DateRule::FirstSeen,
        data_key_id: target.reading.sealer.data_key_id(),
        created_seq: seq,
        changed_seq: seq,
        provenance: Some(provenance(target)),
        content_sha256: digest::account(draft, target.reading.sealer.content_key()),
        bank: BankAccountRow {
            account_type: draft.account_type.clone(),
            subtype: draft.subtype.clone(),
            product_name: draft.product_name.clone(),
            holder_name: draft.holder_name.clone(),
            bic: draft.bic.clone(),
            business: draft.business,
            source_status: draft.source_status.clone(),
        },
        identifiers: identifiers?,
    })
}

fn status(draft: &AccountDraft) -> AccountStatus {
    match draft.source_status.as_deref() {
        None | Some("enabled") => AccountStatus::Open,
        Some("blocked") => AccountStatus::Blocked,
        Some("deleted") => AccountStatus::Deleted,
        Some(_) => AccountStatus::Unknown,
    }
}

fn provenance(target: &AccountTarget<'_>) -> Provenance {
    Provenance {
        raw_answer_id: target.reading.raw_answer_id,
        ordinal: target.ordinal,
        mapping_version: target.reading.mapping_version,
        schema_version: version::CURRENT,
        mapped_at: target.reading.now,
    }
}

/// Writes the balances that a source states of an account; an unchanged one is not rewritten.
///
/// # Errors
/// [`AccountError`]; nothing is written then.
pub async fn balances(
    tx: &mut Tx,
    target: &AccountTarget<'_>,
    found: &FoundAccount,
    drafts: &[BalanceDraft],
) -> Result<(), AccountError> {
    if drafts.is_empty() {
        return Ok(());
    }
    let rows: Vec<BalanceRow> = drafts
        .iter()
        .map(|draft| balance_row(target, found, draft))
        .collect();
    let days = rows.iter().map(|row| row.sort_date);
    let (Some(from), Some(to)) = (days.clone().min(), days.max()) else {
        return Ok(());
    };
    let stored = balance::of_source(tx, found.account_id, found.source_id, from, to).await?;
    let mut changed = Vec::new();
    for mut row in rows {
        let before = stored.iter().find(|stored| stored.key() == row.key());
        if before.is_some_and(|before| before.states_same(&row)) {
            continue;
        }
        row.id = before.map_or(row.id, |before| before.id);
        changed.push((row, before.is_some()));
    }
    let count = u32::try_from(changed.len()).unwrap_or(u32::MAX);
    if count == 0 {
        return Ok(());
    }
    let first = tx.reserve_seq(count).await?;
    let mut events = Vec::with_capacity(changed.len());
    for (seq, (row, known)) in (first..).zip(&mut changed) {
        (row.created_seq, row.changed_seq) = (seq, seq);
        events.push(change::ChangeEventRow {
            seq,
            end_user_id: Some(target.reading.end_user_id),
            entity: change::Entity::Balance,
            entity_id: row.id.0,
            op: if *known {
                change::ChangeOp::Updated
            } else {
                change::ChangeOp::Created
            },
            cause: "PROVIDER_UPDATE".to_owned(),
            at: target.reading.now,
        });
    }
    let rows: Vec<BalanceRow> = changed.into_iter().map(|(row, _)| row).collect();
    balance::upsert(tx, &rows).await?;
    change::insert_events(tx, &events).await?;
    Ok(())
}

fn balance_row(
    target: &AccountTarget<'_>,
    found: &FoundAccount,
    draft: &BalanceDraft,
) -> BalanceRow {
    let (sort_date, sort_date_rule) = match (draft.as_of_date, draft.as_of) {
        (Some(date), _) => (date, BalanceDateRule::AsOfDate),
        (None, Some(instant)) => (instant.utc_date(), BalanceDateRule::AsOf),
        (None, None) => (target.reading.now.utc_date(), BalanceDateRule::Fetched),
    };
    BalanceRow {
        id: BalanceId::new(target.reading.effects),
        account_id: found.account_id,
        account_source_id: found.source_id,
        end_user_id: target.reading.end_user_id,
        balance_type: draft.balance_type.clone(),
        amount: draft.amount,
        sort_date,
        sort_date_rule,
        as_of_date: draft.as_of_date,
        as_of: draft.as_of,
        fetched_at: target.reading.now,
        credit_limit_included: draft.credit_limit_included,
        last_transaction_ref: draft.last_transaction_ref.clone(),
        lifecycle: Lifecycle::Live,
        data_key_id: target.reading.sealer.data_key_id(),
        created_seq: 0,
        changed_seq: 0,
        provenance: Some(provenance(target)),
    }
}
