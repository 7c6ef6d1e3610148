//! Adj-RIB-Out: what the peer shall know against what it has been told.
//!
//! Nothing is kept for each route beyond the desired routes themselves, which all peers and families share. What the
//! peer holds is derived: of a prefix that is still queued it holds what it was told before, of any other what is
//! desired.

mod attributes;
mod diff;
mod pack;

use std::collections::btree_map;
use std::sync::Arc;

use bgp_wire::{AfiSafi, Ipv4Encoding, Negotiated, SessionContext};
use ipnet::{IpNet, Ipv6Net};

use crate::input::{NextHops, Routes};
use attributes::Completion;
pub(crate) use pack::Burst;
use pack::Queue;

/// The routes of one family towards one peer, while the session is Established.
#[derive(Debug)]
pub(crate) struct AdjRibOut {
    family: AfiSafi,
    context: SessionContext,
    completion: Completion,
    /// What the peer holds of the prefixes that are queued.
    settled: Arc<Routes>,
    /// What it shall hold, and does of all other prefixes.
    desired: Arc<Routes>,
    queue: Queue,
}

impl AdjRibOut {
    /// All desired routes of the family are to be sent, and then an End-of-RIB (RFC 4724 §2). `None` if there is no
    /// address to announce them with.
    pub(crate) fn new(
        family: AfiSafi,
        negotiated: &Negotiated,
        next_hops: NextHops,
        desired: Arc<Routes>,
    ) -> Option<Self> {
        let completion = Completion::new(family, negotiated, next_hops)?;
        let settled = Arc::default();
        let mut queue = diff::plan(
            of_family(&settled, family),
            of_family(&desired, family),
            &completion,
        );
        queue.end_of_rib = true;
        Some(Self {
            family,
            context: *negotiated.context(),
            completion,
            settled,
            desired,
            queue,
        })
    }

    /// The peer shall hold these routes of the family.
    pub(crate) fn set_desired(&mut self, desired: Arc<Routes>) {
        if Arc::ptr_eq(&self.desired, &desired) {
            return;
        }
        let held = self.held();
        let mut queue = diff::plan(
            of_family(&held, self.family),
            of_family(&desired, self.family),
            &self.completion,
        );
        queue.end_of_rib = self.queue.end_of_rib;
        if self.queue.resending {
            queue.resending = true;
            // What the peer asked to be sent again and has not been yet, and is not queued for a change.
            for prefix in self.queue.announced() {
                if let (Some(attributes), Some(same)) = (desired.get(prefix), held.get(prefix))
                    && self.completion.equivalent(attributes, same)
                {
                    queue.announce(*prefix, attributes);
                }
            }
        }
        self.settled = held;
        self.desired = desired;
        self.queue = queue;
        self.settle();
    }

    /// All routes are to be sent again (RFC 2918 §4).
    pub(crate) fn resend(&mut self) {
        let held = self.held();
        let mut queue = Queue::default();
        queue.end_of_rib = self.queue.end_of_rib;
        queue.resending = true;
        for (prefix, _) in
            of_family(&held, self.family).filter(|(prefix, _)| !self.desired.contains_key(prefix))
        {
            queue.withdraw(*prefix);
        }
        for (prefix, attributes) in of_family(&self.desired, self.family) {
            queue.announce(*prefix, attributes);
        }
        self.settled = held;
        self.queue = queue;
        self.settle();
    }

    /// Whether there is nothing left to send.
    pub(crate) fn is_settled(&self) -> bool {
        self.queue.is_empty()
    }

    /// Encodes UPDATEs until there are about `budget` octets or there is nothing left to send.
    pub(crate) fn next_burst(&mut self, encoding: Ipv4Encoding, budget: usize) -> Burst {
        let mut burst = pack::Packing::new(
            self.family,
            &self.context,
            &self.completion,
            encoding,
            budget,
        );
        burst.fill(&mut self.queue);
        let (burst, refused) = burst.finish();
        self.give_up(&refused);
        self.settle();
        burst
    }

    /// What the peer has been told.
    pub(crate) fn advertised(&self) -> Advertised {
        Advertised::Routes(AdvertisedRoutes {
            family: self.family,
            routes: Arc::clone(&self.settled),
            pending: self.queue.len(),
        })
    }

    /// Takes routes out of what is desired that cannot be encoded. If the peer holds an older version it has to go.
    fn give_up(&mut self, refused: &[IpNet]) {
        if refused.is_empty() {
            return;
        }
        let desired = Arc::make_mut(&mut self.desired);
        for prefix in refused {
            desired.remove(prefix);
            if self.settled.contains_key(prefix) {
                self.queue.withdraw(*prefix);
            }
        }
    }

    /// When nothing is queued the peer holds what is desired.
    fn settle(&mut self) {
        if self.queue.is_empty() {
            self.settled = Arc::clone(&self.desired);
            self.queue.resending = false;
        }
    }

    /// What the peer holds now.
    fn held(&self) -> Arc<Routes> {
        if self.queue.is_empty() {
            return Arc::clone(&self.desired);
        }
        let mut held: Routes = of_family(&self.desired, self.family)
            .map(|(prefix, attributes)| (*prefix, Arc::clone(attributes)))
            .collect();
        for prefix in self.queue.withdrawn().chain(self.queue.announced()) {
            match self.settled.get(prefix) {
                Some(attributes) => held.insert(*prefix, Arc::clone(attributes)),
                None => held.remove(prefix),
            };
        }
        Arc::new(held)
    }
}

/// What a peer has been told of one family, or why nothing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Advertised {
    /// The session is not Established.
    NotEstablished,
    /// The peer does not exchange routes of this family.
    NotNegotiated,
    /// The interface has no address to announce such routes with.
    NoNextHop,
    /// These routes.
    Routes(AdvertisedRoutes),
}

impl Advertised {
    /// The routes, if there can be any.
    #[must_use]
    pub const fn routes(&self) -> Option<&AdvertisedRoutes> {
        match self {
            Self::Routes(routes) => Some(routes),
            Self::NotEstablished | Self::NotNegotiated | Self::NoNextHop => None,
        }
    }
}

/// The routes of one family that a peer has been told.
///
/// While changes are on their way these are the routes before them, and [`pending`](Self::pending) is not zero.
#[derive(Debug, Clone)]
pub struct AdvertisedRoutes {
    family: AfiSafi,
    routes: Arc<Routes>,
    pending: usize,
}

impl AdvertisedRoutes {
    /// The prefixes, in order.
    pub fn prefixes(&self) -> impl Iterator<Item = &IpNet> {
        of_family(&self.routes, self.family).map(|(prefix, _)| prefix)
    }

    /// Whether the peer has been told this prefix.
    #[must_use]
    pub fn contains(&self, prefix: &IpNet) -> bool {
        family_of(prefix) == self.family && self.routes.contains_key(prefix)
    }

    /// How many there are, by counting.
    #[must_use]
    pub fn count(&self) -> usize {
        self.prefixes().count()
    }

    /// How many changes have not been given to the transport yet.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.pending
    }
}

const fn family_of(prefix: &IpNet) -> AfiSafi {
    match prefix {
        IpNet::V4(_) => AfiSafi::IPV4_UNICAST,
        IpNet::V6(_) => AfiSafi::IPV6_UNICAST,
    }
}

/// The routes of one of the two families; the map has those of IPv4 in front.
fn of_family(
    routes: &Routes,
    family: AfiSafi,
) -> btree_map::Range<'_, IpNet, Arc<bgp_wire::PathAttributes>> {
    let first_v6 = IpNet::V6(Ipv6Net::default());
    if family == AfiSafi::IPV4_UNICAST {
        routes.range(..first_v6)
    } else {
        routes.range(first_v6..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_of_a_map_are_told_apart() {
        let attributes = Arc::new(bgp_wire::PathAttributes::default());
        let prefixes: Vec<IpNet> = ["0.0.0.0/0", "255.255.255.255/32", "::/0", "ffff::/128"]
            .map(|prefix| prefix.parse().unwrap())
            .into();
        let routes: Routes = prefixes
            .iter()
            .map(|prefix| (*prefix, Arc::clone(&attributes)))
            .collect();
        let of = |family| {
            of_family(&routes, family)
                .map(|(prefix, _)| *prefix)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(AfiSafi::IPV4_UNICAST), prefixes[..2]);
        assert_eq!(of(AfiSafi::IPV6_UNICAST), prefixes[2..]);
    }
}
