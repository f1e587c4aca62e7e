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
    fn a_list_covers_what_is_within_it() {
        let wide = list(&["203.0.113.0/24"]);
        assert!(wide.cover(&list(&["203.0.113.128/25", "203.0.113.1"])) && list(&[]).cover(&wide));
        assert!(!wide.cover(&list(&[])) && !wide.cover(&list(&["203.0.113.1", "203.0.112.0/23"])));
    }
}
