//! Rows for tests, written through the store's own functions.

use fondaco_model::ids::{
    AccountId, AccountSourceId, BalanceId, ConsentId, EndUserId, LinkId, RawAnswerId,
    RegistrationId, TenantId, TransactionDetailId, TransactionId,
};
use fondaco_model::provenance::Provenance;
use fondaco_model::scope::ConsentScope;
use fondaco_model::text::fold;
use fondaco_model::v1::{
    AccountStatus, AccountType, BalanceType, BankTransactionCode, BookingStatus, Consent,
    ConsentRevocation, ConsentState, DateRule, IdentifierScheme, Institution, Lifecycle, Link,
    LinkHealth, LinkProgress, Method, Owner, PartyType, ReferenceKind, Registration, Remittance,
    Stability, TransactionStatus,
};
use fondaco_model::{Currency, Date, Effects, Instant, Money, version};
use fondaco_store::repo::account::{AccountRow, BankAccountRow};
use fondaco_store::repo::balance::{BalanceDateRule, BalanceRow};
use fondaco_store::repo::consent::StoredConsent;
use fondaco_store::repo::registration::StoredRegistration;
use fondaco_store::repo::transaction::{
    BankRow, DetailRow, PartyRow, RefRow, SealedIdentifier, TransactionRow,
};
use fondaco_store::repo::{
    account, balance, consent, end_user, institution, link, registration, transaction,
};
use fondaco_store::{OPERATOR, Tx};
use fondaco_vault::seal::{DataKey, Place, Ring, Subject, purpose, seal_text};
use uuid::Uuid;

use crate::kit::House;

pub(crate) const NOW: Instant = Instant::from_micros(1_770_000_000_000_000);
pub(crate) const IBAN: &str = "DE89370400440532013000";
const SOURCE: AccountSourceId = AccountSourceId(Uuid::from_u128(77));
pub(crate) const BANK: &str = "example_bank";

/// One person with a link, its consent and accounts; ids count from a base, so that they sort.
pub(crate) struct Person {
    pub(crate) id: EndUserId,
    pub(crate) link: LinkId,
    pub(crate) consent: ConsentId,
    pub(crate) accounts: Vec<AccountId>,
}

fn id(base: u128, number: usize) -> Uuid {
    Uuid::from_u128((base << 64) + number as u128 + 1)
}

/// The id of a transaction of an account.
pub(crate) fn transaction_id(account: AccountId, number: usize) -> TransactionId {
    TransactionId(Uuid::from_u128(
        account.0.as_u128() * 1_000 + number as u128 + 1,
    ))
}

pub(crate) fn money(text: &str) -> Money {
    let (amount, code) = text.split_once(' ').unwrap_or((text, "EUR"));
    Money::parse(amount, Currency::from_code(code).unwrap()).unwrap()
}

/// The institution and the registration that links need.
pub(crate) async fn reference_data(house: &House) -> RegistrationId {
    let bank = Institution {
        id: BANK.to_owned(),
        name: "Example Bank".to_owned(),
        countries: vec!["DE".to_owned()],
        bic: Some("EXAMDEFF".to_owned()),
        family: "berlin_group".to_owned(),
        sandbox: true,
        consent_days_max: 90,
        history_days: Some(730),
    };
    let more = (0..5).map(|n| Institution {
        id: format!("bank_{n}"),
        name: format!("Bank {n}"),
        ..bank.clone()
    });
    let entries: Vec<_> = [bank.clone()]
        .into_iter()
        .chain(more)
        .map(|row| (row, true))
        .collect();
    let registration = StoredRegistration {
        registration: Registration {
            id: RegistrationId(Uuid::from_u128(5)),
            owner: Owner::Operator,
            institution_id: BANK.to_owned(),
            client_id: "client".to_owned(),
            redirect_uri: "https://fondaco.example/callback".to_owned(),
            created_at: NOW,
        },
        environment: "sandbox".to_owned(),
        client_secret_sealed: None,
        data_key_id: fondaco_model::ids::DataKeyId(Uuid::nil()),
        rotated_at: None,
        disabled_at: None,
    };
    let mut tx = house.db.begin(OPERATOR).await.unwrap();
    institution::sync(&mut tx, &entries, NOW).await.unwrap();
    registration::insert(&mut tx, &registration).await.unwrap();
    tx.commit().await.unwrap();
    registration.registration.id
}

/// A person of the tenant with `accounts` accounts of `rows` transactions each.
pub(crate) async fn person(
    house: &House,
    tenant: TenantId,
    reference: &str,
    (base, accounts, rows): (u128, usize, usize),
) -> Person {
    let end_user = EndUserId(id(base, 0));
    let mut tx = house.db.begin(tenant).await.unwrap();
    let known = end_user::get_or_create(&mut tx, reference, end_user, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let subject = Subject::EndUser(known.id);
    let key = house
        .vault
        .keys()
        .of_subject(tenant, Ring::Data, subject)
        .await
        .unwrap();
    let person = Person {
        id: known.id,
        link: LinkId(id(base, 1)),
        consent: ConsentId(id(base, 2)),
        accounts: (0..accounts).map(|n| AccountId(id(base + 1, n))).collect(),
    };
    let mut tx = house.db.begin(tenant).await.unwrap();
    links(&mut tx, &person, &key).await;
    for (number, account) in person.accounts.iter().enumerate() {
        write_account(&mut tx, &person, (*account, number), &key).await;
        write_rows(&mut tx, &person, (*account, rows), &key).await;
    }
    tx.commit().await.unwrap();
    person
}

async fn links(tx: &mut Tx, person: &Person, key: &DataKey) {
    let row = Link {
        id: person.link,
        end_user_id: person.id,
        institution_id: BANK.to_owned(),
        current_consent_id: Some(person.consent),
        health: LinkHealth::Healthy,
        health_until: None,
        progress: LinkProgress::History,
        last_attempt_at: Some(NOW),
        last_success_at: Some(NOW),
        next_due_at: None,
        created_at: NOW,
        disconnected_at: None,
    };
    let registration = RegistrationId(Uuid::from_u128(5));
    let seq = tx.reserve_seq(1).await.unwrap();
    link::insert(tx, &row, registration, seq).await.unwrap();
    let stored = StoredConsent {
        consent: Consent {
            id: person.consent,
            link_id: person.link,
            end_user_id: person.id,
            state: ConsentState::Active,
            reason: None,
            scopes: ConsentScope::ALL.to_vec(),
            requested_at: NOW,
            requested_until: None,
            granted_until: Some("2026-06-30".parse().unwrap()),
            history_from: None,
            activated_at: Some(NOW),
            ended_at: None,
            superseded_by: None,
            revocation: ConsentRevocation::NotNeeded,
        },
        registration_id: registration,
        bank_consent_sealed: None,
        data_key_id: key.label().id,
        text_shown_sha256: None,
        locale: None,
        reauth_evidence_at: None,
        version: 1,
    };
    consent::insert(tx, &stored).await.unwrap();
}

fn provenance(ordinal: usize) -> Provenance {
    Provenance {
        raw_answer_id: RawAnswerId(Uuid::from_u128(1)),
        ordinal: i64::try_from(ordinal).unwrap(),
        mapping_version: 1,
        schema_version: version::CURRENT,
        mapped_at: NOW,
    }
}

async fn write_account(
    tx: &mut Tx,
    person: &Person,
    (id, number): (AccountId, usize),
    key: &DataKey,
) {
    let seq = tx.reserve_seq(1).await.unwrap();
    let place = Place {
        purpose: purpose::IDENTIFIER,
        tenant: Some(tx.tenant()),
        table: "account_identifier",
        column: "sealed",
        row: id.0,
        version: 1,
        part: 0,
    };
    let iban = SealedIdentifier {
        scheme: IdentifierScheme::Iban,
        masked: "DE••••3000".to_owned(),
        sealed: seal_text(&Effects::system(), key, &place, IBAN).unwrap(),
        hash: [7; 32],
        hash_key_id: Uuid::nil(),
    };
    let day: Date = "2026-01-31".parse().unwrap();
    let row = AccountRow {
        id,
        end_user_id: person.id,
        link_id: Some(person.link),
        institution_id: Some(BANK.to_owned()),
        currency: Currency::from_code("EUR").ok(),
        name: Some(format!("Account {number}")),
        status: AccountStatus::Open,
        lifecycle: Lifecycle::Live,
        sort_date: day,
        sort_date_rule: DateRule::FirstSeen,
        data_key_id: key.label().id,
        created_seq: seq,
        changed_seq: seq,
        provenance: Some(provenance(number)),
        content_sha256: [1; 32],
        bank: BankAccountRow {
            account_type: AccountType::Current,
            subtype: None,
            product_name: None,
            holder_name: Some("Erika Example".to_owned()),
            bic: None,
            business: None,
            source_status: None,
        },
        identifiers: vec![iban],
    };
    account::upsert(tx, &[row]).await.unwrap();
    write_balances(tx, person, (id, seq), key).await;
}

async fn write_balances(tx: &mut Tx, person: &Person, (id, seq): (AccountId, i64), key: &DataKey) {
    let day: Date = "2026-01-31".parse().unwrap();
    let balance = |kind: BalanceType, amount: &str| BalanceRow {
        id: BalanceId(Uuid::from_u128(
            id.0.as_u128() + kind.as_str().len() as u128 * 7,
        )),
        account_id: id,
        account_source_id: SOURCE,
        end_user_id: person.id,
        balance_type: kind,
        amount: money(amount),
        sort_date: day,
        sort_date_rule: BalanceDateRule::AsOfDate,
        as_of_date: Some(day),
        as_of: None,
        fetched_at: NOW,
        credit_limit_included: None,
        last_transaction_ref: None,
        lifecycle: Lifecycle::Live,
        data_key_id: key.label().id,
        created_seq: seq,
        changed_seq: seq,
        provenance: Some(provenance(0)),
    };
    let mut available = balance(BalanceType::InterimAvailable, "90.00");
    available.id = BalanceId(Uuid::from_u128(id.0.as_u128() + 500));
    let rows = [balance(BalanceType::ClosingBooked, "100.00"), available];
    balance::upsert(tx, &rows).await.unwrap();
}

fn party(name: &str) -> PartyRow {
    PartyRow {
        name: Some(name.to_owned()),
        party_type: PartyType::Organisation,
        identifiers: Vec::new(),
        agent_bic: None,
        agent_clearing_system: None,
        agent_member_id: None,
        agent_name: None,
        ultimate_name: None,
        address_sealed: None,
    }
}

async fn write_rows(
    tx: &mut Tx,
    person: &Person,
    (account, rows): (AccountId, usize),
    key: &DataKey,
) {
    if rows == 0 {
        return;
    }
    let first = tx.reserve_seq(u32::try_from(rows).unwrap()).await.unwrap();
    let last = first + i64::try_from(rows).unwrap() - 1;
    let rows: Vec<TransactionRow> = (0..rows)
        .map(|number| {
            let offset = i64::try_from(number).unwrap();
            let mut row = row(person, account, number);
            row.data_key_id = key.label().id;
            row.created_seq = first + offset;
            // The order of changes runs against the order of making.
            row.changed_seq = last - offset;
            row
        })
        .collect();
    let details = [DetailRow {
        id: TransactionDetailId(Uuid::from_u128(account.0.as_u128() + 9)),
        transaction_id: rows[0].id,
        ordinal: 0,
        amount: Some(money("-1.00")),
        end_to_end_id: None,
        mandate_id: None,
        reference: None,
        counterparty: party("Detail Ltd"),
        remittance: Remittance::default(),
    }];
    transaction::upsert(tx, &rows, &details).await.unwrap();
    let references: Vec<RefRow> = rows
        .iter()
        .map(|row| RefRow {
            transaction_id: row.id,
            account_source_id: SOURCE,
            kind: ReferenceKind::EntryReference,
            value: row.id.to_string(),
            stability: Stability::ObservedStable,
            first_seen_at: NOW,
        })
        .collect();
    transaction::add_references(tx, person.id, &references)
        .await
        .unwrap();
}

/// Row `number` of an account: three rows share a day, amounts vary, each seventh is pending.
fn row(person: &Person, account: AccountId, number: usize) -> TransactionRow {
    let amount = match number % 4 {
        0 => money(&format!("-{number}.50")),
        1 => money(&format!("{number}.00")),
        2 => money(&format!("-{number}.005 KWD")),
        _ => money("-0.0001"),
    };
    let start: Date = "2026-01-01".parse().unwrap();
    let day = start.plus_days(i32::try_from(number / 3).unwrap());
    let pending = number % 7 == 6;
    let text = if number.is_multiple_of(5) {
        format!("Rent {number}")
    } else {
        format!("Shop {number}")
    };
    TransactionRow {
        id: transaction_id(account, number),
        account_id: account,
        account_source_id: SOURCE,
        end_user_id: person.id,
        amount,
        direction: amount.direction(),
        sort_date: day,
        sort_date_rule: DateRule::BookingDate,
        status: if pending {
            TransactionStatus::Pending
        } else {
            TransactionStatus::Posted
        },
        search_text: fold(&text),
        description: Some(text),
        lifecycle: Lifecycle::Live,
        data_key_id: fondaco_model::ids::DataKeyId(Uuid::nil()),
        created_seq: 0,
        changed_seq: 0,
        provenance: provenance(number),
        content_sha256: [3; 32],
        bank: bank_row(day, pending),
    }
}

fn bank_row(day: Date, pending: bool) -> BankRow {
    BankRow {
        booking_status: if pending {
            BookingStatus::Pending
        } else {
            BookingStatus::Booked
        },
        reversal: false,
        identity_confidence: "NEW".to_owned(),
        booking_date: Some(day),
        value_date: None,
        transaction_date: None,
        booked_at: None,
        authorised_at: None,
        original_amount: None,
        fx: None,
        gross_amount: None,
        fees: vec![money("0.25")],
        running_balance: None,
        remittance: Remittance {
            unstructured: vec!["line one".to_owned(), "line \"two\"".to_owned()],
            ..Remittance::default()
        },
        additional_information: None,
        end_to_end_id: None,
        mandate_id: None,
        creditor_id: None,
        uetr: None,
        check_number: None,
        purpose_code: None,
        category_purpose_code: None,
        code: BankTransactionCode::default(),
        method: Method::Transfer,
        counterparty: party("Example Ltd"),
        merchant_name: None,
        merchant_id: None,
        merchant_category_code: None,
        merchant_location: None,
        merchant_terminal: None,
        card_last4: None,
        categories: Vec::new(),
        flags: Vec::new(),
    }
}
