//! Links that never fail unless they are told to, and responders that record what they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arp_ndp::driver::DriverError;
use arp_ndp::{Announcement, Event, Link, MacAddr, Marker, Role, Verdict};
use planner::members::{Member, MemberLink};
use planner::names::Interface;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::sleep;

use super::Record;
use crate::speaker::exclude::Exclusions;
use crate::speaker::layer2::{Respond, Responders, UsableLink};

/// The MAC address of `eth0` on a node: its last letter in it.
pub(in crate::speaker::tests) fn mac(node: &str) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, *node.as_bytes().last().unwrap()])
}

/// A member with the link `eth0`, which is up.
pub(in crate::speaker::tests) fn member(node: &str) -> Member {
    let link = MemberLink {
        is_up: true,
        subnets: BTreeSet::new(),
        macs: [mac(node).octets()].into(),
    };
    Member {
        links: [("eth0".into(), link)].into(),
        is_draining: false,
    }
}

pub(super) fn usable(node: &str, names: &[&str]) -> BTreeMap<u32, UsableLink> {
    let link = |(index, name): (u32, &&str)| {
        let link = Link::new(mac(node));
        (
            index,
            UsableLink {
                index,
                name: Interface::from(*name),
                link,
                subnets: BTreeSet::new(),
            },
        )
    };
    (1..).zip(names).map(link).collect()
}

pub(super) struct FakeResponders {
    pub(super) links: watch::Receiver<BTreeMap<u32, UsableLink>>,
    pub(super) record: Arc<Mutex<Record>>,
}

impl Responders for FakeResponders {
    type Responder = FakeResponder;

    fn links(&mut self, exclusions: &Exclusions) -> BTreeMap<u32, UsableLink> {
        let mut links = self.links.borrow_and_update().clone();
        links.retain(|_, usable| !exclusions.contains(usable.name.as_str()));
        links
    }

    async fn links_changed(&mut self) {
        self.links.changed().await.unwrap();
    }

    fn start(&mut self, usable: &UsableLink) -> Result<FakeResponder, DriverError> {
        let mut record = self.record.lock().unwrap();
        let (index, name) = (usable.index, usable.name.to_string());
        if record.closed_links.contains(&name) {
            let source = io::ErrorKind::PermissionDenied.into();
            return Err(DriverError::PacketSocket { index, source });
        }
        let breaker = Arc::new(Notify::new());
        record.breakers.insert(name.clone(), Arc::clone(&breaker));
        let (tell, events) = mpsc::unbounded_channel();
        record.tellers.insert(name.clone(), tell);
        Ok(FakeResponder {
            name,
            breaker,
            events,
            record: Arc::clone(&self.record),
        })
    }
}

/// Announces at once whatever is to be announced, but for what is to be looked for first, and hands over to nobody in
/// particular.
pub(super) struct FakeResponder {
    name: String,
    breaker: Arc<Notify>,
    events: mpsc::UnboundedReceiver<Event>,
    record: Arc<Mutex<Record>>,
}

impl Respond for FakeResponder {
    fn set_link(&self, _: Link) {}

    fn set_addresses(&self, addresses: BTreeMap<IpAddr, Role>) {
        let mut record = self.record.lock().unwrap();
        let before = record.answers.get(&self.name);
        let changed = addresses.iter().filter(|(address, role)| {
            let before = before.and_then(|before| before.get(*address));
            before != Some(role)
        });
        for (address, role) in changed {
            let (address, tell) = (*address, record.tellers[&self.name].clone());
            let announcement = Announcement::Takeover { round: 1 };
            let announced = Event::Announced {
                address,
                announcement,
            };
            let (delay, event) = match role {
                Role::Leaving => (HAND_OVER, Event::HandedOver { address, to: None }),
                Role::NewOwner => (PROBE, announced),
                _ => {
                    tell.send(announced).unwrap();
                    continue;
                }
            };
            tokio::spawn(async move {
                sleep(delay).await;
                let _ = tell.send(event);
            });
        }
        record.answers.insert(self.name.clone(), addresses);
    }

    fn set_marker(&self, marker: Marker) {
        let mut record = self.record.lock().unwrap();
        record.markers.insert(self.name.clone(), marker);
    }

    fn settle(&self, address: IpAddr, by: MacAddr, verdict: Verdict) {
        let mut record = self.record.lock().unwrap();
        let name = &self.name;
        record
            .verdicts
            .push(format!("{name} {address} {by} {verdict:?}"));
    }

    fn ask(&self, address: IpAddr, station: MacAddr) {
        let mut record = self.record.lock().unwrap();
        *record.asked.entry((address, station)).or_default() += 1;
    }

    fn refresh(&self) {
        let refreshed = format!("{} announces all", self.name);
        self.record.lock().unwrap().verdicts.push(refreshed);
    }

    fn remind(&self) {
        self.record.lock().unwrap().reminders += 1;
    }

    async fn events(&mut self) -> Vec<Event> {
        tokio::select! {
            () = self.breaker.notified() => Vec::new(),
            Some(event) = self.events.recv() => vec![event],
        }
    }

    async fn stop(self) {}
}

impl Drop for FakeResponder {
    fn drop(&mut self) {
        self.record.lock().unwrap().answers.remove(&self.name);
    }
}

/// How long a responder looks for an address that is new.
pub(in crate::speaker::tests) const PROBE: Duration = Duration::from_millis(400);
/// How long a responder answers for what it is to leave.
pub(in crate::speaker::tests) const HAND_OVER: Duration = Duration::from_millis(500);
