//! Parts of a group that lose sight of each other.

use proptest::prelude::*;

use crate::facts::known;
use crate::simulation::{Net, Told, World, facts};
use crate::{held_dead, lan, milliseconds, seconds};
use election::membership::{Config, Event, Input, Member};

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
        // What was lost on the way is told when two compare next.
        let took = world.run_until(seconds(60), |world| known(world, "node-004", &facts(4, 9)));
        prop_assert!(took.is_some_and(|took| took < seconds(20)), "{took:?}");
        // Nobody lost sight of anybody for it.
        let died = world.told.iter().filter(|told| matches!(told.event, Event::Died(_)));
        prop_assert_eq!(died.count(), 0);
    }
}

#[test]
fn who_was_cut_off_alone_is_back_within_seconds() {
    let mut world = lan(10, 0.01, 1);
    for round in 0..5 {
        let others: Vec<usize> = (0..10).filter(|node| *node != round).collect();
        world.block(&[round], &others);
        world.block(&others, &[round]);
        world.told.clear();
        world.run(seconds(5));
        assert_eq!(world.nodes[round].members().len(), 1);
        let lives = lives(&world, &others);
        world.blocked.clear();
        let took = world.run_until(seconds(10), World::is_whole);
        assert!(took.unwrap() < milliseconds(2500), "{took:?}");
        world.run(seconds(5));
        // Nobody else lost sight of anybody for it, nor had to come back.
        assert_eq!(held_dead(&world, &[round]), [round]);
        assert_eq!(self::lives(&world, &others), lives);
    }
}

/// With which incarnation these members run.
fn lives(world: &World, nodes: &[usize]) -> Vec<u64> {
    let life = |node: &usize| {
        let node = &world.nodes[*node];
        node.members()[&node.name].incarnation
    };
    nodes.iter().map(life).collect()
}

#[test]
fn the_last_one_alive_knows_that_it_is_alone_however_many_there_were() {
    for nodes in [2, 3, 20] {
        let mut world = lan(nodes, 0.05, 3);
        for node in 1..nodes {
            world.crash(node);
        }
        let took = world.run_until(seconds(30), World::is_whole);
        assert!(took.unwrap() < seconds(3), "{nodes}: {took:?}");
        let alone = world.told.iter().filter(|told| told.event == Event::Alone);
        assert_eq!(alone.count(), usize::from(nodes > 2), "{nodes}");
        for node in 1..nodes {
            world.start(node);
        }
        let took = world.run_until(seconds(30), World::is_whole);
        assert!(took.unwrap() < seconds(3), "{nodes}: {took:?}");
    }
}

#[test]
fn after_an_outage_of_the_whole_network_everybody_is_back_within_seconds() {
    let mut world = lan(20, 0.01, 4);
    let all: Vec<usize> = (0..20).collect();
    world.block(&all, &all);
    world.run(seconds(5));
    assert!(world.nodes.iter().all(|node| node.members().len() == 1));
    world.blocked.clear();
    let took = world.run_until(seconds(20), World::is_whole);
    assert!(took.unwrap() < seconds(4), "{took:?}");
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

#[test]
fn who_is_heard_by_nobody_does_not_count_on_the_others() {
    for nodes in [2, 3, 12] {
        let mut world = lan(nodes, 0.0, 1);
        let others: Vec<usize> = (1..nodes).collect();
        world.block(&[0], &others);
        // They call it, now that they hold it dead, and it hears that.
        let took = world.run_until(seconds(10), |world| world.nodes[0].members().len() == 1);
        assert!(took.unwrap() < seconds(4), "{nodes}: {took:?}");
        world.blocked.clear();
        let took = world.run_until(seconds(10), World::is_whole);
        assert!(took.unwrap() < seconds(3), "{nodes}: {took:?}");
    }
}

#[test]
fn a_call_tells_how_the_one_is_that_calls() {
    let mut world = lan(3, 0.0, 1);
    world.block(&[0], &[1, 2]);
    let is_dead = |world: &World| world.nodes[1].members().len() == 2;
    world.run_until(seconds(3), is_dead).unwrap();
    world.input(1, Input::SetLocal(facts(1, 9)));
    let took = world.run_until(seconds(2), |world| {
        let member = world.nodes[0].members().get("node-001");
        member.unwrap().facts.as_deref() == Some(&facts(1, 9))
    });
    assert!(took.is_some());
}

#[test]
fn one_that_calls_and_is_not_heard_is_told_of() {
    let mut world = lan(3, 0.0, 1);
    world.crash(2);
    world.run(seconds(4));
    world.block(&[0, 1], &[2]);
    world.told.clear();
    world.start(2);
    world.run(seconds(4));
    for node in [0, 1] {
        assert!(!world.nodes[node].members().contains_key("node-002"));
        let called = |told: &&Told| match &told.event {
            Event::Called(caller) => {
                told.by == node
                    && caller.name.as_str() == "node-002"
                    && caller.facts.as_deref() == Some(&facts(2, 0))
            }
            _ => false,
        };
        let called = world.told.iter().filter(called).count();
        assert!(called > 0, "{:?}", world.told);
    }
}

#[test]
fn who_has_not_told_how_it_is_is_asked_soon() {
    for seed in 0..100 {
        let mut world = World::settled(2, Config::lan(), Net::lan(0.3), seed);
        world.crash(1);
        world.run(seconds(3));
        world.start(1);
        let knows = |world: &World, is_enough: fn(&Member) -> bool| {
            let member = world.nodes[1].members().get("node-000");
            member.is_some_and(|member| is_enough(member))
        };
        world
            .run_until(seconds(30), |world| knows(world, |_| true))
            .unwrap();
        let took = world.run_until(seconds(30), |world| {
            knows(world, |member| member.facts.is_some())
        });
        assert!(took.unwrap() < seconds(6), "{seed}: {took:?}");
    }
}

/// The answers of one to the other are lost, or its questions, but not those that go by way of the third.
#[test]
fn a_way_that_is_cut_in_one_direction_is_no_death_while_another_can_help() {
    let mut world = lan(3, 0.01, 6);
    let mut rng = fastrand::Rng::with_seed(6);
    for _ in 0..300 {
        world.blocked.clear();
        let from = rng.usize(..3);
        world.block(&[from], &[(from + rng.usize(1..3)) % 3]);
        world.run(seconds(1));
    }
    assert!(held_dead(&world, &[]).is_empty());
    assert!(world.is_whole());
}
