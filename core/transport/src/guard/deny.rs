//! The table of addresses that are not the public internet.
//!
//! Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates) and
//! the IANA IPv6 address space registry: only `2000::/3` is global unicast, so that everything
//! outside it is refused as a whole (unspecified, loopback, IPv4-mapped and -compatible, NAT64
//! `64:ff9b::/96` and `64:ff9b:1::/48`, discard `100::/64`, segment routing `5f00::/16`,
//! unique-local, link-local, site-local, multicast).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IPv4 ranges and what they are.
const V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 8), "private"),
    (v4(100, 64, 0, 10), "shared (CGNAT)"),
    (v4(127, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 16), "link-local"),
    (v4(172, 16, 0, 12), "private"),
    (v4(192, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 24), "documentation"),
    (v4(192, 31, 196, 24), "AS112"),
    (v4(192, 52, 193, 24), "AMT"),
    (v4(192, 88, 99, 24), "6to4 relay"),
    (v4(192, 168, 0, 16), "private"),
    (v4(192, 175, 48, 24), "AS112"),
    (v4(198, 18, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 24), "documentation"),
    (v4(203, 0, 113, 24), "documentation"),
    (v4(224, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 4), "reserved"),
];

/// The only range of IPv6 that is routed globally.
const GLOBAL: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Ranges of it that are not the public internet all the same, and what they are.
const V6: &[(Ipv6Net, &str)] = &[
    // Teredo, benchmarking, ORCHID and the rest of the block.
    (v6(0x2001, 0, 0, 23), "protocol assignments"),
    (v6(0x2001, 0x0db8, 0, 32), "documentation"),
    (v6(0x2002, 0, 0, 16), "6to4"),
    (v6(0x2620, 0x004f, 0x8000, 48), "AS112"),
    (v6(0x3ffe, 0, 0, 16), "returned (6bone)"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
];

/// Why an address is not of the public internet; none when it is.
pub fn reason(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => V4
            .iter()
            .find(|(net, _)| net.contains(&v4))
            .map(|(_, what)| *what),
        IpAddr::V6(v6) if !GLOBAL.contains(&v6) => Some("not global unicast"),
        IpAddr::V6(v6) => V6
            .iter()
            .find(|(net, _)| net.contains(&v6))
            .map(|(_, what)| *what),
    }
}
