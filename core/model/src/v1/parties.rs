//! Institutions, end users and registrations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{EndUserId, RegistrationId, TenantId};
use crate::time::Instant;

/// A bank or shop that people can link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Institution {
    /// Stable id of the entry.
    pub id: String,
    /// The name that a person knows.
    pub name: String,
    /// ISO 3166-1 alpha-2 codes.
    pub countries: Vec<String>,
    /// ISO 9362 code.
    pub bic: Option<String>,
    /// The provider family that speaks to it.
    pub family: String,
    /// True for sandboxes.
    pub sandbox: bool,
    /// Longest life of a consent in days.
    pub consent_days_max: i32,
    /// Days of history that can be asked for, when known.
    pub history_days: Option<i32>,
}

/// A person who owns accounts, known by the tenant's own reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndUser {
    /// Our id.
    pub id: EndUserId,
    /// The tenant that serves the person.
    pub tenant_id: TenantId,
    /// The tenant's own reference; 1 to 255 characters.
    pub external_ref: String,
    /// When the person was first seen.
    pub created_at: Instant,
}

/// Who owns a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "SCREAMING_SNAKE_CASE",
    tag = "kind",
    content = "tenantId"
)]
pub enum Owner {
    /// The operator of the installation.
    Operator,
    /// One tenant.
    Tenant(TenantId),
}

/// What a provider gave an operator or a tenant, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// Our id.
    pub id: RegistrationId,
    /// Who owns it; never shared between owners.
    pub owner: Owner,
    /// The institution's entry.
    pub institution_id: String,
    /// The client id at the provider.
    pub client_id: String,
    /// The one redirect URI that is registered at the provider.
    pub redirect_uri: String,
    /// When it was made.
    pub created_at: Instant,
}
