//! What is done about a station that addresses were left to.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use arp_ndp::{Arp, EthernetHeader, Event, Frame, Input, MacAddr, Output, Tenure, Verdict};

use crate::{OTHER, OURS, Station, THIRD, announced, claim, events, frames, ip, ip4, owned, probe};

const BOTH: [&str; 2] = ["198.51.100.10", "2001:db8::10"];
const COUNT: u32 = 5000;

/// Has yielded an address to OTHER.
fn yielded(address: &str) -> Station {
    let mut station = Station::with(&[address]);
    station.run(Duration::from_secs(10));
    station.settle(address, OTHER, Verdict::Yield);
    station
}

fn reclaimed(address: &str) -> Output {
    Output::Event(Event::Reclaimed {
        address: ip(address),
        from: OTHER,
    })
}

fn many() -> BTreeSet<IpAddr> {
    let first = u32::from(ip4("203.0.113.0"));
    (first..first + COUNT)
        .map(|bits| IpAddr::V4(Ipv4Addr::from(bits)))
        .collect()
}

/// Has yielded thousands of addresses to OTHER.
fn yielded_many() -> Station {
    let mut station = Station::with(&[]);
    station.give(Input::SetAddresses(owned(many())));
    station.run(Duration::from_secs(20));
    for address in many() {
        let (by, verdict) = (OTHER, Verdict::Yield);
        station.give(Input::Settle {
            address,
            by,
            verdict,
        });
    }
    station
}

/// Lets OTHER answer whatever it is asked, except for one address, and returns how many questions it got.
fn answered_by_other(station: &mut Station, time: Duration, except: Option<&str>) -> usize {
    let mut questions = 0;
    let end = station.clock.elapsed() + time;
    while station.clock.elapsed() < end {
        let done = station.run(Duration::from_millis(10));
        let outputs: Vec<_> = done.into_iter().map(|(_, output)| output).collect();
        if outputs
            .iter()
            .any(|output| matches!(output, Output::Event(_)))
        {
            break;
        }
        for frame in frames(&outputs) {
            let asked = asked_for(&frame);
            questions += 1;
            if except != Some(asked.as_str()) {
                assert_eq!(events(&station.receive(&claim(&asked, OTHER))), []);
            }
        }
    }
    questions
}

/// The address that a probe to OTHER asks for.
fn asked_for(frame: &Frame) -> String {
    let (header, payload) = EthernetHeader::decode(frame.as_ref()).unwrap();
    assert_eq!(header.destination, OTHER, "only the rival is asked");
    let request = Arp::decode(payload).unwrap();
    request.target_protocol_address.to_string()
}

#[test]
fn the_rival_is_asked_about_every_300_ms_and_nobody_else_is() {
    for address in BOTH {
        let mut station = yielded(address);
        let start = station.clock.elapsed();
        let mut last = start;
        for _ in 0..100 {
            let done = station.run(Duration::from_millis(300));
            let asked = Output::Transmit(probe(address, OURS, Some(OTHER)));
            for (at, output) in done {
                assert_eq!(output, asked);
                assert!((225..=300).contains(&(at - last).as_millis()));
                last = at;
                station.receive(&claim(address, OTHER));
            }
        }
        assert_eq!(station.tenure(address), Some(Tenure::Yielded { to: OTHER }));
    }
}

#[test]
fn after_three_unanswered_questions_the_address_is_claimed_again() {
    for address in BOTH {
        let mut station = yielded(address);
        let start = station.clock.elapsed();
        let done = station.run(Duration::from_millis(1200));
        let outputs: Vec<_> = done.iter().map(|(_, output)| output.clone()).collect();
        assert_eq!(
            outputs[..3],
            vec![Output::Transmit(probe(address, OURS, Some(OTHER))); 3]
        );
        assert_eq!(outputs[3], reclaimed(address));
        assert_eq!(announced(&outputs).first(), Some(&ip(address)));
        assert!(done[3].0 - start >= Duration::from_millis(900));
        assert_eq!(station.tenure(address), Some(Tenure::Held));
    }
}

#[test]
fn a_claim_unasked_is_a_sign_of_life_too() {
    let mut station = yielded(BOTH[0]);
    for _ in 0..20 {
        station.run(Duration::from_millis(500));
        station.receive(&claim(BOTH[0], OTHER));
    }
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Yielded { to: OTHER }));
}

#[test]
fn what_a_third_station_claims_is_no_sign_of_life_of_the_rival() {
    let mut station = yielded(BOTH[0]);
    let mut outputs = Vec::new();
    for _ in 0..15 {
        let done = station.run(Duration::from_millis(100));
        outputs.extend(done.into_iter().map(|(_, output)| output));
        station.receive(&claim("198.51.100.11", OTHER));
        station.receive(&claim(BOTH[0], THIRD));
    }
    assert!(outputs.contains(&reclaimed(BOTH[0])));
}

#[test]
fn thousands_of_yielded_addresses_are_asked_for_one_at_a_time_in_turn() {
    let mut station = yielded_many();
    let questions = answered_by_other(&mut station, Duration::from_secs(60), None);
    assert!((190..=270).contains(&questions), "{questions}");
    let all = station.responder.addresses();
    assert!(
        all.values()
            .all(|status| status.tenure == Tenure::Yielded { to: OTHER })
    );
}

#[test]
fn when_the_rival_falls_silent_all_that_was_yielded_to_it_is_claimed_again() {
    let mut station = yielded_many();
    answered_by_other(&mut station, Duration::from_secs(10), None);
    let done = station.run(Duration::from_millis(1500));
    let back: BTreeSet<_> = done
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Event(Event::Reclaimed {
                address,
                from: OTHER,
            }) => Some(*address),
            _ => None,
        })
        .collect();
    assert_eq!(back, many());
    let probes = done
        .iter()
        .filter(|(_, output)| {
            matches!(output, Output::Transmit(frame) if frame.as_ref()[..6] == OTHER.octets())
        })
        .count();
    assert!(probes <= 8, "{probes}");
}

#[test]
fn a_single_address_that_the_rival_does_not_answer_for_is_claimed_again_alone() {
    let kept = ["198.51.100.10", "198.51.100.11", "198.51.100.12"];
    let mut station = Station::with(&kept);
    station.run(Duration::from_secs(10));
    for address in kept {
        station.settle(address, OTHER, Verdict::Yield);
    }
    answered_by_other(&mut station, Duration::from_secs(10), Some(kept[1]));
    assert_eq!(station.tenure(kept[1]), Some(Tenure::Held));
    for address in [kept[0], kept[2]] {
        assert_eq!(station.tenure(address), Some(Tenure::Yielded { to: OTHER }));
    }
}

#[test]
fn two_rivals_are_watched_apart() {
    let mut station = Station::with(&["198.51.100.10", "198.51.100.11"]);
    station.run(Duration::from_secs(10));
    station.settle("198.51.100.10", OTHER, Verdict::Yield);
    station.settle("198.51.100.11", THIRD, Verdict::Yield);
    for _ in 0..20 {
        station.run(Duration::from_millis(200));
        station.receive(&claim("198.51.100.11", THIRD));
    }
    assert_eq!(station.tenure("198.51.100.10"), Some(Tenure::Held));
    let still = Some(Tenure::Yielded { to: THIRD });
    assert_eq!(station.tenure("198.51.100.11"), still);
}

#[test]
fn nobody_is_watched_for_an_address_that_is_gone() {
    let mut station = yielded(BOTH[0]);
    assert_eq!(station.set_addresses(&[]), []);
    assert_eq!(station.responder.poll_timeout(), None);
    let nobody = MacAddr([0x02, 0, 0, 0, 0, 0x0d]);
    assert_eq!(station.settle(BOTH[0], nobody, Verdict::Yield), []);
}
