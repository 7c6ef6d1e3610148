//! The address families of a Service.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::{Value, json};

/// The variants in which most rows of compat/metallb.md 8 are tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    V4,
    V6,
    Dual,
}

impl Families {
    pub(crate) const ALL: [Self; 3] = [Self::V4, Self::V6, Self::Dual];

    /// Its name, to be part of others.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
            Self::Dual => "dual",
        }
    }

    /// How many addresses a Service has.
    pub(crate) fn count(self) -> usize {
        if self == Self::Dual { 2 } else { 1 }
    }

    /// What asks for them, as a merge patch for a Service.
    pub(crate) fn patch(self) -> Value {
        let (policy, families) = match self {
            Self::V4 => ("SingleStack", json!(["IPv4"])),
            Self::V6 => ("SingleStack", json!(["IPv6"])),
            Self::Dual => ("RequireDualStack", json!(["IPv4", "IPv6"])),
        };
        json!({"spec": {"ipFamilyPolicy": policy, "ipFamilies": families}})
    }
}

/// How the client reaches the addresses of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// By asking for them on the link.
    OnLink,
    /// Through the first router.
    Routed,
}

impl Reach {
    /// An IPv4 address or prefix of the `block`th test, as in `v4(3, "7")` or `v4(3, "0/24")`.
    pub(crate) fn v4(self, block: u8, end: &str) -> String {
        let second = match self {
            Self::OnLink => 18,
            Self::Routed => 19,
        };
        format!("198.{second}.{block}.{end}")
    }

    /// An IPv6 address or prefix of the `block`th test, as in `v6(3, "7")` or `v6(3, "/64")`.
    pub(crate) fn v6(self, block: u8, end: &str) -> String {
        let third = match self {
            Self::OnLink => 0x18,
            Self::Routed => 0x19,
        };
        let (host, bits) = end.split_once('/').unzip();
        let address = format!("2001:db8:{third:x}:{block:x}::{}", host.unwrap_or(end));
        // As the product writes it.
        let address: Ipv6Addr = address.parse().unwrap();
        bits.map_or_else(|| address.to_string(), |bits| format!("{address}/{bits}"))
    }
}

/// Texts as addresses.
pub(crate) fn parsed(addresses: &[String]) -> Vec<IpAddr> {
    let addresses = addresses.iter();
    addresses.map(|address| address.parse().unwrap()).collect()
}
