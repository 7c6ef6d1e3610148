//! Marks on announcements, by which speakers know each other on the wire who have never heard of each other by gossip.
//!
//! A mark shows that somebody with the members' key has said: this node announces this address from this hardware address.
//! To whom else it says nothing, as it does to a speaker without the key.
//!
//! * A recorded mark is good for the same name, hardware address and address only. Who sends it again from that hardware
//!   address could claim the address from it without a mark just as well: members are known by their hardware addresses
//!   anyway, which anybody on the link can take. So a mark lets nobody do what it could not do before.
//! * Whom a mark is of is found by trying the names of all Nodes. A station whose mark is of none of them is not looked at
//!   again for a moment, nor are more than some of those at a time, so that a flood of made-up marks costs little. While it
//!   lasts, who has not been known before is a stranger, as all are without marks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arp_ndp::{MacAddr, Mark, Marker};
use election::membership::{KEY_OVERLAP, Key};
use planner::names::NodeName;

use super::layer2::Claim;

/// What this node marks with, and whom it knows by marks.
#[derive(Debug)]
pub(super) struct Marks {
    node: NodeName,
    keys: Option<Keys>,
    /// The hardware addresses that other nodes have shown to be theirs.
    known: BTreeMap<MacAddr, NodeName>,
    /// The stations whose marks are of nobody, and when that was found.
    unknown: BTreeMap<MacAddr, Instant>,
}

/// The key of the members.
#[derive(Debug)]
struct Keys {
    key: Key,
    /// The one before, and until when it is good: not all get a new one at the same time.
    former: Option<(Key, Instant)>,
}

impl Marks {
    /// None yet, of this node.
    pub(super) const fn new(node: NodeName) -> Self {
        Self {
            node,
            keys: None,
            known: BTreeMap::new(),
            unknown: BTreeMap::new(),
        }
    }

    /// Members have this key. Returns what to mark with from now on if that is another than before.
    pub(super) fn set_key(&mut self, now: Instant, key: &Key) -> Option<Marker> {
        if self.keys.as_ref().is_some_and(|keys| keys.key == *key) {
            return None;
        }
        let former = self.keys.take();
        self.keys = Some(Keys {
            key: key.clone(),
            former: former.map(|keys| (keys.key, now + KEY_OVERLAP)),
        });
        let (node, key) = (self.node.clone(), key.clone());
        Some(Marker::new(move |address, mac| {
            Mark(key.attest(&statement(&node, mac, address)))
        }))
    }

    /// The other node of these that has shown by a mark, now or before, that the station which claims is its own.
    pub(super) fn recognise<T>(
        &mut self,
        now: Instant,
        claim: &Claim,
        nodes: &BTreeMap<NodeName, T>,
    ) -> Option<NodeName> {
        if let Some(mark) = claim.mark {
            self.learn(now, claim, mark, nodes);
        }
        let known = self.known.get(&claim.by);
        known.filter(|node| nodes.contains_key(*node)).cloned()
    }

    fn learn<T>(&mut self, now: Instant, claim: &Claim, mark: Mark, nodes: &BTreeMap<NodeName, T>) {
        let Some(keys) = &self.keys else { return };
        let is_of = |node: &NodeName| {
            let statement = statement(node, claim.by, claim.address);
            keys.have_attested(now, &statement, mark)
        };
        if self.known.get(&claim.by).is_some_and(is_of) {
            return;
        }
        self.unknown
            .retain(|_, at| now.saturating_duration_since(*at) < PAUSE);
        if self.unknown.len() >= AT_ONCE || self.unknown.contains_key(&claim.by) {
            return;
        }
        let mut others = nodes.keys().filter(|node| **node != self.node);
        match others.find(|node| is_of(node)) {
            Some(node) => {
                self.known.retain(|_, node| nodes.contains_key(node));
                self.known.insert(claim.by, node.clone());
            }
            None => drop(self.unknown.insert(claim.by, now)),
        }
    }
}

impl Keys {
    fn have_attested(&self, now: Instant, statement: &[u8], mark: Mark) -> bool {
        let former = self.former.iter().filter(|(_, until)| now < *until);
        let mut keys = former.map(|(key, _)| key).chain([&self.key]);
        keys.any(|key| key.has_attested(statement, &mark.0))
    }
}

/// What a mark attests. What comes before the name always has the length that the family of the address says.
///
/// ```text
/// +----------------------+--------------------+------------+---------------+----------+
/// | ferrolb announcement | hardware address   | 4 or 6     | address       | name of  |
/// | 1 (label)            | (6)                | (family)   | (4 or 16)     | the node |
/// +----------------------+--------------------+------------+---------------+----------+
/// ```
fn statement(node: &NodeName, mac: MacAddr, address: IpAddr) -> Vec<u8> {
    let mac = mac.octets();
    match address {
        IpAddr::V4(v4) => [LABEL, &mac, &[4], &v4.octets(), node.as_str().as_bytes()].concat(),
        IpAddr::V6(v6) => [LABEL, &mac, &[6], &v6.octets(), node.as_str().as_bytes()].concat(),
    }
}

const LABEL: &[u8] = b"ferrolb announcement 1";
/// How long a station is not looked at whose mark is of nobody: less than it is given until it counts as a stranger, since
/// its Node may be about to be heard of.
const PAUSE: Duration = Duration::from_millis(250);
/// How many such stations are looked at in that time. A look at the names of a thousand Nodes takes about a millisecond, so
/// that all together take some hundredths of a processor.
const AT_ONCE: usize = 8;

#[cfg(test)]
mod tests {
    use arp_ndp::Role;

    use super::*;
    use crate::speaker::layer2::Holding;

    const THERE: MacAddr = MacAddr([2, 0, 0, 0, 0, 4]);
    const ELSEWHERE: MacAddr = MacAddr([2, 0, 0, 0, 0, 6]);
    const V4: &str = "198.51.100.1";
    const V6: &str = "2001:db8::1";

    fn key(secret: &str) -> Key {
        Key::derive(secret.as_bytes())
    }

    fn nodes() -> BTreeMap<NodeName, ()> {
        ["node-a", "node-b", "node-c"]
            .map(|node| (node.into(), ()))
            .into()
    }

    /// What a node marks with.
    fn marker(node: &str, secret: &str) -> Marker {
        let marker = Marks::new(node.into()).set_key(Instant::now(), &key(secret));
        marker.unwrap()
    }

    fn here(secret: &str) -> Marks {
        let mut marks = Marks::new("node-a".into());
        marks.set_key(Instant::now(), &key(secret)).unwrap();
        marks
    }

    fn claim(address: &str, by: MacAddr, mark: Option<Mark>) -> Claim {
        Claim {
            link: 1,
            interface: "eth0".into(),
            own: MacAddr([2, 0, 0, 0, 0, 5]),
            address: address.parse().unwrap(),
            by,
            mark,
            role: Role::Owner,
            holding: Holding::Held,
        }
    }

    /// An address as it is claimed with the mark that it has for this address and this hardware address.
    fn marked(marker: &Marker, address: &str, by: MacAddr, of: (&str, MacAddr)) -> Claim {
        let mark = marker.mark(of.0.parse().unwrap(), of.1);
        claim(address, by, Some(mark))
    }

    #[test]
    fn a_station_is_the_node_whose_mark_it_sends_and_stays_that_without_one() {
        let (now, nodes) = (Instant::now(), nodes());
        for address in [V4, V6] {
            let mut here = here("secret");
            let marker = marker("node-b", "secret");
            assert_eq!(
                here.recognise(now, &claim(address, THERE, None), &nodes),
                None
            );
            let marked = marked(&marker, address, THERE, (address, THERE));
            let found = here.recognise(now, &marked, &nodes);
            assert_eq!(found, Some("node-b".into()));
            for (by, expected) in [(THERE, found), (ELSEWHERE, None)] {
                let other = claim("198.51.100.9", by, None);
                assert_eq!(here.recognise(now, &other, &nodes), expected);
            }
            let others = [("node-a".into(), ())].into();
            let gone = here.recognise(now, &claim(address, THERE, None), &others);
            assert_eq!(gone, None, "its Node is gone");
        }
    }

    #[test]
    fn a_mark_of_another_key_hardware_address_address_or_of_this_node_is_nobodys() {
        let nodes = nodes();
        for (node, secret, of) in [
            ("node-b", "other", (V4, THERE)),
            ("node-b", "secret", (V4, ELSEWHERE)),
            ("node-b", "secret", ("198.51.100.2", THERE)),
            ("node-b", "secret", (V6, THERE)),
            ("node-d", "secret", (V4, THERE)),
            ("node-a", "secret", (V4, THERE)),
        ] {
            let mut here = here("secret");
            let claim = marked(&marker(node, secret), V4, THERE, of);
            let found = here.recognise(Instant::now(), &claim, &nodes);
            assert_eq!(found, None, "{node} {secret} {of:?}");
        }
        let mut without = Marks::new("node-a".into());
        let claim = marked(&marker("node-b", "secret"), V4, THERE, (V4, THERE));
        assert_eq!(without.recognise(Instant::now(), &claim, &nodes), None);
    }

    #[test]
    fn the_hardware_address_of_a_node_may_come_to_be_anothers() {
        let (now, nodes, mut here) = (Instant::now(), nodes(), here("secret"));
        for node in ["node-b", "node-c", "node-b"] {
            let claim = marked(&marker(node, "secret"), V4, THERE, (V4, THERE));
            assert_eq!(here.recognise(now, &claim, &nodes), Some(node.into()));
        }
    }

    #[test]
    fn marks_of_the_key_before_are_believed_for_as_long_as_it_is_sealed_with() {
        let (now, nodes) = (Instant::now(), nodes());
        for (after, expected) in [
            (
                KEY_OVERLAP - Duration::from_millis(1),
                Some("node-b".into()),
            ),
            (KEY_OVERLAP, None),
        ] {
            let mut here = here("old");
            let new = here.set_key(now, &key("new")).unwrap();
            assert_eq!(here.set_key(now, &key("new")), None, "it is the same");
            let (address, old) = (V4.parse().unwrap(), marker("node-a", "old"));
            assert_ne!(new.mark(address, THERE), old.mark(address, THERE));
            let claim = marked(&marker("node-b", "old"), V4, THERE, (V4, THERE));
            assert_eq!(here.recognise(now + after, &claim, &nodes), expected);
            let claim = marked(&marker("node-c", "new"), V4, ELSEWHERE, (V4, ELSEWHERE));
            assert!(here.recognise(now + after, &claim, &nodes).is_some());
        }
    }

    #[test]
    fn a_station_whose_mark_is_nobodys_is_not_looked_at_again_for_a_moment() {
        let (now, nodes, mut here) = (Instant::now(), nodes(), here("secret"));
        let made_up = claim(V4, THERE, Some(Mark([0xa5; Mark::LEN])));
        let real = marked(&marker("node-b", "secret"), V4, THERE, (V4, THERE));
        assert_eq!(here.recognise(now, &made_up, &nodes), None);
        let early = now + PAUSE - Duration::from_millis(1);
        assert_eq!(here.recognise(early, &real, &nodes), None);
        assert!(here.recognise(now + PAUSE, &real, &nodes).is_some());
    }

    #[test]
    fn a_flood_of_made_up_marks_costs_no_more_than_some_looks_and_who_is_known_stays_so() {
        let (now, nodes, mut here) = (Instant::now(), nodes(), here("secret"));
        let real = marked(&marker("node-b", "secret"), V4, THERE, (V4, THERE));
        let other = marked(&marker("node-c", "secret"), V4, ELSEWHERE, (V4, ELSEWHERE));
        assert!(here.recognise(now, &real, &nodes).is_some());
        for station in 0..=u8::MAX {
            let by = MacAddr([6, 0, 0, 0, 0, station]);
            let made_up = claim(V4, by, Some(Mark([station; Mark::LEN])));
            assert_eq!(here.recognise(now, &made_up, &nodes), None);
        }
        assert_eq!(here.unknown.len(), AT_ONCE);
        assert!(here.recognise(now, &real, &nodes).is_some());
        assert_eq!(here.recognise(now, &other, &nodes), None);
        assert!(here.recognise(now + PAUSE, &other, &nodes).is_some());
    }

    #[test]
    fn what_is_attested_is_another_for_another_name_hardware_address_or_address() {
        let address = |text: &str| text.parse().unwrap();
        let mut all: Vec<Vec<u8>> = Vec::new();
        for node in ["node-a", "node-ab", "\u{4}node-a"] {
            for mac in [THERE, ELSEWHERE] {
                for ip in [V4, "198.51.100.2", V6, "::ffff:198.51.100.1"] {
                    all.push(statement(&node.into(), mac, address(ip)));
                }
            }
        }
        let expected = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), expected);
    }
}
