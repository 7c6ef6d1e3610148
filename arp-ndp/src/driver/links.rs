//! What rtnetlink messages say about links and addresses, folded into one table.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bitflags::bitflags;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::link::{self, LinkAttribute, LinkLayerType, LinkMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::mac::MacAddr;
use crate::responder::{Link, LinkState, Protocols};

/// The links of a network namespace, by interface index.
pub type Links = BTreeMap<u32, LinkInfo>;

/// A link: a network interface with its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkInfo {
    /// The interface index, which stays while the link exists.
    pub index: u32,
    /// The interface name, which can be changed.
    pub name: String,
    /// The hardware address, if the link is Ethernet or looks like it.
    pub mac: Option<MacAddr>,
    /// The largest packet, in octets.
    pub mtu: u32,
    /// What it can do and in which state it is.
    pub flags: LinkFlags,
    /// The index of the bridge, bond, team or VRF that it belongs to.
    pub master: Option<u32>,
    /// The index of the link in the same namespace that it is on, as a VLAN or macvlan is.
    pub lower: Option<u32>,
    /// The index of the port that a bond sends through, if it uses one alone.
    pub active_port: Option<u32>,
    /// The ports and links below it that carry its frames now, as one number that is another when they are others.
    pub path: u64,
    /// Its own addresses.
    pub addresses: BTreeSet<LinkAddress>,
}

bitflags! {
    /// The flags of a link that matter here.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct LinkFlags: u8 {
        /// Switched on.
        const UP = 1 << 0;
        /// Operational: switched on, and with a carrier.
        const RUNNING = 1 << 1;
        /// Has a broadcast address.
        const BROADCAST = 1 << 2;
        /// Loops back to the machine.
        const LOOPBACK = 1 << 3;
        /// Resolves no addresses.
        const NOARP = 1 << 4;
    }
}

/// An address of a link, with the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an address and its prefix length are the whole of it"
)]
pub struct LinkAddress {
    /// The address.
    pub address: IpAddr,
    /// How many of its leading bits are those of the network.
    pub prefix_len: u8,
}

impl LinkInfo {
    /// Whether one of the addresses is IPv6 link-local.
    #[must_use]
    pub fn has_ipv6_link_local(&self) -> bool {
        self.addresses
            .iter()
            .any(|own| matches!(own.address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
    }

    /// The link as a responder has to know it, or `None` where no responder belongs: not Ethernet, loopback, switched
    /// to resolve no addresses, or a part of another interface, which answers for it.
    ///
    /// ARP is spoken where there is a broadcast address, Neighbor Discovery where there is an IPv6 link-local address.
    #[must_use]
    pub fn responder_link(&self) -> Option<Link> {
        if self
            .flags
            .intersects(LinkFlags::LOOPBACK | LinkFlags::NOARP)
            || self.master.is_some()
        {
            return None;
        }
        let state = if self.flags.contains(LinkFlags::UP | LinkFlags::RUNNING) {
            LinkState::Up
        } else {
            LinkState::Down
        };
        let mut protocols = Protocols::empty();
        protocols.set(Protocols::ARP, self.flags.contains(LinkFlags::BROADCAST));
        protocols.set(Protocols::NDP, self.has_ipv6_link_local());
        Some(
            Link::new(self.mac?)
                .with_state(state)
                .with_protocols(protocols)
                .with_path(self.path),
        )
    }
}

/// Takes a message into the table. Messages about anything else change nothing.
pub(super) fn apply(links: &mut Links, message: &RouteNetlinkMessage) {
    match message {
        RouteNetlinkMessage::NewLink(link) => apply_link(links, link),
        // A port that leaves a bridge is a "deleted link" of the bridge family: the link itself stays.
        RouteNetlinkMessage::DelLink(link)
            if link.header.interface_family == AddressFamily::Unspec =>
        {
            links.remove(&link.header.index);
        }
        RouteNetlinkMessage::NewAddress(address) => apply_address(links, address, Presence::There),
        RouteNetlinkMessage::DelAddress(address) => apply_address(links, address, Presence::Gone),
        _ => {}
    }
}

/// Takes in a link as it is now. Some messages carry only what changed: what is not mentioned stays.
fn apply_link(links: &mut Links, message: &LinkMessage) {
    if message.header.interface_family != AddressFamily::Unspec {
        return;
    }
    let index = message.header.index;
    let link = links.entry(index).or_insert_with(|| LinkInfo {
        index,
        name: String::new(),
        mac: None,
        mtu: 0,
        flags: LinkFlags::empty(),
        master: None,
        lower: None,
        active_port: None,
        path: 0,
        addresses: BTreeSet::new(),
    });
    link.flags = flags(message.header.flags);
    let (mut master, mut lower, mut active_port) = (None, None, None);
    let mut elsewhere = false;
    let mut complete = false;
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Address(octets) => {
                link.mac = ethernet_address(message.header.link_layer_type, octets)
            }
            LinkAttribute::Controller(index) => master = Some(*index),
            LinkAttribute::Link(index) => lower = Some(*index),
            LinkAttribute::LinkNetNsId(_) => elsewhere = true,
            LinkAttribute::LinkInfo(infos) => active_port = active_port_of(infos),
            LinkAttribute::Mtu(mtu) => {
                link.mtu = *mtu;
                complete = true;
            }
            _ => {}
        }
    }
    // Only a complete message, and each of those has an MTU, says by silence that there is none.
    if complete {
        link.master = master;
        link.lower = lower.filter(|_| !elsewhere);
        link.active_port = active_port;
    }
}

fn active_port_of(infos: &[link::LinkInfo]) -> Option<u32> {
    infos.iter().find_map(|info| match info {
        link::LinkInfo::Data(link::InfoData::Bond(bond)) => {
            bond.iter().find_map(|setting| match setting {
                link::InfoBond::ActivePort(index) => Some(*index),
                _ => None,
            })
        }
        _ => None,
    })
}

enum Presence {
    There,
    Gone,
}

/// Takes in an address. One whose link is not known belongs to a link that went away meanwhile.
fn apply_address(links: &mut Links, message: &AddressMessage, presence: Presence) {
    let Some((link, own)) = links
        .get_mut(&message.header.index)
        .zip(own_address(message))
    else {
        return;
    };
    // Another station has it: Duplicate Address Detection said so, and the kernel does not use it.
    let duplicate = message.header.flags.contains(AddressHeaderFlags::Dadfailed);
    match presence {
        Presence::There if !duplicate => link.addresses.insert(own),
        Presence::There | Presence::Gone => link.addresses.remove(&own),
    };
}

/// The link's own address. On a point-to-point link `IFA_ADDRESS` is the other end, and `IFA_LOCAL` this one.
fn own_address(message: &AddressMessage) -> Option<LinkAddress> {
    let mut local = None;
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => address = Some(*ip),
            _ => {}
        }
    }
    local.or(address).map(|address| LinkAddress {
        address,
        prefix_len: message.header.prefix_len,
    })
}

fn ethernet_address(kind: LinkLayerType, octets: &[u8]) -> Option<MacAddr> {
    let octets: [u8; 6] = octets.try_into().ok()?;
    (kind == LinkLayerType::Ether).then_some(MacAddr(octets))
}

fn flags(all: link::LinkFlags) -> LinkFlags {
    let mut flags = LinkFlags::empty();
    flags.set(LinkFlags::UP, all.contains(link::LinkFlags::Up));
    flags.set(LinkFlags::RUNNING, all.contains(link::LinkFlags::Running));
    flags.set(
        LinkFlags::BROADCAST,
        all.contains(link::LinkFlags::Broadcast),
    );
    flags.set(LinkFlags::LOOPBACK, all.contains(link::LinkFlags::Loopback));
    flags.set(LinkFlags::NOARP, all.contains(link::LinkFlags::Noarp));
    flags
}

#[cfg(test)]
mod tests;
