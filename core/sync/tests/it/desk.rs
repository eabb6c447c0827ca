//! One account, and batches of whatever source a test makes up for it.

use std::collections::BTreeMap;

use fondaco_model::draft::{ReferenceDraft, TransactionDraft};
use fondaco_model::ids::{
    AccountId, AccountSourceId, EndUserId, RawAnswerId, SyncRunId, TransactionId,
};
use fondaco_model::v1::{BookingStatus, ReferenceKind, Stability};
use fondaco_model::{Currency, Date, Money};
use fondaco_store::in_tx;
use fondaco_store::repo::change::{self, ChangeEventRow, RevisionRow};
use fondaco_store::repo::run::{self, NewRun, RunCause, RunOutcome};
use fondaco_store::repo::transaction::{PageQuery, TransactionRow, by_ids, page};
use fondaco_store::repo::{Scope, end_user};
use fondaco_store::testing::TestDb;
use fondaco_sync::import::{ImportRequest, Importer};
use fondaco_sync::ingest::{
    Claims, Counts, Reading, Sealer, Stated, Target, Understood, before_spot, remove_vanished,
    write_batch,
};
use fondaco_sync::pull::PullError;

use crate::bank::TODAY;
use crate::kit::Kit;

pub(crate) const IBAN: &str = "DE89370400440532013000";

/// Longer than any two readings here lie apart.
pub(crate) const HOUR: i64 = 3_600;

/// One account, and batches of whatever source a test makes up for it.
pub(crate) struct Desk {
    pub(crate) kit: Kit,
    pub(crate) person: EndUserId,
    pub(crate) account: AccountId,
    pub(crate) sealer: Sealer,
}

/// A source that a test makes up.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) id: AccountSourceId,
    pub(crate) whole_days: bool,
}

/// How a reading ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Complete,
    Broken,
}

impl Desk {
    pub(crate) async fn open(db: TestDb) -> Self {
        let kit = Kit::start(db, 1).await;
        let person = person(&kit, "dora").await;
        let account = import_statement(&kit, person, IBAN, &[]).await.0;
        let sealer = Sealer::new(&kit.vault, kit.tenant, person).await.unwrap();
        Self {
            kit,
            person,
            account,
            sealer,
        }
    }

    pub(crate) fn source(&self, whole_days: bool) -> Source {
        let id = AccountSourceId(self.kit.vault.effects().uuid());
        Source { id, whole_days }
    }

    /// An hour later the source states some rows as one complete reading of the last ten days.
    pub(crate) async fn read(&self, source: Source, drafts: &[TransactionDraft]) -> Counts {
        self.read_to(source, drafts, Ends::Complete).await
    }

    pub(crate) async fn read_to(
        &self,
        source: Source,
        drafts: &[TransactionDraft],
        ends: Ends,
    ) -> Counts {
        self.kit.clock.advance_seconds(HOUR);
        let now = self.kit.now();
        let from = now.utc_date().plus_days(-10);
        let run = SyncRunId::new(self.kit.vault.effects());
        let new = NewRun {
            id: run,
            end_user_id: self.person,
            link_id: None,
            account_source_id: Some(source.id),
            resource: "transactions".to_owned(),
            cause: RunCause::User,
            window_from: Some(from),
            window_to: None,
            request_id: None,
            started_at: now,
        };
        let target = Target {
            reading: self.reading(run),
            account_id: self.account,
            source_id: source.id,
            states_whole_days: source.whole_days,
        };
        let records = understood(drafts);
        let claims = Claims::default();
        let done: Result<Counts, PullError> = in_tx!(self.kit.vault.db(), self.kit.tenant, |tx| {
            run::insert(tx, &new).await?;
            let wrote = write_batch(tx, &target, 0, &records, &claims).await?;
            let outcome = if ends == Ends::Complete {
                let stated = Stated {
                    claims: &claims,
                    wrote: &wrote,
                    from,
                };
                remove_vanished(tx, &target, stated).await?;
                RunOutcome::Ok
            } else {
                RunOutcome::Partial
            };
            run::finish(tx, run, outcome, None, now).await?;
            Ok(wrote.counts)
        });
        done.unwrap()
    }

    /// To the first second of the next day, so that no test crosses a day unknowingly.
    pub(crate) fn to_midnight(&self) {
        let second = self.kit.now().micros() / 1_000_000 % (24 * HOUR);
        self.kit.clock.advance_seconds(24 * HOUR - second);
    }

    pub(crate) fn reading(&self, run_id: SyncRunId) -> Reading<'_> {
        let effects = self.kit.vault.effects();
        Reading {
            effects,
            now: self.kit.now(),
            sealer: &self.sealer,
            end_user_id: self.person,
            run_id,
            raw_answer_id: RawAnswerId::new(effects),
            mapping_version: 1,
        }
    }

    pub(crate) async fn live(&self) -> Vec<TransactionRow> {
        let mut session = self.kit.db.read(self.kit.tenant).await.unwrap();
        let scope = Scope::EndUser(self.person);
        page(&mut session, scope, &PageQuery::newest(100))
            .await
            .unwrap()
            .rows
    }

    pub(crate) async fn row(&self, id: TransactionId) -> TransactionRow {
        let mut session = self.kit.db.read(self.kit.tenant).await.unwrap();
        by_ids(&mut session, Scope::Tenant, &[id])
            .await
            .unwrap()
            .remove(0)
    }

    pub(crate) async fn revisions(&self, id: TransactionId) -> Vec<RevisionRow> {
        let mut session = self.kit.db.read(self.kit.tenant).await.unwrap();
        change::revisions(&mut session, Scope::Tenant, &[id])
            .await
            .unwrap()
    }

    pub(crate) async fn events(&self, id: TransactionId) -> Vec<ChangeEventRow> {
        let mut session = self.kit.db.read(self.kit.tenant).await.unwrap();
        let all = change::events_after(&mut session, Scope::Tenant, 0, 500)
            .await
            .unwrap();
        all.into_iter()
            .filter(|event| event.entity_id == id.0)
            .collect()
    }

    pub(crate) async fn evidence(&self, id: TransactionId) -> Vec<String> {
        let mut session = self.kit.db.read(self.kit.tenant).await.unwrap();
        let found = change::evidence(&mut session, Scope::Tenant, &[id])
            .await
            .unwrap();
        found.into_iter().map(|row| row.rule).collect()
    }

    /// What a revision says of the state before.
    pub(crate) async fn before(
        &self,
        revision: &RevisionRow,
    ) -> BTreeMap<String, serde_json::Value> {
        let sealed = revision.before_sealed.as_deref().unwrap();
        let places = [(before_spot(revision.id), sealed)];
        let opened = self.kit.vault.open_identifiers(self.kit.tenant, &places);
        let opened = opened.await.unwrap().remove(0).unwrap();
        serde_json::from_str(opened.expose()).unwrap()
    }
}

/// A person by the name that a link would know them by.
pub(crate) async fn person(kit: &Kit, user: &str) -> EndUserId {
    let (id, now) = (EndUserId::new(kit.vault.effects()), kit.now());
    in_tx!(&kit.db, kit.tenant, |tx| {
        end_user::get_or_create(tx, user, id, now).await
    })
    .unwrap()
    .id
}

pub(crate) fn understood(drafts: &[TransactionDraft]) -> Vec<Understood> {
    let one = |(ordinal, draft): (i64, &TransactionDraft)| Understood {
        ordinal,
        draft: Some(draft.clone()),
        remarks: Vec::new(),
    };
    (0..).zip(drafts).map(one).collect()
}

/// A day that lies some days before the first day of every bank here.
pub(crate) fn ago(days: i32) -> Date {
    TODAY.parse::<Date>().unwrap().plus_days(-days)
}

/// A booked row: its day, amount and text.
pub(crate) fn booked(day: Date, amount: &str, text: &str) -> TransactionDraft {
    let amount = Money::parse(amount, Currency::from_code("EUR").unwrap()).unwrap();
    let mut draft = TransactionDraft::booked(amount);
    draft.booking_date = Some(day);
    draft.remittance.unstructured = vec![text.to_owned()];
    draft
}

pub(crate) fn pending(day: Date, amount: &str, text: &str) -> TransactionDraft {
    let mut draft = booked(day, amount, text);
    draft.status = BookingStatus::Pending;
    draft
}

pub(crate) fn named(mut draft: TransactionDraft, value: &str) -> TransactionDraft {
    draft.references.push(ReferenceDraft {
        kind: ReferenceKind::TransactionId,
        value: value.to_owned(),
        stability: Stability::ObservedStable,
    });
    draft
}

/// A statement of entries, each a day, an amount in cents and a text; without any references.
pub(crate) fn statement(iban: &str, entries: &[(Date, i64, &str)]) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>M1</MsgId><CreDtTm>2025-11-20T06:00:00Z</CreDtTm></GrpHdr><Stmt>\
         <Id>S1</Id><CreDtTm>2025-11-20T06:00:00Z</CreDtTm>\
         <Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
    );
    for (day, cents, words) in entries {
        let (whole, part) = (cents.abs() / 100, cents.abs() % 100);
        let side = if *cents < 0 { "DBIT" } else { "CRDT" };
        write!(
            text,
            "<Ntry><Amt Ccy=\"EUR\">{whole}.{part:02}</Amt><CdtDbtInd>{side}</CdtDbtInd>\
             <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><RmtInf>\
             <Ustrd>{words}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )
        .unwrap();
    }
    text.push_str("</Stmt></BkToCstmrStmt></Document>");
    text
}

/// Imports a statement; gives its account and the numbers of new and known entries.
pub(crate) async fn import_statement(
    kit: &Kit,
    person: EndUserId,
    iban: &str,
    entries: &[(Date, i64, &str)],
) -> (AccountId, i64, i64) {
    let request = ImportRequest {
        tenant: kit.tenant,
        end_user: person,
        account: None,
        create: true,
        file: "statement.xml".to_owned(),
        request_id: None,
    };
    let name = format!("fondaco_identity_{}.xml", kit.vault.effects().uuid());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, statement(iban, entries)).unwrap();
    let importer = Importer::new(kit.vault.clone(), 1 << 20);
    let quiet = std::sync::Arc::new(|_| {});
    let report = importer.file(&request, path.clone(), quiet).await.unwrap();
    std::fs::remove_file(path).unwrap();
    let one = &report.statements[0];
    let account = one.account.as_ref().unwrap().parse().unwrap();
    (account, one.new, one.known)
}
