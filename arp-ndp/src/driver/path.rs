//! Through which ports and links below each link's frames go.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::driver::links::{LinkFlags, Links};

/// Brings [`LinkInfo::path`](crate::driver::LinkInfo::path) of every link up to date.
pub(super) fn trace(links: &mut Links) {
    let mut ports: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for link in links.values() {
        if let Some(master) = link.master {
            ports.entry(master).or_default().push(link.index);
        }
    }
    let path = |index: &u32| {
        let below = below(links, &ports, *index);
        if below.is_empty() {
            return 0;
        }
        // Without a key, so that the same path is the same number in every run.
        let mut hasher = DefaultHasher::new();
        below.hash(&mut hasher);
        hasher.finish()
    };
    let paths: Vec<_> = links.keys().map(path).collect();
    for (link, path) in links.values_mut().zip(paths) {
        link.path = path;
    }
}

/// What runs below a link: the ports of a bridge, the active one of a bond, the link that a VLAN is on, and so forth.
fn below(links: &Links, ports: &BTreeMap<u32, Vec<u32>>, index: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut next = vec![index];
    while let Some(link) = next.pop().and_then(|index| links.get(&index)) {
        let ports = ports.get(&link.index).into_iter().flatten().copied();
        let used = ports.filter(|port| link.active_port.is_none_or(|active| active == *port));
        for index in used.chain(link.lower) {
            let runs = links
                .get(&index)
                .is_some_and(|below| below.flags.contains(LinkFlags::UP | LinkFlags::RUNNING));
            // Two ends of a cable name each other: what is found already has been followed.
            if runs && found.insert(index) {
                next.push(index);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::driver::LinkInfo;

    fn link(index: u32) -> LinkInfo {
        LinkInfo {
            index,
            name: format!("link{index}"),
            mac: None,
            mtu: 1500,
            flags: LinkFlags::UP | LinkFlags::RUNNING,
            master: None,
            lower: None,
            active_port: None,
            path: 0,
            addresses: BTreeSet::new(),
        }
    }

    fn traced(links: impl IntoIterator<Item = LinkInfo>) -> Links {
        let mut links = links.into_iter().map(|link| (link.index, link)).collect();
        trace(&mut links);
        links
    }

    /// A bridge 1 with ports 2 and 3, and a VLAN 4 on it.
    fn bridged(change: impl FnOnce(&mut [LinkInfo; 4])) -> [u64; 4] {
        let mut links = [1, 2, 3, 4].map(link);
        links[1].master = Some(1);
        links[2].master = Some(1);
        links[3].lower = Some(1);
        change(&mut links);
        let links = traced(links);
        [1, 2, 3, 4].map(|index| links[&index].path)
    }

    #[test]
    fn a_port_that_comes_goes_or_stops_running_changes_the_path_of_the_bridge_and_of_its_vlan() {
        let before = bridged(|_| {});
        assert_eq!(before, bridged(|_| {}));
        assert_eq!(before[1..3], [0, 0], "ports have nothing below them");
        let without = bridged(|links| links[2].master = None);
        let stopped = bridged(|links| links[2].flags = LinkFlags::UP);
        assert_eq!(without, stopped);
        assert_ne!(before[0], without[0]);
        assert_ne!(before[3], without[3]);
    }

    #[test]
    fn the_path_of_a_bond_is_its_active_port() {
        let first = bridged(|links| links[0].active_port = Some(2));
        let second = bridged(|links| links[0].active_port = Some(3));
        let third = bridged(|links| {
            links[0].active_port = Some(2);
            links[2].flags = LinkFlags::empty();
        });
        assert_ne!(first[0], second[0]);
        assert_eq!(first, third);
    }

    #[test]
    fn links_that_name_each_other_are_followed_once() {
        let mut ends = [1, 2].map(link);
        ends[0].lower = Some(2);
        ends[1].lower = Some(1);
        let links = traced(ends);
        assert_eq!(links[&1].path, links[&2].path);
    }
}
