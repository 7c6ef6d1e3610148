//! One link's responder: what it was told, and what it has told of whose the addresses are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use arp_ndp::{Event, Link, MacAddr, Mark, Marker, Role, Verdict};
use planner::desired::Tenure;
use planner::names::Interface;
use tracing::info;

use super::{Claim, Holding, Respond, Told, UsableLink};
use crate::speaker::fresh::Fresh;

/// A responder at work.
#[derive(Debug)]
pub(super) struct Running<R> {
    index: u32,
    name: Interface,
    mac: MacAddr,
    pub(super) responder: R,
    addresses: BTreeMap<IpAddr, Role>,
    /// Those that it answers for.
    held: BTreeSet<IpAddr>,
    /// Those that were left to another station. What the responder says of them is from before, unless it has reclaimed
    /// them.
    left: BTreeSet<IpAddr>,
    /// Those that it looks for before it answers for them.
    probed: BTreeSet<IpAddr>,
}

impl<R: Respond> Running<R> {
    /// One that answers for nothing yet.
    pub(super) fn new(usable: &UsableLink, responder: R) -> Self {
        Self {
            index: usable.index,
            name: usable.name.clone(),
            mac: usable.link.mac,
            responder,
            addresses: BTreeMap::new(),
            held: BTreeSet::new(),
            left: BTreeSet::new(),
            probed: BTreeSet::new(),
        }
    }

    pub(super) fn set_link(&mut self, link: Link) {
        self.mac = link.mac;
        self.responder.set_link(link);
    }

    pub(super) fn set_marker(&self, marker: Marker) {
        self.responder.set_marker(marker);
    }

    /// Cares for these addresses, and no others. Returns whether that makes what is held another.
    pub(super) fn set_addresses(&mut self, wanted: BTreeMap<IpAddr, Role>) -> bool {
        if self.addresses == wanted {
            return false;
        }
        info!(interface = %self.name, addresses = wanted.len(), "layer 2 answers");
        let before = std::mem::replace(&mut self.addresses, wanted.clone());
        let held = self.held.len();
        self.held.retain(|address| wanted.contains_key(address));
        self.left
            .retain(|address| wanted.get(address) == before.get(address));
        let looked_for = wanted.iter().filter(|(address, role)| {
            matches!(role, Role::NewOwner | Role::IfFree)
                && !self.held.contains(*address)
                && !self.left.contains(*address)
        });
        self.probed = looked_for.map(|(address, _)| *address).collect();
        self.responder.set_addresses(wanted);
        self.held.len() != held
    }

    /// Says who keeps an address. Returns whether that makes what is held another.
    pub(super) fn settle(&mut self, claim: &Claim, verdict: Verdict) -> bool {
        self.responder.settle(claim.address, claim.by, verdict);
        match verdict {
            Verdict::Defend => {
                self.left.remove(&claim.address);
                false
            }
            Verdict::Yield => {
                self.leave(claim.address);
                self.held.remove(&claim.address)
            }
        }
    }

    pub(super) fn ask(&self, address: IpAddr, station: MacAddr) {
        if self.held.contains(&address) {
            self.responder.ask(address, station);
        }
    }

    pub(super) fn refresh(&self) {
        self.responder.refresh();
    }

    pub(super) fn remind(&self) {
        self.responder.remind();
    }

    /// Takes up what the responder tells. Returns whether that makes what is held another.
    pub(super) fn take_in(&mut self, event: Event, told: &mut Vec<Told>) -> bool {
        match event {
            Event::Announced { address, .. } => {
                self.probed.remove(&address);
                let is_known = self.addresses.contains_key(&address);
                is_known && !self.left.contains(&address) && self.held.insert(address)
            }
            Event::HandedOver { address, .. } => self.held.remove(&address),
            Event::Reclaimed { address, from } => {
                self.left.remove(&address);
                told.push(Told::Reclaimed { address, from });
                false
            }
            Event::Claimed { address, by, mark } | Event::Conflict { address, by, mark } => {
                let Some(role) = self.addresses.get(&address).copied() else {
                    return false;
                };
                // What is not held is left to whoever has it until that is decided otherwise.
                if !self.held.contains(&address) {
                    self.leave(address);
                }
                told.push(Told::Claimed(self.claim(address, (by, mark), role)));
                false
            }
            _ => false,
        }
    }

    /// Whether something is answered for only until another node has it.
    pub(super) fn is_handing_over(&self) -> bool {
        let mut held = self.held.iter();
        held.any(|address| self.addresses.get(address) == Some(&Role::Leaving))
    }

    fn leave(&mut self, address: IpAddr) {
        self.left.insert(address);
        self.probed.remove(&address);
    }

    fn claim(&self, address: IpAddr, (by, mark): (MacAddr, Option<Mark>), role: Role) -> Claim {
        Claim {
            link: self.index,
            interface: self.name.clone(),
            own: self.mac,
            address,
            by,
            mark,
            role,
            holding: if self.held.contains(&address) {
                Holding::Held
            } else {
                Holding::NotHeld
            },
        }
    }
}

impl<R> Running<R> {
    /// The name of the link when the responder was started.
    pub(super) const fn name(&self) -> &Interface {
        &self.name
    }

    /// What it was told to care for.
    pub(super) const fn addresses(&self) -> &BTreeMap<IpAddr, Role> {
        &self.addresses
    }

    /// The addresses that were left to other stations.
    pub(super) const fn left(&self) -> &BTreeSet<IpAddr> {
        &self.left
    }

    /// The addresses that it looks for before it answers for them.
    pub(super) const fn probed(&self) -> &BTreeSet<IpAddr> {
        &self.probed
    }

    /// The addresses that it answers for.
    pub(super) const fn held(&self) -> &BTreeSet<IpAddr> {
        &self.held
    }
}

/// What an address is to a link that shall answer for it on these terms.
pub(super) fn role<R>(
    running: Option<&Running<R>>,
    address: IpAddr,
    tenure: Tenure,
    fresh: &Fresh,
) -> Role {
    let before = running.and_then(|running| running.addresses.get(&address));
    let is_held = running.is_some_and(|running| running.held.contains(&address));
    match (tenure, before) {
        (Tenure::Leaving, _) => Role::Leaving,
        // It is being looked for, or another station has it.
        (_, Some(Role::NewOwner)) if !is_held => Role::NewOwner,
        (_, None) if fresh.contains(address) => Role::NewOwner,
        (Tenure::Owner, _) => Role::Owner,
        (Tenure::OwnerIfFree | Tenure::Kept, _) => Role::IfFree,
    }
}
