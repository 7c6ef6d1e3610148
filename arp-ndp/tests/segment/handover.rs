//! An address moves: nobody who asks on the way goes without an answer.

use std::time::Duration;

use arp_ndp::{Event, Role, Tenure};
use testkit::HostId;

use crate::{Segment, both, mac};

const LATENCY: Duration = Duration::from_millis(5);

#[test]
fn during_a_hand_over_every_question_is_answered_and_two_answer_for_the_claims_travel_at_most() {
    // The new owner learns of it sooner or later than the old one.
    for (seed, lag) in (0..40_u64).map(|seed| (seed, 10 * seed)) {
        let [address, _] = both();
        let mut segment = Segment::new(seed, 2, LATENCY, 0.0);
        segment.set_role(1, Role::Owner, &[address]);
        segment.simulation.run_for(Duration::from_secs(10));
        segment.set_role(1, Role::Leaving, &[address]);
        let spans = segment.watch(address, Duration::from_millis(lag));
        assert_eq!(spans.nobody, Duration::ZERO);
        segment.set_role(0, Role::Owner, &[address]);
        let spans = segment.watch(address, Duration::from_secs(1));
        assert_eq!(spans.nobody, Duration::ZERO, "seed {seed}");
        assert!(spans.several <= LATENCY, "seed {seed}: {spans:?}");
        let to = Some(mac(HostId(0)));
        assert!(segment.member(1).tells(Event::HandedOver { address, to }));
    }
}

#[test]
fn a_client_that_asks_all_the_while_always_gets_an_answer() {
    for address in both() {
        let mut segment = Segment::new(7, 2, LATENCY, 0.0);
        segment.set_role(1, Role::Owner, &[address]);
        segment.simulation.run_for(Duration::from_secs(1));
        for round in 0..100 {
            match round {
                20 => segment.set_role(1, Role::Leaving, &[address]),
                35 => segment.set_role(0, Role::Owner, &[address]),
                _ => {}
            }
            let answers = segment.ask(address, 2 * LATENCY);
            assert!(!answers.is_empty(), "round {round}");
        }
        assert!(segment.ask(address, 2 * LATENCY).contains(&mac(HostId(0))));
    }
}

#[test]
fn who_wants_an_address_only_if_it_is_free_waits_until_a_better_holder_goes() {
    for address in both() {
        let mut segment = Segment::new(8, 2, LATENCY, 0.0);
        segment.set_role(0, Role::Owner, &[address]);
        segment.simulation.run_for(Duration::from_secs(10));
        segment.set_role(1, Role::IfFree, &[address]);
        segment.simulation.run_for(Duration::from_secs(10));
        assert_eq!(segment.holders(address), [0]);
        segment.set_role(0, Role::Leaving, &[address]);
        segment.simulation.run_for(Duration::from_secs(3));
        assert_eq!(segment.holders(address), [1]);
    }
}

#[test]
fn who_wants_an_address_only_if_it_is_free_takes_it_from_a_worse_holder_by_verdict() {
    for address in both() {
        let mut segment = Segment::new(9, 2, LATENCY, 0.0);
        segment.set_role(1, Role::Owner, &[address]);
        segment.simulation.run_for(Duration::from_secs(10));
        segment.set_role(0, Role::IfFree, &[address]);
        let spans = segment.watch(address, Duration::from_secs(3));
        assert_eq!(segment.holders(address), [0]);
        assert!(spans.several <= LATENCY, "{spans:?}");
        assert_eq!(spans.nobody, Duration::ZERO);
    }
}

#[test]
fn two_new_owners_that_look_at_the_same_time_agree_on_the_better_one() {
    for (seed, address) in (0..30).flat_map(|seed| both().map(|address| (seed, address))) {
        let mut segment = Segment::new(seed, 2, LATENCY, 0.0);
        for member in [0, 1] {
            segment.set_role(member, Role::NewOwner, &[address]);
        }
        let spans = segment.watch(address, Duration::from_secs(5));
        assert!(spans.several <= 2 * LATENCY, "seed {seed}: {spans:?}");
        assert_eq!(segment.holders(address), [0], "seed {seed}");
    }
}

#[test]
fn a_new_owner_never_answers_beside_a_station_that_has_the_address() {
    for (seed, address) in (0..30).flat_map(|seed| both().map(|address| (seed, address))) {
        let mut segment = Segment::new(seed, 2, LATENCY, 0.0);
        segment.set_role(0, Role::Owner, &[address]);
        segment.simulation.run_for(Duration::from_secs(10));
        segment.set_role(1, Role::NewOwner, &[address]);
        let spans = segment.watch(address, Duration::from_secs(20));
        assert_eq!(spans.several, Duration::ZERO, "seed {seed}");
        let (by, mark) = (mac(HostId(0)), None);
        let conflict = Event::Conflict { address, by, mark };
        assert!(segment.member(1).tells(conflict));
        let to = mac(HostId(0));
        assert_eq!(
            segment.member(1).responder.tenure(address),
            Some(Tenure::Yielded { to })
        );
    }
}
