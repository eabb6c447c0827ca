use super::*;
use crate::digest::fingerprint;
use crate::settle::settle;
use fondaco_model::Currency;
use fondaco_model::draft::ReferenceDraft;
use fondaco_model::ids::AccountId;
use fondaco_model::v1::{BookingStatus, DateRule};
use uuid::Uuid;

const FILE: AccountSourceId = AccountSourceId(Uuid::from_u128(1));
const BANK: AccountSourceId = AccountSourceId(Uuid::from_u128(2));
const ACCOUNT: AccountId = AccountId(Uuid::from_u128(3));

fn euro(amount: &str) -> Money {
    Money::parse(amount, Currency::from_code("EUR").unwrap()).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// A row in short: day, amount, text, reference (`!` before it declares it immutable).
fn row(date: &str, amount: &str, text: &str, reference: &str) -> TransactionDraft {
    let mut draft = TransactionDraft::booked(euro(amount));
    draft.booking_date = Some(day(date));
    draft.remittance.unstructured = vec![text.to_owned()];
    if !reference.is_empty() {
        let (stability, value) = match reference.strip_prefix('!') {
            Some(value) => (Stability::DeclaredImmutable, value),
            None => (Stability::ObservedStable, reference),
        };
        let value = value.to_owned();
        let kind = ReferenceKind::TransactionId;
        draft.references.push(ReferenceDraft {
            kind,
            value,
            stability,
        });
    }
    draft
}

fn pending(mut draft: TransactionDraft) -> TransactionDraft {
    draft.status = BookingStatus::Pending;
    draft
}

fn stored(number: u128, source: AccountSourceId, draft: &TransactionDraft) -> Stored {
    let settled = settle(draft, day("2026-03-09")).unwrap();
    let refs = references(source, draft);
    Stored {
        id: TransactionId(Uuid::from_u128(number)),
        source,
        removed: false,
        status: settled.status,
        amount: draft.amount,
        sort_date: settled.sort_date,
        first_seen_date: settled.sort_date_rule == DateRule::FirstSeen,
        search_text: settled.search_text,
        counterparty_hash: None,
        end_to_end_id: draft.end_to_end_id.clone(),
        uetr: draft.uetr.clone(),
        refs,
        claimed: false,
    }
}

/// What a source leaves behind on a row that it states.
fn references(source: AccountSourceId, draft: &TransactionDraft) -> Vec<StoredRef> {
    let settled = settle(draft, day("2026-03-09")).unwrap();
    let print = StoredRef {
        source,
        kind: ReferenceKind::Fingerprint,
        value: fingerprint(ACCOUNT, draft, &settled, None),
        stability: Stability::Volatile,
    };
    let own = draft.references.iter().map(|reference| StoredRef {
        source,
        kind: reference.kind.clone(),
        value: reference.value.clone(),
        stability: reference.stability,
    });
    let printed = (settled.status != TransactionStatus::Pending).then_some(print);
    printed.into_iter().chain(own).collect()
}

/// Resolves and writes each decision as a short word: `new`, `1:SAME_DAY`, `again`.
fn decide(source: AccountSourceId, drafts: &[TransactionDraft], rows: &[Stored]) -> Vec<String> {
    let settled: Vec<_> = drafts
        .iter()
        .map(|draft| settle(draft, day("2026-03-09")).unwrap())
        .collect();
    let prints: Vec<_> = drafts
        .iter()
        .zip(&settled)
        .map(|(draft, settled)| fingerprint(ACCOUNT, draft, settled, None))
        .collect();
    let incoming: Vec<_> = drafts
        .iter()
        .zip(settled.iter().zip(&prints))
        .map(|(draft, (settled, fingerprint))| Incoming {
            draft,
            settled,
            counterparty_hash: None,
            fingerprint,
        })
        .collect();
    let batch = Batch {
        source,
        states_whole_days: source == BANK,
    };
    let word = |decision| match decision {
        Decision::New => "new".to_owned(),
        Decision::Known(found) => format!("{}:{}", found.id.0.as_u128(), found.rule.as_str()),
        Decision::Repeated(_) => "again".to_owned(),
    };
    resolve(batch, &incoming, rows)
        .decisions
        .into_iter()
        .map(word)
        .collect()
}

#[test]
fn equal_purchases_of_a_day_stay_as_many_as_they_are() {
    let coffee = row("2026-03-02", "-2.50", "coffee bar", "");
    let first = stored(1, FILE, &coffee);
    let second = stored(2, FILE, &coffee);
    let twice = [coffee.clone(), coffee.clone()];
    assert_eq!(decide(FILE, &twice, &[]), ["new", "new"]);
    assert_eq!(
        decide(FILE, &twice, std::slice::from_ref(&first)),
        ["1:FINGERPRINT", "new"]
    );
    assert_eq!(
        decide(FILE, &twice, &[first.clone(), second.clone()]),
        ["1:FINGERPRINT", "2:FINGERPRINT"]
    );
    let thrice = [coffee.clone(), coffee.clone(), coffee];
    assert_eq!(
        decide(FILE, &thrice, &[first, second]),
        ["1:FINGERPRINT", "2:FINGERPRINT", "new"]
    );
}

#[test]
fn equal_purchases_of_following_days_are_never_one() {
    let monday = row("2026-03-02", "-2.50", "coffee bar", "");
    let tuesday = row("2026-03-03", "-2.50", "coffee bar", "");
    assert_eq!(
        decide(FILE, &[tuesday], &[stored(1, FILE, &monday)]),
        ["new"]
    );
}

#[test]
fn a_file_that_states_a_day_in_parts_does_not_merge_rows_of_other_references_or_texts() {
    let known = stored(1, FILE, &row("2026-03-02", "-5", "bakery", "A1"));
    let other_reference = row("2026-03-02", "-5", "bakery", "A2");
    assert_eq!(
        decide(FILE, &[other_reference], std::slice::from_ref(&known)),
        ["new"]
    );
    let plain = stored(2, FILE, &row("2026-03-02", "-5", "bakery", ""));
    let other_text = row("2026-03-02", "-5", "train ticket", "");
    assert_eq!(decide(FILE, &[other_text], &[plain]), ["new"]);
}

#[test]
fn a_file_and_an_interface_for_one_account_meet_although_they_word_rows_differently() {
    let by_bank = stored(1, BANK, &row("2026-03-02", "-5", "BAKERY CARD 1234", "T1"));
    let by_file = row("2026-03-02", "-5", "POS purchase", "S9");
    let another = row("2026-03-02", "-5", "POS purchase", "S10");
    assert_eq!(
        decide(FILE, &[by_file, another], &[by_bank]),
        ["1:SAME_DAY", "new"]
    );
}

#[test]
fn two_sources_with_different_end_to_end_ids_state_two_transactions() {
    let mut one = row("2026-03-02", "-5", "x", "");
    one.end_to_end_id = Some("E1".to_owned());
    let mut other = row("2026-03-02", "-5", "x", "");
    other.end_to_end_id = Some("E2".to_owned());
    assert_eq!(decide(FILE, &[other], &[stored(1, BANK, &one)]), ["new"]);
}

#[test]
fn a_reference_counts_only_with_compatible_content() {
    let known = stored(1, BANK, &row("2026-03-02", "-5", "bakery", "T1"));
    let same = row("2026-03-06", "-5", "bakery corrected", "T1");
    assert_eq!(
        decide(BANK, &[same], std::slice::from_ref(&known)),
        ["1:REFERENCE"]
    );
    for (date, amount) in [
        ("2026-03-02", "-6"),
        ("2026-03-02", "5"),
        ("2026-03-08", "-5"),
    ] {
        let other = row(date, amount, "bakery", "T1");
        assert_eq!(
            decide(BANK, &[other], std::slice::from_ref(&known)),
            ["new"],
            "{date} {amount}"
        );
    }
}

#[test]
fn a_bank_that_renumbers_a_day_doubles_and_overwrites_nothing() {
    let rows = [
        stored(1, BANK, &row("2026-03-02", "-5", "bakery", "1")),
        stored(2, BANK, &row("2026-03-02", "-9", "butcher", "2")),
        stored(3, BANK, &row("2026-03-02", "-7", "florist", "3")),
    ];
    let renumbered = [
        row("2026-03-02", "-4", "kiosk", "1"),
        row("2026-03-02", "-5", "bakery", "2"),
        row("2026-03-02", "-9", "butcher", "3"),
        row("2026-03-02", "-7", "florist", "4"),
    ];
    let decisions = decide(BANK, &renumbered, &rows);
    assert_eq!(
        decisions,
        ["new", "1:FINGERPRINT", "2:FINGERPRINT", "3:FINGERPRINT"]
    );
}

#[test]
fn declared_references_that_differ_keep_rows_apart() {
    let known = stored(1, BANK, &row("2026-03-02", "-5", "bakery", "!A"));
    let other = row("2026-03-02", "-5", "bakery", "!B");
    assert_eq!(decide(BANK, &[other], &[known]), ["new"]);
}

#[test]
fn a_row_that_a_source_sends_twice_in_one_run_is_one() {
    let bakery = row("2026-03-02", "-5", "bakery", "T1");
    let mut known = stored(1, BANK, &bakery);
    assert_eq!(
        decide(BANK, &[bakery.clone(), bakery.clone()], &[]),
        ["new", "again"]
    );
    known.claimed = true;
    assert_eq!(
        decide(BANK, std::slice::from_ref(&bakery), &[known]),
        ["again"]
    );
    let equal_without_reference = row("2026-03-02", "-5", "bakery", "");
    let twice = [equal_without_reference.clone(), equal_without_reference];
    assert_eq!(decide(BANK, &twice, &[]), ["new", "new"]);
}

#[test]
fn a_pending_row_settles_with_a_new_id_within_ten_days_and_not_later() {
    let waiting = stored(1, BANK, &pending(row("2026-03-02", "-5", "bakery", "P1")));
    for (date, expected) in [
        ("2026-03-02", "1:SETTLEMENT"),
        ("2026-03-12", "1:SETTLEMENT"),
        ("2026-03-13", "new"),
        ("2026-03-01", "new"),
    ] {
        let booked = row(date, "-5", "bakery", "B1");
        assert_eq!(
            decide(BANK, &[booked], std::slice::from_ref(&waiting)),
            [expected],
            "{date}"
        );
    }
    let other_amount = row("2026-03-03", "-5.01", "bakery", "B1");
    assert_eq!(decide(BANK, &[other_amount], &[waiting]), ["new"]);
}

#[test]
fn a_pending_row_that_is_still_stated_is_not_settled_by_an_equal_purchase() {
    let waiting = stored(1, BANK, &pending(row("2026-03-02", "-5", "bakery", "P1")));
    let booked = row("2026-03-02", "-5", "bakery", "B1");
    let still = pending(row("2026-03-02", "-5", "bakery", "P1"));
    assert_eq!(
        decide(BANK, &[booked, still], &[waiting]),
        ["new", "1:REFERENCE"]
    );
}

#[test]
fn a_pending_row_keeps_its_id_when_its_reference_is_booked_with_another_amount() {
    let waiting = stored(
        1,
        BANK,
        &pending(row("2026-03-02", "-5", "restaurant", "T1")),
    );
    let booked = row("2026-03-04", "-6", "restaurant", "T1");
    assert_eq!(decide(BANK, &[booked], &[waiting]), ["1:REFERENCE"]);
}

#[test]
fn the_source_may_name_the_pending_row_that_a_booked_one_settles() {
    let waiting = stored(1, BANK, &pending(row("2026-03-02", "-5", "hotel", "P1")));
    let mut booked = row("2026-03-20", "-7", "hotel", "B1");
    let kind = ReferenceKind::PendingId;
    let stability = Stability::DeclaredImmutable;
    booked.references.push(ReferenceDraft {
        kind,
        value: "P1".to_owned(),
        stability,
    });
    assert_eq!(decide(BANK, &[booked], &[waiting]), ["1:EXPLICIT_LINK"]);
}

#[test]
fn a_moved_booking_date_needs_a_unique_proof() {
    let mut known = row("2026-03-02", "-5", "rent", "");
    known.end_to_end_id = Some("RENT-MARCH".to_owned());
    let mut moved = row("2026-03-05", "-5", "rent", "");
    moved.end_to_end_id = Some("RENT-MARCH".to_owned());
    let one = stored(1, BANK, &known);
    assert_eq!(
        decide(
            FILE,
            std::slice::from_ref(&moved),
            std::slice::from_ref(&one)
        ),
        ["1:NEIGHBOUR_DAY"]
    );
    let two = stored(2, BANK, &known);
    assert_eq!(
        decide(FILE, std::slice::from_ref(&moved), &[one.clone(), two]),
        ["new"]
    );
    moved.booking_date = Some(day("2026-03-06"));
    assert_eq!(decide(FILE, &[moved], &[one]), ["new"]);
}

#[test]
fn a_proof_stays_unique_beside_a_row_of_the_same_amount_that_states_none() {
    let mut known = row("2026-03-01", "-5", "rent", "");
    known.uetr = Some("8a562c67-ca16-48ba-b074-65581be6f001".to_owned());
    let mut moved = known.clone();
    moved.booking_date = Some(day("2026-03-02"));
    let other = row("2026-03-20", "-5", "coffee", "");
    let known = [stored(1, FILE, &known)];
    assert_eq!(
        decide(FILE, &[moved.clone(), other.clone()], &known),
        ["1:NEIGHBOUR_DAY", "new"]
    );
    assert_eq!(
        decide(FILE, &[moved.clone(), moved.clone()], &known),
        ["new", "new"],
        "two rows state it"
    );
    // Of two sources the end-to-end id is a proof, and a reference that no row states is none.
    let by_bank = [Some("RENT"), None].map(|id| {
        let mut draft = row("2026-03-01", "-5", "rent", "");
        draft.end_to_end_id = id.map(str::to_owned);
        draft
    });
    let mut by_file = by_bank[0].clone();
    by_file.booking_date = Some(day("2026-03-02"));
    let rows = [stored(1, BANK, &by_bank[0]), stored(2, BANK, &by_bank[1])];
    assert_eq!(
        decide(FILE, &[by_file, other], &rows),
        ["1:NEIGHBOUR_DAY", "new"]
    );
}

#[test]
fn permuting_rows_and_resolving_twice_changes_nothing() {
    let drafts: Vec<_> = (0..40)
        .map(|n: u8| {
            row(
                "2026-03-02",
                if n.is_multiple_of(3) { "-5" } else { "-6" },
                ["a", "b"][usize::from(n % 2)],
                "",
            )
        })
        .collect();
    let rows: Vec<_> = (1..)
        .zip(&drafts)
        .map(|(n, draft)| stored(n, FILE, draft))
        .collect();
    let mut reversed = drafts.clone();
    reversed.reverse();
    for order in [drafts, reversed] {
        let decisions = decide(FILE, &order, &rows);
        assert!(
            decisions.iter().all(|word| word.ends_with("FINGERPRINT")),
            "{decisions:?}"
        );
        let mut ids = decisions.clone();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), rows.len(), "each stored row is claimed once");
    }
}

#[test]
fn a_source_finds_its_rows_again_in_the_words_of_another() {
    let by_bank = row("2026-03-02", "-5", "BAKERY CARD 1234", "T1");
    let by_file = row("2026-03-02", "-5", "POS purchase", "");
    for (of, by, source) in [(BANK, FILE, &by_file), (FILE, BANK, &by_file)] {
        let mut one = stored(1, of, &by_bank);
        one.refs.extend(references(by, source));
        let mut two = stored(2, of, &by_bank);
        two.refs.extend(references(by, source));
        let rows = [one, two];
        let twice = [by_file.clone(), by_file.clone()];
        assert_eq!(
            decide(by, &twice, &rows),
            ["1:FINGERPRINT", "2:FINGERPRINT"]
        );
        let thrice = [by_file.clone(), by_file.clone(), by_file.clone()];
        let decided = decide(by, &thrice, &rows);
        assert_eq!(decided, ["1:FINGERPRINT", "2:FINGERPRINT", "new"]);
    }
}

#[test]
fn a_row_that_was_found_on_a_neighbouring_day_is_found_there_again() {
    let by_bank = row("2026-03-02", "-5", "BAKERY", "T1");
    let by_file = row("2026-03-04", "-5", "POS purchase", "");
    let mut known = stored(1, BANK, &by_bank);
    known.refs.extend(references(FILE, &by_file));
    assert_eq!(decide(FILE, &[by_file], &[known]), ["1:FINGERPRINT"]);
}

#[test]
fn an_equal_fingerprint_does_not_join_rows_of_other_references_or_of_an_earlier_day() {
    let one = row("2026-03-02", "-5", "bakery", "A1");
    let other = row("2026-03-02", "-5", "bakery", "A2");
    let known = stored(1, FILE, &one);
    assert_eq!(decide(FILE, &[other], &[known]), ["new"]);
    // The source moved its row to the 4th; what it says of the 2nd now is another row.
    let moved = row("2026-03-04", "-5", "bakery", "");
    let first = row("2026-03-02", "-5", "bakery", "");
    let mut known = stored(1, FILE, &moved);
    known.refs.extend(references(FILE, &first));
    assert_eq!(decide(FILE, &[first], &[known]), ["new"]);
}

#[test]
fn a_bank_still_books_its_pending_row_when_a_file_booked_it_first() {
    let waiting = pending(row("2026-03-02", "-5", "BAKERY CARD 1234", "P1"));
    let by_file = row("2026-03-03", "-5", "POS purchase", "");
    let known = stored(1, BANK, &waiting);
    let settled = decide(FILE, std::slice::from_ref(&by_file), &[known]);
    assert_eq!(settled, ["1:SETTLEMENT"]);
    let mut known = stored(1, FILE, &by_file);
    known.refs.extend(references(BANK, &waiting));
    let booked = row("2026-03-03", "-5", "BAKERY CARD 1234", "B1");
    assert_eq!(decide(BANK, &[booked], &[known]), ["1:SAME_DAY"]);
}

#[test]
fn a_removed_row_is_found_again_and_a_live_one_comes_first() {
    let waiting = pending(row("2026-03-02", "-5", "bakery", ""));
    let mut gone = stored(1, BANK, &waiting);
    gone.removed = true;
    let back = std::slice::from_ref(&waiting);
    assert_eq!(
        decide(BANK, back, std::slice::from_ref(&gone)),
        ["1:SAME_DAY"]
    );
    let live = stored(
        2,
        BANK,
        &pending(row("2026-03-02", "-5", "bakery north", "")),
    );
    assert_eq!(
        decide(BANK, back, &[gone.clone(), live.clone()]),
        ["2:SAME_DAY"]
    );
    let booked = row("2026-03-03", "-5", "bakery", "B1");
    assert_eq!(decide(BANK, &[booked], &[gone, live]), ["2:SETTLEMENT"]);
}

#[test]
fn a_pending_row_without_a_day_is_the_same_on_every_day_that_it_is_read() {
    let mut waiting = pending(row("2026-03-02", "-5", "bakery", ""));
    waiting.booking_date = None;
    let mut known = stored(1, BANK, &waiting);
    known.sort_date = day("2026-03-06");
    let again = std::slice::from_ref(&waiting);
    let twice = [waiting.clone(), waiting.clone()];
    assert_eq!(
        decide(BANK, again, std::slice::from_ref(&known)),
        ["1:SAME_DAY"]
    );
    assert_eq!(
        decide(BANK, &twice, std::slice::from_ref(&known)),
        ["1:SAME_DAY", "new"]
    );
    let mut other = waiting.clone();
    other.remittance.unstructured = vec!["train ticket".to_owned()];
    assert_eq!(decide(BANK, &[other], &[known]), ["new"]);
}
