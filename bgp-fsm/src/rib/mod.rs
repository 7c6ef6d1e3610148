//! Adj-RIB-Out: what the peer shall know against what it has been told.
//!
//! Nothing is kept for each route beyond the desired routes themselves, which all peers and families share. What the
//! peer holds is derived: of a prefix that is still queued it holds what it was told before, of any other what is
//! desired. A change of some routes costs what these and those that are queued take, whatever the number of the others.

mod attributes;
mod diff;
mod pack;

use bgp_wire::{AfiSafi, Ipv4Encoding, Negotiated, SessionContext};
use ipnet::IpNet;

use crate::input::NextHops;
use crate::routes::{RouteChange, Routes, family_of};
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
    settled: Routes,
    /// What it shall hold, and does of all other prefixes.
    desired: Routes,
    queue: Queue,
}

impl AdjRibOut {
    /// All desired routes of the family are to be sent, and then an End-of-RIB (RFC 4724 §2). `None` if there is no
    /// address to announce them with.
    pub(crate) fn new(
        family: AfiSafi,
        negotiated: &Negotiated,
        next_hops: NextHops,
        desired: Routes,
    ) -> Option<Self> {
        let completion = Completion::new(family, negotiated, next_hops)?;
        let settled = Routes::new();
        let mut queue = diff::plan(&settled, &desired, family, &completion);
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
    pub(crate) fn set_desired(&mut self, desired: Routes) {
        if self.desired.is_copy_of(&desired) {
            return;
        }
        let held = self.held();
        let mut queue = diff::plan(&held, &desired, self.family, &self.completion);
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
        for change in held.changes_to(&self.desired, self.family) {
            if let RouteChange::Gone(prefix) = change {
                queue.withdraw(prefix);
            }
        }
        for (prefix, attributes) in self.desired.of_family(self.family) {
            queue.announce(prefix, attributes);
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
            routes: self.settled.clone(),
            pending: self.queue.len(),
        })
    }

    /// Takes routes out of what is desired that cannot be encoded. If the peer holds an older version it has to go.
    fn give_up(&mut self, refused: &[IpNet]) {
        if refused.is_empty() {
            return;
        }
        for prefix in refused {
            self.desired.remove(prefix);
            if self.settled.contains(prefix) {
                self.queue.withdraw(*prefix);
            }
        }
    }

    /// When nothing is queued the peer holds what is desired.
    fn settle(&mut self) {
        if self.queue.is_empty() {
            self.settled = self.desired.clone();
            self.queue.resending = false;
        }
    }

    /// What the peer holds now.
    fn held(&self) -> Routes {
        let mut held = self.desired.clone();
        let queued = self.queue.withdrawn().chain(self.queue.announced());
        held.update(queued.map(|prefix| (*prefix, self.settled.get(prefix).cloned())));
        held
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
    routes: Routes,
    pending: usize,
}

impl AdvertisedRoutes {
    /// The prefixes, in order.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        self.routes.of_family(self.family).map(|(prefix, _)| prefix)
    }

    /// Whether the peer has been told this prefix.
    #[must_use]
    pub fn contains(&self, prefix: &IpNet) -> bool {
        family_of(prefix) == self.family && self.routes.contains(prefix)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.routes.len_of(self.family)
    }

    /// What the peer has been told since `earlier`, a status of the same family: each prefix that it holds now and did not,
    /// or no longer does. Takes the time that these need, not that of all routes.
    pub fn changes_since<'a>(
        &'a self,
        earlier: &'a Self,
    ) -> impl Iterator<Item = AdvertisedChange> + 'a {
        let changes = earlier.routes.changes_to(&self.routes, self.family);
        changes.filter_map(|change| match change {
            RouteChange::New(prefix, _) => Some(AdvertisedChange::Announced(prefix)),
            RouteChange::Gone(prefix) => Some(AdvertisedChange::Withdrawn(prefix)),
            RouteChange::Other(..) => None,
        })
    }

    /// How many changes have not been given to the transport yet.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.pending
    }
}

/// What has become of a prefix between two statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a peer holds a prefix or it does not"
)]
pub enum AdvertisedChange {
    /// The peer holds it, and did not before.
    Announced(IpNet),
    /// The peer does not hold it any more.
    Withdrawn(IpNet),
}
