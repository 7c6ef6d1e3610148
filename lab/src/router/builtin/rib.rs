//! What the neighbours have announced, and which of it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use crate::router::Route;

/// The paths of all neighbours, by prefix and neighbour.
#[derive(Debug, Default)]
pub(super) struct Rib {
    paths: BTreeMap<IpNet, BTreeMap<IpAddr, Route>>,
}

impl Rib {
    /// Takes a path, in place of the one that the neighbour had for the prefix.
    pub(super) fn insert(&mut self, route: Route) {
        let paths = self.paths.entry(route.prefix).or_default();
        paths.insert(route.peer, route);
    }

    /// Forgets a neighbour's path to a prefix.
    pub(super) fn remove(&mut self, prefix: IpNet, peer: IpAddr) {
        if let Some(paths) = self.paths.get_mut(&prefix) {
            paths.remove(&peer);
            if paths.is_empty() {
                self.paths.remove(&prefix);
            }
        }
    }

    /// Forgets all paths of a neighbour, and returns the prefixes that they led to.
    pub(super) fn remove_peer(&mut self, peer: IpAddr) -> Vec<IpNet> {
        let with_path = self
            .paths
            .iter()
            .filter(|(_, paths)| paths.contains_key(&peer));
        let prefixes: Vec<IpNet> = with_path.map(|(&prefix, _)| prefix).collect();
        for &prefix in &prefixes {
            self.remove(prefix, peer);
        }
        prefixes
    }

    /// The next hops of the best paths: of those with the highest LOCAL_PREF the ones with the shortest AS_PATH, of
    /// these the ones with the lowest MULTI_EXIT_DISC (RFC 4271 §9.1.2.2, as far as a lab's nodes differ).
    pub(super) fn next_hops(&self, prefix: IpNet) -> BTreeSet<IpAddr> {
        let rank = |route: &Route| {
            let local_pref = route.local_pref.unwrap_or(DEFAULT_LOCAL_PREF);
            (
                std::cmp::Reverse(local_pref),
                route.as_path.len(),
                route.med.unwrap_or_default(),
            )
        };
        let paths = || {
            self.paths
                .get(&prefix)
                .into_iter()
                .flat_map(BTreeMap::values)
        };
        let best = paths().map(rank).min();
        paths()
            .filter(|route| Some(rank(route)) == best)
            .map(|route| route.next_hop)
            .collect()
    }

    /// All paths, ordered by prefix and neighbour.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.paths.values().flat_map(BTreeMap::values)
    }
}

/// What most routers take where there is none.
const DEFAULT_LOCAL_PREF: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> IpNet {
        "203.0.113.1/32".parse().unwrap()
    }

    fn path(last_octet: u8) -> Route {
        let peer = IpAddr::from([198, 51, 100, last_octet]);
        Route {
            prefix: prefix(),
            peer,
            next_hop: peer,
            as_path: vec![64500],
            local_pref: None,
            med: None,
            communities: Vec::new(),
            large_communities: Vec::new(),
        }
    }

    fn rib(paths: impl IntoIterator<Item = Route>) -> Rib {
        let mut rib = Rib::default();
        paths.into_iter().for_each(|path| rib.insert(path));
        rib
    }

    fn hops(last_octets: &[u8]) -> BTreeSet<IpAddr> {
        last_octets
            .iter()
            .map(|&last| path(last).next_hop)
            .collect()
    }

    #[test]
    fn equal_paths_are_used_side_by_side() {
        assert_eq!(
            rib([path(11), path(12)]).next_hops(prefix()),
            hops(&[11, 12])
        );
    }

    #[test]
    fn local_pref_counts_before_as_path_and_as_path_before_med() {
        let preferred = Route {
            local_pref: Some(200),
            as_path: vec![64500, 64500],
            ..path(11)
        };
        assert_eq!(rib([preferred, path(12)]).next_hops(prefix()), hops(&[11]));
        let longer = Route {
            as_path: vec![64500, 64500],
            ..path(11)
        };
        let with_med = Route {
            med: Some(5),
            ..path(12)
        };
        assert_eq!(
            rib([longer, with_med.clone()]).next_hops(prefix()),
            hops(&[12])
        );
        assert_eq!(rib([path(11), with_med]).next_hops(prefix()), hops(&[11]));
    }

    #[test]
    fn a_neighbour_that_is_gone_leaves_no_path() {
        let mut rib = rib([path(11), path(12)]);
        assert_eq!(rib.remove_peer(path(11).peer), [prefix()]);
        assert_eq!(rib.next_hops(prefix()), hops(&[12]));
        assert_eq!(rib.remove_peer(path(12).peer), [prefix()]);
        assert_eq!(rib.routes().count(), 0);
    }
}
