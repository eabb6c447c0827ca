//! `[server]`: where the API and the consent pages are reached.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Problem, within};

/// Settings of the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    /// What is listened on.
    pub(crate) listen: SocketAddr,
    /// How browsers reach it.
    pub(crate) public_url: Option<Url>,
    /// Whether `serve` also works.
    pub(crate) work: bool,
    /// Seconds for what is under way at the stop.
    pub(crate) stop_seconds: u64,
}

impl Server {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("server.stop_seconds", self.stop_seconds, 1, 300)?;
        let Some(url) = &self.public_url else {
            return Ok(());
        };
        // Cookies of consent pages and grants of banks must not cross a network in clear.
        if url.scheme() == "http" && !is_loopback(url) {
            return Err(Problem::new(
                "server.public_url",
                "must be https unless it is loopback",
            ));
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous {
            let why = "must be http or https and a host, without path, query or log-in";
            return Err(Problem::new("server.public_url", why));
        }
        Ok(())
    }

    /// The address that links and redirect URIs begin with, without a slash at its end.
    pub(crate) fn origin(&self, listening: SocketAddr) -> String {
        let url = self.public_url.as_ref();
        url.map_or_else(
            || format!("http://{}", reachable(listening)),
            |url| url.as_str().trim_end_matches('/').to_owned(),
        )
    }

    /// Time for what is under way at the stop.
    pub(crate) fn stop_time(&self) -> Duration {
        Duration::from_secs(self.stop_seconds)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The address that reaches a listener: one that listens on all is reached on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
