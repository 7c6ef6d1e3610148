//! Floods: answers are limited to each asker and in all, and others still get theirs.

use std::num::NonZeroU32;
use std::time::Duration;

use arp_ndp::{AnswerLimits, Arp, ArpOperation, Config, DropReason, Input, Link, MacAddr, Output};

use crate::{OTHER, OURS, Station, THIRD, arp_frame, dropped, frames, ip, ip4};

/// 100 answers a second to one asker, 1000 in all.
fn station() -> Station {
    let per_second = |count| NonZeroU32::new(count).unwrap();
    let config = Config::default().with_answer_limits(AnswerLimits {
        per_asker: per_second(100),
        in_all: per_second(1000),
    });
    let mut station = Station::new(Link::new(OURS), config.with_refresh(None));
    station.set_addresses(&["198.51.100.10"]);
    station.run(Duration::from_secs(10));
    station
}

fn ask(station: &mut Station, asker: MacAddr) -> Vec<Output> {
    let request = Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: asker,
        sender_protocol_address: ip4("198.51.100.2"),
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address: ip4("198.51.100.10"),
    };
    let frame = arp_frame(asker, MacAddr::BROADCAST, &request);
    station.give(Input::Frame(frame.as_ref()))
}

fn made_up(number: u32) -> MacAddr {
    let [a, b, c, d] = number.to_be_bytes();
    MacAddr([0x06, 0, a, b, c, d])
}

#[test]
fn a_flood_from_one_station_is_answered_at_its_rate_and_others_do_not_notice() {
    let mut station = station();
    let (mut answers, mut to_other) = (0, 0);
    // Five seconds at 10 000 a second; another one asks ten times a second.
    for tick in 0..50_000 {
        answers += frames(&ask(&mut station, THIRD)).len();
        if tick % 1000 == 0 {
            to_other += frames(&ask(&mut station, OTHER)).len();
        }
        station.run(Duration::from_micros(100));
    }
    assert!((500..=601).contains(&answers), "{answers}");
    assert_eq!(to_other, 50);
    let missed = 50_000 - answers as u64;
    assert_eq!(station.responder.drops()[&DropReason::AskerRate], missed);
    let counters = station.responder.addresses()[&ip("198.51.100.10")].counters;
    assert_eq!(
        (counters.requests_received, counters.responses_sent),
        (50_050, answers as u64 + 50)
    );
}

#[test]
fn a_flood_from_made_up_stations_is_answered_at_half_the_rate_for_all_and_regulars_do_not_notice() {
    let mut station = station();
    assert_eq!(frames(&ask(&mut station, OTHER)).len(), 1);
    let mut answers = 0;
    // Five seconds at 10 000 a second, each from another address; one that was here before asks ten times a second.
    for tick in 0..50_000 {
        answers += frames(&ask(&mut station, made_up(tick))).len();
        if tick % 1000 == 999 {
            assert_eq!(frames(&ask(&mut station, OTHER)).len(), 1, "tick {tick}");
        }
        station.run(Duration::from_micros(100));
    }
    assert!((2500..=3001).contains(&answers), "{answers}");
    let missed = 50_000 - answers as u64;
    assert_eq!(station.responder.drops()[&DropReason::AnswerRate], missed);
}

/// A newcomer is one of many, and has its chance each time it asks.
#[test]
fn who_comes_during_a_flood_from_made_up_stations_is_answered_now_and_then() {
    let mut station = station();
    let mut random = fastrand::Rng::with_seed(1);
    let mut answers = 0;
    for tick in 0..50_000 {
        if random.u32(0..200) == 0 {
            answers += frames(&ask(&mut station, OTHER)).len();
        }
        ask(&mut station, made_up(tick));
        station.run(Duration::from_micros(100));
    }
    assert!(answers >= 3, "{answers}");
}

#[test]
fn who_was_limited_is_answered_again_when_time_has_passed() {
    let mut station = station();
    while !frames(&ask(&mut station, OTHER)).is_empty() {}
    assert_eq!(ask(&mut station, OTHER), dropped(DropReason::AskerRate));
    station.run(Duration::from_millis(10));
    assert_eq!(frames(&ask(&mut station, OTHER)).len(), 1);
}
