//! The root of writes: each with one input and a payload with user errors.

mod import;
mod link;
mod once;
mod refresh;
mod token;
mod user_error;

use async_graphql::{Context, Object};

use self::import::{ImportStatementInput, ImportStatementPayload};
use self::link::{
    DisconnectLinkInput, DisconnectLinkPayload, RedeemLinkResultInput, RedeemLinkResultPayload,
    StartLinkInput, StartLinkPayload,
};
use self::refresh::{RefreshLinkInput, RefreshLinkPayload};
use self::token::{CreateFrontendTokenInput, CreateFrontendTokenPayload};
use super::access::Field;

pub(crate) use self::import::{ImportJob, by_id as import_job};
pub(crate) use self::once::KEY_CHARS_MAX as IDEMPOTENCY_KEY_CHARS_MAX;

/// The root of writes.
pub(crate) struct Mutation;

/// Writes. What the caller can correct stands in `userErrors`; then nothing was done. Writes with
/// an effect outside take an `idempotencyKey` of 1 to 255 characters, kept for 24 hours: the same
/// key with the same input answers the same, with another input `IDEMPOTENCY_MISMATCH`.
#[Object]
impl Mutation {
    /// Starts an attempt to link an institution, or to renew a link; answers the address of the
    /// hosted page to which the person is sent. Scope `link:write`.
    async fn start_link(&self, cx: &Context<'_>, input: StartLinkInput) -> Field<StartLinkPayload> {
        Some(Box::pin(link::start(cx, input)).await)
    }

    /// Tells, once, how a link session ended, for the code that the person brought back. Server
    /// keys only. Scope `link:write`.
    async fn redeem_link_result(
        &self,
        cx: &Context<'_>,
        input: RedeemLinkResultInput,
    ) -> Field<RedeemLinkResultPayload> {
        Some(link::redeem(cx, input).await)
    }

    /// Makes a short-lived token for one person's browser. Server keys only.
    async fn create_frontend_token(
        &self,
        cx: &Context<'_>,
        input: CreateFrontendTokenInput,
    ) -> Field<CreateFrontendTokenPayload> {
        Some(token::create(cx, input).await)
    }

    /// Asks for a reading of a link as soon as the institution allows it; refused with
    /// `CONSENT_NOT_ACTIVE` when no consent allows it or the person has to authenticate again.
    /// Scope `link:write`.
    async fn refresh_link(
        &self,
        cx: &Context<'_>,
        input: RefreshLinkInput,
    ) -> Field<RefreshLinkPayload> {
        Some(refresh::refresh(cx, input).await)
    }

    /// Ends a link for good: its consent is withdrawn here at once, and at the institution as soon
    /// as it answers. What was read stays. Scope `link:write`.
    async fn disconnect_link(
        &self,
        cx: &Context<'_>,
        input: DisconnectLinkInput,
    ) -> Field<DisconnectLinkPayload> {
        Some(link::disconnect(cx, input).await)
    }

    /// Imports a statement file that was uploaded with `POST /v1/statements`. Scope
    /// `import:write`.
    async fn import_statement(
        &self,
        cx: &Context<'_>,
        input: ImportStatementInput,
    ) -> Field<ImportStatementPayload> {
        Some(import::import(cx, input).await)
    }
}
