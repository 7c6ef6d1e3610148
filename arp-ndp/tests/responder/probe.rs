//! Addresses that are looked for before they are used (RFC 5227 §2.1.1, RFC 4862 §5.4).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use arp_ndp::{
    Announcement, DropReason, Event, Input, Link, LinkState, MacAddr, Output, Role, Tenure, Verdict,
};

use crate::{
    OTHER, OURS, Station, THIRD, announced, claim, dropped, events, frames, ip, ip4, probe,
};

const BOTH: [&str; 2] = ["198.51.100.10", "2001:db8::10"];

fn looking(role: Role, address: &str) -> Station {
    let mut station = Station::with(&[]);
    station.set_role(role, &[address]);
    station
}

fn conflict(address: &str) -> Event {
    Event::Conflict {
        address: ip(address),
        by: OTHER,
        mark: None,
    }
}

#[test]
fn an_address_is_asked_for_three_times_and_announced_a_while_after_the_last() {
    // Milliseconds from one question to the next; what is to be had if free may be another responder's, which is fast.
    let roles = [(Role::NewOwner, 100), (Role::IfFree, 50)];
    for (address, (role, interval)) in BOTH
        .iter()
        .flat_map(|address| roles.map(|role| (*address, role)))
    {
        let interval = Duration::from_millis(interval);
        let mut station = looking(role, address);
        let done = station.run(Duration::from_secs(1));
        let asked: Vec<_> = done
            .iter()
            .filter(|(_, output)| *output == Output::Transmit(probe(address, OURS, None)))
            .map(|(at, _)| *at)
            .collect();
        let [first, second, third] = asked[..] else {
            panic!("{asked:?}")
        };
        assert!(first <= interval);
        assert_eq!([second - first, third - second], [interval; 2]);
        let announced = |(_, output): &&(Duration, Output)| {
            matches!(output, Output::Event(Event::Announced { announcement, .. })
                if *announcement == Announcement::Takeover { round: 1 })
        };
        let (at, _) = done.iter().find(announced).unwrap();
        assert_eq!(*at - third, 2 * interval);
        assert_eq!(station.tenure(address), Some(Tenure::Held));
    }
}

#[test]
fn an_address_that_is_looked_for_is_not_answered_for() {
    for address in BOTH {
        let mut station = looking(Role::NewOwner, address);
        // Not to everybody: that would be somebody who looks for it too.
        let question = probe(address, OTHER, Some(OURS));
        assert_eq!(station.receive(&question), dropped(DropReason::Probing));
        assert_eq!(station.tenure(address), Some(Tenure::Probing));
        station.run(Duration::from_secs(1));
        assert_eq!(frames(&station.receive(&question)).len(), 1);
    }
}

#[test]
fn a_station_that_has_the_address_of_a_new_owner_is_a_conflict_and_it_is_held_back() {
    for address in BOTH {
        let mut station = looking(Role::NewOwner, address);
        station.run(Duration::from_millis(250));
        let outputs = station.receive(&claim(address, OTHER));
        assert_eq!(events(&outputs), [conflict(address)]);
        assert_eq!(frames(&outputs), []);
        assert_eq!(station.tenure(address), Some(Tenure::Yielded { to: OTHER }));
        // Told once, however often the other one says so.
        station.run(Duration::from_millis(500));
        assert_eq!(events(&station.receive(&claim(address, OTHER))), []);
    }
}

/// RFC 5227 §2.1.1, RFC 4862 §5.4.3.
#[test]
fn a_station_that_looks_for_the_same_address_at_the_same_time_is_a_conflict() {
    for address in BOTH {
        let mut station = looking(Role::NewOwner, address);
        let outputs = station.receive(&probe(address, OTHER, None));
        assert_eq!(events(&outputs), [conflict(address)]);
    }
}

#[test]
fn two_that_look_for_an_address_to_be_had_if_free_do_not_give_way_to_each_other() {
    for address in BOTH {
        let mut station = looking(Role::IfFree, address);
        assert_eq!(events(&station.receive(&probe(address, OTHER, None))), []);
        assert_eq!(station.tenure(address), Some(Tenure::Probing));
        station.run(Duration::from_secs(1));
        assert_eq!(station.tenure(address), Some(Tenure::Held));
    }
}

#[test]
fn our_own_probes_that_come_back_are_no_conflict() {
    for address in BOTH {
        let mut station = looking(Role::NewOwner, address);
        let echo = station.receive(&probe(address, OURS, None));
        assert_eq!(echo, dropped(DropReason::OwnFrame));
        assert_eq!(station.tenure(address), Some(Tenure::Probing));
    }
}

#[test]
fn after_a_conflict_the_address_is_asked_for_again_and_again_and_used_soon_after_it_is_free() {
    for address in BOTH {
        let mut station = looking(Role::NewOwner, address);
        station.receive(&claim(address, OTHER));
        let to_other = Output::Transmit(probe(address, OURS, Some(OTHER)));
        let mut asked = 0;
        // For a minute it answers.
        for _ in 0..600 {
            let done = station.run(Duration::from_millis(100));
            if done.iter().any(|(_, output)| *output == to_other) {
                asked += 1;
                station.receive(&claim(address, OTHER));
            }
            assert!(announced(done.iter().map(|(_, output)| output)).is_empty());
        }
        // Every 450 to 600 ms.
        assert!((100..=134).contains(&asked), "{asked}");

        let done = station.run(Duration::from_secs(3));
        let reclaimed = Output::Event(Event::Reclaimed {
            address: ip(address),
            from: OTHER,
        });
        assert!(done.iter().any(|(_, output)| *output == reclaimed));
        assert_eq!(station.tenure(address), Some(Tenure::Held));
    }
}

#[test]
fn a_station_that_has_an_address_to_be_had_if_free_is_told_as_a_claim_to_be_settled() {
    let claimed = Event::Claimed {
        address: ip(BOTH[0]),
        by: OTHER,
        mark: None,
    };
    let mut station = looking(Role::IfFree, BOTH[0]);
    assert_eq!(events(&station.receive(&claim(BOTH[0], OTHER))), [claimed]);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Yielded { to: OTHER }));

    let taken = station.settle(BOTH[0], OTHER, Verdict::Defend);
    assert_eq!(announced(&taken), [ip(BOTH[0])]);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Held));
}

/// A verdict to yield makes the watch the close one, so that the address is back soon after the other is gone.
#[test]
fn an_address_left_to_its_holder_is_claimed_within_a_second_and_a_half_of_its_silence() {
    let mut station = looking(Role::IfFree, BOTH[0]);
    station.receive(&claim(BOTH[0], OTHER));
    station.settle(BOTH[0], OTHER, Verdict::Yield);
    let done = station.run(Duration::from_millis(1500));
    assert_eq!(
        announced(done.iter().map(|(_, output)| output)).first(),
        Some(&ip(BOTH[0]))
    );
}

#[test]
fn an_owner_does_not_look_and_one_who_becomes_owner_looks_no_longer() {
    let mut station = looking(Role::NewOwner, BOTH[0]);
    let outputs = station.set_role(Role::Owner, &BOTH[..1]);
    assert_eq!(announced(&outputs), [ip(BOTH[0])]);
    let done = station.run(Duration::from_millis(1000));
    let asked = Output::Transmit(probe(BOTH[0], OURS, None));
    assert!(
        done.iter().all(|(_, output)| *output != asked),
        "no probe is left"
    );
}

#[test]
fn a_new_owner_who_holds_the_address_stays_its_holder_whatever_the_role_is_called() {
    let mut station = looking(Role::NewOwner, BOTH[0]);
    station.run(Duration::from_secs(10));
    for role in [Role::Owner, Role::IfFree, Role::NewOwner] {
        assert_eq!(station.set_role(role, &BOTH[..1]), []);
        assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Held));
    }
}

#[test]
fn a_search_that_the_link_interrupts_begins_anew() {
    let mut station = looking(Role::NewOwner, BOTH[0]);
    station.run(Duration::from_millis(250));
    station.give(Input::SetLink(Link::new(OURS).with_state(LinkState::Down)));
    assert_eq!(station.run(Duration::from_secs(10)), []);
    station.give(Input::SetLink(Link::new(OURS)));
    let done = station.run(Duration::from_secs(1));
    let asked = Output::Transmit(probe(BOTH[0], OURS, None));
    assert_eq!(
        done.iter().filter(|(_, output)| *output == asked).count(),
        3
    );
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Held));
}

#[test]
fn many_new_addresses_are_looked_for_no_faster_than_allowed_and_all_are_used() {
    const COUNT: u32 = 10_000;
    let mut station = Station::with(&[]);
    let first = u32::from(ip4("203.0.113.0"));
    let addresses: BTreeMap<_, _> = (first..first + COUNT)
        .map(|bits| (IpAddr::V4(Ipv4Addr::from(bits)), Role::NewOwner))
        .collect();
    station.give(Input::SetAddresses(addresses));
    let done = station.run(Duration::from_secs(20));
    let sent = |output: &Output| match output {
        Output::Transmit(frame) => frame.as_ref()[..6] == MacAddr::BROADCAST.octets(),
        _ => false,
    };
    let times: Vec<_> = done
        .iter()
        .filter(|(_, output)| sent(output))
        .map(|(at, _)| *at)
        .collect();
    // An announcement has two frames.
    let allowed = 2 * (5000 + 64);
    for window in times.windows(allowed + 1) {
        assert!(window[allowed] - window[0] >= Duration::from_secs(1));
    }
    let used: BTreeSet<_> = announced(done.iter().map(|(_, output)| output))
        .into_iter()
        .collect();
    assert_eq!(used.len(), COUNT as usize);
}

#[test]
fn a_third_station_does_not_matter_to_a_search() {
    let mut station = looking(Role::NewOwner, BOTH[0]);
    for frame in [
        claim("198.51.100.11", THIRD),
        probe("198.51.100.11", THIRD, None),
    ] {
        station.receive(&frame);
    }
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Probing));
}
