//! Answers on the node's links: every usable link answers for the addresses that are desired on it, and for no others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arp_ndp::driver::DriverError;
use arp_ndp::{Link, LinkState, Role};
use futures_util::future::{self, FutureExt};
use planner::desired::Desired;
use planner::diff::{Change, diff_shared};
use planner::names::Interface;
use tokio::time::timeout;
use tracing::{error, info, warn};

use super::exclude::Exclusions;

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

    /// Waits until the responder has broken down. Cancel-safe.
    fn broken(&mut self) -> impl Future<Output = ()> + Send;

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
}

#[derive(Debug)]
struct Running<R> {
    name: Interface,
    responder: R,
    addresses: BTreeSet<IpAddr>,
}

impl<R: Responders> Layer2<R> {
    /// Nothing to answer for yet.
    pub(super) fn new(responders: R) -> Self {
        Self {
            responders,
            exclusions: Exclusions::default(),
            links: BTreeMap::new(),
            running: BTreeMap::new(),
            broken: BTreeSet::new(),
            desired: Arc::default(),
        }
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

    /// Waits until [`Self::interfaces`] may be another, and answers on the links that are there then. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        let links = self.responders.links_changed().map(|()| None).boxed();
        let running = self.running.iter_mut();
        let broken = running
            .map(|(index, running)| running.responder.broken().map(|()| Some(*index)).boxed());
        let (broken, ..) = future::select_all(broken.chain([links])).await;
        match broken {
            None => self.reconcile(),
            Some(index) => self.break_down(index),
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
                running.map_or_else(BTreeSet::new, |running| running.addresses.clone());
            for change in &changes {
                match change {
                    Change::Add(address, desired) | Change::Update(address, desired)
                        if desired.interfaces.selects(&usable.name) =>
                    {
                        wanted.insert(**address)
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
        self.running.retain(|index, running| {
            links
                .get(index)
                .is_some_and(|usable| usable.name == running.name)
        });
        self.broken.retain(|index| links.contains_key(index));
        for usable in links.values() {
            let wanted = self.desired.addresses.iter();
            let wanted = wanted.filter(|(_, desired)| desired.interfaces.selects(&usable.name));
            let wanted: BTreeSet<IpAddr> = wanted.map(|(address, _)| *address).collect();
            self.serve(usable, wanted);
        }
        self.links = links;
    }

    /// A link gets a responder, and so takes the right to open packet sockets, once there is something to answer for.
    fn serve(&mut self, usable: &UsableLink, wanted: BTreeSet<IpAddr>) {
        if !self.running.contains_key(&usable.index) && !wanted.is_empty() {
            self.start(usable);
        }
        let Some(running) = self.running.get_mut(&usable.index) else {
            return;
        };
        running.responder.set_link(usable.link);
        if running.addresses != wanted {
            info!(interface = %usable.name, addresses = wanted.len(), "layer 2 answers");
            running.addresses.clone_from(&wanted);
            let wanted = wanted.into_iter().map(|address| (address, Role::Owner));
            running.responder.set_addresses(wanted.collect());
        }
    }

    /// Tried again with the next change or the slow timer, not at once: what broke it may last.
    fn break_down(&mut self, index: u32) {
        if let Some(running) = self.running.remove(&index) {
            error!(interface = %running.name, "layer 2 stopped: its sockets broke down");
            self.broken.insert(index);
        }
    }

    fn start(&mut self, usable: &UsableLink) {
        match self.responders.start(usable) {
            Ok(responder) => {
                self.broken.remove(&usable.index);
                let running = Running {
                    name: usable.name.clone(),
                    responder,
                    addresses: BTreeSet::new(),
                };
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
