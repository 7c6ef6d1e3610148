//! What one node makes of what is the same for all.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::bgp::{Bgp, Rescoped};
use crate::departure::Departure;
use crate::desired::{AddressDesired, Desired, Tenure};
use crate::l2::{Layer2, Reached};
use crate::names::{NodeName, ServiceKey};
use crate::snapshot::Snapshot;
use crate::subject::Examined;
use crate::verdict::{L2Announcement, Reason, Verdict, Verdicts};

/// What one node makes of what is the same for all: its sessions and routes, and its own part of the elections.
#[derive(Clone, Debug)]
pub(crate) struct Outlook {
    me: NodeName,
    departure: Departure,
    /// Whether its Node asks it to drain.
    is_draining: bool,
    /// The addresses that it really has.
    held: BTreeSet<IpAddr>,
    /// Those of them that it does not announce.
    stray: BTreeSet<IpAddr>,
    bgp: Bgp,
    desired: Desired,
}

impl Outlook {
    /// Of node `me`, which stays; nothing is known yet.
    pub(crate) fn new(me: NodeName) -> Self {
        Self {
            bgp: Bgp::new(&me),
            me,
            departure: Departure::Staying,
            is_draining: false,
            held: BTreeSet::new(),
            stray: BTreeSet::new(),
            desired: Desired::default(),
        }
    }

    pub(crate) fn me(&self) -> &NodeName {
        &self.me
    }

    pub(crate) fn departure(&self) -> Departure {
        self.departure
    }

    pub(crate) fn held(&self) -> &BTreeSet<IpAddr> {
        &self.held
    }

    pub(crate) fn desired(&self) -> &Desired {
        &self.desired
    }

    pub(crate) fn into_desired(self) -> Desired {
        self.desired
    }

    /// How far the node has got with leaving, from the next call of [`Self::rescope`] on.
    pub(crate) fn set_departure(&mut self, departure: Departure) {
        self.departure = departure;
    }

    /// The addresses that the node really has are these now. Decides about what depends on it.
    pub(crate) fn set_held(&mut self, held: BTreeSet<IpAddr>, layer2: &Layer2) {
        let before = std::mem::replace(&mut self.held, held);
        let mut addresses: BTreeSet<IpAddr> =
            before.symmetric_difference(&self.held).copied().collect();
        let sharing = addresses.iter().flat_map(|address| layer2.sharing(address));
        let services: BTreeSet<ServiceKey> = sharing.collect();
        for key in &services {
            self.decide(key, layer2, &mut addresses);
        }
        for address in addresses {
            self.answer_for(address, layer2);
        }
    }

    /// Takes over another configuration, another Node or another departure.
    pub(crate) fn rescope(&mut self, snapshot: &Snapshot) -> Rescoped {
        let node = snapshot.nodes.get(&self.me);
        let is_draining = node.is_some_and(|node| node.is_draining);
        let same = std::mem::replace(&mut self.is_draining, is_draining) == is_draining;
        let rescoped = self.bgp.rescope(snapshot, &self.me, self.departure);
        if same { rescoped } else { Rescoped::Yes }
    }

    /// Decides about all `services` anew, save the elections.
    pub(crate) fn look_around(
        &mut self,
        snapshot: &Snapshot,
        services: &Examined<'_>,
        layer2: &Layer2,
    ) {
        self.rescope(snapshot);
        self.update(services, layer2, Reached::default());
    }

    /// Takes over what has become of Services, and of the elections.
    pub(crate) fn update(&mut self, services: &Examined<'_>, layer2: &Layer2, reached: Reached) {
        let mut others = self.bgp.update(&self.me, services);
        others.extend(reached.services);
        if reached.candidates {
            let staying = self.held.iter().filter(|address| layer2.stays(address));
            others.extend(staying.flat_map(|address| layer2.sharing(address)));
        }
        others.retain(|key| !services.contains_key(key));
        if reached.nodes.contains(&self.me) {
            let all = self.desired.verdicts.keys();
            others.extend(all.filter(|key| !services.contains_key(key)).cloned());
        }
        let mut addresses = self.stray.clone();
        for (key, subject) in services {
            match subject {
                Some(Ok(_)) => self.decide(key, layer2, &mut addresses),
                Some(Err(reason)) => {
                    let verdicts = Verdicts {
                        bgp: Verdict::Withheld(reason.clone()),
                        layer2: Verdict::Withheld(reason.clone()),
                    };
                    self.put(key, Some(verdicts), &mut addresses);
                }
                None => self.put(key, None, &mut addresses),
            }
        }
        for key in &others {
            self.decide(key, layer2, &mut addresses);
        }
        for address in addresses {
            self.answer_for(address, layer2);
        }
        self.desired.peers = self.bgp.peers();
    }

    /// Decides about a Service, if it has something to announce.
    fn decide(&mut self, key: &ServiceKey, layer2: &Layer2, addresses: &mut BTreeSet<IpAddr>) {
        let Some(layer2) = layer2.verdict(key, &self.me, &self.held) else {
            return;
        };
        let verdicts = Verdicts {
            bgp: self.bgp.verdict(key),
            layer2: self.layer2_verdict(layer2),
        };
        self.put(key, Some(verdicts), addresses);
    }

    /// A node that drains keeps what the election leaves it, since no other could have it. One that leaves without a word
    /// on its Node is elected by nodes that do not know.
    fn layer2_verdict(&self, elected: Verdict<L2Announcement>) -> Verdict<L2Announcement> {
        match elected {
            Verdict::Announced(_) if self.departure == Departure::Gone && !self.is_draining => {
                Verdict::Withheld(Reason::Draining)
            }
            verdict => verdict,
        }
    }

    /// Sets what is decided about a Service, and notes the addresses that are answered for otherwise.
    fn put(
        &mut self,
        key: &ServiceKey,
        verdicts: Option<Verdicts>,
        addresses: &mut BTreeSet<IpAddr>,
    ) {
        let before = self.desired.verdicts.get(key);
        if before == verdicts.as_ref() {
            return;
        }
        let either = [before, verdicts.as_ref()].into_iter().flatten();
        let announced = either.filter_map(|verdicts| verdicts.layer2.announcement());
        addresses.extend(announced.flat_map(|announcement| &announcement.addresses));
        match verdicts {
            Some(verdicts) => self.desired.verdicts.insert(key.clone(), verdicts),
            None => self.desired.verdicts.remove(key),
        };
    }

    /// On the interfaces of all Services that this node announces the address for; or, where it announces none, until the
    /// node has the address that it goes to.
    fn answer_for(&mut self, address: IpAddr, layer2: &Layer2) {
        let announced = self.announced(&address, layer2);
        if announced.is_none() && self.held.contains(&address) {
            self.stray.insert(address);
        } else {
            self.stray.remove(&address);
        }
        let wanted = announced.or_else(|| {
            let is_stray = self.stray.contains(&address);
            let interfaces = is_stray.then(|| layer2.handing_over(&address, &self.me));
            Some(AddressDesired {
                interfaces: interfaces.flatten()?,
                tenure: Tenure::Leaving,
            })
        });
        match wanted {
            Some(wanted) => {
                if self.desired.addresses.get(&address) != Some(&wanted) {
                    self.desired.addresses.insert(address, wanted);
                }
            }
            None => drop(self.desired.addresses.remove(&address)),
        }
    }

    /// How this node answers for an address as its owner, if it is.
    fn announced(&self, address: &IpAddr, layer2: &Layer2) -> Option<AddressDesired> {
        let verdicts = layer2
            .holders(address)
            .filter_map(|key| self.desired.verdicts.get(key));
        let announced = verdicts.filter_map(|verdicts| verdicts.layer2.announcement());
        let wanted = announced.map(|announcement| AddressDesired {
            interfaces: announcement.interfaces.clone(),
            tenure: announcement.tenure,
        });
        wanted.reduce(|one, other| AddressDesired {
            interfaces: one.interfaces.union(other.interfaces),
            tenure: one.tenure,
        })
    }
}
