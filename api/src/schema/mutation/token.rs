//! Frontend tokens: a tenant's server makes one for one person's browser.

use async_graphql::{Context, InputObject, Result, SimpleObject};
use fondaco_model::ids::ApiKeyId;
use fondaco_model::scope::KeyScope;
use fondaco_vault::VaultError;
use fondaco_vault::access::{FRONTEND_SECONDS_MAX, NewFrontendToken, check_end_user_ref};
use uuid::Uuid;

use super::user_error::{UserError, vault_error};
use crate::schema::access::{Access, store_error};
use crate::schema::reads::Reads;
use crate::schema::scalars::DateTime;
use crate::schema::types::people::EndUser;

/// Seconds that a token lives unless the input says otherwise.
const TTL_SECONDS: i32 = 900;

/// A token that is asked for.
#[derive(InputObject)]
pub(crate) struct CreateFrontendTokenInput {
    /// The tenant's own reference to the person, 1 to 255 characters; made at first use.
    end_user_reference: String,
    /// What the token may do, such as `accounts:read`; a part of what the key may.
    scopes: Vec<String>,
    /// Seconds that it lives, at most 3,600.
    #[graphql(default_with = "TTL_SECONDS")]
    ttl_seconds: i32,
}

/// A token that was made.
#[derive(Default, SimpleObject)]
pub(crate) struct CreateFrontendTokenPayload {
    /// The token, shown here alone; null when it was not made.
    token: Option<String>,
    /// When it expires.
    expires_at: Option<DateTime>,
    /// The person whose data it reaches.
    end_user: Option<EndUser>,
    /// What has to be corrected.
    user_errors: Vec<UserError>,
}

pub(crate) async fn create(
    cx: &Context<'_>,
    input: CreateFrontendTokenInput,
) -> Result<CreateFrontendTokenPayload> {
    let (access, reads) = (Access::of(cx), Reads::of(cx));
    access.need_server()?;
    let held = known_scopes(&access.caller.scopes).0;
    let checked = check(&input, &held);
    let (scopes, ttl_seconds) = match checked {
        Ok(checked) => checked,
        Err(user_errors) => {
            return Ok(CreateFrontendTokenPayload {
                user_errors,
                ..Default::default()
            });
        }
    };
    let new = NewFrontendToken {
        // Of a server the bucket is the key's own.
        api_key: ApiKeyId(Uuid::from_bytes(access.caller.key)),
        held: &held,
        end_user_ref: &input.end_user_reference,
        scopes: &scopes,
        ttl_seconds,
    };
    let made = reads
        .deps
        .vault
        .create_frontend_token(access.tenant(), &new)
        .await;
    let (secret, expires_at, person) = match made {
        Ok(made) => made,
        Err(VaultError::Invalid(message)) => {
            let user_errors = vec![UserError::new("INVALID", "scopes", message)];
            return Ok(CreateFrontendTokenPayload {
                user_errors,
                ..Default::default()
            });
        }
        Err(error) => return Err(vault_error(&error)),
    };
    let end_user = reads
        .end_users
        .load(person)
        .await
        .map_err(|error| store_error(&error))?;
    Ok(CreateFrontendTokenPayload {
        token: Some(secret.expose().to_owned()),
        expires_at: Some(DateTime(expires_at)),
        end_user: end_user.map(EndUser),
        user_errors: Vec::new(),
    })
}

/// Scopes of words, and the words that are none.
fn known_scopes(words: &[String]) -> (Vec<KeyScope>, Vec<&str>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for word in words {
        match word.parse() {
            Ok(scope) => known.push(scope),
            Err(_) => unknown.push(word.as_str()),
        }
    }
    (known, unknown)
}

fn check(
    input: &CreateFrontendTokenInput,
    held: &[KeyScope],
) -> std::result::Result<(Vec<KeyScope>, u32), Vec<UserError>> {
    let mut errors = Vec::new();
    if check_end_user_ref(&input.end_user_reference).is_err() {
        let message = "An end user's reference has 1 to 255 characters.";
        errors.push(UserError::new(
            "END_USER_REF_INVALID",
            "endUserReference",
            message,
        ));
    }
    let (scopes, unknown) = known_scopes(&input.scopes);
    if scopes.is_empty() || !unknown.is_empty() {
        let message = "Name at least one scope, and none that does not exist.";
        errors.push(UserError::new("SCOPE_UNKNOWN", "scopes", message));
    } else if !scopes.iter().all(|scope| held.contains(scope)) {
        let message = "A token may do no more than the key that makes it.";
        errors.push(UserError::new("SCOPE_NOT_HELD", "scopes", message));
    }
    let ttl = u32::try_from(input.ttl_seconds).unwrap_or(0);
    if !(1..=FRONTEND_SECONDS_MAX).contains(&ttl) {
        let message = format!("A token lives from 1 to {FRONTEND_SECONDS_MAX} seconds.");
        errors.push(UserError::new("TTL_INVALID", "ttlSeconds", &message));
    }
    if errors.is_empty() {
        Ok((scopes, ttl))
    } else {
        Err(errors)
    }
}
