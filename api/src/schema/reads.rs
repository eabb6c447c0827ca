//! What one request reads with: the caller's access and a loader for each kind of thing.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use fondaco_model::Secret;
use fondaco_model::ids::{
    AccountId, ConsentId, EndUserId, LinkId, LinkSessionId, RawAnswerId, TransactionId,
};
use fondaco_model::v1::{Consent, EndUser, Institution};
use fondaco_store::repo::account::{self, AccountRow};
use fondaco_store::repo::balance::{self, BalanceRow};
use fondaco_store::repo::change::{self, RevisionRow};
use fondaco_store::repo::link::StoredLink;
use fondaco_store::repo::link_session::LinkSession;
use fondaco_store::repo::quarantine::{self, RemarkRow};
use fondaco_store::repo::raw::{self, RawAnswerRow};
use fondaco_store::repo::transaction::{self, DetailRow, Page, PageQuery, RefRow, TransactionRow};
use fondaco_store::repo::{Scope, consent, end_user, institution, link, link_session};
use fondaco_store::{Db, OPERATOR, Session, StoreError};
use fondaco_vault::Vault;
use fondaco_vault::seal::{HashKeys, HashPurpose};
use moka::sync::Cache;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::access::{Access, store_error};
use super::cursor::{Binding, Cursors};
use super::load::Loader;
use super::opener::{SealedValue, open};
use super::raw::{RawBudget, contents};
use crate::http::code::Code;

/// Keys of one statement.
const STEP: usize = 1_000;

/// Pages of one statement; the store answers no more at once.
const PAGES_STEP: usize = 250;

/// Most institutions that are kept.
const INSTITUTIONS_KEPT_MAX: u64 = 10_000;

/// How long an institution's entry is kept; entries change with a release or a manifest.
const INSTITUTIONS_KEPT_FOR: Duration = Duration::from_mins(1);

/// What all requests share: the vault with its store, and reference data.
#[derive(Clone)]
pub(crate) struct Deps {
    pub(crate) vault: Vault,
    institutions: Cache<String, Arc<Institution>>,
}

impl Deps {
    pub(crate) fn new(vault: Vault) -> Self {
        let institutions = Cache::builder()
            .max_capacity(INSTITUTIONS_KEPT_MAX)
            .time_to_live(INSTITUTIONS_KEPT_FOR)
            .build();
        Self {
            vault,
            institutions,
        }
    }

    pub(crate) fn db(&self) -> &Db {
        self.vault.db()
    }
}

/// Everything that the resolvers of one request share.
pub(crate) struct Reads {
    pub(crate) access: Access,
    pub(crate) deps: Deps,
    pub(crate) links: Loader<LinkId, Arc<StoredLink>>,
    pub(crate) consents: Loader<ConsentId, Arc<Consent>>,
    pub(crate) consents_by_link: Loader<LinkId, Arc<Vec<Arc<Consent>>>>,
    pub(crate) sessions: Loader<LinkSessionId, Arc<LinkSession>>,
    pub(crate) institutions: Loader<String, Arc<Institution>>,
    pub(crate) end_users: Loader<EndUserId, Arc<EndUser>>,
    pub(crate) accounts: Loader<AccountId, Arc<AccountRow>>,
    pub(crate) accounts_by_link: Loader<LinkId, Arc<Vec<Arc<AccountRow>>>>,
    pub(crate) balances: Loader<AccountId, Arc<Vec<BalanceRow>>>,
    pub(crate) transactions: Loader<TransactionId, Arc<TransactionRow>>,
    pub(crate) pages: Loader<(PageQuery, AccountId), Arc<Page<Arc<TransactionRow>>>>,
    pub(crate) details: Loader<TransactionId, Arc<Vec<DetailRow>>>,
    pub(crate) references: Loader<TransactionId, Arc<Vec<RefRow>>>,
    pub(crate) remarks: Loader<Uuid, Arc<Vec<RemarkRow>>>,
    pub(crate) revisions: Loader<TransactionId, Arc<Vec<RevisionRow>>>,
    pub(crate) identifiers: Loader<SealedValue, Secret>,
    pub(crate) raws: Loader<RawAnswerId, Arc<RawAnswerRow>>,
    pub(crate) raw_contents: Loader<RawAnswerId, Arc<Vec<u8>>>,
    pub(crate) raw_budget: RawBudget,
    cursor_keys: OnceCell<Arc<HashKeys>>,
}

/// Where a loader reads: a copy for its closures.
#[derive(Clone)]
struct Source {
    db: Db,
    tenant: fondaco_model::ids::TenantId,
    scope: Scope,
}

impl Source {
    async fn session(&self) -> Result<Session, StoreError> {
        self.db.read(self.tenant).await
    }
}

impl Reads {
    /// The reads of the request that a resolver works for.
    pub(crate) fn of<'a>(cx: &Context<'a>) -> &'a Self {
        cx.data::<Self>()
            .expect("the engine puts the reads into every request")
    }

    /// Fresh loaders for one request.
    pub(crate) fn new(access: Access, deps: &Deps) -> Self {
        let source = Source {
            db: deps.db().clone(),
            tenant: access.tenant(),
            scope: access.scope(),
        };
        Self {
            links: links(&source),
            consents: consents(&source),
            consents_by_link: consents_by_link(&source),
            sessions: sessions(&source),
            institutions: institutions(&source, deps),
            end_users: end_users(&source),
            accounts: accounts(&source),
            accounts_by_link: accounts_by_link(&source),
            balances: balances(&source),
            transactions: transactions(&source),
            pages: pages(&source),
            details: details(&source),
            references: references(&source),
            remarks: remarks(&source),
            revisions: revisions(&source),
            identifiers: identifiers(&source, deps),
            raws: raws(&source),
            raw_contents: raw_contents(&source, deps),
            raw_budget: RawBudget::default(),
            cursor_keys: OnceCell::new(),
            access,
            deps: deps.clone(),
        }
    }

    /// A session for a read that is not batched.
    pub(crate) async fn session(&self) -> async_graphql::Result<Session> {
        let session = self.deps.db().read(self.access.tenant()).await;
        session.map_err(|error| store_error(&error))
    }

    /// The cursors of a list; their keys are fetched once a request.
    pub(crate) async fn cursors(&self, binding: Binding) -> async_graphql::Result<Arc<Cursors>> {
        let keys = self.deps.vault.keys();
        let fetch = || keys.hashes(OPERATOR, HashPurpose::Cursor);
        let unavailable = |error| {
            tracing::error!(%error, "the keys of cursors cannot be had");
            Code::Unavailable.error("Keys cannot be looked up now.")
        };
        let keys = self
            .cursor_keys
            .get_or_try_init(fetch)
            .await
            .map_err(unavailable)?;
        Ok(Arc::new(Cursors::new(binding, Arc::clone(keys))))
    }
}

/// A loader of rows that carry their own key.
fn by_key<K, V, R, F>(source: &Source, fetch: F, key: fn(&V) -> K) -> Loader<K, Arc<V>>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(Source, Vec<K>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Vec<V>, StoreError>> + Send + 'static,
{
    let source = source.clone();
    Loader::new(move |keys: Vec<K>| {
        let (source, fetch) = (source.clone(), fetch.clone());
        async move {
            let mut found = HashMap::with_capacity(keys.len());
            for step in keys.chunks(STEP) {
                let rows = fetch(source.clone(), step.to_vec()).await?;
                found.extend(rows.into_iter().map(|row| (key(&row), Arc::new(row))));
            }
            Ok(found)
        }
    })
}

/// A loader of all rows that belong to a key, in the store's order; none is an empty list.
fn lists_by_key<K, V, R, F>(source: &Source, fetch: F, key: fn(&V) -> K) -> Loader<K, Arc<Vec<V>>>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
    F: Fn(Source, Vec<K>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Vec<V>, StoreError>> + Send + 'static,
{
    let source = source.clone();
    Loader::new(move |keys: Vec<K>| {
        let (source, fetch) = (source.clone(), fetch.clone());
        async move {
            let mut lists: HashMap<K, Vec<V>> =
                keys.iter().map(|key| (key.clone(), Vec::new())).collect();
            for step in keys.chunks(STEP) {
                for row in fetch(source.clone(), step.to_vec()).await? {
                    lists.entry(key(&row)).or_default().push(row);
                }
            }
            Ok(lists
                .into_iter()
                .map(|(key, rows)| (key, Arc::new(rows)))
                .collect())
        }
    })
}

fn links(source: &Source) -> Loader<LinkId, Arc<StoredLink>> {
    let fetch = |source: Source, ids: Vec<LinkId>| async move {
        link::by_ids(&mut source.session().await?, source.scope, &ids).await
    };
    by_key(source, fetch, |row| row.link.id)
}

fn consents(source: &Source) -> Loader<ConsentId, Arc<Consent>> {
    let fetch = |source: Source, ids: Vec<ConsentId>| async move {
        let rows = consent::by_ids(&mut source.session().await?, source.scope, &ids).await?;
        Ok(rows.into_iter().map(|row| row.consent).collect())
    };
    by_key(source, fetch, |row| row.id)
}

fn consents_by_link(source: &Source) -> Loader<LinkId, Arc<Vec<Arc<Consent>>>> {
    let fetch = |source: Source, ids: Vec<LinkId>| async move {
        let rows = consent::by_links(&mut source.session().await?, source.scope, &ids).await?;
        Ok(rows.into_iter().map(|row| Arc::new(row.consent)).collect())
    };
    lists_by_key(source, fetch, |row: &Arc<Consent>| row.link_id)
}

fn sessions(source: &Source) -> Loader<LinkSessionId, Arc<LinkSession>> {
    let fetch = |source: Source, ids: Vec<LinkSessionId>| async move {
        link_session::by_ids(&mut source.session().await?, source.scope, &ids).await
    };
    by_key(source, fetch, |row| row.id)
}

fn end_users(source: &Source) -> Loader<EndUserId, Arc<EndUser>> {
    let fetch = |source: Source, ids: Vec<EndUserId>| async move {
        end_user::by_ids(&mut source.session().await?, source.scope, &ids).await
    };
    by_key(source, fetch, |row| row.id)
}

fn accounts(source: &Source) -> Loader<AccountId, Arc<AccountRow>> {
    let fetch = |source: Source, ids: Vec<AccountId>| async move {
        account::by_ids(&mut source.session().await?, source.scope, &ids).await
    };
    by_key(source, fetch, |row| row.id)
}

fn accounts_by_link(source: &Source) -> Loader<LinkId, Arc<Vec<Arc<AccountRow>>>> {
    let fetch = |source: Source, ids: Vec<LinkId>| async move {
        let rows = account::by_links(&mut source.session().await?, source.scope, &ids).await?;
        // A row without a link cannot be found by one.
        Ok(rows
            .into_iter()
            .filter(|row| row.link_id.is_some())
            .map(Arc::new)
            .collect())
    };
    lists_by_key(source, fetch, |row: &Arc<AccountRow>| {
        row.link_id.expect("rows without a link were left out")
    })
}

fn balances(source: &Source) -> Loader<AccountId, Arc<Vec<BalanceRow>>> {
    let fetch = |source: Source, ids: Vec<AccountId>| async move {
        balance::latest(&mut source.session().await?, source.scope, &ids).await
    };
    lists_by_key(source, fetch, |row: &BalanceRow| row.account_id)
}

fn transactions(source: &Source) -> Loader<TransactionId, Arc<TransactionRow>> {
    let fetch = |source: Source, ids: Vec<TransactionId>| async move {
        transaction::by_ids(&mut source.session().await?, source.scope, &ids).await
    };
    by_key(source, fetch, |row| row.id)
}

fn details(source: &Source) -> Loader<TransactionId, Arc<Vec<DetailRow>>> {
    let fetch = |source: Source, ids: Vec<TransactionId>| async move {
        transaction::details(&mut source.session().await?, &ids).await
    };
    lists_by_key(source, fetch, |row: &DetailRow| row.transaction_id)
}

fn references(source: &Source) -> Loader<TransactionId, Arc<Vec<RefRow>>> {
    let fetch = |source: Source, ids: Vec<TransactionId>| async move {
        transaction::references(&mut source.session().await?, &ids).await
    };
    lists_by_key(source, fetch, |row: &RefRow| row.transaction_id)
}

fn remarks(source: &Source) -> Loader<Uuid, Arc<Vec<RemarkRow>>> {
    let fetch = |source: Source, ids: Vec<Uuid>| async move {
        let rows = quarantine::remarks(&mut source.session().await?, source.scope, &ids).await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.target_id.is_some())
            .collect())
    };
    lists_by_key(source, fetch, |row: &RemarkRow| {
        row.target_id.expect("remarks without a row were left out")
    })
}

fn revisions(source: &Source) -> Loader<TransactionId, Arc<Vec<RevisionRow>>> {
    let fetch = |source: Source, ids: Vec<TransactionId>| async move {
        change::revisions(&mut source.session().await?, source.scope, &ids).await
    };
    lists_by_key(source, fetch, |row: &RevisionRow| row.transaction_id)
}

/// Pages of accounts: one statement for each question that differs.
fn pages(source: &Source) -> Loader<(PageQuery, AccountId), Arc<Page<Arc<TransactionRow>>>> {
    let source = source.clone();
    Loader::new(move |keys: Vec<(PageQuery, AccountId)>| {
        let source = source.clone();
        async move {
            let mut asked: HashMap<PageQuery, Vec<AccountId>> = HashMap::new();
            for (query, account) in keys {
                asked.entry(query).or_default().push(account);
            }
            let mut found = HashMap::new();
            for (query, accounts) in asked {
                for step in accounts.chunks(PAGES_STEP) {
                    let mut session = source.session().await?;
                    let pages =
                        transaction::pages_by_account(&mut session, source.scope, step, &query);
                    for (account, page) in pages.await? {
                        let rows = page.rows.into_iter().map(Arc::new).collect();
                        let page = Page {
                            rows,
                            more: page.more,
                        };
                        found.insert((query.clone(), account), Arc::new(page));
                    }
                }
            }
            Ok(found)
        }
    })
}

/// Institutions: from memory, and what is not there in one statement.
fn institutions(source: &Source, deps: &Deps) -> Loader<String, Arc<Institution>> {
    let (source, cache) = (source.clone(), deps.institutions.clone());
    Loader::new(move |keys: Vec<String>| {
        let (source, cache) = (source.clone(), cache.clone());
        async move {
            let mut found = HashMap::with_capacity(keys.len());
            let mut missing = Vec::new();
            for key in &keys {
                match cache.get(key) {
                    Some(row) => {
                        found.insert(key.clone(), row);
                    }
                    None => missing.push(key.as_str()),
                }
            }
            for step in missing.chunks(STEP) {
                let mut session = source.session().await?;
                for row in institution::by_ids(&mut session, step).await? {
                    let row = Arc::new(row);
                    cache.insert(row.id.clone(), Arc::clone(&row));
                    found.insert(row.id.clone(), row);
                }
            }
            Ok(found)
        }
    })
}

fn identifiers(source: &Source, deps: &Deps) -> Loader<SealedValue, Secret> {
    let (tenant, vault) = (source.tenant, deps.vault.clone());
    Loader::new(move |keys: Vec<SealedValue>| {
        let vault = vault.clone();
        async move { open(&vault, tenant, keys).await }
    })
}

fn raws(source: &Source) -> Loader<RawAnswerId, Arc<RawAnswerRow>> {
    let fetch = |source: Source, ids: Vec<RawAnswerId>| async move {
        raw::by_ids(&mut source.session().await?, source.scope, &ids).await
    };
    by_key(source, fetch, |row| row.id)
}

fn raw_contents(source: &Source, deps: &Deps) -> Loader<RawAnswerId, Arc<Vec<u8>>> {
    let (tenant, scope, vault) = (source.tenant, source.scope, deps.vault.clone());
    Loader::new(move |keys: Vec<RawAnswerId>| {
        let vault = vault.clone();
        async move { contents(&vault, tenant, (scope, keys)).await }
    })
}
