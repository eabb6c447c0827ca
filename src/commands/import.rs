//! `fondaco import`: statement files of people.

mod tell;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fondaco_model::ids::{AccountId, EndUserId, TenantId};
use fondaco_store::in_tx;
use fondaco_store::repo::end_user;
use fondaco_sync::import::{ImportError, ImportRequest, Listener, Progress};
use fondaco_vault::access::check_end_user_ref;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Cx;
use crate::failure::{Exit, Failure, Outcome};
use crate::find;
use crate::wire::House;
use tell::Teller;

/// How often the bar is drawn anew.
const BAR_TICK: Duration = Duration::from_millis(120);

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fondaco import 2026-03.xml --create
  fondaco import statements/*.xml --tenant \"My Budget\" --end-user user-17 --create
  fondaco import 2026-03.xml --account acc_0198… --json | jq .closes

Tenant, end user and account may be left out when there is only one. The same file twice, or files
that overlap, double nothing. --json prints a line for each statement: file, statement, account,
currency, opening, closing, credits, debits, entries, new, known, quarantined, closes, problems,
moreProblems. Text has the problems on standard error.
Exit code 3: something was quarantined, a statement does not close, a file breaks off or is none;
the rest was imported.")]
pub(crate) struct Args {
    /// Statement files (camt.053)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The tenant's id or name
    #[arg(long)]
    tenant: Option<String>,
    /// The tenant's reference to the person, or the person's id; made at first use with --create
    #[arg(long, value_name = "REFERENCE")]
    end_user: Option<String>,
    /// The account that the statements belong to
    #[arg(long, value_name = "ID", conflicts_with = "create")]
    account: Option<String>,
    /// Make accounts, and the person, that are not there yet
    #[arg(long)]
    create: bool,
}

pub(super) async fn run(cx: &Cx, args: &Args) -> Outcome {
    let house = House::open(cx).await?;
    let account = args.account.as_deref().map(account_id).transpose()?;
    let tenant = find::tenant(house.db(), args.tenant.as_deref()).await?.id;
    let end_user = person(cx, &house, tenant, args).await?;
    let engine = house.engine(cx, cx.config().server.listen)?;
    let importer = engine.importer(cx.config());
    let mut exit = Exit::Done;
    for path in &args.files {
        let request = ImportRequest {
            tenant,
            end_user,
            account,
            create: args.create,
            file: path.display().to_string(),
            request_id: None,
        };
        let bar = Bar::new(cx, path);
        let report = importer.file(&request, path.clone(), bar.listener()).await;
        bar.clear();
        match report {
            Ok(report) => {
                let teller = Teller {
                    cx,
                    vault: &engine.vault,
                    tenant,
                    file: &request.file,
                };
                teller.tell(&report).await?;
                if !report.is_complete() {
                    exit = Exit::Partial;
                }
            }
            // One file of several that is no statement does not stop the others.
            Err(error) => {
                let failure = refused(path, &error);
                if args.files.len() == 1 || is_ours(&error) {
                    return Err(failure);
                }
                failure.tell(cx.out.is_json());
                exit = Exit::Partial;
            }
        }
    }
    Ok(exit)
}

fn account_id(text: &str) -> Outcome<AccountId> {
    text.parse().map_err(|_| {
        Failure::usage(format!("{text} is no id of an account"))
            .hint("`fondaco export accounts` shows ids")
    })
}

async fn person(cx: &Cx, house: &House, tenant: TenantId, args: &Args) -> Outcome<EndUserId> {
    let reference = match (&args.end_user, args.create) {
        (Some(reference), true) if reference.parse::<EndUserId>().is_err() => reference,
        _ => {
            let found = find::end_user(house.db(), tenant, args.end_user.as_deref()).await;
            return Ok(found
                .map_err(|failure| {
                    if args.create {
                        failure
                    } else {
                        failure.hint("--create makes the person and the accounts")
                    }
                })?
                .id);
        }
    };
    check_end_user_ref(reference).map_err(|error| Failure::usage(error.to_string()))?;
    let (fresh, now) = (EndUserId::new(&cx.effects), cx.effects.now());
    let made = in_tx!(house.db(), tenant, |tx| {
        end_user::get_or_create(tx, reference, fresh, now).await
    });
    Ok(made?.id)
}

/// True when the next file would fail in the same way.
fn is_ours(error: &ImportError) -> bool {
    match error {
        ImportError::Unreadable { .. }
        | ImportError::TooLarge { .. }
        | ImportError::Malformed(_)
        | ImportError::Account(_) => false,
        ImportError::Store(_)
        | ImportError::Ingest(_)
        | ImportError::Vault(_)
        | ImportError::Seal(_)
        | ImportError::Key(_)
        | ImportError::Stopped => true,
    }
}

fn refused(path: &std::path::Path, error: &ImportError) -> Failure {
    let text = match error {
        ImportError::Unreadable { .. } => error.to_string(),
        _ => format!("{}: {error}", path.display()),
    };
    match error {
        ImportError::Unreadable {
            kind: std::io::ErrorKind::NotFound,
            ..
        } => Failure::not_found(text),
        ImportError::Malformed(_) => {
            Failure::failed(text).hint("`fondaco map FILE` shows how far it can be read")
        }
        ImportError::Account(_) => {
            Failure::failed(text).hint("--create makes the account, --account names another")
        }
        ImportError::TooLarge { .. } => {
            Failure::failed(text).hint("set import.max_bytes or FONDACO_IMPORT_MAX_BYTES")
        }
        ImportError::Unreadable { .. }
        | ImportError::Store(_)
        | ImportError::Ingest(_)
        | ImportError::Vault(_)
        | ImportError::Seal(_)
        | ImportError::Key(_)
        | ImportError::Stopped => Failure::failed(text),
    }
}

/// A bar on a terminal's standard error; nothing elsewhere.
struct Bar(ProgressBar);

impl Bar {
    fn new(cx: &Cx, path: &std::path::Path) -> Self {
        let bytes = std::fs::metadata(path).map_or(0, |facts| facts.len());
        // A bar that is not drawn on a terminal draws nothing at all.
        let target = if cx.out.is_json() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(bytes), target);
        let style = ProgressStyle::with_template("{msg:10} {wide_bar} {pos}/{len}");
        bar.set_style(style.expect("the template is a constant"));
        bar.enable_steady_tick(BAR_TICK);
        Self(bar)
    }

    fn listener(&self) -> Listener {
        let bar = self.0.clone();
        Arc::new(move |progress| match progress {
            Progress::Received(bytes) => {
                bar.set_message("receiving");
                bar.set_position(bytes);
            }
            Progress::Staged(records) => {
                bar.set_message("reading");
                bar.set_length(records);
                bar.set_position(records);
            }
            Progress::Resolved(done, all) => {
                bar.set_message("storing");
                bar.set_length(all);
                bar.set_position(done);
            }
        })
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}
