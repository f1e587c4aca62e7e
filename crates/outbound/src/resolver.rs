//! From names to addresses that may be reached.

use std::{error, fmt, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Guard;

/// Resolves names as the system does, and forgets the addresses that may not be reached: a connection goes to one of
/// those that are left, so that nothing can change between the look and the step. A name that has addresses of both kinds
/// is no reason to refuse the others: machines with two names for two networks are common.
pub struct Resolver(pub Guard);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let reachable: Vec<_> = found.into_iter().filter(|address| guard.admits(address.ip())).collect();
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
