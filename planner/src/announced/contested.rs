//! What speakers say of hosts that are no speakers and claim addresses of Services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::names::NodeName;

/// What one node says of such hosts, by the address that is claimed: a sentence that names address, host and node.
pub type Claims = BTreeMap<IpAddr, String>;

/// What all nodes say of such hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contested(BTreeMap<IpAddr, BTreeMap<NodeName, String>>);

impl Contested {
    /// Takes up all that a node says now. Returns the addresses of which it says something else than before.
    pub(super) fn hear(&mut self, node: &NodeName, claims: &Claims) -> BTreeSet<IpAddr> {
        let before = self.0.iter();
        let before = before.filter(|(_, nodes)| nodes.contains_key(node));
        let mut changed: BTreeSet<IpAddr> = before.map(|(address, _)| *address).collect();
        changed.extend(claims.keys());
        changed.retain(|address| self.hear_about(*address, node, claims.get(address)));
        changed
    }

    /// Takes up what a node says of one address. Returns whether that is something else than before.
    fn hear_about(&mut self, address: IpAddr, node: &NodeName, says: Option<&String>) -> bool {
        let nodes = self.0.entry(address).or_default();
        let before = match says {
            Some(says) => nodes.insert(node.clone(), says.clone()),
            None => nodes.remove(node),
        };
        if nodes.is_empty() {
            self.0.remove(&address);
        }
        before.as_ref() != says
    }

    /// What is said of some addresses by nodes whose word counts.
    pub(super) fn about(
        &self,
        addresses: impl IntoIterator<Item = IpAddr>,
        counts: impl Fn(&NodeName) -> bool,
    ) -> Option<String> {
        let nodes = addresses
            .into_iter()
            .filter_map(|address| self.0.get(&address));
        let said = nodes.filter_map(|nodes| {
            let mut said = nodes.iter().filter(|(node, _)| counts(node));
            said.next().map(|(_, says)| says.as_str())
        });
        let said: Vec<&str> = said.collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}
