//! What happens to the node that owns an address.

use std::time::Duration;

use lab::failover::{Outcome, Stage, Trial};

use crate::harness::stage;

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

fn is_hand_over(outcome: &Outcome) {
    for way in [outcome.away.seen, outcome.back.seen] {
        assert!(way.silence <= HAND_OVER, "{outcome:?}");
        assert!(way.contested <= HAND_OVER, "{outcome:?}");
    }
}

#[test]
fn a_node_that_is_drained_hands_its_addresses_over() {
    each(Trial::Drain, is_hand_over);
}
