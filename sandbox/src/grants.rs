//! Authorization codes, grants and their tokens, with reuse detection.

use std::collections::BTreeMap;

use crate::secret;

/// A code and what it was issued for.
pub(crate) struct Code {
    pub(crate) grant: u64,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) expires_s: i64,
    pub(crate) is_used: bool,
}

/// One approval of one consent; all tokens of a chain of refreshes belong to it.
pub(crate) struct Grant {
    pub(crate) consent: String,
    pub(crate) person: usize,
    /// How often the refresh token was rotated; 0 before the code was exchanged.
    pub(crate) generation: u32,
    /// Refreshes asked with the token of each generation, refused ones included.
    pub(crate) asked: BTreeMap<u32, u32>,
    /// Why it ended, if it did.
    pub(crate) ended: Option<&'static str>,
}

/// An access or refresh token.
pub(crate) struct Token {
    pub(crate) grant: u64,
    pub(crate) generation: u32,
    pub(crate) expires_s: i64,
    pub(crate) is_revoked: bool,
}

/// What the token endpoint hands out.
pub(crate) struct Issued {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scope: String,
}

/// Everything the authorization server has given away.
#[derive(Default)]
pub(crate) struct Grants {
    pub(crate) codes: BTreeMap<String, Code>,
    pub(crate) by_id: BTreeMap<u64, Grant>,
    pub(crate) access: BTreeMap<String, Token>,
    pub(crate) refresh: BTreeMap<String, Token>,
    last_grant: u64,
}

/// Why the token endpoint refuses; the text is for people.
pub(crate) type Refused = &'static str;

/// Beyond this many access tokens the expired ones are forgotten.
const TOKENS_MAX: usize = 100_000;

pub(crate) const REUSED: &str = "reuse of a spent token";

/// Lifetimes in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Lifetimes {
    pub(crate) access_s: i64,
    pub(crate) refresh_s: i64,
}

impl Grants {
    /// Starts a grant and gives the code that a client exchanges for its tokens.
    pub(crate) fn approve(&mut self, consent: &str, person: usize, mut code: Code) -> String {
        self.last_grant += 1;
        code.grant = self.last_grant;
        self.by_id.insert(
            self.last_grant,
            Grant {
                consent: consent.to_owned(),
                person,
                generation: 0,
                asked: BTreeMap::new(),
                ended: None,
            },
        );
        let text = secret::fresh("code_");
        self.codes.insert(text.clone(), code);
        text
    }

    /// Spends a code. A second use ends the grant (RFC 6749, section 4.1.2).
    pub(crate) fn spend_code(
        &mut self,
        text: &str,
        redirect_uri: &str,
        verifier: &str,
        now_s: i64,
    ) -> Result<u64, Refused> {
        let code = self.codes.get_mut(text).ok_or("unknown code")?;
        let grant = code.grant;
        if code.is_used {
            self.end(grant, "reuse of a spent code");
            return Err("the code was used before; what it gave is revoked");
        }
        // Whatever happens now, the code is spent: nobody may try verifiers on it.
        code.is_used = true;
        if now_s >= code.expires_s {
            return Err("the code has expired");
        }
        if code.redirect_uri != redirect_uri {
            return Err("redirect_uri differs from the authorization request");
        }
        let fits = secret::is_verifier(verifier)
            && secret::equal(&secret::challenge(verifier), &code.challenge);
        if fits {
            Ok(grant)
        } else {
            Err("code_verifier does not fit the code_challenge")
        }
    }

    /// Spends a refresh token. A spent one that comes again ends the grant (RFC 9700, 4.14.2).
    pub(crate) fn spend_refresh(&mut self, text: &str, now_s: i64) -> Result<u64, Refused> {
        let token = self.refresh.get(text).ok_or("unknown refresh token")?;
        let (id, generation, expires_s) = (token.grant, token.generation, token.expires_s);
        let grant = self.by_id.get_mut(&id).ok_or("unknown grant")?;
        *grant.asked.entry(generation).or_default() += 1;
        if grant.ended.is_some() {
            return Err("the grant has ended");
        }
        if generation != grant.generation {
            self.end(id, REUSED);
            return Err("the refresh token was used before; the grant is revoked");
        }
        if now_s >= expires_s {
            return Err("the refresh token has expired");
        }
        Ok(id)
    }

    /// The next pair of tokens of a grant.
    pub(crate) fn issue(&mut self, id: u64, ttl: Lifetimes, now_s: i64) -> Option<Issued> {
        if self.access.len() >= TOKENS_MAX {
            self.access.retain(|_, token| token.expires_s > now_s);
            self.refresh.retain(|_, token| token.expires_s > now_s);
        }
        let grant = self.by_id.get_mut(&id)?;
        grant.generation += 1;
        let token = |expires_s| Token {
            grant: id,
            generation: grant.generation,
            expires_s,
            is_revoked: false,
        };
        let issued = Issued {
            access: secret::fresh("at_"),
            refresh: secret::fresh("rt_"),
            scope: format!("AIS:{}", grant.consent),
        };
        self.access
            .insert(issued.access.clone(), token(now_s + ttl.access_s));
        self.refresh
            .insert(issued.refresh.clone(), token(now_s + ttl.refresh_s));
        Some(issued)
    }

    /// Ends a grant with all its tokens.
    pub(crate) fn end(&mut self, id: u64, why: &'static str) {
        if let Some(grant) = self.by_id.get_mut(&id) {
            grant.ended.get_or_insert(why);
        }
    }

    /// Ends every grant of a consent.
    pub(crate) fn end_consent(&mut self, consent: &str, why: &'static str) {
        for grant in self
            .by_id
            .values_mut()
            .filter(|grant| grant.consent == consent)
        {
            grant.ended.get_or_insert(why);
        }
    }

    /// Revokes a token (RFC 7009): a refresh token ends the grant, an access token only itself.
    pub(crate) fn revoke(&mut self, text: &str) {
        if let Some(id) = self.refresh.get(text).map(|token| token.grant) {
            self.end(id, "revoked by the client");
        } else if let Some(token) = self.access.get_mut(text) {
            token.is_revoked = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Lifetimes = Lifetimes {
        access_s: 300,
        refresh_s: 1_000,
    };
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn approved() -> (Grants, String) {
        let mut grants = Grants::default();
        let code = Code {
            grant: 0,
            redirect_uri: "https://tpp.example/cb".to_owned(),
            challenge: secret::challenge(VERIFIER),
            expires_s: 60,
            is_used: false,
        };
        let text = grants.approve("consent", 0, code);
        (grants, text)
    }

    #[test]
    fn a_code_lives_up_to_its_last_second() {
        for (now_s, expected) in [(59, true), (60, false)] {
            let (mut grants, code) = approved();
            let spent = grants.spend_code(&code, "https://tpp.example/cb", VERIFIER, now_s);
            assert_eq!(spent.is_ok(), expected, "{now_s}");
        }
    }

    #[test]
    fn a_wrong_verifier_spends_the_code() {
        let (mut grants, code) = approved();
        let wrong = "x".repeat(43);
        assert!(
            grants
                .spend_code(&code, "https://tpp.example/cb", &wrong, 1)
                .is_err()
        );
        assert!(
            grants
                .spend_code(&code, "https://tpp.example/cb", VERIFIER, 2)
                .is_err()
        );
    }

    #[test]
    fn an_old_refresh_token_ends_the_grant() {
        let (mut grants, code) = approved();
        let id = grants
            .spend_code(&code, "https://tpp.example/cb", VERIFIER, 1)
            .unwrap();
        let first = grants.issue(id, TTL, 1).unwrap();
        assert_eq!(grants.spend_refresh(&first.refresh, 2), Ok(id));
        let second = grants.issue(id, TTL, 2).unwrap();
        assert!(grants.spend_refresh(&first.refresh, 3).is_err());
        assert!(grants.spend_refresh(&second.refresh, 4).is_err());
        assert_eq!(grants.by_id[&id].ended, Some(REUSED));
    }

    #[test]
    fn a_refresh_token_expires() {
        let (mut grants, code) = approved();
        let id = grants
            .spend_code(&code, "https://tpp.example/cb", VERIFIER, 1)
            .unwrap();
        let first = grants.issue(id, TTL, 1).unwrap();
        assert!(grants.spend_refresh(&first.refresh, 1_000).is_ok());
        assert!(grants.spend_refresh(&first.refresh, 1_001).is_err());
    }
}
