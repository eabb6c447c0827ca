//! `fondaco keys`: keys of tenants' servers, and the change of the keys that account numbers are
//! hashed with.

use clap::{Subcommand, ValueEnum};
use fondaco_model::ids::ApiKeyId;
use fondaco_model::scope::KeyScope;
use fondaco_store::repo::api_key::{self, ApiKey, KeyClass};
use fondaco_vault::VaultError;
use fondaco_vault::keys::{HASH_KEY_SETTLES, KeyError};
use serde_json::{Value, json};

use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::find;
use crate::output::{print, table};
use crate::wire::House;

/// What to do with keys.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  fondaco keys create --scopes accounts:read,transactions:read --label reports
  fondaco keys list --tenant \"My Budget\"
  fondaco keys revoke key_0198…
  fondaco keys rotate-hash --tenant \"My Budget\"

Scopes: accounts:read transactions:read identifiers:read link:write import:write raw:read
schema:read. A key is shown once, when it is made; only its hash is kept.")]
pub(crate) enum Command {
    /// Make a key and show it, once
    Create(Create),
    /// List a tenant's keys, without their secrets
    List {
        /// The tenant's id or name; may be left out when there is only one
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Revoke a key, and with it the frontend tokens that it made
    Revoke {
        /// The key's id
        id: String,
        /// The tenant's id or name; may be left out when there is only one
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Replace the keys that a tenant's account numbers and provider references are hashed with
    ///
    /// What the old keys hashed is found as before: nothing is read or imported twice. The new
    /// keys make hashes ten minutes later, when every process knows them. Do this when the hashes
    /// and a master key may have come into wrong hands together.
    RotateHash {
        /// The tenant's id or name; may be left out when there is only one
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// A new key.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The tenant's id or name; may be left out when there is only one
    #[arg(long)]
    tenant: Option<String>,
    /// What it may do, separated by commas
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "SCOPES",
        default_value = "accounts:read,transactions:read",
        value_parser = scope
    )]
    scopes: Vec<KeyScope>,
    /// What you call it
    #[arg(long, default_value = "")]
    label: String,
    /// What kind of caller it is for
    #[arg(long, value_enum, default_value = "server")]
    class: ClassWord,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ClassWord {
    /// A server that answers people
    Server,
    /// A job that walks through everything
    Job,
}

fn scope(word: &str) -> Result<KeyScope, String> {
    let all = || {
        KeyScope::ALL
            .iter()
            .map(|scope| scope.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    word.parse().map_err(|_| format!("not one of {}", all()))
}

pub(super) async fn run(cx: &Cx, command: &Command) -> Outcome {
    let house = House::open(cx).await?;
    match command {
        Command::Create(args) => create(cx, &house, args).await,
        Command::List { tenant } => list(cx, &house, tenant.as_deref()).await,
        Command::RotateHash { tenant } => rotate_hash(cx, &house, tenant.as_deref()).await,
        Command::Revoke { id, tenant } => {
            let key: ApiKeyId = id
                .parse()
                .map_err(|_| Failure::usage(format!("{id} is no id of a key")))?;
            let tenant = find::tenant(house.db(), tenant.as_deref()).await?;
            let revoked = house.vault(cx)?.revoke_api_key(tenant.id, key).await?;
            if !revoked {
                return Err(
                    Failure::not_found(format!("the tenant has no living key {id}"))
                        .hint("`fondaco keys list` shows keys and when they were revoked"),
                );
            }
            cx.out.result(&json!({ "id": key, "revoked": true }), || {
                format!("{id} is revoked")
            })?;
            Ok(Exit::Done)
        }
    }
}

async fn rotate_hash(cx: &Cx, house: &House, tenant: Option<&str>) -> Outcome {
    let tenant = find::tenant(house.db(), tenant).await?;
    let vault = house.vault(cx)?;
    let replaced = vault.keys().replace_hash_keys(tenant.id).await;
    let replaced = replaced.map_err(|error| match error {
        KeyError::TooManyHashKeys | KeyError::ChangedJustNow => Failure::failed(error.to_string()),
        other => VaultError::from(other).into(),
    })?;
    let keys: Vec<Value> = replaced
        .iter()
        .map(|one| {
            json!({
                "purpose": one.purpose.as_str(),
                "key": one.key,
                "retired": one.retired,
            })
        })
        .collect();
    cx.out
        .result(&json!({ "tenant": tenant.id, "rotated": keys }), || {
            if replaced.is_empty() {
                return "The tenant has no account numbers yet; nothing to replace".to_owned();
            }
            format!(
                "{} hash keys of {} were replaced; the new ones make hashes in {} minutes",
                replaced.len(),
                tenant.details.display_name,
                HASH_KEY_SETTLES.as_secs() / 60
            )
        })?;
    Ok(Exit::Done)
}

async fn create(cx: &Cx, house: &House, args: &Create) -> Outcome {
    let tenant = find::tenant(house.db(), args.tenant.as_deref()).await?;
    let class = match args.class {
        ClassWord::Server => KeyClass::Server,
        ClassWord::Job => KeyClass::Job,
    };
    let mut scopes = args.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let made = house
        .vault(cx)?
        .create_api_key(tenant.id, &args.label, (class, &scopes))
        .await?;
    let (key, secret) = made;
    let mut shown = line(&key, tenant.mode.as_str());
    shown["apiKey"] = secret.expose().into();
    cx.out.result(&shown, || {
        format!(
            "{}\nThis is the only time that the key is shown ({} for {}, {}).",
            secret.expose(),
            key.id,
            tenant.details.display_name,
            tenant.mode.as_str().to_lowercase()
        )
    })?;
    Ok(Exit::Done)
}

async fn list(cx: &Cx, house: &House, tenant: Option<&str>) -> Outcome {
    let tenant = find::tenant(house.db(), tenant).await?;
    let mut session = house.db().read(tenant.id).await?;
    let keys = api_key::list(&mut session).await?;
    if cx.out.is_json() {
        for key in &keys {
            cx.out
                .result(&line(key, tenant.mode.as_str()), String::new)?;
        }
        return Ok(Exit::Done);
    }
    let day = |at: Option<fondaco_model::Instant>| {
        at.map(|at| at.utc_date().to_string()).unwrap_or_default()
    };
    let row = |key: &ApiKey| {
        [
            key.id.to_string(),
            format!("{}…", key.hint),
            key.label.clone(),
            words(key).join(" "),
            day(key.last_used_at),
            day(key.revoked_at),
        ]
    };
    let rows: Vec<_> = keys.iter().map(row).collect();
    print(&table(
        ["ID", "KEY", "LABEL", "SCOPES", "LAST USED", "REVOKED"],
        &rows,
    ))?;
    Ok(Exit::Done)
}

fn words(key: &ApiKey) -> Vec<&'static str> {
    key.scopes.iter().map(|scope| scope.as_str()).collect()
}

fn line(key: &ApiKey, mode: &str) -> Value {
    json!({
        "id": key.id,
        "tenant": key.tenant_id,
        "mode": mode,
        "hint": key.hint,
        "label": key.label,
        "class": key.class.as_str(),
        "scopes": words(key),
        "createdAt": key.created_at,
        "lastUsedAt": key.last_used_at,
        "revokedAt": key.revoked_at,
    })
}
