mod narrow;

use std::collections::BTreeSet;

use fondaco_model::ids::{
    AccountId, AccountSourceId, DataKeyId, EndUserId, RawAnswerId, TenantId, TransactionDetailId,
    TransactionId,
};
use fondaco_model::provenance::Provenance;
use fondaco_model::text::fold;
use fondaco_model::time::{Date, Instant};
use fondaco_model::v1::{
    BankTransactionCode, BookingStatus, Category, DateRule, FxRateType, IdentifierScheme,
    IdentityConfidence, Lifecycle, Method, PartyType, ReferenceKind, Remittance, Stability,
    TransactionFlag, TransactionStatus,
};
use fondaco_model::{Currency, Money, version};
use uuid::Uuid;

use super::page::AmountBound;
use super::{
    BankRow, CandidateQuery, DetailRow, Filter, Order, PENDING_MAX, PageQuery, PartyRow, Position,
    RefRow, SealedIdentifier, TransactionRow, add_references, by_ids, candidates, details,
    mark_reused, page, pages_by_account, pending, remove, upsert,
};
use crate::repo::Scope;
use crate::testing::{TestDb, engines};
use crate::{Db, Tx};

const NOW: Instant = Instant::from_micros(1_770_000_000_000_000);
const SOURCE: AccountSourceId = AccountSourceId(Uuid::from_u128(77));

fn tenant(number: u128) -> TenantId {
    TenantId(Uuid::from_u128(number))
}

fn account(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(100 + number))
}

fn end_user(number: u128) -> EndUserId {
    EndUserId(Uuid::from_u128(200 + number))
}

fn identifier(byte: u8) -> SealedIdentifier {
    SealedIdentifier {
        scheme: IdentifierScheme::Iban,
        masked: format!("…300{byte}"),
        sealed: format!("v1.k.n.c{byte}"),
        hash: [byte; 32],
        hash_key_id: Uuid::from_u128(5),
    }
}

fn party(name: &str) -> PartyRow {
    PartyRow {
        name: Some(name.to_owned()),
        party_type: PartyType::Organisation,
        identifiers: [7, 8, 9].map(identifier).to_vec(),
        agent_bic: Some("EXAMDEFF".to_owned()),
        agent_clearing_system: Some("DEBLZ".to_owned()),
        agent_member_id: Some("37040044".to_owned()),
        agent_name: None,
        ultimate_name: None,
        address_sealed: Some("v1.k.n.address".to_owned()),
    }
}

fn bank_row(amount: Money, date: Date) -> BankRow {
    BankRow {
        booking_status: BookingStatus::Booked,
        reversal: false,
        identity_confidence: "NEW".to_owned(),
        booking_date: Some(date),
        value_date: None,
        transaction_date: None,
        booked_at: Some(NOW),
        authorised_at: None,
        original_amount: Some(amount),
        fx: Some(fondaco_model::v1::Fx {
            rate: "1.0850".to_owned(),
            unit_currency: Some(amount.currency()),
            quoted_currency: None,
            rate_type: Some(FxRateType::Agreed),
            contract_id: None,
            quoted_on: Some(date),
        }),
        gross_amount: Some(amount),
        fees: vec![amount],
        running_balance: None,
        remittance: Remittance {
            unstructured: vec!["line one".to_owned(), "line \"two\"".to_owned()],
            ..Remittance::default()
        },
        additional_information: None,
        end_to_end_id: Some("E2E".to_owned()),
        mandate_id: None,
        creditor_id: None,
        uetr: None,
        check_number: None,
        purpose_code: None,
        category_purpose_code: None,
        code: BankTransactionCode { domain: Some("PMNT".to_owned()), ..Default::default() },
        method: Method::Transfer,
        counterparty: party("Example Ltd"),
        merchant_name: None,
        merchant_id: Some("M-1".to_owned()),
        merchant_category_code: None,
        merchant_location: Some("Lagos".to_owned()),
        merchant_terminal: Some("T-1".to_owned()),
        card_last4: None,
        categories: vec![Category {
            taxonomy: "EXAMPLE".to_owned(),
            version: Some("2".to_owned()),
            code: "GROCERIES".to_owned(),
            confidence: Some(90),
            source: "bank".to_owned(),
        }],
        flags: vec![TransactionFlag::Batch, TransactionFlag::Other("NEW_WORD".to_owned())],
    }
}

/// Row `number` of an account: amount and day are given, the rest follows.
pub(crate) fn row(number: u128, account_number: u128, amount: &str, day: &str) -> TransactionRow {
    let (amount, code) = amount.split_once(' ').unwrap_or((amount, "EUR"));
    let amount = Money::parse(amount, Currency::from_code(code).unwrap()).unwrap();
    let date: Date = day.parse().unwrap();
    let text = format!("Payment {number} 100% _sure_");
    let seq = i64::try_from(number).unwrap();
    TransactionRow {
        id: TransactionId(Uuid::from_u128(number)),
        account_id: account(account_number),
        account_source_id: SOURCE,
        end_user_id: end_user(account_number),
        amount,
        direction: amount.direction(),
        sort_date: date,
        sort_date_rule: DateRule::BookingDate,
        status: TransactionStatus::Posted,
        search_text: fold(&text),
        description: Some(text),
        lifecycle: Lifecycle::Live,
        data_key_id: DataKeyId(Uuid::from_u128(9)),
        created_seq: seq,
        changed_seq: 1_000 - seq,
        provenance: Provenance {
            raw_answer_id: RawAnswerId(Uuid::from_u128(1)),
            ordinal: seq,
            mapping_version: 1,
            schema_version: version::CURRENT,
            mapped_at: NOW,
        },
        content_sha256: [3; 32],
        bank: bank_row(amount, date),
    }
}

/// Two accounts of two end users in one tenant, written by plain statements.
async fn seed(db: &Db, number: u128) {
    let mut tx = db.begin(tenant(number)).await.unwrap();
    super::super::testing_seed::tenant_with_accounts(
        &mut tx,
        &[(end_user(1), account(1)), (end_user(2), account(2))],
    )
    .await;
    tx.commit().await.unwrap();
}

async fn write(db: &Db, number: u128, rows: &[TransactionRow]) {
    let mut tx: Tx = db.begin(tenant(number)).await.unwrap();
    upsert(&mut tx, rows, &[]).await.unwrap();
    tx.commit().await.unwrap();
}

fn numbers(rows: &[TransactionRow]) -> Vec<u128> {
    rows.iter().map(|row| row.id.0.as_u128()).collect()
}

fn sample() -> Vec<TransactionRow> {
    vec![
        row(1, 1, "-5", "2026-01-01"),
        row(2, 1, "12.345 KWD", "2026-01-02"),
        row(3, 1, "-7.5", "2026-01-02"),
        row(4, 1, "1500 JPY", "2026-01-03"),
        row(5, 2, "-5", "2026-01-02"),
        row(6, 1, "66.9670625 USD", "2026-01-05"),
    ]
}

async fn seeded() -> Vec<TestDb> {
    let engines = engines().await;
    for db in &engines {
        seed(db, 1).await;
        write(db, 1, &sample()).await;
    }
    engines
}

#[tokio::test]
async fn a_row_with_every_field_reads_back_as_it_was_written() {
    for db in engines().await {
        seed(&db, 1).await;
        let one = row(1, 1, "-5", "2026-01-01");
        let detail = DetailRow {
            id: TransactionDetailId(Uuid::from_u128(50)),
            transaction_id: one.id,
            ordinal: 0,
            amount: Some(one.amount),
            end_to_end_id: None,
            mandate_id: Some("M".to_owned()),
            reference: Some("R".to_owned()),
            counterparty: party("Detail Ltd"),
            remittance: Remittance::default(),
        };
        let mut tx = db.begin(tenant(1)).await.unwrap();
        upsert(&mut tx, std::slice::from_ref(&one), std::slice::from_ref(&detail)).await.unwrap();
        tx.commit().await.unwrap();
        let mut session = db.read(tenant(1)).await.unwrap();
        let read = by_ids(&mut session, Scope::Tenant, &[one.id]).await.unwrap();
        assert!(read == [one.clone()], "{}", db.name());
        assert!(details(&mut session, &[one.id]).await.unwrap() == [detail], "{}", db.name());
        let canonical = one.into_canonical(Vec::new(), Vec::new());
        let bank = canonical.bank;
        assert_eq!(bank.remittance.unstructured.len(), 2);
        assert_eq!(bank.identity_confidence, IdentityConfidence::New);
        assert_eq!(bank.gross_amount, bank.original_amount);
        assert_eq!(bank.fx.unwrap().rate_type, Some(FxRateType::Agreed));
        assert_eq!((bank.categories.len(), bank.flags.len()), (1, 2));
        let masked: Vec<&str> =
            bank.counterparty.identifiers.iter().map(|number| number.masked.as_str()).collect();
        assert_eq!(masked, ["…3007", "…3008", "…3009"]);
        assert_eq!(bank.counterparty.address, None, "it is sealed");
    }
}

#[tokio::test]
async fn a_changed_row_keeps_its_place_of_making_and_loses_old_details() {
    for db in seeded().await {
        let mut changed = row(1, 1, "-6", "2026-01-01");
        changed.created_seq = 999;
        changed.changed_seq = 2_000;
        write(&db, 1, &[changed]).await;
        let mut session = db.read(tenant(1)).await.unwrap();
        let id = TransactionId(Uuid::from_u128(1));
        let read = by_ids(&mut session, Scope::Tenant, &[id]).await.unwrap().remove(0);
        assert_eq!((read.created_seq, read.changed_seq), (1, 2_000), "{}", db.name());
        assert_eq!(read.amount.amount(), "-6.00");
    }
}

#[tokio::test]
async fn a_direction_against_the_sign_is_refused_by_the_schema() {
    for db in engines().await {
        seed(&db, 1).await;
        let mut wrong = row(1, 1, "-5", "2026-01-01");
        wrong.direction = fondaco_model::Direction::Credit;
        let mut tx = db.begin(tenant(1)).await.unwrap();
        let error = upsert(&mut tx, &[wrong], &[]).await.unwrap_err();
        assert!(error.is_conflict(), "{}: {error}", db.name());
    }
}

#[tokio::test]
async fn pages_walk_every_order_forwards_and_backwards_without_a_gap_or_a_double() {
    for db in seeded().await {
        let mut session = db.read(tenant(1)).await.unwrap();
        for order in [Order::Posted, Order::Created, Order::Changed] {
            for descending in [false, true] {
                let everything = PageQuery { order, descending, ..PageQuery::newest(100) };
                let all = page(&mut session, Scope::Tenant, &everything).await.unwrap();
                assert!(!all.more);
                let all = numbers(&all.rows);
                assert_eq!(all.len(), 6, "{}", db.name());
                for backward in [false, true] {
                    let mut walked = Vec::new();
                    let mut asked = PageQuery { limit: 2, backward, ..everything.clone() };
                    loop {
                        let one = page(&mut session, Scope::Tenant, &asked).await.unwrap();
                        let got = numbers(&one.rows);
                        let edge = if backward { one.rows.first() } else { one.rows.last() };
                        let edge = edge.map(|row| Position::of(row, order));
                        if backward {
                            walked.splice(0..0, got);
                            asked.before = edge;
                        } else {
                            walked.extend(got);
                            asked.after = edge;
                        }
                        if !one.more {
                            break;
                        }
                    }
                    assert_eq!(walked, all, "{order:?} {descending} {backward} {}", db.name());
                }
            }
        }
    }
}

async fn check(filter: Filter, expected: &[u128]) {
    for db in seeded().await {
        let mut session = db.read(tenant(1)).await.unwrap();
        let asked = PageQuery { filter: filter.clone(), ..PageQuery::newest(100) };
        let found = page(&mut session, Scope::Tenant, &asked).await.unwrap();
        let found: BTreeSet<u128> = numbers(&found.rows).into_iter().collect();
        assert_eq!(found, expected.iter().copied().collect(), "{filter:?} {}", db.name());
    }
}

fn bound(text: &str) -> AmountBound {
    AmountBound::parse(text).unwrap()
}

#[tokio::test]
async fn amounts_are_filtered_as_numbers_at_every_scale() {
    check(Filter { amount_min: Some(bound("66.9670625")), ..Filter::default() }, &[4, 6]).await;
    check(Filter { amount_min: Some(bound("66.9670626")), ..Filter::default() }, &[4]).await;
    check(Filter { amount_min: Some(bound("12.345")), ..Filter::default() }, &[2, 4, 6]).await;
    check(Filter { amount_max: Some(bound("-5")), ..Filter::default() }, &[1, 3, 5]).await;
    check(Filter { amount_max: Some(bound("-5.000000001")), ..Filter::default() }, &[3]).await;
    let some = (Some(bound("-7.49")), Some(bound("0")));
    check(Filter { amount_min: some.0, amount_max: some.1, ..Filter::default() }, &[1, 5])
        .await;
    let kwd = Currency::from_code("KWD").ok();
    check(Filter { amount_min: Some(bound("1")), currency: kwd, ..Filter::default() }, &[2]).await;
    let huge = Some(bound("99999999999999999999"));
    check(Filter { amount_min: huge, ..Filter::default() }, &[]).await;
}

#[tokio::test]
async fn dates_statuses_and_accounts_are_filtered() {
    let day = |text: &str| Some(text.parse::<Date>().unwrap());
    let second = day("2026-01-02");
    check(Filter { from: second, to: second, ..Filter::default() }, &[2, 3, 5])
        .await;
    check(Filter { statuses: vec![TransactionStatus::Pending], ..Filter::default() }, &[]).await;
    check(Filter { accounts: Some(vec![account(2)]), ..Filter::default() }, &[5]).await;
    check(Filter { accounts: Some(Vec::new()), ..Filter::default() }, &[]).await;
}

#[tokio::test]
async fn every_word_must_occur_and_signs_of_patterns_are_plain_letters() {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    check(Filter { words: words(&["payment", "3"]), ..Filter::default() }, &[3]).await;
    check(Filter { words: words(&["100%", "_sure_", "2"]), ..Filter::default() }, &[2]).await;
    check(Filter { words: words(&["p_yment"]), ..Filter::default() }, &[]).await;
    check(Filter { words: words(&["1%0"]), ..Filter::default() }, &[]).await;
    check(Filter { words: words(&["\\"]), ..Filter::default() }, &[]).await;
}

#[tokio::test]
async fn an_end_user_sees_nothing_of_another_and_a_tenant_nothing_of_another() {
    for db in seeded().await {
        let mut session = db.read(tenant(1)).await.unwrap();
        let asked = PageQuery::newest(100);
        let scope = Scope::EndUser(end_user(2));
        let own = page(&mut session, scope, &asked).await.unwrap();
        assert_eq!(numbers(&own.rows), [5], "{}", db.name());
        let id = TransactionId(Uuid::from_u128(1));
        assert!(by_ids(&mut session, scope, &[id]).await.unwrap().is_empty());
        let both = [account(1), account(2)];
        let pages = pages_by_account(&mut session, scope, &both, &asked).await.unwrap();
        assert!(pages[0].1.rows.is_empty() && pages[1].1.rows.len() == 1);
        drop(session);
        let mut stranger = db.read(tenant(2)).await.unwrap();
        assert!(page(&mut stranger, Scope::Tenant, &asked).await.unwrap().rows.is_empty());
        assert!(by_ids(&mut stranger, Scope::Tenant, &[id]).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn one_statement_answers_a_page_for_each_account() {
    for db in seeded().await {
        let mut session = db.read(tenant(1)).await.unwrap();
        let asked = PageQuery::newest(2);
        let accounts = [account(2), account(1), account(3)];
        let pages = pages_by_account(&mut session, Scope::Tenant, &accounts, &asked).await.unwrap();
        let got: Vec<_> = pages.iter().map(|(_, p)| (numbers(&p.rows), p.more)).collect();
        let expected = vec![(vec![5], false), (vec![6, 4], true), (vec![], false)];
        assert_eq!(got, expected, "{}", db.name());
    }
}

#[tokio::test]
async fn candidates_share_an_amount_within_the_days_or_a_reference() {
    for db in seeded().await {
        let reference = RefRow {
            transaction_id: TransactionId(Uuid::from_u128(4)),
            account_source_id: SOURCE,
            kind: ReferenceKind::EntryReference,
            value: "R4".to_owned(),
            stability: Stability::ObservedStable,
            first_seen_at: NOW,
        };
        let mut tx = db.begin(tenant(1)).await.unwrap();
        let list = [reference.clone(), reference.clone()];
        add_references(&mut tx, end_user(1), &list[..1]).await.unwrap();
        add_references(&mut tx, end_user(1), &list[..1]).await.unwrap();
        let asked = CandidateQuery {
            account_id: account(1),
            account_source_id: SOURCE,
            from: "2026-01-01".parse().unwrap(),
            to: "2026-01-02".parse().unwrap(),
            minors: &[-500, -750],
            references: &["R4"],
            narrow: None,
        };
        let found = candidates(&mut tx, &asked).await.unwrap();
        let ids: Vec<u128> = found.iter().map(|row| row.id.0.as_u128()).collect();
        assert_eq!(ids, [1, 3, 4], "{}", db.name());
        assert_eq!(found[2].refs.len(), 1);
        mark_reused(&mut tx, reference.transaction_id, &reference.kind, "R4").await.unwrap();
        let found = candidates(&mut tx, &asked).await.unwrap();
        assert_eq!(found[2].refs[0].stability, Stability::Reused);
    }
}

#[tokio::test]
async fn pending_rows_of_a_source_are_walked_in_order_and_removed_in_place() {
    // More than two calls answer and two statements remove.
    let many = u128::from(PENDING_MAX) + 7;
    for db in engines().await {
        seed(&db, 1).await;
        let rows: Vec<_> = (1..=many)
            .map(|number| {
                let day = if number.is_multiple_of(2) { "2026-01-01" } else { "2026-01-02" };
                let mut row = row(number, 1, "-5", day);
                row.status = TransactionStatus::Pending;
                row
            })
            .collect();
        write(&db, 1, &rows).await;
        let mut foreign = row(9_000, 1, "-5", "2026-01-01");
        foreign.status = TransactionStatus::Pending;
        foreign.account_source_id = AccountSourceId(Uuid::from_u128(78));
        write(&db, 1, &[foreign, row(9_001, 1, "-5", "2026-01-01")]).await;
        let mut tx = db.begin(tenant(1)).await.unwrap();
        let first = pending(&mut tx, SOURCE, None).await.unwrap();
        assert_eq!(first.len(), usize::try_from(PENDING_MAX).unwrap(), "{}", db.name());
        let place = first.last().map(|row| (row.sort_date, row.id));
        let second = pending(&mut tx, SOURCE, place).await.unwrap();
        let all: Vec<_> = first.iter().chain(&second).map(|row| (row.sort_date, row.id)).collect();
        assert!(all.is_sorted() && all.len() == rows.len(), "{}", db.name());
        let gone: Vec<_> = all.iter().map(|(_, id)| *id).zip(5_000..).take(400).collect();
        remove(&mut tx, &gone).await.unwrap();
        assert_eq!(pending(&mut tx, SOURCE, None).await.unwrap().len(), all.len() - 400);
        let ids: Vec<_> = gone.iter().map(|(id, _)| *id).collect();
        let read = by_ids(&mut tx, Scope::Tenant, &ids).await.unwrap();
        let seqs: BTreeSet<_> = read.iter().map(|row| (row.id, row.changed_seq)).collect();
        assert_eq!(seqs, gone.iter().copied().collect(), "{}", db.name());
        assert!(read.iter().all(|row| row.lifecycle == Lifecycle::Removed));
        let live = page(&mut tx, Scope::Tenant, &PageQuery::newest(1_000)).await.unwrap();
        assert_eq!(live.rows.len(), all.len() - 400 + 2, "{}", db.name());
        // What is removed is a candidate still: it may come back.
        let day: Date = "2026-01-01".parse().unwrap();
        let asked = CandidateQuery {
            account_id: account(1),
            account_source_id: SOURCE,
            from: day,
            to: day.plus_days(1),
            minors: &[-500],
            references: &[],
            narrow: None,
        };
        assert_eq!(candidates(&mut tx, &asked).await.unwrap().len(), all.len() + 2);
    }
}

#[tokio::test]
async fn more_candidates_than_a_statement_takes_values_come_with_all_their_references() {
    const MANY: u128 = 33_000;
    const WRITTEN: usize = 1_000;
    let numbers: Vec<u128> = (1..=MANY).collect();
    // The limit is SQLite's; the other engine takes an array.
    let db = crate::testing::sqlite().await;
    seed(&db, 1).await;
    for part in numbers.chunks(WRITTEN) {
        let mut tx = db.begin(tenant(1)).await.unwrap();
        let rows: Vec<_> = part.iter().map(|number| row(*number, 1, "-5", "2026-01-01")).collect();
        upsert(&mut tx, &rows, &[]).await.unwrap();
        let refs = part.iter().map(|number| RefRow {
            transaction_id: TransactionId(Uuid::from_u128(*number)),
            account_source_id: SOURCE,
            kind: ReferenceKind::EntryReference,
            value: format!("R{number}"),
            stability: Stability::ObservedStable,
            first_seen_at: NOW,
        });
        add_references(&mut tx, end_user(1), &refs.collect::<Vec<_>>()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let day: Date = "2026-01-01".parse().unwrap();
    let asked = CandidateQuery {
        account_id: account(1),
        account_source_id: SOURCE,
        from: day,
        to: day,
        minors: &[-500],
        references: &[],
        narrow: None,
    };
    let mut tx = db.begin(tenant(1)).await.unwrap();
    let found = candidates(&mut tx, &asked).await.unwrap();
    assert_eq!(found.len(), numbers.len());
    assert!(found.iter().all(|row| row.refs.len() == 1));
}

#[test]
fn only_plain_decimals_are_bounds() {
    for text in ["", "-", "1,5", "1e3", ".5", "1.", "+1", "0.0000000000000000001"] {
        assert_eq!(AmountBound::parse(text), None, "{text}");
    }
    assert!(AmountBound::parse("-0.000000000000000001").is_some());
}
