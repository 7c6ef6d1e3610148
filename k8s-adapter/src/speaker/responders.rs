//! The kernel's links, and ARP and NDP on them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use arp_ndp::driver::{DriverError, Interface as Driver, InterfaceEvent, Interfaces, Links};
use arp_ndp::{Config, Link};
use planner::names::Interface;
use tokio::sync::watch;

use super::exclude::Exclusions;
use super::layer2::{Respond, Responders, UsableLink};

/// The links of the network namespace, and responders on packet sockets.
#[derive(Debug)]
pub(super) struct KernelResponders {
    links: watch::Receiver<Arc<Links>>,
    config: Config,
    seed: u64,
    _interfaces: Interfaces,
}

impl KernelResponders {
    /// Follows the machine's links. The seed is for the jitter of the periodic announcements: another on each node.
    ///
    /// # Errors
    /// rtnetlink does not answer.
    pub(super) async fn new(config: Config, seed: u64) -> Result<Self, DriverError> {
        let interfaces = Interfaces::spawn().await?;
        Ok(Self {
            links: interfaces.links(),
            config,
            seed,
            _interfaces: interfaces,
        })
    }

    /// All links of the machine, usable or not.
    pub(super) fn all_links(&self) -> watch::Receiver<Arc<Links>> {
        self.links.clone()
    }
}

impl Responders for KernelResponders {
    type Responder = Driver;

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
        Driver::spawn(
            usable.index,
            usable.link,
            self.config,
            self.seed ^ u64::from(usable.index),
        )
    }
}

impl Respond for Driver {
    fn set_link(&self, link: Link) {
        self.set_link(link);
    }

    fn set_addresses(&self, addresses: BTreeSet<IpAddr>) {
        self.set_addresses(addresses);
    }

    /// Reads the events on the way, which the driver has logged already.
    async fn broken(&mut self) {
        while let Some(event) = self.events().recv().await {
            if let InterfaceEvent::Failed(_) = event {
                return;
            }
        }
    }

    async fn stop(self) {
        self.stop().await;
    }
}
