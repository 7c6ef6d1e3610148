//! What happens to the node that owns an address.

use std::time::Duration;

use lab::failover::{Outcome, Stage, Trial};

use crate::harness::stage;

/// How long another node may take when the owner or its link has died.
const FAILOVER: Duration = Duration::from_secs(25);

/// How long there may be no answer, or two, when an address is handed over.
const HAND_OVER: Duration = Duration::from_secs(3);

/// Lets a trial happen to the owners of two Services, and looks at each.
fn each(trial: Trial, expect: impl Fn(&Outcome)) {
    let Some(mut stage) = stage() else {
        return;
    };
    for addresses in Stage::services().iter().take(2) {
        let outcome = stage.run(trial, addresses).unwrap();
        eprintln!("{trial}: {outcome:?}");
        expect(&outcome);
    }
}

fn is_failover(outcome: &Outcome) {
    assert!(outcome.away.took <= FAILOVER, "{outcome:?}");
    assert!(outcome.back.seen.contested <= HAND_OVER, "{outcome:?}");
}

fn is_hand_over(outcome: &Outcome) {
    for way in [outcome.away.seen, outcome.back.seen] {
        assert!(way.silence <= HAND_OVER, "{outcome:?}");
        assert!(way.contested <= HAND_OVER, "{outcome:?}");
    }
}

#[test]
fn another_node_answers_after_a_speaker_has_crashed() {
    each(Trial::Crash, is_failover);
}

#[test]
fn another_node_answers_after_a_link_has_gone_down_and_makes_way_when_it_is_up_again() {
    each(Trial::LinkDown, is_failover);
}

#[test]
fn another_node_answers_for_one_that_is_cut_off_and_makes_way_when_that_is_healed() {
    each(Trial::Cut, is_failover);
}

#[test]
fn a_speaker_that_ends_hands_its_addresses_over() {
    each(Trial::Stop, is_hand_over);
}

#[test]
fn a_node_that_is_drained_hands_its_addresses_over() {
    each(Trial::Drain, is_hand_over);
}
