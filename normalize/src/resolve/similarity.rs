//! How alike two folded texts are.

use std::collections::BTreeSet;

/// Most words of a text that are compared.
const WORDS_MAX: usize = 200;

/// Share of common words in hundredths: 100 for equal texts (two empty ones too), 50 when one of
/// them is empty and tells nothing.
pub(super) fn similarity(one: &str, other: &str) -> u8 {
    if one == other {
        return 100;
    }
    if one.is_empty() || other.is_empty() {
        return 50;
    }
    let words = |text: &'_ str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(WORDS_MAX)
            .map(str::to_owned)
            .collect()
    };
    let (one, other) = (words(one), words(other));
    let common = one.intersection(&other).count();
    let all = one.union(&other).count();
    u8::try_from((common * 100).checked_div(all).unwrap_or(100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::similarity;

    #[test]
    fn equal_texts_are_fully_alike_and_an_empty_one_tells_nothing() {
        assert_eq!(similarity("", ""), 100);
        assert_eq!(similarity("rent may", "rent may"), 100);
        assert_eq!(similarity("rent/may", "may rent"), 100);
        assert_eq!(similarity("rent may", ""), 50);
        assert_eq!(similarity("rent may", "rent june"), 33);
        assert_eq!(similarity("coffee", "train"), 0);
    }
}
