//! Datagrams under way between hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::host::HostId;
use crate::link::Link;
use crate::stream::{Segment, StreamId};

/// What a datagram carries.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    Datagram(Vec<u8>),
    Segment(StreamId, Segment),
}

/// A datagram at the end of its way.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    pub(crate) payload: Payload,
}

/// All paths, and everything under way on them, in the order of arrival.
#[derive(Debug)]
pub(crate) struct Net {
    default_link: Link,
    links: BTreeMap<(HostId, HostId), Link>,
    cut: BTreeSet<(HostId, HostId)>,
    under_way: BTreeMap<(Instant, u64), Delivery>,
    sent: u64,
}

impl Net {
    pub(crate) const fn new(default_link: Link) -> Self {
        Self {
            default_link,
            links: BTreeMap::new(),
            cut: BTreeSet::new(),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    pub(crate) fn set_link(&mut self, a: HostId, b: HostId, link: Link) {
        self.links.insert(pair(a, b), link);
    }

    pub(crate) fn cut(&mut self, a: HostId, b: HostId) {
        self.cut.insert(pair(a, b));
    }

    pub(crate) fn mend(&mut self, a: HostId, b: HostId) {
        self.cut.remove(&pair(a, b));
    }

    /// Sends on its way, or loses, one datagram.
    pub(crate) fn send(&mut self, now: Instant, rng: &mut fastrand::Rng, delivery: Delivery) {
        let path = pair(delivery.from, delivery.to);
        if self.cut.contains(&path) {
            return;
        }
        let link = self.links.get(&path).unwrap_or(&self.default_link);
        for delay in link.fate(rng).into_iter().flatten() {
            self.sent += 1;
            self.under_way
                .insert((now + delay, self.sent), delivery.clone());
        }
    }

    /// The next datagram that has arrived by `now`. A cut made while it was under way loses it.
    pub(crate) fn receive(&mut self, now: Instant) -> Option<Delivery> {
        loop {
            let entry = self
                .under_way
                .first_entry()
                .filter(|entry| entry.key().0 <= now)?;
            let delivery = entry.remove();
            if !self.cut.contains(&pair(delivery.from, delivery.to)) {
                return Some(delivery);
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }
}

/// A path is the same in both directions.
fn pair(a: HostId, b: HostId) -> (HostId, HostId) {
    (a.min(b), a.max(b))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Clock;

    fn datagram(octet: u8) -> Delivery {
        Delivery {
            from: HostId(0),
            to: HostId(1),
            payload: Payload::Datagram(vec![octet]),
        }
    }

    fn arrivals(net: &mut Net, now: Instant) -> Vec<u8> {
        std::iter::from_fn(|| net.receive(now))
            .map(|delivery| match delivery.payload {
                Payload::Datagram(octets) => octets[0],
                Payload::Segment(..) => unreachable!("only datagrams were sent"),
            })
            .collect()
    }

    #[test]
    fn a_plain_link_keeps_order_and_latency() {
        let now = Clock::new().now();
        let mut rng = fastrand::Rng::with_seed(1);
        let mut net = Net::new(Link::default());
        for octet in 0..10 {
            net.send(now, &mut rng, datagram(octet));
        }
        assert!(arrivals(&mut net, now).is_empty());
        assert_eq!(net.poll_timeout(), Some(now + Duration::from_millis(1)));
        assert_eq!(
            arrivals(&mut net, now + Duration::from_millis(1)),
            (0..10).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_lossy_link_loses_reorders_and_duplicates_the_same_way_for_the_same_seed() {
        let now = Clock::new().now();
        let run = |seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut net = Net::new(Link {
                duplication: 0.2,
                ..Link::lossy()
            });
            for octet in 0..200 {
                net.send(now, &mut rng, datagram(octet));
            }
            arrivals(&mut net, now + Duration::from_secs(1))
        };
        let first = run(7);
        let distinct: BTreeSet<u8> = first.iter().copied().collect();
        assert!(distinct.len() < 200, "some must be lost");
        assert!(distinct.len() < first.len(), "some must arrive twice");
        assert!(!first.is_sorted(), "some must overtake others");
        assert_eq!(first, run(7));
        assert_ne!(first, run(8));
    }

    #[test]
    fn a_cut_loses_what_is_under_way_and_mending_lets_later_datagrams_through() {
        let now = Clock::new().now();
        let mut rng = fastrand::Rng::with_seed(1);
        let mut net = Net::new(Link::default());
        net.send(now, &mut rng, datagram(1));
        net.cut(HostId(1), HostId(0));
        net.send(now, &mut rng, datagram(2));
        assert!(arrivals(&mut net, now + Duration::from_secs(1)).is_empty());
        net.mend(HostId(0), HostId(1));
        net.send(now, &mut rng, datagram(3));
        assert_eq!(arrivals(&mut net, now + Duration::from_secs(1)), [3]);
    }
}
