//! Which solicited-node groups are joined, since several addresses may share one.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use crate::groups::solicited_node_group;

/// The groups joined, and for how many addresses each.
#[derive(Debug, Default)]
pub(super) struct Groups {
    members: BTreeMap<Ipv6Addr, usize>,
}

impl Groups {
    /// Adds an address and returns its group if that is to be joined now.
    pub(super) fn add(&mut self, address: Ipv6Addr) -> Option<Ipv6Addr> {
        let group = solicited_node_group(address);
        let members = self.members.entry(group).or_default();
        *members += 1;
        (*members == 1).then_some(group)
    }

    /// Removes an address and returns its group if that is to be left now: never for an address that was not added.
    pub(super) fn remove(&mut self, address: Ipv6Addr) -> Option<Ipv6Addr> {
        let group = solicited_node_group(address);
        let members = self.members.get_mut(&group)?;
        *members -= 1;
        if *members > 0 {
            return None;
        }
        self.members.remove(&group);
        Some(group)
    }
}
