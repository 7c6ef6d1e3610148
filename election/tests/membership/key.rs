//! The key is changed while members run.

use election::membership::{DropReason, Input, KEY_OVERLAP, Key};

use crate::simulation::World;
use crate::{held_dead, lan, seconds};

const NODES: usize = 5;

/// Gives one member after the other the new key, as when each sees a changed Secret in its own time. Who starts anew has it
/// from the start.
fn change_key(world: &mut World) {
    world.key = Key::derive(b"the next secret of this world");
    for node in 0..NODES {
        world.input(node, Input::SetKey(world.key.clone()));
        world.run(seconds(10));
    }
}

#[test]
fn a_key_is_changed_and_nobody_is_held_dead() {
    let mut world = lan(NODES, 0.01, 1);
    change_key(&mut world);
    world.run(KEY_OVERLAP + seconds(10));
    assert!(held_dead(&world, &[]).is_empty());
    assert!(world.is_whole());
}

#[test]
fn who_starts_with_the_new_key_is_known_to_those_who_have_both() {
    let mut world = lan(NODES, 0.0, 2);
    change_key(&mut world);
    world.crash(1);
    world.run(seconds(3));
    world.start(1);
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() < seconds(1), "{took:?}");
    world.run(seconds(10));
    assert_eq!(held_dead(&world, &[]), [1]);
}

#[test]
fn who_missed_the_change_is_not_heard_any_more() {
    let mut world = lan(NODES, 0.0, 3);
    let key = Key::derive(b"the next secret of this world");
    for node in 1..NODES {
        world.input(node, Input::SetKey(key.clone()));
    }
    world.run(KEY_OVERLAP - seconds(1));
    assert!(held_dead(&world, &[]).is_empty());
    world.run(seconds(10));
    assert_eq!(world.nodes[0].members().len(), 1);
    assert_eq!(world.nodes[1].members().len(), NODES - 1);
}

#[test]
fn what_is_sealed_twice_counts_once() {
    let mut world = lan(2, 0.0, 4);
    let stats = |world: &World| world.nodes[1].membership.as_ref().unwrap().stats();
    let before = stats(&world);
    let key = Key::derive(b"the next secret of this world");
    for node in 0..2 {
        world.input(node, Input::SetKey(key.clone()));
    }
    world.run(seconds(30));
    let after = stats(&world);
    let received = after.received - before.received;
    let replayed = after.dropped.get(&DropReason::Replayed).copied();
    // What was on its way when the key changed was sealed once.
    assert!(replayed.unwrap_or_default() + 5 > received && received > 200);
}

#[test]
fn the_same_key_again_changes_nothing() {
    let mut world = lan(2, 0.0, 5);
    let timeout = |world: &World| world.nodes[0].membership.as_ref().unwrap().poll_timeout();
    let before = timeout(&world);
    world.input(0, Input::SetKey(world.key.clone()));
    assert_eq!(timeout(&world), before);
    let sent = world.traffic.datagrams;
    world.run(seconds(10));
    // Two members send some ten datagrams each a second.
    assert!(world.traffic.datagrams - sent < 400);
}
