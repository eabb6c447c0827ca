//! Folding of text for search: the same on both engines, because we do it ourselves.

use unicode_normalization::UnicodeNormalization;

/// Words that one search compares at most; further ones are left out.
pub const WORDS_MAX: usize = 6;

/// Text as it is compared: NFKC (Unicode 16, annex 15), lower case, single spaces.
pub fn fold(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The folded words of a search as patterns of `like … escape '\'`: each occurs somewhere.
pub fn patterns(text: &str) -> Vec<String> {
    fold(text)
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| {
            let mut pattern = String::with_capacity(word.len() + 2);
            pattern.push('%');
            for letter in word.chars() {
                if matches!(letter, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(letter);
            }
            pattern.push('%');
            pattern
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{fold, patterns};

    #[test]
    fn folding_evens_out_case_width_and_ligatures() {
        for (text, expected) in [
            ("ＣＡＦÉ  Zoë", "café zoë"),
            ("Straße", "straße"),
            ("ﬁnanz", "finanz"),
            ("E\u{301}", "é"),
            ("\t", ""),
        ] {
            assert_eq!(fold(text), expected);
            assert_eq!(fold(&fold(text)), expected);
        }
    }

    #[test]
    fn signs_of_a_pattern_are_taken_literally() {
        assert_eq!(patterns("50% off_\\"), [r"%50\%%", r"%off\_\\%"]);
        assert_eq!(patterns("a b c d e f g h").len(), super::WORDS_MAX);
        assert!(patterns("  ").is_empty());
    }
}
