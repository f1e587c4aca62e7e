//! Which addresses may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use kernel::{Code, Error, Result};

/// Networks of the operator's own that may be reached although they are not public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// What loops back to this machine.
    #[must_use]
    pub fn loopback() -> Self {
        let (four, six) = (Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8), Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128));
        Self(vec![four.into(), six.into()])
    }

    /// Networks such as `10.20.0.0/16`, or single addresses.
    ///
    /// # Errors
    /// `invalid_setting` for what is neither.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let network = |text: &'a str| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                Error::because(
                    Code::InvalidSetting,
                    format!("FABRIC_WEBHOOK_ALLOW_NETS: {text} is no network. Give some such as 10.20.0.0/16."),
                )
            })
        };
        texts.into_iter().map(network).collect::<Result<_>>().map(Self)
    }

    /// These and others.
    #[must_use]
    pub fn with(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Judges addresses.
#[derive(Clone, Debug)]
pub struct Guard {
    allowed: Networks,
    public: bool,
}

impl Guard {
    /// Lets through what is public, and what is allowed besides.
    #[must_use]
    pub fn public_and(allowed: Networks) -> Self {
        Self { allowed, public: true }
    }

    /// Lets through what is allowed, and nothing else.
    #[must_use]
    pub fn only(allowed: Networks) -> Self {
        Self { allowed, public: false }
    }

    /// Whether this address may be connected to. IPv4 written as IPv6 (`::ffff:0:0/96`) is what the system connects to
    /// by IPv4, and judged as such.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.contain(address) || self.public && is_public(address)
    }
}

/// Whether an address is somebody's on the Internet: by the registries of special addresses (IANA, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| network.contains(&address)),
        // Nothing else is given out. What leads on to IPv4 is outside of it, or below among the special ones: NAT64
        // (64:ff9b::/96, 64:ff9b:1::/48), compatible addresses (::/96), Teredo and 6to4.
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address))
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),       // this network
    v4(10, 0, 0, 0, 8),      // private
    v4(100, 64, 0, 0, 10),   // shared by carriers
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link-local, and the metadata of clouds
    v4(172, 16, 0, 0, 12),   // private
    v4(192, 0, 0, 0, 24),    // protocols
    v4(192, 0, 2, 0, 24),    // documentation
    v4(192, 31, 196, 0, 24), // AS112
    v4(192, 52, 193, 0, 24), // AMT
    v4(192, 88, 99, 0, 24),  // relays of 6to4
    v4(192, 168, 0, 0, 16),  // private
    v4(198, 18, 0, 0, 15),   // benchmarks
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 3),     // multicast, reserved, broadcast
];

const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

const SPECIAL_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),     // protocols: Teredo, benchmarks, ORCHID
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4
    v6(0x3fff, 0, 20),     // documentation
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn guard() -> Guard {
        Guard::public_and(Networks::default())
    }

    fn admits(guard: &Guard, address: &str) -> bool {
        guard.admits(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for address in
            ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "223.255.0.1"]
        {
            assert!(admits(&guard(), address), "{address}");
        }
        for address in ["2606:4700:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "::ffff:1.1.1.1"] {
            assert!(admits(&guard(), address), "{address}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!admits(&guard(), address), "{address}");
            // However it is written as IPv6: mapped, compatible, translated, behind NAT64 of both kinds, 6to4, Teredo.
            let IpAddr::V4(four) = address.parse().unwrap() else { panic!("{address}") };
            let [a, b, c, d] = four.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for six in [
                four.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
            ] {
                assert!(!guard().admits(six.into()), "{six}");
            }
        }
        for address in [
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "100::1",
            "4000::1",
        ] {
            assert!(!admits(&guard(), address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_comes_on_top_and_no_more_than_that() {
        let guard = Guard::public_and(Networks::parse(["10.20.0.0/16", "fd00::1"]).unwrap());
        for address in ["10.20.1.1", "::ffff:10.20.1.1", "fd00::1", "1.1.1.1"] {
            assert!(admits(&guard, address), "{address}");
        }
        for address in ["10.21.0.1", "fd00::2", "127.0.0.1"] {
            assert!(!admits(&guard, address), "{address}");
        }
        let local = Guard::only(Networks::loopback());
        assert!(admits(&local, "127.0.0.1") && admits(&local, "::1") && !admits(&local, "1.1.1.1"));
        assert!(Networks::parse(["10.20.0.0/33"]).is_err() && Networks::parse(["localhost"]).is_err());
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_special_is_not_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!(special && guard().admits(address.into())));
        }

        #[test]
        fn the_same_of_ipv6(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let special = address.is_loopback() || address.is_multicast() || address.is_unspecified()
                || address.is_unique_local() || address.is_unicast_link_local();
            prop_assert!(!(special && guard().admits(address.into())));
        }
    }
}
