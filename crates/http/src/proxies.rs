//! Proxies whose word is taken for where a request comes from.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

use actix_web::HttpRequest;
use ipnet::IpNet;
use kernel::ip::is_of_a_private_network;
use tracing::warn;

/// Networks of proxies that say in `X-Forwarded-For` who called them. From anybody else that header is nothing: whoever
/// calls could write it.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Networks such as `10.0.0.0/8`, or single addresses. `None` for what is neither.
    #[must_use]
    pub fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let network = |text: &str| match text.parse::<IpAddr>() {
            Ok(address) => Some(IpNet::from(address.to_canonical())),
            Err(_) => text.parse().ok(),
        };
        networks.into_iter().map(network).collect::<Option<_>>().map(Self)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who called: the last address that no trusted proxy stands for. Each proxy adds whom it heard from at the end, so
    /// that nobody before the first trusted one is believed.
    #[must_use]
    pub fn caller(&self, http: &HttpRequest, peer: IpAddr) -> IpAddr {
        let mut caller = peer.to_canonical();
        if !self.trust(caller) {
            if http.headers().contains_key("x-forwarded-for") {
                suspect(caller);
            }
            return caller;
        }
        let values: Vec<_> = http.headers().get_all("x-forwarded-for").map(|value| value.to_str().ok()).collect();
        // One that is no text hides what stands before it.
        let hops = values.into_iter().rev().flat_map(|value| match value {
            Some(text) => text.rsplit(',').map(address).collect(),
            None => vec![None],
        });
        for hop in hops {
            match hop {
                Some(hop) if self.trust(caller) => caller = hop,
                _ => break,
            }
        }
        caller
    }
}

/// Whoever is behind a proxy that nobody named looks like one caller, and has one caller's tries together. Said once: it
/// would be said of every request. From elsewhere anybody may write that header.
fn suspect(peer: IpAddr) {
    static SAID: Once = Once::new();

    if !SAID.is_completed() && is_of_a_private_network(peer) {
        SAID.call_once(|| {
            warn!(%peer, "a proxy is not named in FABRIC_TRUSTED_PROXIES: all of its callers are counted as one");
        });
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let alone = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse::<IpAddr>();
    let address = alone.or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip())).ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn caller(proxies: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let request = TestRequest::default();
        let request =
            forwarded.iter().fold(request, |request, value| request.append_header(("x-forwarded-for", *value)));
        let proxies = TrustedProxies::parse(proxies.iter().copied()).unwrap();
        proxies.caller(&request.to_http_request(), peer.parse().unwrap()).to_string()
    }

    #[test]
    fn attack_33_only_a_trusted_proxy_says_who_calls() {
        for forwarded in [&["192.0.2.1"][..], &["192.0.2.1, 10.0.0.2"]] {
            assert_eq!(caller(&[], "203.0.113.9", forwarded), "203.0.113.9");
            assert_eq!(caller(&["10.0.0.0/8"], "203.0.113.9", forwarded), "203.0.113.9");
        }
        let trusted = ["10.0.0.0/8", "2001:db8::1"];
        for (peer, forwarded, who) in [
            ("10.0.0.1", &[][..], "10.0.0.1"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            ("2001:db8::1", &["[2001:db8::7]:80"], "2001:db8::7"),
            // What the caller wrote stands before what the proxies did.
            ("10.0.0.1", &["1.1.1.1, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.1", &["1.1.1.1, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
            ("10.0.0.1", &["1.1.1.1", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["192.0.2.1, nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
        ] {
            assert_eq!(caller(&trusted, peer, forwarded), who, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_told() {
        assert!(TrustedProxies::parse(["10.0.0.0/33"]).is_none() && TrustedProxies::parse(["proxy"]).is_none());
    }
}
