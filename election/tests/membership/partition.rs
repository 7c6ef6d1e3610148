//! Parts of a group that lose sight of each other.

use proptest::prelude::*;

use crate::simulation::{World, facts};
use crate::{lan, milliseconds, seconds};
use election::membership::{Event, Input};

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn halves_that_were_cut_off_find_each_other_again(seed: u64, loss in prop::sample::select(vec![0.0, 0.05])) {
        let mut world = lan(12, loss, seed);
        let halves: (Vec<usize>, Vec<usize>) = (0..12).partition(|node| node % 2 == 0);
        world.block(&halves.0, &halves.1);
        world.block(&halves.1, &halves.0);
        world.run(seconds(15));
        for node in &world.nodes {
            prop_assert_eq!(node.members().len(), 6);
        }
        // What happens meanwhile in one half is news to the other.
        world.input(4, Input::SetLocal(facts(4, 9)));
        world.crash(2);
        world.run(seconds(5));
        world.told.clear();
        world.blocked.clear();
        let took = world.run_until(seconds(20), World::is_whole);
        prop_assert!(took.is_some_and(|took| took < seconds(5)), "{took:?}");
        world.run(seconds(1));
        // Nobody lost sight of anybody for it.
        let died = world.told.iter().filter(|told| matches!(told.event, Event::Died(_)));
        prop_assert_eq!(died.count(), 0);
        for node in world.nodes.iter().filter(|node| node.membership.is_some()) {
            let told = node.members()["node-004"].facts.as_deref();
            prop_assert_eq!(told, Some(&facts(4, 9)));
        }
    }
}

#[test]
fn who_was_cut_off_alone_is_back_within_seconds() {
    let mut world = lan(10, 0.01, 1);
    for round in 0..5 {
        let others: Vec<usize> = (0..10).filter(|node| *node != round).collect();
        world.block(&[round], &others);
        world.block(&others, &[round]);
        // It doubts itself, so it takes its time until it holds all others dead.
        world.run(seconds(20));
        assert_eq!(world.nodes[round].members().len(), 1);
        world.blocked.clear();
        let took = world.run_until(seconds(10), World::is_whole);
        assert!(took.unwrap() < milliseconds(2500), "{took:?}");
    }
}

#[test]
fn a_group_that_loses_most_datagrams_is_whole_when_it_does_not_any_more() {
    let mut world = lan(8, 0.0, 2);
    world.net.loss = 0.7;
    world.run(seconds(20));
    world.net.loss = 0.0;
    let took = world.run_until(seconds(20), World::is_whole);
    assert!(took.unwrap() < seconds(8), "{took:?}");
}
