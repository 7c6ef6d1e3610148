//! What happened in a simulation, line by line, for whoever looks into one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use arp_ndp::Tenure;

/// Prints, or does not.
#[derive(Default)]
pub(super) struct Trace {
    is_wanted: bool,
    known: BTreeMap<(usize, IpAddr), Tenure>,
}

impl Trace {
    /// One that prints.
    pub(super) fn printed() -> Self {
        Self {
            is_wanted: true,
            known: BTreeMap::new(),
        }
    }

    /// Something happens.
    pub(super) fn say(&self, at: Duration, what: impl FnOnce() -> String) {
        if self.is_wanted {
            println!("{:9.3} {}", at.as_secs_f64(), what());
        }
    }

    /// The addresses stand so on each node.
    pub(super) fn follow(
        &mut self,
        at: Duration,
        nodes: impl Iterator<Item = (usize, BTreeMap<IpAddr, Tenure>)>,
    ) {
        if !self.is_wanted {
            return;
        }
        let tenures = nodes.flat_map(|(node, tenures)| {
            let tenures = tenures.into_iter();
            tenures.map(move |(address, tenure)| ((node, address), tenure))
        });
        let now: BTreeMap<_, _> = tenures.collect();
        for ((node, address), tenure) in &now {
            if self.known.get(&(*node, *address)) != Some(tenure) {
                self.say(at, || format!("    node-{node} {address} {tenure:?}"));
            }
        }
        for (node, address) in self.known.keys().filter(|key| !now.contains_key(key)) {
            self.say(at, || format!("    node-{node} {address} -"));
        }
        self.known = now;
    }
}
