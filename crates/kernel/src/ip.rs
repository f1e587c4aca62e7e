//! Where a credential may come from.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::{Code, Error, Result};

/// The networks that a credential is good from. None at all means every one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedIps(Vec<IpNet>);

impl AllowedIps {
    /// The most networks in one list.
    pub const MOST: usize = 50;

    /// Networks such as `203.0.113.0/24`, or single addresses. What is IPv4 written as IPv6 is IPv4.
    ///
    /// # Errors
    /// `invalid_request` for what is no network, and for too many.
    pub fn parse<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let networks = networks.into_iter().map(network).collect::<Result<Vec<_>>>()?;
        if networks.len() > Self::MOST {
            return Err(Error::because(Code::InvalidRequest, format!("Allow at most {} networks.", Self::MOST)));
        }
        Ok(Self(networks))
    }

    /// Each network as it is written.
    pub fn iter(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }

    /// Whether somebody at this address may come. Whose address nobody knows comes only where everybody may.
    #[must_use]
    pub fn admit(&self, address: Option<IpAddr>) -> bool {
        let listed = |address: IpAddr| self.0.iter().any(|network| network.contains(&address.to_canonical()));
        self.0.is_empty() || address.is_some_and(listed)
    }

    /// Whether whoever comes by `other` might have come by this one, too.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        let covered = |theirs: &IpNet| self.0.iter().any(|network| network.contains(theirs));
        self.0.is_empty() || !other.0.is_empty() && other.0.iter().all(covered)
    }
}

/// The network around an address: so many bits of an IPv4 or of an IPv6 one. What is IPv4 written as IPv6 is IPv4.
#[must_use]
pub fn network_of(address: IpAddr, v4: u8, v6: u8) -> Option<String> {
    let address = address.to_canonical();
    let network = IpNet::new(address, if address.is_ipv4() { v4 } else { v6 }).ok()?;
    Some(network.trunc().to_string())
}

/// Whether an address says nothing of who is behind it: this machine's own, or of a private network. It is a proxy's, or
/// another server's (RFC 1918, RFC 4193, RFC 6598).
#[must_use]
pub fn is_of_a_private_network(address: IpAddr) -> bool {
    const PRIVATE: [&str; 10] = [
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "0.0.0.0/32",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    ];
    let within =
        |network: &str| network.parse::<IpNet>().is_ok_and(|network| network.contains(&address.to_canonical()));
    PRIVATE.into_iter().any(within)
}

fn network(text: &str) -> Result<IpNet> {
    let invalid = || Error::because(Code::InvalidRequest, "Allow networks such as 203.0.113.0/24, or addresses.");
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| invalid())?;
    Ok(canonical(network).trunc())
}

/// IPv4 within IPv6 (`::ffff:0:0/96`) is IPv4: that is how addresses are compared.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let inner = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    inner.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(networks: &[&str]) -> AllowedIps {
        AllowedIps::parse(networks.iter().copied()).unwrap()
    }

    #[test]
    fn a_list_admits_its_networks_and_an_empty_one_everybody() {
        let office = list(&["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"]);
        let admits = |address: &str| office.admit(Some(address.parse().unwrap()));
        for address in ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1", "198.51.100.7"] {
            assert!(admits(address), "{address}");
        }
        for address in ["203.0.114.1", "198.51.100.8", "2001:db9::1", "::1", "::203.0.113.9"] {
            assert!(!admits(address), "{address}");
        }
        assert!(!office.admit(None));
        assert!(list(&[]).admit(None) && list(&[]).admit(Some("::1".parse().unwrap())));
    }

    #[test]
    fn there_is_one_form_of_a_network() {
        let forms = [("203.0.113.9/24", "203.0.113.0/24"), ("::ffff:203.0.113.0/120", "203.0.113.0/24")];
        for (written, kept) in forms.into_iter().chain([("::ffff:203.0.113.9", "203.0.113.9/32"), ("::1", "::1/128")]) {
            assert_eq!(list(&[written]).iter().collect::<Vec<_>>(), [kept]);
        }
        for bad in ["", "localhost", "203.0.113.0/33", "203.0.113", "203.0.113.0/-1", "*", "203.0.113.0/24 "] {
            assert_eq!(AllowedIps::parse([bad]).unwrap_err().code, Code::InvalidRequest, "{bad}");
        }
        assert!(AllowedIps::parse(std::iter::repeat_n("::1", AllowedIps::MOST + 1)).is_err());
    }

    #[test]
    fn attack_33_an_ipv6_customer_is_one_however_many_addresses_they_have() {
        let network = |address: &str| network_of(address.parse().unwrap(), 32, 64).unwrap();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(
            (network("203.0.113.9"), network("::ffff:203.0.113.9")),
            ("203.0.113.9/32".into(), "203.0.113.9/32".into())
        );
        for (address, private) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:10.1.2.3", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("100.64.0.1", true),
            ("fd00::1", true),
            ("203.0.113.9", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_of_a_private_network(address.parse().unwrap()), private, "{address}");
        }
    }

    #[test]
    fn a_list_covers_what_is_within_it() {
        let wide = list(&["203.0.113.0/24"]);
        assert!(wide.cover(&list(&["203.0.113.128/25", "203.0.113.1"])) && list(&[]).cover(&wide));
        assert!(!wide.cover(&list(&[])) && !wide.cover(&list(&["203.0.113.1", "203.0.112.0/23"])));
    }
}
