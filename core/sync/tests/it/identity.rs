//! Identity over several sources of one account: what is one row, what are two, what is gone.

use fondaco_model::draft::Remark;
use fondaco_model::ids::{LinkId, RevisionId, SyncRunId, TransactionId};
use fondaco_model::v1::{BookingStatus, Lifecycle, RevisionCause, TransactionStatus};
use fondaco_model::{Date, Money};
use fondaco_store::in_tx;
use fondaco_store::repo::change::ChangeOp;
use fondaco_store::repo::quarantine;
use fondaco_store::repo::transaction::{TransactionRow, upsert};
use fondaco_store::testing::engines;
use fondaco_sync::import;
use fondaco_sync::ingest::{IngestError, PENDING_DAYS_MAX, before_spot, remark_row};

use crate::desk::{Desk, Ends, HOUR, ago, booked, import_statement, named, pending, person};
use crate::kit::Kit;

#[tokio::test]
async fn a_file_and_an_interface_without_ids_double_nothing_however_often_they_are_read() {
    for (first_is_file, order) in [(true, "file first"), (false, "interface first")] {
        for db in engines().await {
            let what = format!("{} {order}", db.name());
            let desk = Desk::open(db).await;
            let (file, bank) = (desk.source(false), desk.source(true));
            let day = ago(2);
            let of = |words: [&str; 3]| words.map(|text| booked(day, "-5", text)).to_vec();
            let by_file = of(["POS purchase", "POS purchase", "standing order"]);
            let by_bank = of(["BAKERY CARD 1234", "BAKERY CARD 1234", "RENT NOVEMBER"]);
            let sources = [(file, &by_file), (bank, &by_bank)];
            let order = if first_is_file { [0, 1] } else { [1, 0] };
            let (source, drafts) = sources[order[0]];
            assert_eq!(desk.read(source, drafts).await.inserted, 3, "{what}");
            for at in [order[1], order[1], order[0], order[0], order[1]] {
                let (source, drafts) = sources[at];
                let counts = desk.read(source, drafts).await;
                assert_eq!((counts.inserted, counts.changed), (0, 0), "{what}");
                assert_eq!(desk.live().await.len(), 3, "{what}");
            }
            // A fourth purchase of the day is one, whoever states it first.
            let mut more = by_file.clone();
            more.push(booked(day, "-5", "POS purchase"));
            assert_eq!(desk.read(file, &more).await.inserted, 1, "{what}");
            assert_eq!(desk.read(file, &more).await.inserted, 0, "{what}");
            assert_eq!(desk.live().await.len(), 4, "{what}");
        }
    }
}

const FILE_WORDS: &str = "in the words of the file";

/// The IBAN of one of a person's accounts, and what a statement of its booked rows has.
async fn stated(kit: &Kit, link: LinkId) -> (String, Vec<(Date, i64, &'static str)>) {
    let truth = kit.bank.accounts_of("anna").await;
    let account = truth.iter().find(|one| one["iban"].is_string()).unwrap();
    let all = kit.live(link).await;
    let named = |name: &str| account["name"] == name;
    let (_, rows) = all.iter().find(|(name, _)| named(name)).unwrap();
    let booked = rows
        .iter()
        .filter(|row| row.status == TransactionStatus::Posted);
    let entry = |row: &TransactionRow| (row.sort_date, row.amount.minor(), FILE_WORDS);
    let iban = account["iban"].as_str().unwrap().to_owned();
    (iban, booked.map(entry).collect())
}

#[tokio::test]
async fn a_statement_of_a_linked_account_adds_nothing_on_its_first_second_and_third_import() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        let person = kit.link_row(link).await.end_user_id;
        let (iban, mut entries) = stated(&kit, link).await;
        entries.truncate(2);
        for import in 1..=3 {
            let (_, new, known) = import_statement(&kit, person, &iban, &entries).await;
            assert_eq!((new, known), (0, 2), "import {import} {}", kit.db.name());
        }
        let again = kit.read(link).await;
        assert_eq!((again.counts.inserted, again.counts.changed), (0, 0));
        kit.check(link, "anna", "after three imports").await;
    }
}

#[tokio::test]
async fn an_interface_that_reads_what_a_file_stated_first_adds_nothing_either() {
    for (db, fresh) in engines().await.into_iter().zip(engines().await) {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        let (iban, entries) = stated(&kit, link).await;
        let count = i64::try_from(entries.len()).unwrap();
        // The same bank, and a person whose file comes before the link.
        let kit = Kit::start(fresh, 3).await;
        let person = person(&kit, "anna").await;
        let (_, new, _) = import_statement(&kit, person, &iban, &entries).await;
        assert_eq!(new, count);
        let link = kit.link("anna").await;
        for _ in 0..2 {
            kit.read(link).await;
            kit.check(link, "anna", "file first").await;
        }
        let (_, new, known) = import_statement(&kit, person, &iban, &entries).await;
        assert_eq!((new, known), (0, count), "{}", kit.db.name());
    }
}

#[tokio::test]
async fn a_pending_row_that_a_file_booked_is_booked_by_its_interface_too() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        let (file, bank) = (desk.source(false), desk.source(true));
        let waiting = named(pending(ago(2), "-5", "BAKERY CARD 1234"), "P1");
        desk.read(bank, &[waiting]).await;
        let by_file = booked(ago(1), "-5", "POS purchase");
        let counts = desk.read(file, std::slice::from_ref(&by_file)).await;
        assert_eq!((counts.inserted, counts.changed), (0, 1));
        let by_bank = named(booked(ago(1), "-5", "BAKERY CARD 1234"), "B1");
        for _ in 0..2 {
            let counts = desk.read(bank, std::slice::from_ref(&by_bank)).await;
            assert_eq!((counts.inserted, counts.changed), (0, 0));
            desk.read(file, std::slice::from_ref(&by_file)).await;
            assert_eq!(desk.live().await.len(), 1, "{}", desk.kit.db.name());
        }
    }
}

#[tokio::test]
async fn a_pending_row_that_two_complete_readings_miss_is_removed_and_counts_again_when_it_is_back()
{
    for db in engines().await {
        let desk = Desk::open(db).await;
        let bank = desk.source(true);
        let hold = named(pending(ago(3), "-80", "HOTEL DEPOSIT"), "P1");
        let other = named(pending(ago(1), "-9", "KIOSK"), "P2");
        desk.read(bank, &[hold.clone(), other.clone()]).await;
        let id = desk.live().await[1].id;
        let without = std::slice::from_ref(&other);
        desk.read(bank, without).await;
        assert_eq!(desk.live().await.len(), 2, "one reading proves nothing");
        desk.read(bank, without).await;
        assert_eq!(desk.live().await.len(), 1, "{}", desk.kit.db.name());
        let row = desk.row(id).await;
        assert_eq!(row.lifecycle, Lifecycle::Removed);
        let revisions = desk.revisions(id).await;
        assert_eq!(revisions.len(), 1);
        assert_eq!(revisions[0].cause, RevisionCause::Removed);
        assert_eq!(revisions[0].changed_fields, ["lifecycle"]);
        assert_eq!(desk.before(&revisions[0]).await["lifecycle"], "LIVE");
        let events = desk.events(id).await;
        assert_eq!(events.last().unwrap().op, ChangeOp::Deleted);
        assert_eq!(events.last().unwrap().seq, row.changed_seq);
        assert_eq!(desk.evidence(id).await, ["ABSENT_TWICE"]);
        // It is removed once, and back under its own id as soon as it is stated again.
        desk.read(bank, without).await;
        assert_eq!(desk.revisions(id).await.len(), 1);
        let counts = desk.read(bank, &[hold, other]).await;
        assert_eq!((counts.inserted, counts.changed), (0, 1));
        assert_eq!(desk.row(id).await.lifecycle, Lifecycle::Live);
        assert_eq!(desk.live().await.len(), 2);
        let back = desk.revisions(id).await.pop().unwrap();
        assert_eq!(back.cause, RevisionCause::Restored);
        assert_eq!(back.changed_fields, ["lifecycle"]);
        assert_eq!(desk.events(id).await.pop().unwrap().op, ChangeOp::Restored);
    }
}

#[tokio::test]
async fn a_broken_reading_in_between_counts_for_what_it_states_and_for_nothing_else() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        let bank = desk.source(true);
        let hold = named(pending(ago(3), "-80", "HOTEL DEPOSIT"), "P1");
        desk.read(bank, std::slice::from_ref(&hold)).await;
        // Absent from a broken and from a complete reading: one absence.
        desk.read_to(bank, &[], Ends::Broken).await;
        desk.read(bank, &[]).await;
        assert_eq!(desk.live().await.len(), 1, "{}", desk.kit.db.name());
        // Stated by a broken reading since: no absence at all.
        desk.read_to(bank, std::slice::from_ref(&hold), Ends::Broken)
            .await;
        desk.read(bank, &[]).await;
        assert_eq!(desk.live().await.len(), 1, "{}", desk.kit.db.name());
        desk.read(bank, &[]).await;
        assert_eq!(desk.live().await.len(), 0, "{}", desk.kit.db.name());
        // What another source states, or does not, says nothing.
        let (file, more) = (desk.source(false), pending(ago(1), "-7", "FILE HOLD"));
        desk.read(file, &[more]).await;
        for _ in 0..3 {
            desk.read(bank, &[]).await;
        }
        assert_eq!(desk.live().await.len(), 1, "{}", desk.kit.db.name());
    }
}

#[tokio::test]
async fn a_pending_row_outside_of_what_is_read_is_removed_when_it_is_older_than_thirty_days() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        let bank = desk.source(true);
        desk.to_midnight();
        let (old, older) = (PENDING_DAYS_MAX, PENDING_DAYS_MAX + 1);
        let day = |days: i32| desk.kit.now().utc_date().plus_days(-days);
        let rows = [
            named(pending(day(old), "-1", "OLD"), "P1"),
            named(pending(day(older), "-2", "OLDER"), "P2"),
        ];
        desk.read(bank, &rows).await;
        assert_eq!(desk.live().await.len(), 2, "what is stated stays");
        desk.read(bank, &[]).await;
        desk.read(bank, &[]).await;
        let left = desk.live().await;
        assert_eq!(left.len(), 1, "{}", desk.kit.db.name());
        assert_eq!(left[0].amount.amount(), "-1.00");
        desk.kit.clock.advance_seconds(24 * HOUR);
        desk.read(bank, &[]).await;
        assert!(desk.live().await.is_empty(), "{}", desk.kit.db.name());
        assert_eq!(desk.evidence(left[0].id).await, ["OVERDUE"]);
    }
}

#[tokio::test]
async fn a_pending_row_without_a_day_stays_one_row_of_the_day_on_which_it_was_first_read() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        let bank = desk.source(true);
        let mut hold = pending(ago(0), "-80", "HOTEL DEPOSIT");
        hold.booking_date = None;
        desk.read(bank, std::slice::from_ref(&hold)).await;
        let first = desk.live().await.remove(0);
        for day in 1..=4 {
            desk.kit.clock.advance_seconds(24 * HOUR);
            hold.remittance.unstructured = vec![format!("HOTEL DEPOSIT {day}")];
            let counts = desk.read(bank, std::slice::from_ref(&hold)).await;
            assert_eq!((counts.inserted, counts.changed), (0, 1), "day {day}");
        }
        let rows = desk.live().await;
        assert_eq!(rows.len(), 1, "{}", desk.kit.db.name());
        assert_eq!((rows[0].id, rows[0].sort_date), (first.id, first.sort_date));
    }
}

#[tokio::test]
async fn a_pending_row_without_a_day_or_a_reference_stays_one_row_for_thirty_days() {
    let mut hold = pending(ago(0), "-80", "HOTEL DEPOSIT");
    hold.booking_date = None;
    let mut later = booked(ago(0), "-80", "SCHEDULED RENT");
    (later.booking_date, later.status) = (None, BookingStatus::Scheduled);
    let both = [hold, later];
    let last = i64::from(PENDING_DAYS_MAX);
    for days in [1, 10, 11, 29, last, last + 1] {
        let known = days <= last;
        let rows = if known { &both[..] } else { &both[..1] };
        for db in engines().await {
            let desk = Desk::open(db).await;
            let (bank, what) = (
                desk.source(true),
                format!("day {days} {}", desk.kit.db.name()),
            );
            desk.to_midnight();
            desk.read(bank, rows).await;
            let first = desk.live().await;
            desk.kit.clock.advance_seconds(days * 24 * HOUR);
            let counts = desk.read(bank, rows).await;
            let new = i64::from(!known);
            assert_eq!((counts.inserted, counts.changed), (new, 0), "{what}");
            let left = desk.live().await;
            // The row that is not known again is removed by then, so that it never counts twice.
            assert_eq!(left.len(), rows.len(), "{what}");
            let same = |row: &TransactionRow| first.iter().any(|one| one.id == row.id);
            assert!(left.iter().all(|row| same(row) == known), "{what}");
        }
    }
}

#[tokio::test]
async fn a_corrected_day_is_proven_beside_a_row_of_the_same_amount_that_proves_nothing() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        let file = desk.source(false);
        let mut rent = booked(ago(5), "5", "rent");
        rent.uetr = Some("8a562c67-ca16-48ba-b074-65581be6f001".to_owned());
        desk.read(file, std::slice::from_ref(&rent)).await;
        let id = desk.live().await[0].id;
        rent.booking_date = Some(ago(4));
        let coffee = booked(ago(0), "5", "coffee");
        let counts = desk.read(file, &[rent, coffee]).await;
        assert_eq!(
            (counts.inserted, counts.changed),
            (1, 1),
            "{}",
            desk.kit.db.name()
        );
        assert_eq!(desk.live().await.len(), 2, "{}", desk.kit.db.name());
        assert_eq!(desk.row(id).await.sort_date, ago(4));
        assert_eq!(desk.evidence(id).await, ["NEIGHBOUR_DAY"]);
    }
}

#[tokio::test]
async fn readings_of_a_link_remove_a_pending_row_that_the_bank_does_not_have() {
    for db in engines().await {
        let kit = Kit::start(db, 3).await;
        let link = kit.link("anna").await;
        kit.read(link).await;
        let all = kit.live(link).await;
        let (name, mut hold) = all
            .iter()
            .find_map(|(name, rows)| Some((name.clone(), rows.first()?.clone())))
            .unwrap();
        // As if the bank had stated it in a broken reading since.
        hold.id = TransactionId(kit.vault.effects().uuid());
        hold.status = TransactionStatus::Pending;
        hold.bank.booking_status = BookingStatus::Pending;
        hold.amount = Money::parse("-12345.67", hold.amount.currency()).unwrap();
        hold.direction = hold.amount.direction();
        hold.sort_date = ago(1);
        hold.provenance.mapped_at = kit.now().plus_seconds(1);
        in_tx!(&kit.db, kit.tenant, |tx| {
            let seq = tx.reserve_seq(1).await?;
            (hold.created_seq, hold.changed_seq) = (seq, seq);
            upsert(tx, std::slice::from_ref(&hold), &[]).await
        })
        .unwrap();
        for left in [true, false] {
            kit.pass(HOUR).await;
            assert!(kit.read(link).await.is_complete());
            let all = kit.live(link).await;
            let (_, rows) = all.iter().find(|(one, _)| *one == name).unwrap();
            let there = rows.iter().any(|row| row.id == hold.id);
            assert_eq!(there, left, "{}", kit.db.name());
        }
        kit.check(link, "anna", "after the removal").await;
    }
}

#[tokio::test]
async fn a_hold_that_is_booked_with_another_id_and_amount_leaves_only_the_booking() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        let bank = desk.source(true);
        let hold = named(pending(ago(3), "-80", "HOTEL DEPOSIT"), "P1");
        desk.read(bank, &[hold]).await;
        let bill = named(booked(ago(1), "-64.20", "HOTEL BILL"), "B1");
        for _ in 0..2 {
            desk.read(bank, std::slice::from_ref(&bill)).await;
        }
        let left = desk.live().await;
        assert_eq!(left.len(), 1, "{}", desk.kit.db.name());
        assert_eq!(left[0].amount.amount(), "-64.20");
        // A booking of the hold's own amount after all is the hold, settled.
        let late = named(booked(ago(0), "-80", "HOTEL"), "B2");
        let counts = desk.read(bank, &[bill, late]).await;
        assert_eq!((counts.inserted, counts.changed), (0, 1));
        assert_eq!(desk.live().await.len(), 2);
    }
}

#[tokio::test]
async fn a_revision_names_every_field_that_changed_and_keeps_what_it_said_before() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        let bank = desk.source(true);
        let mut draft = named(booked(ago(2), "-5", "BAKERY"), "T1");
        draft.value_date = Some(ago(2));
        draft.counterparty.name = Some("Bakery North".to_owned());
        desk.read(bank, std::slice::from_ref(&draft)).await;
        let id = desk.live().await[0].id;
        assert!(desk.revisions(id).await.is_empty(), "an insert leaves none");
        draft.value_date = Some(ago(1));
        draft.mandate_id = Some("M1".to_owned());
        draft.counterparty.name = Some("Bakery South".to_owned());
        desk.read(bank, std::slice::from_ref(&draft)).await;
        let revisions = desk.revisions(id).await;
        assert_eq!(revisions.len(), 1);
        let mut fields = revisions[0].changed_fields.clone();
        fields.sort();
        assert_eq!(fields, ["counterparty", "mandateId", "valueDate"]);
        let before = desk.before(&revisions[0]).await;
        assert_eq!(before["valueDate"], ago(2).to_string());
        assert_eq!(before["mandateId"], serde_json::Value::Null);
        assert_eq!(before["counterparty"]["name"], "Bakery North");
        assert!(!before.contains_key("amount"));
        // It opens nowhere else.
        let place = before_spot(RevisionId::new(desk.kit.vault.effects()));
        let sealed = [(place, revisions[0].before_sealed.as_deref().unwrap())];
        let moved = desk
            .kit
            .vault
            .open_identifiers(desk.kit.tenant, &sealed)
            .await;
        assert!(moved.is_err(), "{}", desk.kit.db.name());
    }
}

#[tokio::test]
async fn the_originals_of_two_remarks_of_one_answer_do_not_open_in_each_others_place() {
    for db in engines().await {
        let desk = Desk::open(db).await;
        for swapped in [false, true] {
            let reading = desk.reading(SyncRunId::new(desk.kit.vault.effects()));
            let remark = |ordinal: i64, number: u32, original: &str| {
                let remark = Remark::new("field", "rule", original);
                remark_row(&reading, ordinal, (number, &remark), None).unwrap()
            };
            let mut rows = [
                remark(1, 0, "one"),
                remark(1, 1, "two"),
                remark(2, 0, "six"),
            ];
            if swapped {
                let (one, rest) = rows.split_at_mut(1);
                std::mem::swap(&mut one[0].original_sealed, &mut rest[1].original_sealed);
            }
            let written: Result<(), IngestError> =
                in_tx!(desk.kit.vault.db(), desk.kit.tenant, |tx| Ok(
                    quarantine::insert_remarks(tx, &rows).await?
                ));
            written.unwrap();
            let of = (desk.kit.tenant, reading.raw_answer_id);
            let found = import::problems(&desk.kit.vault, of, (0, 9), 10).await;
            assert_eq!(found.is_err(), swapped, "{}", desk.kit.db.name());
            let Ok(found) = found else { continue };
            let originals = found.first.iter().map(|one| one.original.as_deref());
            let originals: Vec<_> = originals.collect();
            assert_eq!(originals, [Some("one"), Some("two"), Some("six")]);
        }
    }
}
