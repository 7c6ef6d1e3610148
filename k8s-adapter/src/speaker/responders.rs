//! The kernel's links, and ARP and NDP on them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use arp_ndp::driver::{
    DriverError, Interface as Driver, InterfaceEvent, Interfaces, LinkInfo, Links, Status,
};
use arp_ndp::{Announcement, Config, Event, Link, MacAddr, Marker, Role, Verdict};
use ipnet::IpNet;
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
                subnets: subnets(info),
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

    fn set_marker(&self, marker: Marker) {
        self.driver.set_marker(Some(marker));
    }

    fn settle(&self, address: IpAddr, by: MacAddr, verdict: Verdict) {
        self.driver.settle(address, by, verdict);
    }

    fn ask(&self, address: IpAddr, station: MacAddr) {
        self.driver.ask(address, station);
    }

    fn refresh(&self) {
        self.driver.refresh();
    }

    fn remind(&self) {
        self.driver.remind();
    }

    /// Counts the events, which the driver has logged already.
    async fn events(&mut self) -> Vec<Event> {
        let mut told = Vec::new();
        while told.is_empty() {
            let mut batch = Vec::new();
            if self.driver.events().recv_many(&mut batch, BATCH).await == 0 {
                break;
            }
            for event in batch {
                match event {
                    // The last one.
                    InterfaceEvent::Failed(_) => return Vec::new(),
                    InterfaceEvent::Responder(event) => {
                        self.count(event);
                        told.push(event);
                    }
                    _ => {}
                }
            }
        }
        told
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

/// The subnets that a link is on, save that of link-local addresses, which every link is on, and those of one address.
fn subnets(info: &LinkInfo) -> BTreeSet<IpNet> {
    let nets = info
        .addresses
        .iter()
        .filter_map(|own| IpNet::new(own.address, own.prefix_len).ok());
    let is_link_local = |net: &IpNet| match net.addr() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    nets.filter(|net| net.prefix_len() < net.max_prefix_len() && !is_link_local(net))
        .map(|net| net.trunc())
        .collect()
}

/// How many events are taken in at a time.
const BATCH: usize = 1024;
