//! A responder at work in a namespace.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use arp_ndp::driver::{Interface, InterfaceEvent, Interfaces, Status};
use arp_ndp::{Config, Event, Protocols, Role};
use lab::Namespace;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::{named, wait_for_link};

/// A runtime in a namespace, with a responder on a link.
pub(crate) struct Responding {
    pub(crate) runtime: Runtime,
    pub(crate) interface: Interface,
}

impl Responding {
    /// On `eth0`.
    pub(crate) fn start(namespace: &Namespace) -> Self {
        Self::start_on(namespace, "eth0")
    }

    pub(crate) fn start_on(namespace: &Namespace, link: &'static str) -> Self {
        let runtime = runtime(namespace);
        let interface = on(&runtime, async {
            let interfaces = Interfaces::spawn().await.unwrap();
            // Neighbour Discovery is spoken once the link-local address is there.
            let info = wait_for_link(&interfaces, |links| {
                named(links, link).filter(|info| {
                    info.responder_link()
                        .is_some_and(|link| link.protocols == Protocols::all())
                })
            });
            let info = info.await;
            interfaces.stop().await;
            let link = info.responder_link().unwrap();
            // However late the other one is, who leaves waits for it.
            let config = Config::default().with_hand_over(TIMEOUT);
            Interface::spawn(info.index, link, config, 7).unwrap()
        });
        Self { runtime, interface }
    }

    pub(crate) fn answer_for(&self, addresses: &[&str]) {
        let addresses = ips(addresses);
        self.interface.set_addresses(owned(addresses.clone()));
        self.wait_for(move |status| status.addresses.keys().eq(&addresses));
    }

    /// Everything in one role.
    pub(crate) fn set_role(&self, role: Role, addresses: &[&str]) {
        let addresses = ips(addresses).into_iter().map(|address| (address, role));
        self.interface.set_addresses(addresses.collect());
    }

    /// Waits for an event and returns it.
    pub(crate) fn wait_for_event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let events = self.interface.events();
        let found = async {
            loop {
                match events.recv().await {
                    Some(InterfaceEvent::Responder(event)) if wanted(&event) => return event,
                    Some(_) => {}
                    None => panic!("the responder has ended"),
                }
            }
        };
        let limited = self
            .runtime
            .block_on(async { timeout(TIMEOUT, found).await });
        limited.expect("the event comes")
    }

    pub(crate) fn wait_for(&self, hold: impl Fn(&Status) -> bool + Send + 'static) -> Status {
        let mut status = self.interface.status();
        on(&self.runtime, async move {
            let held = timeout(TIMEOUT, status.wait_for(hold)).await;
            held.expect("the status comes to hold").unwrap().clone()
        })
    }

    pub(crate) fn stop(self) {
        on(&self.runtime, self.interface.stop());
    }
}

/// A runtime whose threads are in a namespace.
pub(crate) fn runtime(namespace: &Namespace) -> Runtime {
    let build = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
    };
    namespace.run(build).unwrap().unwrap()
}

/// Runs a future on the threads of a runtime, not on this one.
pub(crate) fn on<T: Send + 'static>(
    runtime: &Runtime,
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    runtime.block_on(runtime.spawn(future)).unwrap()
}

pub(crate) fn ips(texts: &[&str]) -> BTreeSet<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn owned(addresses: BTreeSet<IpAddr>) -> BTreeMap<IpAddr, Role> {
    addresses
        .into_iter()
        .map(|address| (address, Role::Owner))
        .collect()
}

/// Longer than a burst of announcements, and the second by which counters may be late.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
