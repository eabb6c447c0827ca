//! A digest of what a draft says, so that an unchanged row is recognised and not written again.

use fondaco_model::Money;
use fondaco_model::draft::{AccountDraft, PartyDraft, TransactionDraft};
use fondaco_model::ids::AccountId;
use fondaco_model::v1::{FxRateType, Remittance, Stability};

use sha2::{Digest, Sha256};

use crate::settle::Settled;

/// Version of the digest's form; a change of it makes every row look changed once.
const FORM: u8 = 1;

struct Feed(Sha256);

impl Feed {
    fn text(&mut self, text: &str) {
        self.0
            .update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn maybe(&mut self, text: Option<impl AsRef<str>>) {
        match text {
            None => self.0.update([0]),
            Some(text) => {
                self.0.update([1]);
                self.text(text.as_ref());
            }
        }
    }

    fn money(&mut self, money: Option<Money>) {
        self.maybe(money.map(|money| money.to_string()));
    }

    fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.0
            .update(u64::try_from(items.len()).unwrap_or(u64::MAX).to_le_bytes());
        for item in items {
            each(self, item);
        }
    }

    fn remittance(&mut self, remittance: &Remittance) {
        self.list(&remittance.unstructured, |feed, line| feed.text(line));
        self.list(&remittance.structured, |feed, line| feed.text(line));
        self.maybe(remittance.reference.as_deref());
        self.maybe(remittance.reference_scheme.as_deref());
    }

    fn party(&mut self, party: &PartyDraft) {
        self.maybe(party.name.as_deref());
        self.text(party.party_type.as_str());
        self.list(&party.identifiers, |feed, identifier| {
            feed.text(identifier.scheme.as_str());
            feed.text(identifier.value.expose());
        });
        self.maybe(party.agent_bic.as_deref());
        self.maybe(party.agent_clearing_system.as_deref());
        self.maybe(party.agent_member_id.as_deref());
        self.maybe(party.agent_name.as_deref());
        self.maybe(party.ultimate_name.as_deref());
        self.maybe(party.address.as_ref().map(fondaco_model::Secret::expose));
    }
}

/// SHA-256 over every field of a transaction draft and its lasting references, under a secret key.
///
/// The key belongs to the tenant: the draft holds account numbers in clear, and a digest that
/// anybody could compute would let them be guessed.
pub fn content(draft: &TransactionDraft, key: &[u8]) -> [u8; 32] {
    let mut feed = Feed(Sha256::new());
    feed.0.update([FORM]);
    feed.0.update(key);
    feed.text(draft.status.as_str());
    feed.money(Some(draft.amount));
    feed.text(draft.direction.as_str());
    feed.0.update([u8::from(draft.reversal)]);
    for date in [draft.booking_date, draft.value_date, draft.transaction_date] {
        feed.maybe(date.map(|date| date.to_string()));
    }
    for instant in [draft.booked_at, draft.authorised_at] {
        feed.maybe(instant.map(|instant| instant.to_string()));
    }
    feed.money(draft.original_amount);
    feed.list(draft.fx.as_slice(), |feed, fx| {
        feed.text(&fx.rate);
        feed.maybe(fx.unit_currency.map(fondaco_model::Currency::code));
        feed.maybe(fx.quoted_currency.map(fondaco_model::Currency::code));
        feed.maybe(fx.rate_type.as_ref().map(FxRateType::as_str));
        feed.maybe(fx.contract_id.as_deref());
        feed.maybe(fx.quoted_on.map(|date| date.to_string()));
    });
    feed.money(draft.gross_amount);
    feed.list(&draft.fees, |feed, fee| feed.money(Some(*fee)));
    feed.money(draft.running_balance);
    feed.remittance(&draft.remittance);
    codes(&mut feed, draft);
    marks(&mut feed, draft);
    feed.party(&draft.counterparty);
    // A reference that changes from one answer to the next is no change of the transaction.
    let lasting = draft
        .references
        .iter()
        .filter(|r| r.stability != Stability::Volatile);
    let lasting: Vec<_> = lasting.collect();
    feed.list(&lasting, |feed, reference| {
        feed.text(reference.kind.as_str());
        feed.text(&reference.value);
    });
    feed.list(&draft.details, |feed, detail| {
        feed.0.update(detail.ordinal.to_le_bytes());
        feed.money(detail.amount);
        feed.maybe(detail.end_to_end_id.as_deref());
        feed.maybe(detail.mandate_id.as_deref());
        feed.party(&detail.counterparty);
        feed.remittance(&detail.remittance);
    });
    feed.0.finalize().into()
}

/// SHA-256 over every field of an account draft, under a secret key of the tenant.
pub fn account(draft: &AccountDraft, key: &[u8]) -> [u8; 32] {
    let mut feed = Feed(Sha256::new());
    feed.0.update([FORM]);
    feed.0.update(key);
    feed.maybe(draft.currency.map(fondaco_model::Currency::code));
    feed.text(draft.account_type.as_str());
    for field in [
        &draft.subtype,
        &draft.name,
        &draft.product_name,
        &draft.holder_name,
        &draft.bic,
        &draft.source_status,
    ] {
        feed.maybe(field.as_deref());
    }
    feed.maybe(
        draft
            .business
            .map(|business| if business { "business" } else { "private" }),
    );
    feed.list(&draft.identifiers, |feed, identifier| {
        feed.text(identifier.scheme.as_str());
        feed.text(identifier.value.expose());
    });
    feed.0.finalize().into()
}

/// A short name for what a row says of one account: day, amount, texts and the other side's hash.
///
/// Rows of a source without references are tied to the source by it; equal rows share one.
pub fn fingerprint(
    account: AccountId,
    draft: &TransactionDraft,
    settled: &Settled,
    counterparty_hash: Option<&[u8; 32]>,
) -> String {
    let mut feed = Feed(Sha256::new());
    feed.0.update([FORM]);
    feed.0.update(account.0.as_bytes());
    feed.text(&settled.sort_date.to_string());
    feed.money(Some(draft.amount));
    feed.text(&settled.search_text);
    feed.0
        .update(counterparty_hash.map_or(&[][..], |hash| &hash[..]));
    let digest: [u8; 32] = feed.0.finalize().into();
    digest[..16]
        .iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            use std::fmt::Write as _;
            write!(text, "{byte:02x}").expect("a string takes what is written");
            text
        })
}

fn marks(feed: &mut Feed, draft: &TransactionDraft) {
    feed.list(&draft.categories, |feed, category| {
        feed.text(&category.taxonomy);
        feed.maybe(category.version.as_deref());
        feed.text(&category.code);
        feed.maybe(category.confidence.map(|percent| percent.to_string()));
        feed.text(&category.source);
    });
    feed.list(&draft.flags, |feed, flag| feed.text(flag.as_str()));
}

fn codes(feed: &mut Feed, draft: &TransactionDraft) {
    let code = &draft.bank_transaction_code;
    for field in [
        &draft.additional_information,
        &draft.end_to_end_id,
        &draft.mandate_id,
        &draft.creditor_id,
        &draft.uetr,
        &draft.check_number,
        &draft.purpose_code,
        &draft.category_purpose_code,
        &draft.merchant_name,
        &draft.merchant_id,
        &draft.merchant_category_code,
        &draft.merchant_location,
        &draft.merchant_terminal,
        &draft.card_last4,
        &code.domain,
        &code.family,
        &code.sub_family,
        &code.proprietary_code,
        &code.proprietary_issuer,
    ] {
        feed.maybe(field.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fondaco_model::Currency;

    fn draft() -> TransactionDraft {
        let euro = Currency::from_code("EUR").unwrap();
        TransactionDraft::booked(Money::parse("1", euro).unwrap())
    }

    #[test]
    fn any_change_of_a_field_changes_the_digest_and_moving_text_between_fields_does_too() {
        let first = draft();
        let mut second = draft();
        second.end_to_end_id = Some("A".to_owned());
        let mut third = draft();
        third.mandate_id = Some("A".to_owned());
        let digests = [
            content(&first, b"k"),
            content(&second, b"k"),
            content(&third, b"k"),
        ];
        assert_eq!(content(&first, b"k"), content(&draft(), b"k"));
        assert!(digests[0] != digests[1] && digests[1] != digests[2]);
        let mut places = [draft(), draft(), draft(), draft(), draft()];
        places[0].gross_amount = Some(first.amount);
        places[1].merchant_id = Some("A".to_owned());
        places[2].merchant_terminal = Some("A".to_owned());
        places[3].flags = vec![fondaco_model::v1::TransactionFlag::Batch];
        places[4].counterparty.agent_member_id = Some("A".to_owned());
        let found: std::collections::BTreeSet<[u8; 32]> = places
            .iter()
            .map(|draft| content(draft, b"k"))
            .chain(digests)
            .collect();
        assert_eq!(found.len(), places.len() + digests.len());
        assert_ne!(
            content(&first, b"k"),
            content(&first, b"other"),
            "the key counts"
        );
    }
}
