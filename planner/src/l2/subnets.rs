//! Which of the subnets that links are on an address is in.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::members::Members;

/// All subnets that some link of some member is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subnets {
    all: BTreeSet<IpNet>,
    /// The prefix lengths that occur, and whether of IPv4.
    lengths: BTreeSet<(bool, u8)>,
}

impl Subnets {
    /// Links that are down count, so that an address stays where it is in when one goes down.
    pub(super) fn new(members: Option<&Members>) -> Self {
        let members = members.into_iter().flat_map(Members::iter);
        let links = members.flat_map(|(_, member)| member.links.values());
        let all: BTreeSet<IpNet> = links
            .flat_map(|link| link.subnets.iter().map(IpNet::trunc))
            .collect();
        let lengths = all.iter();
        let lengths = lengths.map(|subnet| (subnet.addr().is_ipv4(), subnet.prefix_len()));
        Self {
            lengths: lengths.collect(),
            all,
        }
    }

    /// Those that an address is in.
    pub(super) fn with(&self, address: IpAddr) -> BTreeSet<IpNet> {
        let lengths = self.lengths.iter();
        let lengths = lengths.filter(|(is_ipv4, _)| *is_ipv4 == address.is_ipv4());
        let subnets = lengths.filter_map(|(_, length)| IpNet::new(address, *length).ok());
        let subnets = subnets.map(|subnet| subnet.trunc());
        subnets.filter(|subnet| self.all.contains(subnet)).collect()
    }

    /// Those that are in one of the two alone.
    pub(super) fn difference(&self, other: &Self) -> Vec<IpNet> {
        let different = self.all.symmetric_difference(&other.all);
        different.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::{Member, MemberLink};

    fn subnets(texts: &[&str]) -> Subnets {
        let link = MemberLink {
            subnets: texts.iter().map(|text| text.parse().unwrap()).collect(),
            ..MemberLink::default()
        };
        let member = Member {
            links: [("eth0".into(), link)].into(),
            is_draining: false,
        };
        Subnets::new(Some(&[("n1".into(), member)].into_iter().collect()))
    }

    #[test]
    fn an_address_is_in_every_subnet_that_contains_it_of_its_own_family() {
        let subnets = subnets(&[
            "198.51.100.7/24",
            "198.51.0.0/16",
            "203.0.113.0/24",
            "::/16",
            "2001:db8::1/64",
        ]);
        let with = |text: &str| {
            let with = subnets.with(text.parse().unwrap());
            with.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(with("198.51.100.200"), ["198.51.0.0/16", "198.51.100.0/24"]);
        assert_eq!(with("198.51.101.1"), ["198.51.0.0/16"]);
        assert_eq!(with("2001:db8::99"), ["2001:db8::/64"]);
        assert_eq!(with("192.0.2.1"), [""; 0]);
    }
}
