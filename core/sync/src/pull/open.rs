//! The opening of a reading: link, consent, institution and credential, or the reason for none.

use fondaco_model::v1::ConsentState;
use fondaco_transport::Target;

use super::{Pull, PullError, Puller, ReadRequest, Reading};
use crate::ingest::Sealer;

impl<'a> Pull<'a> {
    /// Everything that a reading works with; none when the link is not to be read: it is gone or
    /// disconnected, or no consent allows it.
    pub(super) async fn open(
        puller: &'a Puller,
        request: &'a ReadRequest,
    ) -> Result<Option<Pull<'a>>, PullError> {
        let (vault, tenant) = (&puller.vault, request.tenant);
        let Some(access) = vault.read_access(tenant, request.link).await? else {
            return Ok(None);
        };
        if !access.consent.consent.state.may_be_read() {
            return Ok(None);
        }
        Ok(Some(Pull {
            vault,
            transport: puller.transport.as_ref(),
            request,
            sync_seconds: puller.sync_seconds,
            held_bytes: puller.held_bytes,
            target: Target::of(&access.manifest),
            sealer: Sealer::new(vault, tenant, access.link.end_user_id).await?,
            access,
        }))
    }

    /// Tells the vault what the reading says about the consent; answers how that stands then.
    pub(super) async fn tell_consent(&self, reading: &Reading) -> Result<ConsentState, PullError> {
        let (vault, tenant) = (self.vault, self.request.tenant);
        let consent = self.access.consent.consent.id;
        Ok(match &reading.stop {
            Some(fault) => vault.read_failed(tenant, consent, fault).await?,
            None => vault.read_succeeded(tenant, consent).await?,
        })
    }
}
