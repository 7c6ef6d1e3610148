//! The network of a whole cluster: what its machines have beyond those of any topology.
//!
//! ```text
//!        on the link: 198.18.0.0/16, 2001:db8:18::/48       routed: 198.19.0.0/16, 2001:db8:19::/48
//!
//!   eth0 of control, node1…3, router1 (FRR), router2 (BIRD), client    the topology's switch
//!   eth1 of node1…3, eth2 of client                                    a second switch
//!   lo of node1: 10.101.0.0/16, fd00:101::/64                          its pods; every node knows the way
//! ```

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::topology::{CLIENT_UPLINK, Delivery, Names, Size};
use crate::{Host, LabError, Topology};

/// Addresses of Services that the client asks for on the link, IPv4.
pub const ON_LINK_V4: &str = "198.18.0.0/16";
/// Addresses of Services that the client asks for on the link, IPv6.
pub const ON_LINK_V6: &str = "2001:db8:18::/48";
/// Addresses of Services that the client sends through the first router, IPv4.
pub const ROUTED_V4: &str = "198.19.0.0/16";
/// Addresses of Services that the client sends through the first router, IPv6.
pub const ROUTED_V6: &str = "2001:db8:19::/48";

/// Nodes of a cluster.
pub(super) const NODES: u8 = 3;

/// Routers of a cluster: FRR and BIRD.
pub(super) const ROUTERS: u8 = 2;

/// Builds it.
pub(super) fn build(names: Names) -> Result<Topology, LabError> {
    let size = Size {
        names,
        delivery: Delivery::ByProxy,
        ..Size::new(NODES, ROUTERS)
    };
    let topology = Topology::build(&size)?;
    topology.add_second_switch()?;
    let client = &topology.client.namespace;
    for prefix in [ON_LINK_V4, ON_LINK_V6] {
        client.ip(&format!("route add {prefix} dev eth0"))?;
    }
    for (prefix, router) in [ROUTED_V4, ROUTED_V6].into_iter().zip(CLIENT_UPLINK) {
        client.ip(&format!("route add {prefix} via {router}"))?;
    }
    for node in &topology.nodes {
        for other in topology
            .nodes
            .iter()
            .filter(|other| other.name != node.name)
        {
            let PodRange { v4, v6 } = PodRange::of(other);
            node.namespace
                .ip(&format!("route add {v4}/16 via {}", other.ipv4))?;
            node.namespace
                .ip(&format!("route add {v6}/64 via {}", other.ipv6))?;
        }
    }
    Ok(topology)
}

/// The addresses that the pods of a node are given.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodRange {
    /// The first address of a /16.
    pub(super) v4: Ipv4Addr,
    /// The first address of a /64.
    pub(super) v6: Ipv6Addr,
}

impl PodRange {
    /// That of a node of a cluster.
    pub(super) fn of(node: &Host) -> Self {
        let [.., number] = node.ipv4.octets();
        Self {
            v4: Ipv4Addr::new(10, 90 + number, 0, 0),
            v6: Ipv6Addr::new(0xfd00, 0x100 + u16::from(number) - 10, 0, 0, 0, 0, 0, 0),
        }
    }

    /// The addresses of its `index`th pod.
    pub(super) fn pod(self, index: u16) -> (Ipv4Addr, Ipv6Addr) {
        (
            Ipv4Addr::from_bits(self.v4.to_bits() + u32::from(index)),
            Ipv6Addr::from_bits(self.v6.to_bits() + u128::from(index)),
        )
    }
}
