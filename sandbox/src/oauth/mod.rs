//! The authorization server: RFC 6749 with PKCE (7636), metadata (8414), issuer identification
//! (9207) and revocation (7009).

mod authorize;
mod client;
mod token;

pub(crate) use authorize::{answer_url, parameters};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::state::Shared;

/// Where the metadata stands.
pub(crate) const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
/// A scope is this word and the id of the consent (Berlin Group, implementation guidelines 13.1).
pub(crate) const SCOPE_PREFIX: &str = "AIS:";

pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route(METADATA_PATH, get(metadata))
        .route("/oauth/authorize", get(authorize::begin))
        .route("/oauth/token", post(token::exchange))
        .route("/oauth/revoke", post(token::revoke))
}

async fn metadata(State(bank): State<Shared>) -> Json<Value> {
    let base = &bank.base_url;
    let methods = ["client_secret_basic", "client_secret_post"];
    Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/oauth/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "revocation_endpoint": format!("{base}/oauth/revoke"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "authorization_response_iss_parameter_supported": true,
    }))
}
