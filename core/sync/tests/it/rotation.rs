//! The keys of hashes are replaced, and nothing is read or imported twice.

use std::sync::Arc;

use fondaco_model::ids::EndUserId;
use fondaco_store::in_tx;
use fondaco_store::repo::transaction::{PageQuery, TransactionRow, page, references};
use fondaco_store::repo::{Scope, account, end_user};
use fondaco_store::testing::engines;
use fondaco_sync::import::{ImportReport, ImportRequest, Importer};
use fondaco_vault::keys::HASH_KEY_SETTLES;

use crate::kit::Kit;

/// Two equal purchases of a day at two shops, one that repeats, and one with a reference: what
/// tells them apart is the other side's account alone.
const FILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2025-11-01T06:00:00Z</CreDtTm></GrpHdr><Stmt>
<Id>S1</Id><CreDtTm>2025-11-01T06:00:00Z</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
ENTRIES</Stmt></BkToCstmrStmt></Document>"#;

const ENTRIES: [(&str, &str, &str); 4] = [
    ("2025-10-02", "", "DE02120300000000202051"),
    ("2025-10-02", "", "DE02500105170137075030"),
    ("2025-10-03", "", "DE02120300000000202051"),
    ("2025-10-04", "A1", "DE02500105170137075030"),
];

fn file() -> String {
    let entry = |(day, reference, iban): (&str, &str, &str)| {
        let reference = match reference {
            "" => String::new(),
            text => format!("<AcctSvcrRef>{text}</AcctSvcrRef>"),
        };
        format!(
            "<Ntry><Amt Ccy=\"EUR\">2.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>\
             <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>{reference}\
             <BkTxCd><Prtry><Cd>X</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><RltdPties>\
             <CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct></RltdPties>\
             <RmtInf><Ustrd>coffee bar</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        )
    };
    FILE.replace("ENTRIES", &ENTRIES.map(entry).concat())
}

impl Kit {
    async fn import(&self, person: EndUserId) -> ImportReport {
        let name = format!("fondaco_rotation_{}_{}.xml", std::process::id(), person.0);
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, file()).unwrap();
        let request = ImportRequest {
            tenant: self.tenant,
            end_user: person,
            account: None,
            create: true,
            file: "statement.xml".to_owned(),
            request_id: None,
        };
        let importer = Importer::new(self.vault.clone(), 1 << 20);
        let report = importer
            .file(&request, path.clone(), Arc::new(|_| {}))
            .await;
        std::fs::remove_file(path).unwrap();
        report.unwrap()
    }

    /// Replaces the hash keys and lets the new ones come into use.
    async fn rotate(&self) {
        let keys = self.vault.keys();
        let replaced = keys.replace_hash_keys(self.tenant).await.unwrap();
        assert_eq!(replaced.len(), 2, "numbers and references were hashed");
        self.clock
            .advance_seconds(i64::try_from(HASH_KEY_SETTLES.as_secs()).unwrap());
    }

    /// Everything that a repetition could double or change: accounts, transactions, references.
    async fn stored(&self) -> (Vec<i64>, Vec<TransactionRow>, usize) {
        let mut session = self.db.read(self.tenant).await.unwrap();
        let asked = account::AccountQuery {
            limit: 100,
            ..account::AccountQuery::default()
        };
        let accounts = account::list(&mut session, Scope::Tenant, &asked)
            .await
            .unwrap();
        let found = page(&mut session, Scope::Tenant, &PageQuery::newest(500))
            .await
            .unwrap();
        let ids: Vec<_> = found.rows.iter().map(|row| row.id).collect();
        let refs = references(&mut session, &ids).await.unwrap();
        let accounts = accounts.rows.iter().map(|row| row.changed_seq).collect();
        (accounts, found.rows, refs.len())
    }
}

#[tokio::test]
async fn a_file_that_is_imported_again_over_a_change_of_the_key_adds_and_changes_nothing() {
    for db in engines().await {
        let kit = Kit::start(db, 1).await;
        let id = EndUserId::new(kit.vault.effects());
        let now = kit.now();
        let person = in_tx!(kit.db, kit.tenant, |tx| {
            end_user::get_or_create(tx, "anna", id, now).await
        });
        let person = person.unwrap().id;
        let first = kit.import(person).await;
        let one = &first.statements[0];
        assert_eq!((one.new, one.known, one.quarantined), (4, 0, 0));
        let before = kit.stored().await;
        assert_eq!(before.0.len(), 1);
        for round in 1..=3 {
            kit.rotate().await;
            let again = kit.import(person).await;
            let one = &again.statements[0];
            assert_eq!((one.new, one.known, one.quarantined), (0, 4, 0), "{round}");
            let after = kit.stored().await;
            assert_eq!(after.0, before.0, "{} {round}: accounts", kit.db.name());
            assert!(after.1 == before.1, "{} {round}: rows", kit.db.name());
            assert_eq!(after.2, before.2, "{} {round}: references", kit.db.name());
        }
    }
}

#[tokio::test]
async fn a_link_that_is_read_again_over_a_change_of_the_key_adds_and_changes_nothing() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        assert!(kit.read(link).await.is_complete());
        let before = kit.stored().await;
        kit.rotate().await;
        let again = kit.read(link).await;
        assert!(again.is_complete(), "{:?}", again.fault);
        assert_eq!((again.counts.inserted, again.counts.changed), (0, 0));
        assert!(again.counts.unchanged > 0);
        let after = kit.stored().await;
        assert_eq!(after.0, before.0, "{}: accounts", kit.db.name());
        assert!(after.1 == before.1, "{}: rows", kit.db.name());
        assert_eq!(after.2, before.2, "{}: references", kit.db.name());
        kit.check(link, "anna", "after the change of the key").await;
    }
}
