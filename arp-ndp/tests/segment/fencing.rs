//! Two owners: one stays, the other yields and watches.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use arp_ndp::{Event, Input, Role, Tenure, Verdict};
use testkit::HostId;

use crate::{Policy, Segment, both, mac};

const LATENCY: Duration = Duration::from_millis(20);

/// Two members that both own the address, and have known for long which of them keeps it.
fn fenced(seed: u64, address: IpAddr, loss: f64) -> Segment {
    let mut segment = Segment::new(seed, 2, LATENCY, loss);
    segment.set_role(0, Role::Owner, &[address]);
    segment.set_role(1, Role::Owner, &[address]);
    segment.simulation.run_for(Duration::from_secs(20));
    segment
}

#[test]
fn of_two_owners_the_better_stays_and_two_answer_for_no_longer_than_the_claims_travel() {
    for (seed, address) in (0..50).flat_map(|seed| both().map(|address| (seed, address))) {
        let mut segment = Segment::new(seed, 2, LATENCY, 0.0);
        // Either may be there first.
        let first = usize::from(seed % 2 == 0);
        segment.set_role(first, Role::Owner, &[address]);
        segment.simulation.run_for(Duration::from_secs(1));
        segment.set_role(1 - first, Role::Owner, &[address]);
        let spans = segment.watch(address, Duration::from_secs(10));
        assert_eq!(segment.holders(address), [0], "seed {seed}");
        // There, and the answer back where the worse one claimed first.
        assert!(spans.several <= 2 * LATENCY, "seed {seed}: {spans:?}");
        assert_eq!(spans.nobody, Duration::ZERO, "seed {seed}");
        assert_eq!(
            segment
                .ask(address, 2 * LATENCY)
                .into_iter()
                .collect::<Vec<_>>(),
            [mac(HostId(0))]
        );
    }
}

#[test]
fn two_owners_find_each_other_when_a_cut_is_mended_and_one_of_them_refreshes() {
    for seed in 0..20 {
        let [address, _] = both();
        let mut segment = Segment::new(seed, 2, LATENCY, 0.0);
        segment.cut(0, 1);
        for member in [0, 1] {
            segment.set_role(member, Role::Owner, &[address]);
        }
        segment.simulation.run_for(Duration::from_secs(20));
        assert_eq!(segment.holders(address), [0, 1]);
        segment.mend(0, 1);
        segment.give(usize::from(seed % 2 == 0), Input::Refresh);
        let spans = segment.watch(address, Duration::from_secs(5));
        assert!(spans.several <= 2 * LATENCY, "seed {seed}: {spans:?}");
        assert_eq!(segment.holders(address), [0]);
    }
}

/// Each of the two hears the other only if a frame is not lost, and its answer.
#[test]
fn of_two_owners_one_is_left_within_a_second_though_frames_are_lost() {
    for (seed, address) in (0..200).flat_map(|seed| both().map(|address| (seed, address))) {
        let mut segment = Segment::new(seed, 2, LATENCY, 0.03);
        segment.cut(0, 1);
        for member in [0, 1] {
            segment.set_role(member, Role::Owner, &[address]);
        }
        segment.simulation.run_for(Duration::from_secs(20));
        segment.mend(0, 1);
        segment.give(usize::from(seed % 2 == 0), Input::Refresh);
        let spans = segment.watch(address, Duration::from_secs(3));
        assert!(
            spans.several <= Duration::from_secs(1),
            "seed {seed}: {spans:?}"
        );
    }
}

#[test]
fn who_yielded_takes_over_within_a_second_and_a_half_of_the_others_death() {
    for (seed, address) in (0..50).flat_map(|seed| both().map(|address| (seed, address))) {
        let mut segment = fenced(seed, address, 0.0);
        segment.simulation.run_for(Duration::from_millis(7 * seed));
        segment.kill(0);
        let spans = segment.watch(address, Duration::from_secs(3));
        assert!(spans.nobody <= Duration::from_millis(1500), "{spans:?}");
        assert_eq!(segment.holders(address), [1]);
        let from = mac(HostId(0));
        assert!(segment.member(1).tells(Event::Reclaimed { address, from }));
    }
}

#[test]
fn who_yielded_stays_away_from_a_living_rival_for_as_long_as_it_lives() {
    for address in both() {
        let mut segment = fenced(1, address, 0.0);
        let spans = segment.watch(address, Duration::from_secs(120));
        assert_eq!(
            (spans.several, spans.nobody),
            (Duration::ZERO, Duration::ZERO)
        );
    }
}

/// Of all frames a twentieth is lost: a watch may err, and the claim that follows sets it right again.
#[test]
fn a_lossy_link_leads_to_two_owners_for_a_moment_at_worst() {
    for seed in 0..10 {
        let [address, _] = both();
        let mut segment = fenced(seed, address, 0.05);
        let spans = segment.watch(address, Duration::from_secs(120));
        assert!(spans.several <= Duration::from_millis(2400), "{spans:?}");
        assert!(spans.nobody <= Duration::from_millis(1500), "{spans:?}");
    }
}

#[test]
fn when_the_winner_gives_up_one_of_many_addresses_the_loser_takes_that_one_alone() {
    let addresses: Vec<IpAddr> = (1..=8)
        .map(|last| IpAddr::V4(Ipv4Addr::new(203, 0, 113, last)))
        .collect();
    let mut segment = Segment::new(3, 2, LATENCY, 0.0);
    for member in [0, 1] {
        segment.set_role(member, Role::Owner, &addresses);
    }
    segment.simulation.run_for(Duration::from_secs(10));
    segment.set_role(0, Role::Owner, &addresses[1..]);
    segment.simulation.run_for(Duration::from_secs(5));
    assert_eq!(segment.holders(addresses[0]), [1]);
    for address in &addresses[1..] {
        assert_eq!(segment.holders(*address), [0]);
    }
}

/// With thousands of addresses, the one who yielded sends a few questions a second, and no more.
#[test]
fn a_node_that_yields_thousands_of_addresses_at_once_stays_quiet() {
    let addresses: Vec<IpAddr> = (0..4000)
        .map(|number| IpAddr::V4(Ipv4Addr::from_bits(0xcb00_7100 + number)))
        .collect();
    let mut segment = Segment::new(4, 2, LATENCY, 0.0);
    segment.set_role(0, Role::Owner, &addresses);
    segment.simulation.run_for(Duration::from_secs(10));
    segment.set_role(1, Role::Owner, &addresses);
    segment.simulation.run_for(Duration::from_secs(10));
    assert!(
        addresses
            .iter()
            .all(|address| segment.holders(*address) == [0])
    );
    let before = segment.member(1).sent;
    segment.simulation.run_for(Duration::from_secs(10));
    let sent = segment.member(1).sent - before;
    assert!((33..=45).contains(&sent), "{sent} frames in ten seconds");
}

/// It cannot happen among members that rank alike, and does no lasting harm.
#[test]
fn two_that_yield_to_each_other_leave_nobody_for_no_longer_than_a_second_and_a_half() {
    for seed in 0..10 {
        let [address, _] = both();
        let mut segment = Segment::new(seed, 2, LATENCY, 0.0);
        for member in [0, 1] {
            segment.change(member, |member| {
                member.policy = Policy::Always(Verdict::Yield)
            });
            segment.set_role(member, Role::Owner, &[address]);
        }
        let spans = segment.watch(address, Duration::from_secs(30));
        assert!(spans.nobody <= Duration::from_millis(1500), "{spans:?}");
    }
}

/// Nor can this, and the quarrel stays within the limit for defences.
#[test]
fn two_that_never_yield_quarrel_no_faster_than_allowed() {
    let [address, _] = both();
    let mut segment = Segment::new(5, 2, LATENCY, 0.0);
    for member in [0, 1] {
        segment.change(member, |member| {
            member.policy = Policy::Always(Verdict::Defend)
        });
        segment.set_role(member, Role::Owner, &[address]);
    }
    segment.simulation.run_for(Duration::from_secs(10));
    for member in [0, 1] {
        // Ten defences a second, each of two frames, and the burst.
        assert!(segment.member(member).sent <= 2 * (10 * 10 + 7 + 1));
    }
}

#[test]
fn a_station_that_is_no_member_is_told_with_its_hardware_address_as_soon_as_it_speaks() {
    for address in both() {
        let mut segment = Segment::new(6, 2, LATENCY, 0.0);
        segment.change(1, |foreign| foreign.policy = Policy::Unheeding);
        segment.set_role(0, Role::Owner, &[address]);
        segment.simulation.run_for(Duration::from_secs(10));
        segment.set_role(1, Role::Owner, &[address]);
        segment.simulation.run_for(LATENCY);
        let (by, mark) = (mac(HostId(1)), None);
        let claimed = Event::Claimed { address, by, mark };
        assert!(segment.member(0).tells(claimed));
        assert_eq!(
            segment.member(0).responder.tenure(address),
            Some(Tenure::Held)
        );
    }
}

#[test]
fn of_three_owners_the_best_is_left_and_after_its_death_the_second() {
    for seed in 0..20 {
        let [address, _] = both();
        let mut segment = Segment::new(seed, 3, LATENCY, 0.0);
        for member in [2, 1, 0] {
            segment.set_role(member, Role::Owner, &[address]);
        }
        segment.simulation.run_for(Duration::from_secs(10));
        assert_eq!(segment.holders(address), [0]);
        segment.kill(0);
        segment.simulation.run_for(Duration::from_secs(3));
        assert_eq!(segment.holders(address), [1], "seed {seed}");
    }
}
