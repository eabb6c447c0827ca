//! Consents that the bank gave without any account: they end, because there is nothing to read.

use fondaco_model::ids::{ConsentId, TenantId};
use fondaco_model::v1::ConsentState;
use fondaco_store::in_tx;
use fondaco_store::repo::consent;

use crate::Vault;
use crate::consents::{Step, apply};
use crate::error::VaultError;
use crate::ledger::Actor;
use crate::machine::{ConsentEvent, ExchangeFailure};

impl Vault {
    /// The first reading under a consent found no account: the consent ends with the reason
    /// `NO_ACCOUNTS`, its grant is taken away and revoked at the bank. Answers how the consent
    /// stands then; one that is no longer in force stays as it is.
    ///
    /// # Errors
    /// [`VaultError`] of the store; `NotFound` when there is no such consent.
    pub async fn no_accounts(
        &self,
        tenant: TenantId,
        id: ConsentId,
    ) -> Result<ConsentState, VaultError> {
        let inner = &self.inner;
        in_tx!(inner.db, tenant, |tx| {
            tx.lock_tenant().await?;
            let mut stored = consent::get(tx, id).await?.ok_or(VaultError::NotFound)?;
            let event = ConsentEvent::ExchangeFailed(ExchangeFailure::NoAccounts);
            let step = Step::new(&inner.effects, event, Actor::Bank);
            match apply(tx, &mut stored, &step).await {
                Ok(_) | Err(VaultError::Refused(_)) => Ok(stored.consent.state),
                Err(error) => Err(error),
            }
        })
    }
}
