//! Answers on the node's links: every usable link answers for the addresses that are desired on it, and for no others.

mod running;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arp_ndp::driver::DriverError;
use arp_ndp::{Event, Link, LinkState, MacAddr, Mark, Marker, Role, Verdict};
use futures_util::future::{self, FutureExt};
use ipnet::IpNet;
use planner::desired::Desired;
use planner::diff::{Change, diff_shared};
use planner::names::Interface;
use tokio::time::{Instant, timeout};
use tracing::{error, info, warn};

use self::running::Running;
use super::exclude::Exclusions;
use super::fresh::Fresh;

/// The node's links and responders on them: the kernel's in the product, recorders in tests.
pub(super) trait Responders: Send {
    /// A responder at work on one link.
    type Responder: Respond;

    /// The links that may carry announcements now, by interface index.
    fn links(&mut self, exclusions: &Exclusions) -> BTreeMap<u32, UsableLink>;

    /// Waits until [`Self::links`] may be another. Cancel-safe.
    fn links_changed(&mut self) -> impl Future<Output = ()> + Send;

    /// Starts a responder that answers for nothing yet.
    ///
    /// # Errors
    /// Its sockets cannot be opened.
    fn start(&mut self, link: &UsableLink) -> Result<Self::Responder, DriverError>;
}

/// A responder at work on one link. It announces what is new to it by itself.
pub(super) trait Respond: Send + 'static {
    /// The link is now like this.
    fn set_link(&self, link: Link);

    /// Cares for these addresses, and no others.
    fn set_addresses(&self, addresses: BTreeMap<IpAddr, Role>);

    /// Marks what it announces with this from now on.
    fn set_marker(&self, marker: Marker);

    /// Says who keeps an address that another station claims.
    fn settle(&self, address: IpAddr, by: MacAddr, verdict: Verdict);

    /// Asks a station for an address that is answered for, which it may have as well.
    fn ask(&self, address: IpAddr, station: MacAddr);

    /// Announces what is answered for anew.
    fn refresh(&self);

    /// Announces one of the addresses that are answered for once more, the next one each time.
    fn remind(&self);

    /// Waits for what there is to tell of whose an address is; nothing at all says that the responder has broken down.
    /// Cancel-safe.
    fn events(&mut self) -> impl Future<Output = Vec<Event>> + Send;

    /// Stops answering.
    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// A link that may carry announcements (compat/metallb.md 6.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsableLink {
    /// The interface index.
    pub(super) index: u32,
    /// The interface name.
    pub(super) name: Interface,
    /// What a responder has to know of it.
    pub(super) link: Link,
    /// The subnets of its addresses, save those that every link is on.
    pub(super) subnets: BTreeSet<IpNet>,
}

/// What a responder has told of an address that it cares for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Another station says that the address is its own.
    Claimed(Claim),
    /// The station that it was left to is silent, and this node has it again.
    Reclaimed {
        /// The address.
        address: IpAddr,
        /// The station.
        from: MacAddr,
    },
}

/// Another station says that an address is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The link that it was heard on.
    pub(super) link: u32,
    /// Its name.
    pub(super) interface: Interface,
    /// Our hardware address on it.
    pub(super) own: MacAddr,
    /// The address.
    pub(super) address: IpAddr,
    /// The hardware address of the other station.
    pub(super) by: MacAddr,
    /// The mark that it came with.
    pub(super) mark: Option<Mark>,
    /// What the address is to us.
    pub(super) role: Role,
    /// Whether we answer for it.
    pub(super) holding: Holding,
}

/// Whether an address is answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// It is.
    Held,
    /// It is looked for, or was left to another station.
    NotHeld,
}

/// The node's responders.
#[derive(Debug)]
pub(super) struct Layer2<R: Responders> {
    responders: R,
    exclusions: Exclusions,
    links: BTreeMap<u32, UsableLink>,
    running: BTreeMap<u32, Running<R::Responder>>,
    /// Links on which no responder could be started; they are tried again whenever something changes.
    broken: BTreeSet<u32>,
    desired: Arc<Desired>,
    marker: Option<Marker>,
    fresh: Fresh,
    /// When to say that what is held is not what it was.
    held_due: Option<Instant>,
}

impl<R: Responders> Layer2<R> {
    /// Nothing to answer for yet.
    pub(super) fn new(responders: R, fresh: Fresh) -> Self {
        Self {
            responders,
            exclusions: Exclusions::default(),
            links: BTreeMap::new(),
            running: BTreeMap::new(),
            broken: BTreeSet::new(),
            desired: Arc::default(),
            marker: None,
            fresh,
            held_due: None,
        }
    }

    /// The addresses that nobody can have announced before are looked for first.
    pub(super) fn fresh(&mut self) -> &mut Fresh {
        &mut self.fresh
    }

    /// Makes `desired` what is answered for, on links that `exclusions` leaves. What is the same as before is left
    /// alone; what failed is tried again.
    pub(super) fn apply(&mut self, desired: &Arc<Desired>, exclusions: &Exclusions) {
        let before = std::mem::replace(&mut self.desired, Arc::clone(desired));
        if self.exclusions == *exclusions && self.broken.is_empty() {
            self.update(&before);
        } else {
            self.exclusions.clone_from(exclusions);
            self.reconcile();
        }
    }

    /// Repeats what may have failed for a reason that has gone.
    pub(super) fn try_again(&mut self) {
        self.reconcile();
    }

    /// The interfaces that can be announced on now: up, and with a responder wherever one is needed.
    pub(super) fn interfaces(&self) -> BTreeSet<Interface> {
        let up = self
            .links
            .values()
            .filter(|usable| usable.link.state == LinkState::Up);
        up.filter(|usable| !self.broken.contains(&usable.index))
            .map(|usable| usable.name.clone())
            .collect()
    }

    /// The links that could carry announcements, and whether they do now: up, and with no responder that cannot work.
    pub(super) fn links(&self) -> impl Iterator<Item = (&UsableLink, LinkState)> {
        self.links.values().map(|usable| {
            let state = if self.broken.contains(&usable.index) {
                LinkState::Down
            } else {
                usable.link.state
            };
            (usable, state)
        })
    }

    /// Waits until [`Self::links`] may be others, and answers on those that are there then; or until there is something to
    /// tell of whose an address is. Cancel-safe.
    pub(super) async fn changed(&mut self) -> Vec<Told> {
        loop {
            let links = self.responders.links_changed().map(|()| None).boxed();
            let running = self.running.iter_mut();
            let events = running.map(|(index, running)| {
                let events = running.responder.events();
                events.map(|events| Some((*index, events))).boxed()
            });
            let (news, ..) = future::select_all(events.chain([links])).await;
            let Some((index, events)) = news else {
                self.reconcile();
                return Vec::new();
            };
            if events.is_empty() {
                self.break_down(index);
                return Vec::new();
            }
            let was_due = self.held_due.is_some();
            let told = self.take_in(index, events);
            // Thousands of addresses that are announced one after the other are told of together.
            if !told.is_empty() || was_due != self.held_due.is_some() {
                return told;
            }
        }
    }

    /// By when [`take_held`](Self::take_held) wants to be called.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.held_due
    }

    /// The addresses that are answered for on some link, if they are not what they were at the last call.
    pub(super) fn take_held(&mut self) -> Option<BTreeSet<IpAddr>> {
        self.held_due.take()?;
        let running = self.running.values();
        Some(running.flat_map(Running::held).copied().collect())
    }

    /// The addresses that are left to other stations, on whatever link they are cared for.
    pub(super) fn left(&self) -> BTreeSet<IpAddr> {
        self.held_nowhere(Running::left)
    }

    /// The addresses that are looked for before they are used, on all links where they are cared for.
    pub(super) fn probed(&self) -> BTreeSet<IpAddr> {
        self.held_nowhere(Running::probed)
    }

    /// Whether something is answered for only until another node has it.
    pub(super) fn is_handing_over(&self) -> bool {
        self.running.values().any(Running::is_handing_over)
    }

    /// Asks a station, on each link where an address is answered for, whether it has the address as well.
    pub(super) fn ask(&self, address: IpAddr, station: MacAddr) {
        for running in self.running.values() {
            running.ask(address, station);
        }
    }

    /// Announces all that is answered for anew: somebody may hear it who did not before.
    pub(super) fn refresh(&self) {
        self.running.values().for_each(Running::refresh);
    }

    /// Announces one address on each link once more, the next one each time.
    pub(super) fn remind(&self) {
        self.running.values().for_each(Running::remind);
    }

    /// Marks what is announced from now on with this.
    pub(super) fn set_marker(&mut self, marker: Marker) {
        for running in self.running.values() {
            running.set_marker(marker.clone());
        }
        self.marker = Some(marker);
    }

    /// Says who keeps an address.
    pub(super) fn settle(&mut self, claim: &Claim, verdict: Verdict) {
        if let Some(running) = self.running.get_mut(&claim.link)
            && running.settle(claim, verdict)
        {
            self.note_held();
        }
    }

    /// Stops answering on all links. Takes no longer than `limit`.
    pub(super) async fn shut_down(&mut self, limit: Duration) {
        let running = std::mem::take(&mut self.running).into_values();
        let stopped = future::join_all(running.map(|running| running.responder.stop()));
        if timeout(limit, stopped).await.is_err() {
            warn!("not every responder stopped in time");
        }
    }

    /// Brings each link up to date with what is desired other than before.
    fn update(&mut self, before: &Desired) {
        let desired = Arc::clone(&self.desired);
        let changes: Vec<_> = diff_shared(&before.addresses, &desired.addresses).collect();
        let links = std::mem::take(&mut self.links);
        for usable in links.values().filter(|_| !changes.is_empty()) {
            let running = self.running.get(&usable.index);
            let mut wanted =
                running.map_or_else(BTreeMap::new, |running| running.addresses().clone());
            for change in &changes {
                match change {
                    Change::Add(address, desired) | Change::Update(address, desired)
                        if desired.interfaces.selects(&usable.name) =>
                    {
                        let role = running::role(running, **address, desired.tenure, &self.fresh);
                        wanted.insert(**address, role)
                    }
                    Change::Add(address, _)
                    | Change::Update(address, _)
                    | Change::Remove(address, _) => wanted.remove(*address),
                };
            }
            self.serve(usable, wanted);
        }
        self.links = links;
    }

    fn reconcile(&mut self) {
        let links = self.responders.links(&self.exclusions);
        if links.keys().ne(self.links.keys()) {
            let names: Vec<&str> = links.values().map(|usable| usable.name.as_str()).collect();
            info!(interfaces = names.join(","), "layer 2 may use");
        }
        // Whoever drops a responder stops it. An interface that has another name is another one to the advertisements.
        let before = self.running.len();
        self.running.retain(|index, running| {
            links
                .get(index)
                .is_some_and(|usable| usable.name == *running.name())
        });
        if self.running.len() < before {
            self.note_held();
        }
        self.broken.retain(|index| links.contains_key(index));
        for usable in links.values() {
            let running = self.running.get(&usable.index);
            let wanted = self.desired.addresses.iter();
            let wanted = wanted.filter(|(_, desired)| desired.interfaces.selects(&usable.name));
            let wanted = wanted.map(|(address, desired)| {
                let role = running::role(running, *address, desired.tenure, &self.fresh);
                (*address, role)
            });
            let wanted = wanted.collect();
            self.serve(usable, wanted);
        }
        self.links = links;
    }

    /// A link gets a responder, and so takes the right to open packet sockets, once there is something to answer for.
    fn serve(&mut self, usable: &UsableLink, wanted: BTreeMap<IpAddr, Role>) {
        if !self.running.contains_key(&usable.index) && !wanted.is_empty() {
            self.start(usable);
        }
        let Some(running) = self.running.get_mut(&usable.index) else {
            return;
        };
        running.set_link(usable.link);
        if running.set_addresses(wanted) {
            self.note_held();
        }
    }

    /// Those of some addresses of each link that are answered for on none.
    fn held_nowhere(
        &self,
        of: impl Fn(&Running<R::Responder>) -> &BTreeSet<IpAddr>,
    ) -> BTreeSet<IpAddr> {
        let is_held = |address: &&IpAddr| {
            let mut running = self.running.values();
            running.any(|running| running.held().contains(*address))
        };
        let addresses = self.running.values().flat_map(of);
        addresses
            .filter(|address| !is_held(address))
            .copied()
            .collect()
    }

    fn take_in(&mut self, index: u32, events: Vec<Event>) -> Vec<Told> {
        let Some(running) = self.running.get_mut(&index) else {
            return Vec::new();
        };
        let mut told = Vec::new();
        let mut is_other = false;
        for event in events {
            is_other |= running.take_in(event, &mut told);
        }
        if is_other {
            self.note_held();
        }
        told
    }

    fn note_held(&mut self) {
        let due = Instant::now() + HELD_PACE;
        self.held_due.get_or_insert(due);
    }

    /// Tried again with the next change or the slow timer, not at once: what broke it may last.
    fn break_down(&mut self, index: u32) {
        if let Some(running) = self.running.remove(&index) {
            error!(interface = %running.name(), "layer 2 stopped: its sockets broke down");
            self.broken.insert(index);
            self.note_held();
        }
    }

    fn start(&mut self, usable: &UsableLink) {
        match self.responders.start(usable) {
            Ok(responder) => {
                self.broken.remove(&usable.index);
                let running = Running::new(usable, responder);
                if let Some(marker) = &self.marker {
                    running.set_marker(marker.clone());
                }
                self.running.insert(usable.index, running);
            }
            Err(error) => {
                if self.broken.insert(usable.index) {
                    let error: &dyn std::error::Error = &error;
                    error!(interface = %usable.name, error, "layer 2 cannot answer");
                }
            }
        }
    }
}

/// How long after the first of several the changes of what is held are told of together.
const HELD_PACE: Duration = Duration::from_millis(50);
