//! What a member tells about itself.

use std::collections::BTreeMap;

use ipnet::IpNet;

/// What a member tells about itself, and every other member gets to know: when it changes, and when somebody joins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by the caller; a further fact is a further version of the wire format"
)]
pub struct Facts {
    /// The member's network interfaces, by name.
    pub links: BTreeMap<String, LinkFacts>,
    /// The member is about to leave and takes on nothing new.
    pub draining: bool,
}

/// One network interface of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by the caller; a further fact is a further version of the wire format"
)]
pub struct LinkFacts {
    /// It can carry frames now.
    pub up: bool,
    /// Its hardware address.
    pub mac: [u8; 6],
    /// The subnets of its addresses.
    pub subnets: Vec<IpNet>,
}
