//! Name resolution of the client: the addresses that are checked are the ones connected to.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Reach, is_localhost};

/// Most addresses of one name that are looked at; a name with more is refused.
const ADDRESSES_MAX: usize = 64;

/// Turns a name into addresses.
pub trait Names: Send + Sync + 'static {
    /// All addresses of a name.
    ///
    /// # Errors
    /// What the resolver says when it knows no address.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found
                .take(ADDRESSES_MAX + 1)
                .map(|address| address.ip())
                .collect())
        })
    }
}

/// A name has an address that must not be connected to.
#[derive(Debug)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name resolves to an address that may not be reached")
    }
}

impl std::error::Error for Refused {}

/// A name has no address, or the resolver does not answer.
#[derive(Debug)]
pub(crate) struct LookupFailed;

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name could not be resolved")
    }
}

impl std::error::Error for LookupFailed {}

/// The client's resolver: one address out of bounds refuses the name as a whole.
///
/// There is no second resolution between check and connection, so that a name that changes its
/// address in between gains nothing.
pub(crate) struct Guarded {
    names: Arc<dyn Names>,
    reach: Reach,
}

impl Guarded {
    pub(crate) fn new(names: Arc<dyn Names>, reach: Reach) -> Self {
        Self { names, reach }
    }

    pub(super) async fn addresses(
        names: Arc<dyn Names>,
        reach: Reach,
        name: String,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let local = is_localhost(&name);
        let found = names.lookup(name).await.map_err(|_| LookupFailed)?;
        if found.is_empty() {
            return Err(LookupFailed.into());
        }
        // A name for this machine must stay on it: plain HTTP is spoken to such names.
        let good = |ip: &IpAddr| reach.allows(*ip) && (!local || ip.is_loopback());
        if found.len() > ADDRESSES_MAX || !found.iter().all(good) {
            return Err(Refused.into());
        }
        Ok(found)
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, reach) = (self.names.clone(), self.reach);
        Box::pin(async move {
            let found = Self::addresses(names, reach, name.as_str().to_owned()).await?;
            let sockets = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}
