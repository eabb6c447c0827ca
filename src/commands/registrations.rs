//! `fondaco registrations`: what institutions gave an operator or a tenant.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use fondaco_model::Secret;
use fondaco_model::ids::{RegistrationId, TenantId};
use fondaco_model::v1::Owner;
use fondaco_store::OPERATOR;
use fondaco_store::repo::registration::StoredRegistration;
use fondaco_vault::registrations::{NewRegistration, Tested};
use serde_json::{Value, json};

use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::find;
use crate::output::{print, table};
use crate::wire::House;

/// Bytes of a secret's file at most.
const SECRET_BYTES_MAX: u64 = 8 << 10;

/// What to do with registrations.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  fondaco registrations add --institution some_bank --client-id abc      asks for the secret
  fondaco registrations add --institution some_bank --client-id abc --secret-file bank.secret
  pass show bank | fondaco registrations rotate reg_0198… --client-id abc --secret-file -
  fondaco registrations test reg_0198…

A secret never stands on the command line. Without --tenant a registration is the operator's and
serves all tenants. Register the printed redirect URI at the institution, character by character;
one that wants the address of public keys (JWKS) gets the other one.")]
pub(crate) enum Command {
    /// Keep a client id and its secret; print the redirect URI and the address of the public keys
    Add(Add),
    /// List registrations, without their secrets
    List {
        /// Those that this tenant may use; all without it
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Replace client id and secret; the redirect URI stays
    Rotate(Rotate),
    /// Let no new link be made with one
    Disable(One),
    /// Ask the institution whether it knows the client
    Test(One),
}

/// A new registration.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The institution's id
    #[arg(long, value_name = "ID")]
    institution: String,
    /// The client id that the institution gave
    #[arg(long, value_name = "ID")]
    client_id: String,
    #[command(flatten)]
    secret: SecretFrom,
    /// The institution's environment, such as sandbox or production
    #[arg(long, value_name = "WORD")]
    environment: Option<String>,
    /// The tenant that owns it
    #[arg(long)]
    tenant: Option<String>,
}

/// Where a client secret comes from: a prompt, unless one of these says otherwise.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct SecretFrom {
    /// File that holds the client secret; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The institution gave no secret
    #[arg(long)]
    no_secret: bool,
}

/// New values of a registration.
#[derive(Debug, clap::Args)]
pub(crate) struct Rotate {
    /// The registration's id
    id: String,
    /// The client id that the institution gave
    #[arg(long, value_name = "ID")]
    client_id: String,
    #[command(flatten)]
    secret: SecretFrom,
    /// The tenant that owns it
    #[arg(long)]
    tenant: Option<String>,
}

/// One registration.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// The registration's id
    id: String,
    /// The tenant that owns it, or that would use it
    #[arg(long)]
    tenant: Option<String>,
}

pub(super) async fn run(cx: &Cx, command: &Command) -> Outcome {
    let house = House::open(cx).await?;
    match command {
        Command::Add(args) => add(cx, &house, args).await,
        Command::List { tenant } => list(cx, &house, tenant.as_deref()).await,
        Command::Rotate(args) => {
            let owner = owner(&house, args.tenant.as_deref()).await?;
            let id = id_of(&args.id)?;
            let secret = secret(&args.secret)?;
            let vault = house.vault(cx)?;
            vault
                .rotate_registration(owner, id, (&args.client_id, secret))
                .await?;
            cx.out.result(&json!({ "id": id, "rotated": true }), || {
                format!("{id} was rotated")
            })?;
            Ok(Exit::Done)
        }
        Command::Disable(one) => {
            let owner = owner(&house, one.tenant.as_deref()).await?;
            let id = id_of(&one.id)?;
            if !house.vault(cx)?.disable_registration(owner, id).await? {
                return Err(Failure::not_found(format!(
                    "there is no living registration {id}"
                )));
            }
            cx.out.result(&json!({ "id": id, "disabled": true }), || {
                format!("{id} is disabled")
            })?;
            Ok(Exit::Done)
        }
        Command::Test(one) => test(cx, &house, one).await,
    }
}

async fn owner(house: &House, tenant: Option<&str>) -> Outcome<Owner> {
    match tenant {
        None => Ok(Owner::Operator),
        Some(name) => Ok(Owner::Tenant(
            find::tenant(house.db(), Some(name)).await?.id,
        )),
    }
}

async fn user(house: &House, tenant: Option<&str>) -> Outcome<TenantId> {
    Ok(match owner(house, tenant).await? {
        Owner::Operator => OPERATOR,
        Owner::Tenant(id) => id,
    })
}

fn id_of(text: &str) -> Outcome<RegistrationId> {
    text.parse()
        .map_err(|_| Failure::usage(format!("{text} is no id of a registration")))
}

async fn add(cx: &Cx, house: &House, args: &Add) -> Outcome {
    let server = &cx.config().server;
    if server.public_url.is_none() && server.listen.port() == 0 {
        return Err(Failure::usage("the redirect URI would have no port")
            .hint("set server.public_url, or a port in server.listen"));
    }
    let vault = house.vault(cx)?;
    let manifest = vault.catalogue().manifest(&args.institution);
    let manifest = manifest.ok_or_else(|| crate::catalogue::unknown(&args.institution))?;
    let by_mode = if manifest.sandbox {
        "sandbox"
    } else {
        "production"
    };
    let new = NewRegistration {
        owner: owner(house, args.tenant.as_deref()).await?,
        institution_id: args.institution.clone(),
        environment: args
            .environment
            .clone()
            .unwrap_or_else(|| by_mode.to_owned()),
        client_id: args.client_id.clone(),
        client_secret: secret(&args.secret)?,
    };
    let made = vault.add_registration(&new).await?;
    let keys = vault.public_keys_uri(made.id);
    let mut shown = json!(made);
    shown["publicKeys"] = keys.as_str().into();
    cx.out.result(&shown, || {
        format!(
            "{} is kept.\nRedirect URI, to be registered at the institution:\n  {}\n\
             Public keys, where the institution asks for their address:\n  {keys}",
            made.id, made.redirect_uri
        )
    })?;
    Ok(Exit::Done)
}

async fn list(cx: &Cx, house: &House, tenant: Option<&str>) -> Outcome {
    let user = user(house, tenant).await?;
    let vault = house.vault(cx)?;
    let all = vault.registrations(user).await?;
    if cx.out.is_json() {
        for stored in &all {
            let keys = vault.public_keys_uri(stored.registration.id);
            cx.out.result(&line(stored, &keys), String::new)?;
        }
        return Ok(Exit::Done);
    }
    let row = |stored: &StoredRegistration| {
        let of = &stored.registration;
        let owner = match of.owner {
            Owner::Operator => "operator".to_owned(),
            Owner::Tenant(id) => id.to_string(),
        };
        let state = if stored.disabled_at.is_some() {
            "disabled"
        } else {
            ""
        };
        [
            of.id.to_string(),
            of.institution_id.clone(),
            owner,
            of.redirect_uri.clone(),
            state.to_owned(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    print(&table(
        ["ID", "INSTITUTION", "OWNER", "REDIRECT URI", "STATE"],
        &rows,
    ))?;
    Ok(Exit::Done)
}

async fn test(cx: &Cx, house: &House, one: &One) -> Outcome {
    let user = user(house, one.tenant.as_deref()).await?;
    let id = id_of(&one.id)?;
    let tested = house.vault(cx)?.test_registration(user, id).await?;
    let (word, text, exit) = match &tested {
        Tested::ClientAccepted => (
            "ACCEPTED",
            "the institution knows the client".to_owned(),
            Exit::Done,
        ),
        Tested::Reachable => (
            "REACHABLE",
            "the institution answers".to_owned(),
            Exit::Done,
        ),
        Tested::ClientRefused => (
            "REFUSED",
            "the institution refuses the client".to_owned(),
            Exit::Failed,
        ),
        Tested::Unclear(fault) => ("UNCLEAR", format!("not known: {fault}"), Exit::Failed),
    };
    cx.out
        .result(&json!({ "id": id, "result": word, "text": text }), || {
            text.clone()
        })?;
    Ok(exit)
}

/// The keys of `add`, and what is known of a registration that is kept.
fn line(stored: &StoredRegistration, public_keys: &str) -> Value {
    let mut line = json!(stored.registration);
    line["publicKeys"] = json!(public_keys);
    line["environment"] = json!(stored.environment);
    line["hasSecret"] = json!(stored.client_secret_sealed.is_some());
    line["rotatedAt"] = json!(stored.rotated_at);
    line["disabledAt"] = json!(stored.disabled_at);
    line
}

/// Reads a secret from a file, from standard input or from a prompt that does not echo.
fn secret(from: &SecretFrom) -> Outcome<Option<Secret>> {
    if from.no_secret {
        return Ok(None);
    }
    let text = match &from.secret_file {
        Some(path) if path == Path::new("-") => limited(std::io::stdin().lock())?,
        Some(path) => {
            let file = std::fs::File::open(path);
            let file = file.map_err(|error| {
                Failure::not_found(format!("{}: {}", path.display(), error.kind()))
            })?;
            limited(file)?
        }
        None if std::io::stdin().is_terminal() => {
            let terminal = console::Term::stderr();
            terminal.write_str("Client secret (not shown): ")?;
            terminal.read_secure_line()?
        }
        None => {
            return Err(Failure::usage("no client secret")
                .hint("name a file with --secret-file, `-` for standard input, or --no-secret"));
        }
    };
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    if text.is_empty() {
        return Err(Failure::usage("the client secret is empty").hint("say so with --no-secret"));
    }
    Ok(Some(Secret::new(text)))
}

fn limited(source: impl std::io::Read) -> Outcome<String> {
    let mut text = String::new();
    source.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
