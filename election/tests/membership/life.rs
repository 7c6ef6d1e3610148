//! Members come, go, crash and start anew.

use election::membership::{Config, Event};
use proptest::prelude::*;

use crate::simulation::{Net, World};
use crate::{held_dead, lan, milliseconds, seconds};

#[test]
fn who_starts_is_known_to_everybody_at_once() {
    let mut world = lan(20, 0.0, 1);
    world.crash(7);
    world.run(seconds(3));
    world.start(7);
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() < milliseconds(200), "{took:?}");
}

#[test]
fn those_that_start_together_find_each_other_in_a_second_though_datagrams_are_lost() {
    let slow = (0..100).filter(|seed| {
        let mut world = World::new(3, Config::lan(), Net::lan(0.2), *seed);
        (0..3).for_each(|node| world.start(node));
        world.run_until(seconds(1), World::is_whole).is_none()
    });
    let slow: Vec<u64> = slow.collect();
    assert!(slow.len() <= 5, "{slow:?}");
}

#[test]
fn who_leaves_is_gone_at_once_and_nobody_holds_it_dead() {
    let mut world = lan(20, 0.0, 2);
    world.leave(7);
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() <= milliseconds(10), "{took:?}");
    world.run(seconds(5));
    assert!(held_dead(&world, &[]).is_empty());
    let left =
        |event: &Event| matches!(event, Event::Left(member) if member.name.as_str() == "node-007");
    assert_eq!(
        world.told.iter().filter(|told| left(&told.event)).count(),
        19
    );
}

#[test]
fn a_departure_reaches_everybody_though_datagrams_are_lost() {
    let mut world = lan(20, 0.2, 3);
    world.leave(7);
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() < milliseconds(500), "{took:?}");
}

#[test]
fn the_last_two_notice_each_others_death() {
    let mut world = lan(2, 0.0, 4);
    world.crash(0);
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() < seconds(2), "{took:?}");
    world.start(0);
    assert!(world.run_until(seconds(3), World::is_whole).is_some());
}

#[test]
fn a_fast_restart_is_a_change_and_no_death() {
    let mut world = lan(10, 0.0, 5);
    let before = world.nodes[0].members()["node-003"].incarnation;
    world.crash(3);
    world.run(milliseconds(100));
    world.start(3);
    world.run(seconds(5));
    assert!(world.is_whole());
    assert!(held_dead(&world, &[]).is_empty());
    for node in &world.nodes {
        assert!(node.members()["node-003"].incarnation > before);
    }
    let changed = |event: &Event| matches!(event, Event::Changed(member) if member.name.as_str() == "node-003");
    assert!(world.told.iter().any(|told| changed(&told.event)));
}

#[test]
fn a_clock_that_was_put_back_keeps_nobody_out() {
    let mut world = lan(10, 0.0, 6);
    let before = world.nodes[3].incarnation;
    world.crash(3);
    world.run(milliseconds(100));
    world.nodes[3].incarnation -= 1_000_500;
    world.start(3);
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() < seconds(3), "{took:?}");
    world.run(seconds(2));
    assert!(world.is_whole());
    for node in &world.nodes {
        assert!(node.members()["node-003"].incarnation > before);
    }
}

#[test]
fn a_suspect_that_lives_contradicts() {
    let mut world = lan(10, 0.0, 7);
    let others: Vec<usize> = (0..10).filter(|node| *node != 3).collect();
    world.block(&[3], &others);
    world.run_until(seconds(5), |world| {
        let suspected = |event: &Event| matches!(event, Event::Suspected(member) if member.name.as_str() == "node-003");
        world.told.iter().any(|told| suspected(&told.event))
    })
    .unwrap();
    world.blocked.clear();
    world.run(seconds(5));
    assert!(held_dead(&world, &[]).is_empty());
    let stats = world.nodes[3].membership.as_ref().unwrap().stats();
    assert!(stats.contradictions > 0, "{stats:?}");
    assert_eq!(stats.self_doubt, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_is_known_to_everybody_in_time_and_nobody_else_is_held_dead(
        seed: u64,
        nodes in prop::sample::select(vec![2, 3, 5, 16]),
        loss in prop::sample::select(vec![0.0, 0.01, 0.05]),
        phase in 0u64..400,
    ) {
        let mut world = lan(nodes, loss, seed);
        world.run(milliseconds(phase));
        world.crash(1);
        let took = world.run_until(seconds(10), World::is_whole);
        prop_assert!(took.is_some_and(|took| took < seconds(4)), "{took:?}");
        world.run(seconds(3));
        prop_assert_eq!(held_dead(&world, &[]), [1]);
        world.start(1);
        prop_assert!(world.run_until(seconds(5), World::is_whole).is_some());
    }
}
