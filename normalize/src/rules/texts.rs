//! What a person reads, and what a search looks through.

use fondaco_model::draft::{PartyDraft, TransactionDraft};
use fondaco_model::text::fold;
use fondaco_model::v1::Remittance;

/// Longest description, in characters.
pub const DESCRIPTION_MAX: usize = 500;

/// Longest search text, in characters; a batch entry may have thousands of details.
pub const SEARCH_MAX: usize = 8_000;

/// One line for people: what the payer wrote, else the bank's text, else who the other side is.
pub fn description(draft: &TransactionDraft) -> Option<String> {
    let joined = |lines: &[String]| {
        let words: Vec<&str> = lines
            .iter()
            .flat_map(|line| line.split_whitespace())
            .collect();
        words.join(" ")
    };
    let candidates = [
        joined(&draft.remittance.unstructured),
        joined(draft.additional_information.as_slice()),
        joined(draft.merchant_name.as_slice()),
        joined(draft.remittance.reference.as_slice()),
        joined(draft.counterparty.name.as_slice()),
        draft
            .details
            .iter()
            .map(|d| joined(&d.remittance.unstructured))
            .find(|t| !t.is_empty())
            .unwrap_or_default(),
    ];
    let text = candidates.into_iter().find(|text| !text.is_empty())?;
    Some(text.chars().take(DESCRIPTION_MAX).collect())
}

/// The folded text that a search looks through: remittance information, names and the bank's text.
pub fn search_text(draft: &TransactionDraft) -> String {
    let mut parts: Vec<&str> = Vec::new();
    remittance(&mut parts, &draft.remittance);
    party(&mut parts, &draft.counterparty);
    parts.extend(draft.additional_information.as_deref());
    parts.extend(draft.merchant_name.as_deref());
    parts.extend(draft.end_to_end_id.as_deref());
    for detail in &draft.details {
        remittance(&mut parts, &detail.remittance);
        party(&mut parts, &detail.counterparty);
        parts.extend(detail.end_to_end_id.as_deref());
    }
    fold(&parts.join(" ")).chars().take(SEARCH_MAX).collect()
}

fn remittance<'a>(parts: &mut Vec<&'a str>, remittance: &'a Remittance) {
    parts.extend(remittance.unstructured.iter().map(String::as_str));
    parts.extend(remittance.structured.iter().map(String::as_str));
    parts.extend(remittance.reference.as_deref());
}

fn party<'a>(parts: &mut Vec<&'a str>, party: &'a PartyDraft) {
    parts.extend(party.name.as_deref());
    parts.extend(party.ultimate_name.as_deref());
}

#[cfg(test)]
mod tests {
    use super::*;
    use fondaco_model::{Currency, Money};

    fn draft() -> TransactionDraft {
        let euro = Currency::from_code("EUR").unwrap();
        TransactionDraft::booked(Money::parse("1", euro).unwrap())
    }

    #[test]
    fn the_payers_words_come_before_the_banks_and_the_name() {
        let mut draft = draft();
        assert_eq!(description(&draft), None);
        draft.counterparty.name = Some("Example Ltd".to_owned());
        assert_eq!(description(&draft).as_deref(), Some("Example Ltd"));
        draft.additional_information = Some("  CARD   PAYMENT ".to_owned());
        assert_eq!(description(&draft).as_deref(), Some("CARD PAYMENT"));
        draft.remittance.unstructured = vec!["Invoice".to_owned(), "42".to_owned()];
        assert_eq!(description(&draft).as_deref(), Some("Invoice 42"));
    }

    #[test]
    fn descriptions_and_search_texts_end_at_their_limits() {
        let mut draft = draft();
        draft.remittance.unstructured = vec!["é".repeat(SEARCH_MAX + 1)];
        assert_eq!(
            description(&draft).unwrap().chars().count(),
            DESCRIPTION_MAX
        );
        assert_eq!(search_text(&draft).chars().count(), SEARCH_MAX);
    }

    #[test]
    fn a_search_finds_names_and_words_of_details_in_any_case() {
        let mut draft = draft();
        draft.counterparty.name = Some("MÜLLER Straße".to_owned());
        assert_eq!(search_text(&draft), "müller strasse");
    }
}
