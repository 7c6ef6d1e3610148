//! Which addresses are new to the cluster: nobody of ours can have announced them, and they are looked for before the
//! first use.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use planner::names::ServiceKey;
use planner::snapshot::Snapshot;

/// The addresses that this process has seen on Services, and those of them that are new.
///
/// What is there when it begins is not new, nor is what comes back. An address that is new stops to be after a while: whoever
/// owns it has looked for it by then, and who takes over from that one need not.
#[derive(Clone, Debug)]
pub(super) struct Fresh {
    probe: Probe,
    /// `None` before the first look.
    seen: Option<BTreeSet<IpAddr>>,
    /// Until when each of these is new.
    new: BTreeMap<IpAddr, Instant>,
}

/// Whether new addresses are looked for before they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// They are.
    NewAddresses,
    /// They are used at once.
    Nothing,
}

impl Fresh {
    /// Nothing has been seen yet.
    pub(super) const fn new(probe: Probe) -> Self {
        Self {
            probe,
            seen: None,
            new: BTreeMap::new(),
        }
    }

    /// Looks at the Services that have changed; at all of them when it is the first time.
    pub(super) fn look(
        &mut self,
        now: Instant,
        snapshot: &Snapshot,
        changed: &BTreeSet<ServiceKey>,
    ) {
        if self.probe == Probe::Nothing {
            return;
        }
        self.new.retain(|_, until| *until > now);
        let Some(seen) = &mut self.seen else {
            let services = snapshot.services.values();
            self.seen = Some(services.flat_map(|service| service.addresses()).collect());
            return;
        };
        let services = changed.iter().filter_map(|key| snapshot.services.get(key));
        for address in services.flat_map(|service| service.addresses()) {
            if seen.insert(address) {
                self.new.insert(address, now + NEW_FOR);
            }
        }
    }

    /// Whether an address is new.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.new.contains_key(&address)
    }
}

/// How long an address is new: longer than its first owner may wait for kube-proxy.
const NEW_FOR: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use planner::service::{AddressField, Service};

    use super::*;

    fn having(addresses: &[&str]) -> (Snapshot, BTreeSet<ServiceKey>) {
        let key = |address: &&str| ServiceKey::new("shop", address.replace('.', "-"));
        let service = |address: &&str| {
            let service = Service {
                ingress: vec![AddressField::parse(address)],
                ..Service::default()
            };
            (key(address), Arc::new(service))
        };
        let snapshot = Snapshot {
            services: addresses.iter().map(service).collect(),
            ..Snapshot::default()
        };
        (snapshot, addresses.iter().map(key).collect())
    }

    #[test]
    fn new_is_what_comes_after_the_first_look_for_a_while_and_once() {
        let now = Instant::now();
        let mut fresh = Fresh::new(Probe::NewAddresses);
        let look = |fresh: &mut Fresh, now, addresses: &[&str]| {
            let (snapshot, changed) = having(addresses);
            fresh.look(now, &snapshot, &changed);
            let all = ["198.51.100.1", "198.51.100.2"].map(|text| text.parse().unwrap());
            all.map(|address| fresh.contains(address))
        };
        assert_eq!(look(&mut fresh, now, &["198.51.100.1"]), [false, false]);
        let both = ["198.51.100.1", "198.51.100.2"];
        assert_eq!(look(&mut fresh, now, &both), [false, true]);
        assert_eq!(look(&mut fresh, now + NEW_FOR, &both), [false, false]);
        assert_eq!(look(&mut fresh, now + NEW_FOR, &[]), [false, false]);
        assert_eq!(look(&mut fresh, now + NEW_FOR, &both), [false, false]);
    }

    #[test]
    fn nothing_is_new_where_nothing_is_looked_for() {
        let mut fresh = Fresh::new(Probe::Nothing);
        for addresses in [&[][..], &["198.51.100.1"]] {
            let (snapshot, changed) = having(addresses);
            fresh.look(Instant::now(), &snapshot, &changed);
        }
        assert!(!fresh.contains("198.51.100.1".parse().unwrap()));
    }
}
