//! Any number of owners that come, go, die and are parted in any order: in the end the best that is there holds.

use std::time::Duration;

use arp_ndp::Role;
use proptest::prelude::*;

use crate::{Segment, both};

const MEMBERS: usize = 4;
const LATENCY: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
enum Step {
    Role(usize, Role),
    Gone(usize),
    Kill(usize),
    Cut(usize, usize),
    Mend(usize, usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = 0..MEMBERS;
    let role = prop_oneof![
        3 => Just(Role::Owner),
        1 => Just(Role::NewOwner),
        1 => Just(Role::IfFree),
        1 => Just(Role::Leaving),
    ];
    let pair = (0..MEMBERS, 1..MEMBERS).prop_map(|(a, b)| (a, (a + b) % MEMBERS));
    let step = prop_oneof![
        4 => (member.clone(), role).prop_map(|(member, role)| Step::Role(member, role)),
        1 => member.clone().prop_map(Step::Gone),
        1 => member.prop_map(Step::Kill),
        1 => pair.clone().prop_map(|(a, b)| Step::Cut(a, b)),
        1 => pair.prop_map(|(a, b)| Step::Mend(a, b)),
        4 => (1..3000_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The members that want the address are left in the end on a link that is whole and loses nothing.
    #[test]
    fn in_the_end_the_best_of_those_that_want_it_holds_the_address_alone(seed in 0..1000_u64, steps in steps()) {
        for address in both() {
            let mut segment = Segment::new(seed, MEMBERS, LATENCY, 0.0);
            let mut wanting = [false; MEMBERS];
            for step in &steps {
                match *step {
                    Step::Role(member, role) => {
                        segment.set_role(member, role, &[address]);
                        wanting[member] = segment.member(member).alive && role != Role::Leaving;
                    }
                    Step::Gone(member) => {
                        segment.set_role(member, Role::Owner, &[]);
                        wanting[member] = false;
                    }
                    Step::Kill(member) => {
                        segment.kill(member);
                        wanting[member] = false;
                    }
                    Step::Cut(a, b) => segment.cut(a, b),
                    Step::Mend(a, b) => segment.mend(a, b),
                    Step::Wait(millis) => segment.simulation.run_for(Duration::from_millis(millis)),
                }
            }
            for (a, b) in (0..MEMBERS).flat_map(|a| (0..MEMBERS).map(move |b| (a, b))) {
                segment.mend(a, b);
            }
            // A refresh interval and a half: who was parted hears of the others.
            segment.simulation.run_for(Duration::from_secs(110));
            let best: Vec<_> = wanting.iter().position(|wants| *wants).into_iter().collect();
            prop_assert_eq!(segment.holders(address), best);
            let spans = segment.watch(address, Duration::from_secs(5));
            prop_assert_eq!(spans.several, Duration::ZERO);
        }
    }
}
