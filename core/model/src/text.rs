//! Folding of text for search and comparison, the same wherever it is done.

use unicode_normalization::UnicodeNormalization;

/// Most words of a search that are looked at.
pub const SEARCH_WORDS_MAX: usize = 16;

/// Folds compatibility forms, case and white space: `  Straße\tＡ１ ` becomes `strasse a1`.
///
/// Upper case first and lower case after, character by character, so that letters whose case forms
/// differ in length (ß) or by place (ς) meet. Source: Unicode Standard Annex 15 (NFKC).
pub fn fold(text: &str) -> String {
    let folded: String = text
        .nfkc()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkc()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut out = String::with_capacity(folded.len());
    for word in folded.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The folded words of a search text, at most [`SEARCH_WORDS_MAX`] of them.
pub fn search_words(text: &str) -> Vec<String> {
    fold(text)
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(SEARCH_WORDS_MAX)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(fold(text), expected);
        assert_eq!(fold(expected), expected, "folding twice is folding once");
    }

    #[test]
    fn case_width_ligatures_and_white_space_fold_to_one_form() {
        check("  STRASSE\t Straße ", "strasse strasse");
        check("ＡＢＣ①", "abc1");
        check("ΣΊΣΥΦΟΣ", "σίσυφοσ");
        check("ﬁnance\u{0}x", "finance x");
        check("é", "é");
        check("", "");
    }

    #[test]
    fn a_search_looks_at_sixteen_words_and_no_more() {
        let text = vec!["w"; SEARCH_WORDS_MAX + 1].join(" ");
        assert_eq!(search_words(&text).len(), SEARCH_WORDS_MAX);
        assert_eq!(search_words("One two").len(), 2);
    }
}
