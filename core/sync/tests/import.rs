//! Import of statement files through the real vault and store, on both engines.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "import/pages.rs"]
mod pages;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fondaco_connectors::registry;
use fondaco_model::effects::SystemEntropy;
use fondaco_model::ids::{EndUserId, TenantId};
use fondaco_model::time::ManualClock;
use fondaco_model::{Effects, Fault, FaultKind, Instant};
use fondaco_store::in_tx;
use fondaco_store::repo::quarantine::{self, QuarantineQuery};
use fondaco_store::repo::tenant::{Details, Mode};
use fondaco_store::repo::transaction::{self, Order, PageQuery, Position};
use fondaco_store::repo::{Scope, end_user};
use fondaco_store::testing::{TestDb, engines};
use fondaco_sync::import::{ImportError, ImportReport, ImportRequest, Importer, Listener};
use fondaco_transport::{Answer, Call, Sleeper, Transport};
use fondaco_vault::seal::{KeyRing, MasterKey};
use fondaco_vault::tenants::NewTenant;
use fondaco_vault::{Catalogue, Keys, Lender, Vault, VaultParts};
use futures_util::future::BoxFuture;
use url::Url;

const NOW: Instant = Instant::from_micros(1_770_000_000_000_000);
const MAX_BYTES: u64 = 64 << 20;

/// Files are imported without a network.
struct NoNetwork;

impl Transport for NoNetwork {
    fn send<'a>(&'a self, _: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async { Err(Fault::new(FaultKind::ProviderDown, "test")) })
    }
}

impl Sleeper for NoNetwork {
    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

struct House {
    db: TestDb,
    vault: Vault,
    tenant: TenantId,
    end_user: EndUserId,
}

impl House {
    async fn each() -> Vec<Self> {
        let mut houses = Vec::new();
        for db in engines().await {
            houses.push(Self::build(db).await);
        }
        houses
    }

    async fn build(db: TestDb) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let effects = Effects::new(clock, Arc::new(SystemEntropy));
        let ring = |digit: &str| {
            let master = MasterKey::from_text(&format!("{}0", digit.repeat(63))).unwrap();
            Arc::new(KeyRing::new(master, Vec::new()).unwrap())
        };
        let keys = Keys::new((*db).clone(), effects.clone(), ring("a"), Some(ring("b")));
        let vault = Vault::new(VaultParts {
            db: (*db).clone(),
            effects: effects.clone(),
            keys,
            transport: Arc::new(NoNetwork),
            sleeper: Arc::new(NoNetwork),
            catalogue: Arc::new(Catalogue::new(registry::institutions().unwrap())),
            public_url: Url::parse("http://127.0.0.1:8080/").unwrap(),
            lender: Lender::new(),
        });
        let new = NewTenant {
            details: Details {
                display_name: "Example".to_owned(),
                privacy_url: "https://example.com/privacy".to_owned(),
                support_contact: "help@example.com".to_owned(),
            },
            mode: Mode::Test,
            return_urls: Vec::new(),
            origins: Vec::new(),
        };
        let tenant = vault.create_tenant(&new).await.unwrap().id;
        let id = EndUserId::new(&effects);
        let end_user = in_tx!(db, tenant, |tx| {
            end_user::get_or_create(tx, "anna", id, NOW).await
        })
        .unwrap()
        .id;
        Self {
            db,
            vault,
            tenant,
            end_user,
        }
    }

    fn request(&self) -> ImportRequest {
        ImportRequest {
            tenant: self.tenant,
            end_user: self.end_user,
            account: None,
            create: true,
            file: "statement.xml".to_owned(),
            request_id: None,
        }
    }

    async fn import(&self, text: &str) -> ImportReport {
        self.try_import(&self.request(), text).await.unwrap()
    }

    async fn try_import(
        &self,
        request: &ImportRequest,
        text: &str,
    ) -> Result<ImportReport, ImportError> {
        let file = TempFile::new(text);
        let importer = Importer::new(self.vault.clone(), MAX_BYTES);
        importer.file(request, file.0.clone(), quiet()).await
    }

    /// Every live transaction as day, amount and text, in order; ids apart.
    async fn live(&self) -> Vec<(String, String, String)> {
        let mut session = self.db.read(self.tenant).await.unwrap();
        let mut asked = PageQuery {
            limit: 1_000,
            ..PageQuery::newest(1_000)
        };
        let mut rows = Vec::new();
        loop {
            let page = transaction::page(&mut session, Scope::Tenant, &asked)
                .await
                .unwrap();
            asked.after = page.rows.last().map(|row| Position::of(row, Order::Posted));
            rows.extend(page.rows.into_iter().map(|row| {
                let text = row.description.unwrap_or_default();
                (row.sort_date.to_string(), row.amount.to_string(), text)
            }));
            if !page.more {
                rows.sort();
                return rows;
            }
        }
    }
}

fn quiet() -> Listener {
    Arc::new(|_| {})
}

/// A file that goes with the value.
struct TempFile(PathBuf);

impl TempFile {
    fn new(text: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("fondaco_import_{}_{number}.xml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).expect("the file was made here");
    }
}

/// One entry: day, signed amount in cents, text, and the servicer's reference, if any.
#[derive(Clone)]
struct Entry(&'static str, i64, &'static str, Option<String>);

fn statement(entries: &[Entry]) -> String {
    statement_of("DE89370400440532013000", entries)
}

fn cents(amount: i64) -> String {
    format!("{}.{:02}", amount.abs() / 100, amount.abs() % 100)
}

fn statement_of(iban: &str, entries: &[Entry]) -> String {
    use std::fmt::Write as _;
    let total: i64 = entries.iter().map(|entry| entry.1).sum();
    let side = |amount: i64| if amount < 0 { "DBIT" } else { "CRDT" };
    let balance = |kind: &str, amount: i64| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{}</Amt>\
             <CdtDbtInd>{}</CdtDbtInd><Dt><Dt>2026-01-31</Dt></Dt></Bal>",
            cents(amount),
            side(amount)
        )
    };
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-02-01T06:00:00Z</CreDtTm></GrpHdr><Stmt>\
         <Id>S1</Id><CreDtTm>2026-02-01T06:00:00Z</CreDtTm>\
         <Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>{}{}\n",
        balance("OPBD", 10_000),
        balance("CLBD", 10_000 + total),
    );
    for Entry(day, amount, words, reference) in entries {
        let reference = reference.as_ref();
        let reference =
            reference.map_or_else(String::new, |r| format!("<AcctSvcrRef>{r}</AcctSvcrRef>"));
        writeln!(
            text,
            "<Ntry><Amt Ccy=\"EUR\">{}</Amt><CdtDbtInd>{}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
             <BookgDt><Dt>{day}</Dt></BookgDt>{reference}\
             <BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><RmtInf>\
             <Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>",
            cents(*amount),
            side(*amount)
        )
        .unwrap();
    }
    text.push_str("</Stmt></BkToCstmrStmt></Document>\n");
    text
}

fn january() -> Vec<Entry> {
    vec![
        Entry("2026-01-02", -250, "coffee bar", None),
        Entry("2026-01-02", -250, "coffee bar", None),
        Entry("2026-01-03", -250, "coffee bar", None),
        Entry("2026-01-05", 150_000, "salary", Some("A1".to_owned())),
        Entry("2026-01-09", -75_050, "rent", Some("A2".to_owned())),
    ]
}

fn counts(report: &ImportReport) -> (i64, i64, i64, i64) {
    let one = &report.statements[0];
    (one.entries, one.new, one.known, one.quarantined)
}

#[tokio::test]
async fn the_same_file_twice_adds_nothing_and_the_statement_closes() {
    for house in House::each().await {
        let text = statement(&january());
        let first = house.import(&text).await;
        assert_eq!(counts(&first), (5, 5, 0, 0), "{}", house.db.name());
        assert_eq!(first.statements[0].closes, Some(true));
        assert!(first.is_complete());
        let before = house.live().await;
        assert_eq!(before.len(), 5, "two equal purchases of a day stay two");
        let second = house.import(&text).await;
        assert_eq!(counts(&second), (5, 0, 5, 0), "{}", house.db.name());
        assert_eq!(house.live().await, before);
    }
}

#[tokio::test]
async fn files_that_overlap_add_only_what_is_new() {
    for house in House::each().await {
        let all = january();
        house.import(&statement(&all[..3])).await;
        let report = house.import(&statement(&all[1..])).await;
        // The first of two equal purchases was in the first file only; the second file has one.
        assert_eq!(counts(&report), (4, 2, 2, 0), "{}", house.db.name());
        assert_eq!(house.live().await.len(), 5);
    }
}

#[tokio::test]
async fn equal_rows_that_cross_the_border_of_a_batch_are_matched_by_count() {
    for house in House::each().await {
        let many = |count| vec![Entry("2026-01-07", -100, "toll", None); count];
        let report = house.import(&statement(&many(2_300))).await;
        assert_eq!(counts(&report), (2_300, 2_300, 0, 0), "{}", house.db.name());
        let report = house.import(&statement(&many(2_350))).await;
        assert_eq!(
            counts(&report),
            (2_350, 50, 2_300, 0),
            "{}",
            house.db.name()
        );
        assert_eq!(house.live().await.len(), 2_350);
    }
}

#[tokio::test]
async fn a_bad_entry_is_quarantined_with_its_original_and_the_rest_is_imported() {
    for house in House::each().await {
        let text = statement(&january()).replacen(">1500.00<", ">1500,00<", 1);
        let report = house.import(&text).await;
        assert_eq!(counts(&report), (5, 4, 0, 1), "{}", house.db.name());
        assert_eq!(report.statements[0].closes, Some(false));
        assert!(!report.is_complete());
        let mut session = house.db.read(house.tenant).await.unwrap();
        let all = QuarantineQuery {
            run: None,
            open_only: true,
            after: None,
            limit: 10,
        };
        let kept = quarantine::list(&mut session, Scope::Tenant, &all)
            .await
            .unwrap();
        assert_eq!(kept.len(), 1);
        assert!(kept[0].field.contains("Amt"), "{}", kept[0].field);
        let place =
            fondaco_vault::identifiers::Spot::new(kept[0].id.0, "quarantine", "original_sealed");
        let sealed = [(place, kept[0].original_sealed.as_str())];
        let opened = house
            .vault
            .open_identifiers(house.tenant, &sealed)
            .await
            .unwrap();
        assert_eq!(
            opened[0].as_ref().map(fondaco_model::Secret::expose),
            Some("1500,00")
        );
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_keeps_what_came_before_and_names_the_line() {
    for house in House::each().await {
        let whole = statement(&january());
        let broken = &whole[..whole.rfind("<Ntry>").unwrap() + 40];
        let report = house.import(broken).await;
        assert_eq!(house.live().await.len(), 4, "{}", house.db.name());
        assert!(!report.is_complete());
        assert!(
            report.fault.as_ref().unwrap().get("line").is_some(),
            "{:?}",
            report.fault
        );
        house.import(&whole).await;
        assert_eq!(house.live().await.len(), 5);
    }
}

#[tokio::test]
async fn what_is_not_a_statement_is_refused_and_leaves_nothing() {
    for house in House::each().await {
        for text in [
            "",
            "hello",
            "<Document/>",
            "<!DOCTYPE x [<!ENTITY a \"b\">]><Document>&a;</Document>",
        ] {
            let refused = house.try_import(&house.request(), text).await;
            assert!(matches!(refused, Err(ImportError::Malformed(_))), "{text}");
        }
        assert!(house.live().await.is_empty(), "{}", house.db.name());
    }
}

#[tokio::test]
async fn a_file_of_exactly_the_limit_passes_and_one_byte_more_does_not() {
    for house in House::each().await {
        let text = statement(&january());
        let size = u64::try_from(text.len()).unwrap();
        for (limit, passes) in [(size, true), (size - 1, false)] {
            let file = TempFile::new(&text);
            let importer = Importer::new(house.vault.clone(), limit);
            let done = importer
                .file(&house.request(), file.0.clone(), quiet())
                .await;
            assert_eq!(done.is_ok(), passes, "{}", house.db.name());
        }
    }
}

#[tokio::test]
async fn an_unknown_account_is_made_only_when_that_was_asked_for() {
    for house in House::each().await {
        let text = statement(&january());
        let careful = ImportRequest {
            create: false,
            ..house.request()
        };
        let report = house.try_import(&careful, &text).await.unwrap();
        assert!(report.statements[0].problem.is_some());
        assert!(house.live().await.is_empty(), "{}", house.db.name());
        let made = house.import(&text).await;
        let account = made.statements[0].account.clone().unwrap();
        let report = house.try_import(&careful, &text).await.unwrap();
        assert_eq!(report.statements[0].account.as_ref(), Some(&account));
        let chosen = ImportRequest {
            account: account.parse().ok(),
            ..house.request()
        };
        let other = statement_of("FR1420041010050500013M02606", &january());
        let report = house.try_import(&chosen, &other).await.unwrap();
        assert!(
            report.statements[0]
                .problem
                .as_deref()
                .unwrap()
                .contains("another account")
        );
    }
}

#[tokio::test]
async fn an_import_that_is_cut_off_anywhere_and_repeated_equals_an_undisturbed_one() {
    let mut entries = january();
    entries.extend(vec![Entry("2026-01-07", -100, "toll", None); 1_200]);
    let text = statement(&entries);
    let mut expected = None;
    for house in House::each().await {
        house.import(&text).await;
        let rows = house.live().await;
        assert_eq!(rows.len(), entries.len());
        expected = Some(rows);
    }
    let expected = expected.unwrap();
    for polls in [3_u32, 9, 17, 40, 90, 200, 420, 900] {
        for house in House::each().await {
            let request = house.request();
            let cut = CutOff {
                polls,
                inner: Box::pin(house.try_import(&request, &text)),
            };
            let _ = cut.await;
            house.import(&text).await;
            assert_eq!(house.live().await, expected, "{polls} {}", house.db.name());
        }
    }
}

/// Drops a future after a number of polls, as a process that dies between two of its steps.
struct CutOff<F> {
    polls: u32,
    inner: std::pin::Pin<Box<F>>,
}

impl<F: Future> Future for CutOff<F> {
    type Output = Option<F::Output>;
    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        if self.polls == 0 {
            return std::task::Poll::Ready(None);
        }
        self.polls -= 1;
        self.inner.as_mut().poll(context).map(Some)
    }
}
