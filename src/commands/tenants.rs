//! `fondaco tenants`: who asks people for their data.

use clap::{Subcommand, ValueEnum};
use fondaco_store::repo::tenant::{self, Details, Mode, Tenant};
use fondaco_vault::tenants::{AddressChange, NewTenant};
use serde_json::{Value, json};

use crate::cli::Cx;
use crate::failure::{Exit, Outcome};
use crate::find;
use crate::output::{print, table};
use crate::wire::House;

/// What to do with tenants.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  fondaco tenants create \"My Budget\" --privacy-url https://budget.example/privacy \\
      --support help@budget.example --return-url https://budget.example/banks
  fondaco tenants update \"My Budget\" --support +49-30-1234
  fondaco tenants origin add https://budget.example --tenant \"My Budget\"

A tenant is a frontend with its end users. People see its name, privacy address and support
contact before they agree to anything. A test tenant reaches sandboxes only, a live one everything
else.")]
pub(crate) enum Command {
    /// Make a tenant
    Create(Create),
    /// List all
    List,
    /// Change what people see
    Update(Update),
    /// Disable one: its keys and tokens find nothing any more
    Disable {
        /// Its id or name
        tenant: String,
    },
    /// Addresses that the consent pages may return people to
    #[command(subcommand)]
    ReturnUrl(Address),
    /// Origins of web pages that may call the API with a frontend token
    #[command(subcommand)]
    Origin(Address),
}

/// A new tenant.
#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The name that people know
    name: String,
    /// Whether it reaches sandboxes or banks
    #[arg(long, value_enum, default_value = "test")]
    mode: ModeWord,
    /// Where it says what it does with data
    #[arg(long, value_name = "URL")]
    privacy_url: String,
    /// Where people get help: an address, a telephone number, a page
    #[arg(long, value_name = "CONTACT")]
    support: String,
    /// Where the consent pages may return people to; may be repeated
    #[arg(long = "return-url", value_name = "URL")]
    return_urls: Vec<String>,
    /// Origin of its web pages; may be repeated
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
}

/// Changes of a tenant.
#[derive(Debug, clap::Args)]
pub(crate) struct Update {
    /// Its id or name
    tenant: String,
    /// The name that people know
    #[arg(long)]
    name: Option<String>,
    /// Where it says what it does with data
    #[arg(long, value_name = "URL")]
    privacy_url: Option<String>,
    /// Where people get help
    #[arg(long, value_name = "CONTACT")]
    support: Option<String>,
}

/// A list of addresses.
#[derive(Debug, Subcommand)]
#[command(after_help = "Compared exactly, character by character.")]
pub(crate) enum Address {
    /// Add one
    Add(OneAddress),
    /// Take one back
    Remove(OneAddress),
    /// List all
    List {
        /// The tenant's id or name; may be left out when there is only one
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// One address of a tenant.
#[derive(Debug, clap::Args)]
pub(crate) struct OneAddress {
    /// The address
    address: String,
    /// The tenant's id or name; may be left out when there is only one
    #[arg(long)]
    tenant: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeWord {
    /// Sandboxes only
    Test,
    /// Everything but sandboxes
    Live,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Test => Self::Test,
            ModeWord::Live => Self::Live,
        }
    }
}

pub(super) async fn run(cx: &Cx, command: &Command) -> Outcome {
    let house = House::open(cx).await?;
    match command {
        Command::Create(args) => create(cx, &house, args).await,
        Command::List => list(cx, &house).await,
        Command::Update(args) => update(cx, &house, args).await,
        Command::Disable { tenant } => {
            let tenant = find::tenant(house.db(), Some(tenant)).await?;
            let disabled = house.vault(cx)?.disable_tenant(tenant.id).await?;
            cx.out
                .result(&json!({ "id": tenant.id, "disabled": true }), || {
                    let word = if disabled {
                        "is disabled now"
                    } else {
                        "was disabled before"
                    };
                    format!("{} {word}", tenant.details.display_name)
                })?;
            Ok(Exit::Done)
        }
        Command::ReturnUrl(address) => addresses(cx, &house, address, List::ReturnUrls).await,
        Command::Origin(address) => addresses(cx, &house, address, List::Origins).await,
    }
}

async fn create(cx: &Cx, house: &House, args: &Create) -> Outcome {
    let new = NewTenant {
        details: Details {
            display_name: args.name.clone(),
            privacy_url: args.privacy_url.clone(),
            support_contact: args.support.clone(),
        },
        mode: args.mode.into(),
        return_urls: args.return_urls.clone(),
        origins: args.origins.clone(),
    };
    let tenant = house.vault(cx)?.create_tenant(&new).await?;
    cx.out.result(&line(&tenant), || {
        format!(
            "{} is {}\nNext: fondaco keys create --tenant {}",
            tenant.details.display_name, tenant.id, tenant.id
        )
    })?;
    Ok(Exit::Done)
}

async fn list(cx: &Cx, house: &House) -> Outcome {
    let tenants = find::tenants(house.db()).await?;
    if cx.out.is_json() {
        for tenant in &tenants {
            cx.out.result(&line(tenant), String::new)?;
        }
        return Ok(Exit::Done);
    }
    let row = |tenant: &Tenant| {
        let state = if tenant.disabled_at.is_some() {
            "disabled"
        } else {
            ""
        };
        [
            tenant.id.to_string(),
            tenant.details.display_name.clone(),
            tenant.mode.as_str().to_lowercase(),
            tenant.created_at.utc_date().to_string(),
            state.to_owned(),
        ]
    };
    let rows: Vec<_> = tenants.iter().map(row).collect();
    print(&table(["ID", "NAME", "MODE", "CREATED", "STATE"], &rows))?;
    Ok(Exit::Done)
}

async fn update(cx: &Cx, house: &House, args: &Update) -> Outcome {
    let mut tenant = find::tenant(house.db(), Some(&args.tenant)).await?;
    let details = &mut tenant.details;
    let changes = [
        (&args.name, &mut details.display_name),
        (&args.privacy_url, &mut details.privacy_url),
        (&args.support, &mut details.support_contact),
    ];
    for (new, old) in changes {
        if let Some(new) = new {
            old.clone_from(new);
        }
    }
    house
        .vault(cx)?
        .update_tenant(tenant.id, &tenant.details)
        .await?;
    cx.out
        .result(&line(&tenant), || format!("{} was changed", tenant.id))?;
    Ok(Exit::Done)
}

#[derive(Clone, Copy)]
enum List {
    ReturnUrls,
    Origins,
}

async fn addresses(cx: &Cx, house: &House, address: &Address, list: List) -> Outcome {
    let (named, change) = match (address, list) {
        (Address::List { tenant }, _) => (tenant, None),
        (Address::Add(one), List::ReturnUrls) => (
            &one.tenant,
            Some(AddressChange::AddReturnUrl(one.address.clone())),
        ),
        (Address::Remove(one), List::ReturnUrls) => (
            &one.tenant,
            Some(AddressChange::RemoveReturnUrl(one.address.clone())),
        ),
        (Address::Add(one), List::Origins) => (
            &one.tenant,
            Some(AddressChange::AddOrigin(one.address.clone())),
        ),
        (Address::Remove(one), List::Origins) => (
            &one.tenant,
            Some(AddressChange::RemoveOrigin(one.address.clone())),
        ),
    };
    let tenant = find::tenant(house.db(), named.as_deref()).await?;
    if let Some(change) = &change {
        house.vault(cx)?.change_address(tenant.id, change).await?;
    }
    let mut session = house.db().read(tenant.id).await?;
    let (key, all) = match list {
        List::ReturnUrls => ("returnUrls", tenant::return_urls(&mut session).await?),
        List::Origins => ("origins", tenant::origins(&mut session).await?),
    };
    cx.out
        .result(&json!({ "id": tenant.id, key: all }), || all.join("\n"))?;
    Ok(Exit::Done)
}

fn line(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id,
        "name": tenant.details.display_name,
        "mode": tenant.mode.as_str(),
        "privacyUrl": tenant.details.privacy_url,
        "support": tenant.details.support_contact,
        "createdAt": tenant.created_at,
        "disabledAt": tenant.disabled_at,
    })
}
