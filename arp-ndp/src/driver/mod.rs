//! The driver for Linux (feature `tokio`): a [`Responder`] at work on an interface, and the machine's
//! interfaces followed as they come and go.
//!
//! * [`Interface`] is one task with two packet sockets, behind kernel filters that wake it for questions about its
//!   addresses and claims to them only. It takes the capability CAP_NET_RAW.
//! * [`Interfaces`] is one task with an rtnetlink socket. It takes no privilege.
//!
//! ```no_run
//! use arp_ndp::{Config, Role};
//! use arp_ndp::driver::{DriverError, Interface, Interfaces};
//!
//! # async fn answer() -> Result<(), DriverError> {
//! let links = Interfaces::spawn().await?.links().borrow().clone();
//! for (index, info) in links.iter() {
//!     let Some(link) = info.responder_link() else { continue };
//!     let interface = Interface::spawn(*index, link, Config::default(), 42)?;
//!     interface.set_addresses([("203.0.113.10".parse().unwrap(), Role::Owner)].into());
//!     # interface.stop().await;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Sockets belong to the network namespace of the thread that opens them, and a task may open one at any time: a
//! process that enters a namespace has to do so before it starts the runtime.

mod filter;
mod interfaces;
mod links;
mod membership;
mod path;
mod socket;
mod task;

pub use interfaces::Interfaces;
pub use links::{LinkAddress, LinkFlags, LinkInfo, Links};

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv6Addr};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::mac::MacAddr;
use crate::responder::{
    AddressStatus, Config, DropReason, Event, Link, Marker, Responder, Role, Verdict,
};
use task::{Sockets, Task};

/// A responder at work on one interface, until it is stopped or dropped.
#[derive(Debug)]
pub struct Interface {
    desired: watch::Sender<Desired>,
    orders: mpsc::UnboundedSender<Order>,
    events: mpsc::Receiver<InterfaceEvent>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

/// What shall be true of an interface: the whole of it, so that only the newest counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Desired {
    link: Link,
    addresses: BTreeMap<IpAddr, Role>,
    siblings: BTreeSet<MacAddr>,
    marker: Option<Marker>,
    reception: Reception,
}

/// What shall be done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Settle {
        address: IpAddr,
        by: MacAddr,
        verdict: Verdict,
    },
    Ask {
        address: IpAddr,
        station: MacAddr,
    },
    Refresh,
    Remind,
}

/// Which frames the card hands to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "the card filters or it does not")]
pub enum Reception {
    /// Those to its own address, to everybody and to groups that were joined.
    #[default]
    Filtered,
    /// All that reach it: for cards, drivers and virtual switches that lose what was sent to a group. What was sent to
    /// other stations still wakes nobody.
    Promiscuous,
}

/// What an [`Interface`] tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum InterfaceEvent {
    /// What the responder told: [`Event::Announced`] for the first announcement of a burst and for defences, and all that
    /// is said about whose an address is. Answers, refreshes and drops are only counted.
    Responder(Event),
    /// A multicast group could not be joined: questions for the addresses that belong to it may not arrive. It is tried
    /// again, ever more seldom, until it works.
    GroupFailed {
        /// The group.
        group: Ipv6Addr,
        /// Why.
        error: io::Error,
    },
    /// A socket is broken, and this is the last event. An interface that only goes down does not break it; one that is
    /// removed goes silent.
    Failed(io::Error),
}

/// What an [`Interface`] is doing. It is published at once when the addresses or the link change, else within a second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The link as last told.
    pub link: Link,
    /// The addresses cared for: where each stands, and what was counted for it since it was added.
    pub addresses: BTreeMap<IpAddr, AddressStatus>,
    /// How many frames were not answered, by reason. What the kernel's filter holds back is not among them.
    pub drops: BTreeMap<DropReason, u64>,
    /// How many frames passed the kernel's filter and were lost, since they came faster than they may be read.
    pub overruns: u64,
    /// How many frames the kernel did not take: the interface was down, or its queue full.
    pub transmit_failures: u64,
    /// How many events were lost because nobody read them.
    pub events_lost: u64,
}

/// Why a driver could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// A packet socket could not be opened: no such interface, or no permission.
    #[error("cannot open a packet socket on the interface with index {index}")]
    PacketSocket {
        /// The index of the interface.
        index: u32,
        /// Why.
        source: io::Error,
    },
    /// The rtnetlink socket could not be opened.
    #[error("cannot open an rtnetlink socket")]
    NetlinkSocket(#[source] io::Error),
    /// The kernel did not list its links or addresses.
    #[error("cannot list links and addresses")]
    NetlinkDump(#[source] io::Error),
    /// The rtnetlink socket was closed.
    #[error("the rtnetlink socket was closed")]
    NetlinkClosed,
}

impl Interface {
    /// Starts a responder on the interface with this index, with no address yet. The seed is for the jitter of periodic
    /// announcements and probes: give each machine another, so that they do not act in step.
    ///
    /// # Errors
    /// [`DriverError::PacketSocket`].
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn spawn(index: u32, link: Link, config: Config, seed: u64) -> Result<Self, DriverError> {
        let sockets =
            Sockets::open(index).map_err(|source| DriverError::PacketSocket { index, source })?;
        let responder = Responder::new(link, config, seed);
        let (desired, desired_rx) = watch::channel(Desired {
            link,
            addresses: BTreeMap::new(),
            siblings: BTreeSet::new(),
            marker: None,
            reception: Reception::Filtered,
        });
        let (orders, orders_rx) = mpsc::unbounded_channel();
        let (events_tx, events) = mpsc::channel(EVENTS);
        let (status_tx, status) = watch::channel(Status::new(&responder));
        let task = Task::new(index, sockets, responder, events_tx, status_tx);
        Ok(Self {
            desired,
            orders,
            events,
            status,
            task: tokio::spawn(task.run(desired_rx, orders_rx)),
        })
    }

    /// Cares for these addresses, and no others, from now on. The same map again changes nothing.
    pub fn set_addresses(&self, addresses: BTreeMap<IpAddr, Role>) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.addresses, addresses));
    }

    /// The hardware addresses of this machine's other interfaces, whose claims are our own. The same set again changes
    /// nothing.
    pub fn set_siblings(&self, siblings: BTreeSet<MacAddr>) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.siblings, siblings));
    }

    /// Marks announcements with this, or with nothing. The same again changes nothing.
    pub fn set_marker(&self, marker: Option<Marker>) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.marker, marker));
    }

    /// Which frames the card hands over. The same again changes nothing.
    pub fn set_reception(&self, reception: Reception) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.reception, reception));
    }

    /// Says who keeps an address that another station claims ([`Event::Claimed`], [`Event::Conflict`]); also unasked, as
    /// [`Input::Settle`](crate::Input::Settle) tells.
    pub fn settle(&self, address: IpAddr, by: MacAddr, verdict: Verdict) {
        self.order(Order::Settle {
            address,
            by,
            verdict,
        });
    }

    /// Asks one station for an address that is held, which it may have as well ([`Input::Ask`](crate::Input::Ask)).
    pub fn ask(&self, address: IpAddr, station: MacAddr) {
        self.order(Order::Ask { address, station });
    }

    /// Announces every address that is held anew, as often as one that is new.
    pub fn refresh(&self) {
        self.order(Order::Refresh);
    }

    /// Announces one of the addresses that are held once more: the next one each time.
    pub fn remind(&self) {
        self.order(Order::Remind);
    }

    /// The interface is now like this. The same link again changes nothing.
    pub fn set_link(&self, link: Link) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.link, link));
    }

    /// The events, of which some thousands are kept: the channel closes when the task has ended.
    pub const fn events(&mut self) -> &mut mpsc::Receiver<InterfaceEvent> {
        &mut self.events
    }

    /// What the interface is doing; it can be watched, and outlives the interface.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Stops answering, leaves all groups and waits until that is done. Nothing is sent that would take the addresses
    /// back: the protocols have no such message.
    pub async fn stop(self) {
        drop(self.desired);
        drop(self.orders);
        // An error here is a panic in the task, which has been reported; the sockets are closed in any case.
        let _ = self.task.await;
    }

    fn order(&self, order: Order) {
        // An error says that the task has ended, which the events have told.
        let _ = self.orders.send(order);
    }
}

impl Status {
    fn new(responder: &Responder) -> Self {
        Self {
            link: responder.link(),
            addresses: responder.addresses(),
            drops: responder.drops().clone(),
            overruns: 0,
            transmit_failures: 0,
            events_lost: 0,
        }
    }
}

fn replace_if_other<T: PartialEq>(old: &mut T, new: T) -> bool {
    let other = *old != new;
    if other {
        *old = new;
    }
    other
}

/// How many events wait for a reader before they are lost: a node that comes back may be claimed against for every
/// address at once.
const EVENTS: usize = 16_384;
