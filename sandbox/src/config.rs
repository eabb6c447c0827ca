//! What a sandbox is started with.

use std::net::{Ipv4Addr, SocketAddr};

use crate::data::GENESIS;
use crate::date::{Civil, Day};

/// The books must reach back this far at least.
const HISTORY_MONTHS_MAX: u16 = 60;
const PAGE_SIZE_MAX: usize = 1_000;

/// Settings of a sandbox; the default suits a demonstration on one machine.
#[derive(Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How browsers and clients reach it, when that is not the address it listens on.
    pub public_url: Option<String>,
    /// Redirect URIs of the client, compared exactly (query excepted for plain redirect).
    pub redirect_uris: Vec<String>,
    /// Identifier of the one registered client.
    pub client_id: String,
    /// Secret of the client.
    pub client_secret: String,
    /// Same seed, same books.
    pub seed: u64,
    /// First day of the virtual clock as `YYYY-MM-DD`, from 2022-01-01 on; without it the wall
    /// clock's day in UTC.
    pub today: Option<String>,
    /// Lifetime of an access token in seconds.
    pub access_ttl_s: u32,
    /// Lifetime of a refresh token in seconds; each refresh hands out a new one.
    pub refresh_ttl_s: u32,
    /// Lifetime of an authorization code in seconds.
    pub code_ttl_s: u32,
    /// How long a person may take from the link to the approval, in seconds.
    pub login_ttl_s: u32,
    /// Transactions on one page, 1 to 1,000.
    pub page_size: usize,
    /// Months of history that the bank shows, 1 to 60.
    pub history_months: u16,
    /// The bank shortens a consent to this many days.
    pub consent_days_max: u16,
    /// Refuse the fifth unattended read a day (per consent, account and endpoint) with 429.
    pub enforce_frequency: bool,
    /// Refuse a consent request without PSU-IP-Address, as the standard demands.
    pub require_psu_ip: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            redirect_uris: Vec::new(),
            client_id: "fondaco-demo".to_owned(),
            client_secret: "fondaco-demo-secret".to_owned(),
            seed: 1,
            today: None,
            access_ttl_s: 300,
            refresh_ttl_s: 30 * 86_400,
            code_ttl_s: 60,
            login_ttl_s: 900,
            page_size: 100,
            history_months: 24,
            consent_days_max: 180,
            enforce_frequency: false,
            require_psu_ip: false,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Config")
            .field("listen", &self.listen)
            .field("redirect_uris", &self.redirect_uris)
            .field("client_id", &self.client_id)
            .field("seed", &self.seed)
            .field("today", &self.today)
            .field("page_size", &self.page_size)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Checks the limits; gives the chosen first day, if one is chosen.
    pub(crate) fn checked_today(&self) -> Result<Option<Day>, &'static str> {
        if !(1..=PAGE_SIZE_MAX).contains(&self.page_size) {
            return Err("page_size must be 1 to 1000");
        }
        if !(1..=HISTORY_MONTHS_MAX).contains(&self.history_months) {
            return Err("history_months must be 1 to 60");
        }
        if self.client_id.is_empty() || self.client_secret.is_empty() {
            return Err("client_id and client_secret must not be empty");
        }
        let Some(text) = &self.today else {
            return Ok(None);
        };
        let day = Day::parse(text).ok_or("today must be a date as YYYY-MM-DD")?;
        if day < GENESIS.plus(731) || day > last_today() {
            return Err("today must lie between 2022-01-01 and 2099-12-31");
        }
        Ok(Some(day))
    }
}

/// The clock goes no further than 2099-12-31.
pub(crate) fn last_today() -> Day {
    Day::from_civil(Civil {
        year: 2099,
        month: 12,
        day: 31,
    })
    .expect("the last day of 2099 is in the calendar")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(change: impl FnOnce(&mut Config)) -> bool {
        let mut config = Config::default();
        change(&mut config);
        config.checked_today().is_ok()
    }

    #[test]
    fn limits_hold_on_both_sides() {
        assert!(verdict(|_| ()));
        assert!(!verdict(|config| config.page_size = 0));
        assert!(verdict(|config| config.page_size = 1));
        assert!(verdict(|config| config.page_size = 1_000));
        assert!(!verdict(|config| config.page_size = 1_001));
        assert!(!verdict(|config| config.history_months = 61));
        assert!(!verdict(
            |config| config.today = Some("2021-12-31".to_owned())
        ));
        assert!(verdict(
            |config| config.today = Some("2022-01-01".to_owned())
        ));
        assert!(verdict(
            |config| config.today = Some("2099-12-31".to_owned())
        ));
        assert!(!verdict(
            |config| config.today = Some("2100-01-01".to_owned())
        ));
        assert!(!verdict(|config| config.client_secret.clear()));
    }

    #[test]
    fn debug_text_hides_the_secret() {
        let text = format!("{:?}", Config::default());
        assert!(!text.contains("fondaco-demo-secret"), "{text}");
    }
}
