//! The kernel's links, and ARP and NDP on them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use arp_ndp::driver::{
    DriverError, Interface as Driver, InterfaceEvent, Interfaces, Links, Status,
};
use arp_ndp::{Announcement, Config, Event, Link, Role};
use planner::names::Interface;
use tokio::sync::watch;

use super::board::Board;
use super::exclude::Exclusions;
use super::layer2::{Respond, Responders, UsableLink};
use super::tally::Tally;

/// The links of the network namespace, and responders on packet sockets.
#[derive(Debug)]
pub(super) struct KernelResponders {
    links: watch::Receiver<Arc<Links>>,
    config: Config,
    seed: u64,
    tally: Tally,
    board: Board<u32, Status>,
    _interfaces: Interfaces,
}

/// A responder whose announcements are counted.
#[derive(Debug)]
pub(super) struct CountedResponder {
    index: u32,
    driver: Driver,
    links: watch::Receiver<Arc<Links>>,
    tally: Tally,
}

impl KernelResponders {
    /// Follows the machine's links. The seed is for the jitter of the periodic announcements: another on each node.
    /// First announcements go into the tally.
    ///
    /// # Errors
    /// rtnetlink does not answer.
    pub(super) async fn new(config: Config, seed: u64, tally: Tally) -> Result<Self, DriverError> {
        let interfaces = Interfaces::spawn().await?;
        Ok(Self {
            links: interfaces.links(),
            config,
            seed,
            tally,
            board: Board::default(),
            _interfaces: interfaces,
        })
    }

    /// The responders at work, by interface index.
    pub(super) fn board(&self) -> Board<u32, Status> {
        self.board.clone()
    }

    /// All links of the machine, usable or not.
    pub(super) fn all_links(&self) -> watch::Receiver<Arc<Links>> {
        self.links.clone()
    }
}

impl Responders for KernelResponders {
    type Responder = CountedResponder;

    /// Not excluded by name, Ethernet, no part of a bridge or bond, and resolving addresses (compat/metallb.md 6.3).
    /// ARP takes a broadcast address, NDP a link-local one.
    fn links(&mut self, exclusions: &Exclusions) -> BTreeMap<u32, UsableLink> {
        let links = Arc::clone(&self.links.borrow_and_update());
        let named = links
            .values()
            .filter(|info| !exclusions.contains(&info.name));
        let usable = named.filter_map(|info| {
            let name = Interface::new(info.name.as_str());
            Some(UsableLink {
                index: info.index,
                name,
                link: info.responder_link()?,
            })
        });
        usable.map(|usable| (usable.index, usable)).collect()
    }

    async fn links_changed(&mut self) {
        if self.links.changed().await.is_err() {
            // Following ended with its task, which has said why; what is known of the links stays.
            std::future::pending().await
        }
    }

    fn start(&mut self, usable: &UsableLink) -> Result<Self::Responder, DriverError> {
        let seed = self.seed ^ u64::from(usable.index);
        let driver = Driver::spawn(usable.index, usable.link, self.config, seed)?;
        self.board.show(usable.index, driver.status());
        let tally = self.tally.clone();
        Ok(CountedResponder {
            index: usable.index,
            driver,
            links: self.links.clone(),
            tally,
        })
    }
}

impl Respond for CountedResponder {
    /// Two interfaces of one machine may be on the same link: what the one announces is no rival's claim to the other.
    fn set_link(&self, link: Link) {
        let links = Arc::clone(&self.links.borrow());
        let others = links.values().filter(|other| other.index != self.index);
        self.driver
            .set_siblings(others.filter_map(|other| other.mac).collect());
        self.driver.set_link(link);
    }

    fn set_addresses(&self, addresses: BTreeMap<IpAddr, Role>) {
        self.driver.set_addresses(addresses);
    }

    /// Reads the events on the way, which the driver has logged already.
    async fn broken(&mut self) {
        while let Some(event) = self.driver.events().recv().await {
            match event {
                InterfaceEvent::Failed(_) => return,
                InterfaceEvent::Responder(event) => self.count(event),
                _ => {}
            }
        }
    }

    async fn stop(self) {
        self.driver.stop().await;
    }
}

impl CountedResponder {
    fn count(&self, event: Event) {
        match event {
            Event::Announced {
                address,
                announcement: Announcement::Takeover { round: 1 },
            } => self.tally.announced(address),
            Event::Claimed { address, .. } => self.tally.contested(address),
            _ => {}
        }
    }
}
