//! From names to addresses that may be reached.

use std::{
    error, fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use hickory_resolver::{TokioResolver, config::LookupIpStrategy};
use kernel::{Code, Error, Result};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Guard;

/// What a name stands for, some time later.
pub type Answering = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows what names stand for.
pub trait Names: Send + Sync {
    /// All addresses of a name.
    fn addresses(&self, name: &str) -> Answering;
}

/// The name servers that this machine asks, and its file of hosts. Nothing waits in a thread for a server that does not
/// answer: whoever gives up is gone, and holds up nobody else's look-up.
pub struct SystemNames(TokioResolver);

impl SystemNames {
    /// For so long an answer is believed, whatever it says itself: who moves is found.
    const BELIEVED: Duration = Duration::from_mins(1);
    /// How long one server is waited for.
    const TIMEOUT: Duration = Duration::from_secs(2);

    /// # Errors
    /// `invalid_setting` when this machine's name servers are not known.
    pub fn new() -> Result<Self> {
        let unknown = |error| {
            let why = "Names can't be resolved here: see /etc/resolv.conf.";
            Error::because(Code::InvalidSetting, why).caused_by(error)
        };
        let mut resolver = TokioResolver::builder_tokio().map_err(unknown)?;
        let options = resolver.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.positive_max_ttl = Some(Self::BELIEVED);
        options.negative_max_ttl = Some(Self::BELIEVED);
        options.timeout = Self::TIMEOUT;
        Ok(Self(resolver.build().map_err(unknown)?))
    }
}

impl Names for SystemNames {
    fn addresses(&self, name: &str) -> Answering {
        let (resolver, name) = (self.0.clone(), name.to_owned());
        Box::pin(async move {
            let found = resolver.lookup_ip(name).await.map_err(io::Error::other)?;
            Ok(found.iter().collect())
        })
    }
}

/// Forgets the addresses that may not be reached: a connection goes to one of those that are left, so that nothing can
/// change between the look and the step. A name that has addresses of both kinds is no reason to refuse the others:
/// machines with two names for two networks are common.
pub struct Resolver {
    pub names: Arc<dyn Names>,
    pub guard: Guard,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (answering, guard) = (self.names.addresses(name.as_str()), self.guard.clone());
        Box::pin(async move {
            let found = answering.await?.into_iter().filter(|address| guard.admits(*address));
            let reachable: Vec<_> = found.map(|address| SocketAddr::new(address, 0)).collect();
            if reachable.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(reachable.into_iter()) as Addrs)
        })
    }
}

/// The name leads nowhere that may be reached.
#[derive(Debug)]
pub struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address of this name may be reached")
    }
}

impl error::Error for Forbidden {}
