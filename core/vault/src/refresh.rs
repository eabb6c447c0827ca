//! Refreshes: one token call per generation over all tasks and processes, and one clear outcome
//! when its answer is lost.
//!
//! A lease lets one refresher through; the generation makes it right. The lease's owner says more
//! than who: `run:N` refreshes now, `lost:N` says that N answers were lost for this generation and
//! that nobody may ask again before the lease is over. A lease of a process that died runs out by
//! itself and counts as a lost answer too: the bank may have acted.

mod lease;
mod usable;

pub use lease::{LOST_SECONDS, LOST_SECONDS_MAX};

use std::sync::Arc;
use std::time::Duration;

use fondaco_connectors::core::{FlowEvent, Grant};
use fondaco_model::ids::{GrantId, TenantId};
use fondaco_model::v1::ConsentState;
use fondaco_model::{Fault, FaultKind, Instant, Secret};
use fondaco_store::in_tx;
use fondaco_store::repo::grant::{self as rows, Lease};
use fondaco_store::repo::{consent, registration};
use tracing::Instrument as _;

use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::flow::{Bank, CALL_SECONDS, Halt};
use crate::grants::{self, GrantPlace};
use crate::ledger::Actor;
use crate::machine::{AuthEvidence, ConsentEvent, EVIDENCE_SECONDS_MIN};
use crate::seal::{Ring, Subject};
use crate::{Inner, Vault};

use self::lease::{LeaseWord, answers_lost, lost_seconds, wait_until};
use self::usable::Loaded;

/// Seconds that a refresher has; longer than its call.
pub const LEASE_SECONDS: i64 = CALL_SECONDS + 10;

/// How often another process's refresh is waited for.
const WAITS_MAX: u32 = 120;

/// The pause between two looks at another process's refresh.
const WAIT: Duration = Duration::from_millis(250);

const OP: &str = "grant.refresh";

pub(crate) fn fault(kind: FaultKind, reason: &str) -> Fault {
    Fault::new(kind, OP).with("reason", reason)
}

impl Vault {
    /// Refreshes one grant, whatever its token's age.
    ///
    /// # Errors
    /// The fault that says why there is no newer token.
    pub async fn refresh_grant(&self, tenant: TenantId, id: GrantId) -> Result<(), Fault> {
        let loaded = self.inner.load(tenant, id).await?;
        self.inner.check_usable(&loaded)?;
        let stale = loaded.grant.access_token;
        let stale = stale.ok_or_else(|| fault(FaultKind::AuthRevoked, "no_access_token"))?;
        self.inner.refreshed(tenant, id, &stale).await.map(|_| ())
    }
}

impl Inner {
    /// A token of the grant other than `stale`: refreshed here or by another, whoever was first.
    pub(crate) async fn refreshed(
        self: &Arc<Self>,
        tenant: TenantId,
        id: GrantId,
        stale: &Secret,
    ) -> Result<Secret, Fault> {
        let _one = self.refreshes.hold(id.0).await;
        for _ in 0..WAITS_MAX {
            let loaded = self.load(tenant, id).await?;
            self.check_usable(&loaded)?;
            if let Some(token) = newer(&loaded, stale) {
                return Ok(token);
            }
            self.check_refreshable(&loaded)?;
            // From the lease on nobody may cut it: the bank's answer has to reach the store.
            let (inner, stale) = (Arc::clone(self), stale.clone());
            let refresh = async move { inner.under_lease(loaded, &stale).await };
            let task = tokio::spawn(refresh.in_current_span());
            let stopped = |_| fault(FaultKind::Internal, "refresh_stopped");
            if let Some(done) = task.await.map_err(stopped)? {
                return done;
            }
            self.sleeper.sleep(WAIT).await;
        }
        Err(fault(FaultKind::ProviderDown, "lease_busy").after(Duration::from_secs(1)))
    }

    /// Takes the lease and refreshes; none when somebody else holds it.
    async fn under_lease(
        self: &Arc<Self>,
        loaded: Loaded,
        stale: &Secret,
    ) -> Option<Result<Secret, Fault>> {
        let word = LeaseWord {
            lost: false,
            answers_lost: answers_lost(&loaded.row),
        };
        let owner = word.owner(self);
        match self.take_lease(&loaded, &owner).await {
            Ok(true) => Some(self.held(&loaded, stale, (word, &owner)).await),
            Ok(false) => None,
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn held(
        self: &Arc<Self>,
        loaded: &Loaded,
        stale: &Secret,
        (word, owner): (LeaseWord, &str),
    ) -> Result<Secret, Fault> {
        // What was read before the lease may be what the last holder replaced.
        let held = self.load(loaded.tenant, loaded.row.id).await?;
        if let Some(token) = newer(&held, stale) {
            self.release(&held, owner).await?;
            return Ok(token);
        }
        self.run(held, word, owner).await
    }

    /// # Errors
    /// The fault that says why the bank is not asked (again) now.
    fn check_refreshable(&self, loaded: &Loaded) -> Result<(), Fault> {
        let now = self.now();
        if !loaded.row.refreshable {
            return Err(fault(FaultKind::AuthRevoked, "no_refresh_token"));
        }
        if loaded.consent.consent.state == ConsentState::ReauthRequired {
            return Err(fault(
                FaultKind::UserActionRequired,
                "reauthentication_required",
            ));
        }
        let confirm = |first: Instant| first.plus_seconds(EVIDENCE_SECONDS_MIN);
        if let Some(at) = loaded.consent.reauth_evidence_at.map(confirm)
            && now < at
        {
            let refused = fault(FaultKind::AuthRevoked, "refused_a_moment_ago");
            return Err(refused.after(wait_until(now, at)));
        }
        let word = loaded.row.lease_owner.as_deref().map(LeaseWord::read);
        if let (Some(word), Some(until)) = (word, loaded.row.lease_until)
            && word.lost
            && now < until
        {
            let lost = fault(FaultKind::ProviderDown, "answer_was_lost");
            return Err(lost.after(wait_until(now, until)));
        }
        Ok(())
    }

    async fn take_lease(&self, loaded: &Loaded, owner: &str) -> Result<bool, VaultError> {
        let now = self.now();
        let lease = Lease {
            owner,
            now,
            until: now.plus_seconds(LEASE_SECONDS),
        };
        let id = loaded.row.id;
        Ok(in_tx!(self.db, loaded.tenant, |tx| rows::take_lease(
            tx, id, lease
        )
        .await)?)
    }

    async fn release(&self, loaded: &Loaded, owner: &str) -> Result<(), VaultError> {
        let id = loaded.row.id;
        in_tx!(self.db, loaded.tenant, |tx| rows::release_lease(
            tx, id, owner
        )
        .await)?;
        Ok(())
    }

    /// The one token call of a generation, and what follows from its answer.
    async fn run(
        self: &Arc<Self>,
        held: Loaded,
        word: LeaseWord,
        owner: &str,
    ) -> Result<Secret, Fault> {
        let asked = self.ask_for_token(&held).await;
        match asked {
            Ok(fresh) => self.keep(&held, fresh, owner).await,
            Err(fault) => match fault.kind {
                FaultKind::AuthRevoked => self.refused(&held, word, (owner, fault)).await,
                FaultKind::ProviderDown | FaultKind::SchemaDrift | FaultKind::Internal
                    if fault.get("sent") != Some("no") =>
                {
                    self.lost(&held, word, owner).await?;
                    Err(fault)
                }
                _ => {
                    self.release(&held, owner).await?;
                    Err(fault)
                }
            },
        }
    }

    async fn ask_for_token(self: &Arc<Self>, held: &Loaded) -> Result<Grant, Fault> {
        let unsent = |error: VaultError| Fault::from(error).with("sent", "no");
        let mut bank = self.bank_for(held).await.map_err(unsent)?;
        bank.grant = Some(held.row.id);
        bank.consent_ref.clone_from(&held.grant.bank_consent_ref);
        match bank.run(None, FlowEvent::Refresh(&held.grant), OP).await? {
            Halt::Granted(grant) => Ok(grant),
            Halt::Redirect(..) | Halt::Wait(..) | Halt::Refused(_) | Halt::Revoked => {
                Err(fault(FaultKind::Internal, "no_grant").with("sent", "no"))
            }
        }
    }

    async fn bank_for<'v>(self: &'v Arc<Self>, of: &Loaded) -> Result<Bank<'v>, VaultError> {
        let mut read = self.db.read(of.tenant).await?;
        let with = registration::get(&mut read, of.consent.registration_id).await?;
        drop(read);
        Bank::of(
            self,
            of.tenant,
            &with.ok_or(VaultError::NotFound)?.registration,
        )
    }

    /// Makes the new document durable; only then its token is used.
    async fn keep(&self, held: &Loaded, mut fresh: Grant, owner: &str) -> Result<Secret, Fault> {
        let old = &held.grant;
        if fresh.refresh_token.is_none() && fresh.refresh_expires_in.is_none() {
            // The token stays, and so does its end.
            let ends = held.row.refresh_expires_at;
            let left = ends.map(|at| at.seconds_since(self.now()).max(1));
            fresh.refresh_expires_in = left.and_then(|seconds| u64::try_from(seconds).ok());
        }
        fresh.refresh_token = fresh.refresh_token.or_else(|| old.refresh_token.clone());
        fresh.bank_consent_ref = fresh
            .bank_consent_ref
            .or_else(|| old.bank_consent_ref.clone());
        fresh.scope = fresh.scope.or_else(|| old.scope.clone());
        let token = fresh.access_token.clone();
        let token = token.ok_or_else(|| fault(FaultKind::SchemaDrift, "no_access_token"))?;
        match self.store(held, &fresh).await {
            Ok(Stored::Kept) => Ok(token),
            Ok(Stored::Ended) => Err(fault(FaultKind::AuthRevoked, "consent_not_in_force")),
            Ok(Stored::Overtaken) => {
                let now = self.load(held.tenant, held.row.id).await?;
                let current = now.grant.access_token;
                current.ok_or_else(|| fault(FaultKind::AuthRevoked, "grant_destroyed"))
            }
            Err(error) => {
                // The lease stays: the next one who takes it knows that an answer was lost.
                tracing::error!(grant = %held.row.id, owner, %error, "refreshed grant not stored");
                Err(error.into())
            }
        }
    }

    async fn store(&self, held: &Loaded, fresh: &Grant) -> Result<Stored, VaultError> {
        let subject = Subject::EndUser(held.consent.consent.end_user_id);
        let key = self
            .keys
            .of_subject(held.tenant, Ring::Token, subject)
            .await?;
        let (id, generation) = (held.row.id, held.row.generation);
        let place = GrantPlace {
            tenant: held.tenant,
            id,
            generation: generation + 1,
        };
        let document = grants::seal(self, &key, place, (fresh, self.now()))?;
        in_tx!(self.db, held.tenant, |tx| {
            tx.lock_tenant().await?;
            if !rows::store_refreshed(tx, id, generation, &document).await? {
                return Ok(Stored::Overtaken);
            }
            let stored = consent::get(tx, held.row.consent_id).await?;
            let mut stored = stored.ok_or(VaultError::NotFound)?;
            let event = ConsentEvent::GrantRefreshed;
            let step = Step::new(&self.effects, event, Actor::System);
            match apply(tx, &mut stored, &step).await {
                Ok(_) => Ok(Stored::Kept),
                // It ended while we asked: kept for its revocation, lent to nobody else.
                Err(VaultError::Refused(_)) if stored.revocation_pending() => Ok(Stored::Kept),
                Err(VaultError::Refused(_)) => Ok(Stored::Ended),
                Err(error) => Err(error),
            }
        })
    }

    /// The refresh token was refused: somebody else was first, or the grant is in doubt.
    async fn refused(
        &self,
        held: &Loaded,
        word: LeaseWord,
        (owner, fault): (&str, Fault),
    ) -> Result<Secret, Fault> {
        let now = self.load(held.tenant, held.row.id).await?;
        if now.row.generation != held.row.generation
            && let Some(token) = now.grant.access_token
        {
            self.release(held, owner).await?;
            return Ok(token);
        }
        let id = held.row.id;
        let state: Result<_, VaultError> = in_tx!(self.db, held.tenant, |tx| {
            tx.lock_tenant().await?;
            rows::release_lease(tx, id, owner).await?;
            let stored = consent::get(tx, held.row.consent_id).await?;
            let mut stored = stored.ok_or(VaultError::NotFound)?;
            let evidence = if word.answers_lost > 0 {
                // The same token was sent twice: the bank acted on the first and will not again.
                AuthEvidence::Explicit
            } else {
                AuthEvidence::Refused {
                    first: stored.reauth_evidence_at,
                }
            };
            let event = ConsentEvent::AuthFailed(evidence);
            match apply(
                tx,
                &mut stored,
                &Step::new(&self.effects, event, Actor::Bank),
            )
            .await
            {
                Ok(_) | Err(VaultError::Refused(_)) => Ok(stored.consent.state),
                Err(error) => Err(error),
            }
        });
        if state? == ConsentState::ReauthRequired {
            return Err(self::fault(
                FaultKind::UserActionRequired,
                "reauthentication_required",
            ));
        }
        Err(fault)
    }

    /// The answer is lost: nobody asks again before the lease is over, and whoever does knows.
    async fn lost(&self, held: &Loaded, word: LeaseWord, owner: &str) -> Result<(), VaultError> {
        let (id, now) = (held.row.id, self.now());
        let word = LeaseWord {
            lost: true,
            answers_lost: word.answers_lost.saturating_add(1),
        };
        let marked = word.owner(self);
        let lease = Lease {
            owner: &marked,
            now,
            until: now.plus_seconds(lost_seconds(word.answers_lost)),
        };
        in_tx!(self.db, held.tenant, |tx| {
            rows::release_lease(tx, id, owner).await?;
            rows::take_lease(tx, id, lease).await
        })?;
        Ok(())
    }
}

enum Stored {
    Kept,
    Ended,
    Overtaken,
}

fn newer(loaded: &Loaded, stale: &Secret) -> Option<Secret> {
    loaded
        .grant
        .access_token
        .clone()
        .filter(|token| token != stale)
}
