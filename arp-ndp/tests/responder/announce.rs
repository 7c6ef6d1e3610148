//! Bursts, refreshes and the limit on both.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use arp_ndp::{
    ALL_NODES, AdvertisementFlags, Announcement, Arp, ArpOperation, Config, Event, Input, Link,
    MacAddr, NeighborAdvertisement, Output,
};

use crate::{
    OURS, Station, advertisement_frame, announced, arp_frame, frames, ip, ip4, ip6, owned,
};

const ROUNDS: [u64; 7] = [0, 80, 240, 560, 1200, 2480, 5040];

fn quiet() -> Config {
    Config::default().with_refresh(None)
}

#[test]
fn a_new_ipv4_address_is_announced_at_once_by_request_and_reply_to_everybody() {
    let mut station = Station::new(Link::new(OURS), quiet());
    let request = Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: OURS,
        sender_protocol_address: ip4("198.51.100.10"),
        target_hardware_address: MacAddr::BROADCAST,
        target_protocol_address: ip4("198.51.100.10"),
    };
    let reply = Arp {
        operation: ArpOperation::REPLY,
        ..request
    };
    let address = ip("198.51.100.10");
    let expected = [
        Output::Transmit(arp_frame(OURS, MacAddr::BROADCAST, &request)),
        Output::Transmit(arp_frame(OURS, MacAddr::BROADCAST, &reply)),
        Output::Event(Event::Announced {
            address,
            announcement: Announcement::Takeover { round: 1 },
        }),
    ];
    assert_eq!(station.set_addresses(&["198.51.100.10"]), expected);
}

#[test]
fn a_new_ipv6_address_joins_its_group_and_is_announced_with_override_to_all_nodes() {
    let mut station = Station::new(Link::new(OURS), quiet());
    let advertisement = NeighborAdvertisement {
        source: ip6("2001:db8::10"),
        destination: ALL_NODES,
        target: ip6("2001:db8::10"),
        flags: AdvertisementFlags::OVERRIDE,
        target_link_layer: Some(OURS),
        mark: None,
    };
    let everybody = MacAddr([0x33, 0x33, 0, 0, 0, 1]);
    let address = ip("2001:db8::10");
    let expected = [
        Output::JoinGroup(ip6("ff02::1:ff00:10")),
        Output::Transmit(advertisement_frame(everybody, &advertisement)),
        Output::Event(Event::Announced {
            address,
            announcement: Announcement::Takeover { round: 1 },
        }),
    ];
    assert_eq!(station.set_addresses(&["2001:db8::10"]), expected);
}

#[test]
fn a_burst_repeats_ever_more_slowly_for_five_seconds_and_ends() {
    let mut station = Station::new(Link::new(OURS), quiet());
    let first = station.set_addresses(&["198.51.100.10", "2001:db8::10"]);
    assert_eq!(announced(&first), [ip("198.51.100.10"), ip("2001:db8::10")]);
    let later = station.run(Duration::from_secs(3600));
    let rounds: BTreeSet<_> = later.iter().map(|(at, _)| *at).collect();
    assert!(
        rounds
            .iter()
            .copied()
            .eq(ROUNDS[1..].iter().copied().map(Duration::from_millis))
    );
    assert_eq!(station.responder.poll_timeout(), None);
    assert_eq!(
        station.responder.addresses()[&ip("198.51.100.10")]
            .counters
            .gratuitous_sent,
        14
    );
    assert_eq!(
        station.responder.addresses()[&ip("2001:db8::10")]
            .counters
            .gratuitous_sent,
        7
    );
}

#[test]
fn the_same_addresses_again_change_nothing() {
    let mut station = Station::with(&["198.51.100.10", "2001:db8::10"]);
    station.run(Duration::from_secs(2));
    let before = station.responder.poll_timeout();
    assert_eq!(
        station.set_addresses(&["198.51.100.10", "2001:db8::10"]),
        []
    );
    assert_eq!(station.responder.poll_timeout(), before);
}

#[test]
fn adding_an_address_announces_that_one_alone() {
    let mut station = Station::new(Link::new(OURS), quiet());
    station.set_addresses(&["198.51.100.10"]);
    station.run(Duration::from_secs(10));
    let outputs = station.set_addresses(&["198.51.100.10", "198.51.100.11"]);
    assert_eq!(announced(&outputs), [ip("198.51.100.11")]);
}

#[test]
fn a_removed_address_is_not_announced_any_more_and_leaves_its_group() {
    let mut station = Station::with(&["198.51.100.10", "2001:db8::10"]);
    assert_eq!(
        station.set_addresses(&[]),
        [Output::LeaveGroup(ip6("ff02::1:ff00:10"))]
    );
    assert_eq!(station.responder.poll_timeout(), None);
    assert!(station.responder.addresses().is_empty());
}

#[test]
fn addresses_that_end_alike_share_a_group_until_the_last_is_gone() {
    let group = ip6("ff02::1:ff00:10");
    let mut station = Station::new(Link::new(OURS), quiet());
    let outputs = station.set_addresses(&["2001:db8:1::10", "2001:db8:2::10"]);
    assert_eq!(
        outputs
            .iter()
            .filter(|output| **output == Output::JoinGroup(group))
            .count(),
        1
    );
    assert_eq!(station.set_addresses(&["2001:db8:2::10"]), []);
    assert_eq!(station.set_addresses(&[]), [Output::LeaveGroup(group)]);
}

#[test]
fn every_address_is_announced_again_within_the_refresh_interval_give_or_take_a_quarter() {
    let mut station = Station::with(&["198.51.100.10"]);
    let done = station.run(Duration::from_secs(3600));
    let mut last = Duration::from_millis(5040);
    let mut intervals = BTreeSet::new();
    for (at, output) in done {
        let announcement = Announcement::Refresh;
        if output
            == Output::Event(Event::Announced {
                address: ip("198.51.100.10"),
                announcement,
            })
        {
            intervals.insert(at - last);
            last = at;
        }
    }
    assert!(intervals.len() > 45, "{}", intervals.len());
    assert!(*intervals.first().unwrap() >= Duration::from_secs(45));
    assert!(*intervals.last().unwrap() <= Duration::from_secs(75));
}

#[test]
fn a_refresh_interval_of_zero_or_beyond_time_itself_is_none() {
    for refresh in [Duration::ZERO, Duration::MAX] {
        let config = Config::default().with_refresh(Some(refresh));
        let mut station = Station::new(Link::new(OURS), config);
        station.set_addresses(&["198.51.100.10"]);
        station.run(Duration::from_secs(10));
        assert_eq!(station.responder.poll_timeout(), None, "{refresh:?}");
    }
}

#[test]
fn a_call_ahead_of_time_does_nothing() {
    let mut station = Station::with(&["198.51.100.10"]);
    let deadline = station.responder.poll_timeout();
    station.clock.advance(Duration::from_millis(79));
    station.responder.handle_timeout(station.clock.now());
    assert_eq!(station.drain(), []);
    assert_eq!(station.responder.poll_timeout(), deadline);
}

/// Tens of thousands of addresses must not flood the link, and each is announced once before any is twice.
#[test]
fn many_addresses_are_announced_in_turn_and_no_faster_than_allowed() {
    const COUNT: u32 = 20_000;
    const PER_SECOND: u32 = 2000;
    let config = quiet().with_announcements_per_second(NonZeroU32::new(PER_SECOND).unwrap());
    let mut station = Station::new(Link::new(OURS), config);
    let first = u32::from(ip4("203.0.113.0"));
    let addresses: BTreeSet<_> = (first..first + COUNT)
        .map(|bits| IpAddr::V4(Ipv4Addr::from(bits)))
        .collect();
    let at_once = station.give(Input::SetAddresses(owned(addresses.clone())));
    assert_eq!(announced(&at_once).len(), 64);

    let mut done: Vec<_> = at_once
        .into_iter()
        .map(|output| (Duration::ZERO, output))
        .collect();
    done.extend(station.run(Duration::from_secs(120)));
    let times: Vec<_> = done
        .iter()
        .filter(|(_, output)| !announced([output]).is_empty())
        .map(|(at, _)| *at)
        .collect();
    let all = announced(done.iter().map(|(_, output)| output));
    assert_eq!(all.len(), 7 * COUNT as usize);
    for round in all.chunks(COUNT as usize) {
        assert_eq!(round.iter().copied().collect::<BTreeSet<_>>(), addresses);
    }
    let allowed = PER_SECOND as usize + 64;
    for window in times.windows(allowed + 1) {
        assert!(window[allowed] - window[0] >= Duration::from_secs(1));
    }
    // As fast as allowed, then: no slot was wasted.
    let seconds = times.last().unwrap().as_secs_f64();
    let needed = f64::from(7 * COUNT) / f64::from(PER_SECOND);
    assert!(seconds < needed + 0.1, "{seconds} s");
    assert_eq!(frames(&station.drain()), []);
}

#[test]
fn an_address_that_no_host_can_have_is_refused_once() {
    let mut station = Station::new(Link::new(OURS), quiet());
    let bad = [
        "0.0.0.0",
        "224.0.0.5",
        "255.255.255.255",
        "::",
        "::ffff:198.51.100.1",
        "ff02::1",
    ];
    let refused = |address: &str| {
        Output::Event(Event::Refused {
            address: ip(address),
        })
    };
    assert_eq!(station.set_addresses(&bad), bad.map(refused));
    assert_eq!(station.set_addresses(&bad[1..]), []);
    assert_eq!(station.set_addresses(&bad), [refused("0.0.0.0")]);
    assert!(station.responder.addresses().is_empty());
}
