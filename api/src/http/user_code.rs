//! The closed list of what a caller can correct in a mutation's input.

use async_graphql::Enum;

macro_rules! user_codes {
    ($($variant:ident = $word:literal: $meaning:literal, $advice:literal;)+) => {
        /// What is wrong with a mutation's input; nothing was done. May grow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum)]
        pub enum UserErrorCode {
            $(#[doc = $meaning] $variant,)+
        }

        impl UserErrorCode {
            /// Every code, in the order of docs/errors.md.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code's word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// One sentence that says what is wrong.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }

            /// What the caller does next.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)+ }
            }
        }
    };
}

user_codes! {
    ReturnUrlNotRegistered = "RETURN_URL_NOT_REGISTERED":
        "The return URL is not registered for the tenant, character by character.",
        "Register it with `fondaco tenants return-url add`, or send one that is registered.";
    TenantProfileIncomplete = "TENANT_PROFILE_INCOMPLETE":
        "The tenant has no display name, privacy address or support contact, so that nobody \
         could be told who asks.",
        "The operator sets all three with `fondaco tenants`.";
    InstitutionUnknown = "INSTITUTION_UNKNOWN":
        "No institution has this id.",
        "Take an id from `institutions`, or leave it out and let the person choose.";
    InstitutionNotConnectable = "INSTITUTION_NOT_CONNECTABLE":
        "The institution cannot be linked: it has no registration, or the tenant's mode does not \
         reach it.",
        "The operator adds a registration; test tenants reach sandboxes only.";
    EndUserRefInvalid = "END_USER_REF_INVALID":
        "The reference to the person is missing, empty, longer than 255 characters, or holds a \
         control character.",
        "Send your own stable reference of 1 to 255 characters.";
    EndUserFixed = "END_USER_FIXED":
        "A frontend token acts for its own person only, and the input names another.",
        "Leave the reference out, or use a token of that person.";
    EndUserDiffers = "END_USER_DIFFERS":
        "The upload belongs to another person than the one that the input names.",
        "Name the person for whom it was uploaded, or leave the reference out.";
    LocaleInvalid = "LOCALE_INVALID":
        "The language is no BCP 47 tag.",
        "Send a tag such as `de` or `en-GB`, or leave it out.";
    HistoryInvalid = "HISTORY_INVALID":
        "The first day of history lies in the future.",
        "Send a day of the past, or leave it out.";
    LinkUnknown = "LINK_UNKNOWN":
        "There is no such link, or it was disconnected.",
        "Take an id from `links`; a link that was disconnected is replaced by a new one.";
    ConsentNotActive = "CONSENT_NOT_ACTIVE":
        "No consent of the link allows a reading now: there is none, it ended, it is suspended, \
         or the person has to authenticate again.",
        "Start a link with `linkId`, and send the person to its page.";
    CodeInvalid = "CODE_INVALID":
        "The result code is unknown, expired or was used already.",
        "Ask `linkSession` how the session ended; a code is told once.";
    UploadUnknown = "UPLOAD_UNKNOWN":
        "The upload is unknown, expired, another person's, or was imported already.",
        "Upload the file again with `POST /v1/statements`.";
    AccountUnknown = "ACCOUNT_UNKNOWN":
        "The person has no such account.",
        "Take an id from `accounts`, or leave it out and set `createAccount`.";
    ScopeUnknown = "SCOPE_UNKNOWN":
        "The list of scopes is empty, or names one that does not exist.",
        "Name scopes out of `viewer.scopes`.";
    ScopeNotHeld = "SCOPE_NOT_HELD":
        "The key that makes the token lacks one of the scopes.",
        "Ask for scopes out of `viewer.scopes`, or use another key.";
    TtlInvalid = "TTL_INVALID":
        "The time to live is not within 1 to 3,600 seconds.",
        "Send a number of seconds in this range.";
    Invalid = "INVALID":
        "The input breaks another rule, which the message names.",
        "Correct the field that the message names.";
}

impl UserErrorCode {
    /// The code with this word, if the list has it.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

impl From<&str> for UserErrorCode {
    /// A word that the list does not have is a defect of ours, and still an answer to the caller.
    fn from(word: &str) -> Self {
        Self::parse(word).unwrap_or_else(|| {
            tracing::error!(code = word, "a user error's code is not in the list");
            Self::Invalid
        })
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::EnumType;

    use super::*;

    #[test]
    fn the_graph_knows_each_code_by_its_word() {
        let words: Vec<_> = UserErrorCode::items()
            .iter()
            .map(|item| item.name)
            .collect();
        let ours: Vec<_> = UserErrorCode::ALL
            .iter()
            .map(|code| code.as_str())
            .collect();
        assert_eq!(words, ours);
        for word in ours {
            assert_eq!(UserErrorCode::from(word).as_str(), word);
        }
        assert_eq!(UserErrorCode::from("NO_SUCH_CODE"), UserErrorCode::Invalid);
    }

    #[test]
    fn every_word_that_a_mutation_answers_stands_in_the_list() {
        let sources = [
            include_str!("../schema/mutation/import.rs"),
            include_str!("../schema/mutation/link.rs"),
            include_str!("../schema/mutation/refresh.rs"),
            include_str!("../schema/mutation/token.rs"),
        ];
        for source in sources {
            for call in source.split("UserError::new(").skip(1) {
                if let Some(rest) = call.trim_start().strip_prefix('"') {
                    let word = rest.split('"').next().unwrap();
                    assert!(UserErrorCode::parse(word).is_some(), "{word}");
                }
            }
        }
    }
}
