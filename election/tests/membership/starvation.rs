//! Members that do not run for a while, cannot hear, or have a bad clock.

use election::membership::Event;
use proptest::prelude::*;

use crate::simulation::{Told, World};
use crate::{held_dead, lan, milliseconds, seconds};

#[test]
fn who_does_not_run_for_seconds_holds_nobody_dead_and_comes_back_at_once() {
    let mut world = lan(10, 0.01, 1);
    for round in 0..5 {
        world.told.clear();
        let wakes = world.now + seconds(4);
        world.sleep(round, seconds(4));
        world.run(seconds(4));
        let took = world.run_until(seconds(5), World::is_whole);
        assert!(took.unwrap() < milliseconds(500), "{took:?}");
        world.run(seconds(1));
        // To the others it was as good as dead, but it held none of them so.
        let others: Vec<usize> = (0..10).filter(|node| *node != round).collect();
        assert_eq!(held_dead(&world, &[round]), [round]);
        assert!(held_dead(&world, &others).is_empty());
        let noticed = |told: &&Told| {
            told.by == round && matches!(told.event, Event::Away(_)) && told.at == wakes
        };
        assert_eq!(world.told.iter().filter(noticed).count(), 1);
    }
}

#[test]
fn who_runs_all_the_time_was_never_away_whatever_is_lost() {
    let away = |told: &Told| matches!(told.event, Event::Away(_));
    for seed in 0..10 {
        let mut world = lan(5, 0.2, seed);
        world.block(&[0, 1], &[2, 3, 4]);
        world.block(&[2, 3, 4], &[0, 1]);
        world.run(seconds(3));
        world.crash(2);
        world.run(seconds(3));
        world.blocked.clear();
        world.run(seconds(3));
        let away = world.told.iter().filter(|told| away(told));
        assert_eq!(away.count(), 0, "{seed}");
    }
}

#[test]
fn who_wakes_is_told_who_died_meanwhile() {
    for seed in 0..30 {
        let mut world = lan(5, 0.2, seed);
        world.sleep(0, seconds(4));
        world.crash(1);
        world.run(seconds(4));
        let took = world.run_until(seconds(5), World::is_whole);
        assert!(took.unwrap() < seconds(1), "{seed}: {took:?}");
    }
}

#[test]
fn who_wakes_when_all_others_are_gone_is_soon_alone() {
    for seed in 0..20 {
        let mut world = lan(2, 0.0, seed);
        world.sleep(0, seconds(4));
        world.run(seconds(3));
        world.crash(1);
        world.run(seconds(1));
        // What it was told while it slept says that the other one was there, and held it dead.
        let took = world.run_until(seconds(5), World::is_whole);
        assert!(took.unwrap() < milliseconds(1200), "{took:?}");
    }
}

#[test]
fn a_deaf_member_is_held_dead_and_takes_nobody_along() {
    let mut world = lan(6, 0.0, 2);
    let others: Vec<usize> = (1..6).collect();
    world.block(&others, &[0]);
    world.run(seconds(20));
    assert_eq!(held_dead(&world, &[0]), [0]);
    world.blocked.clear();
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() < seconds(4), "{took:?}");
    assert_eq!(held_dead(&world, &[0]), [0]);
}

#[test]
fn two_that_cannot_talk_to_each_other_do_not_hold_each_other_dead() {
    let mut world = lan(5, 0.0, 3);
    world.block(&[0], &[1]);
    world.run(seconds(20));
    world.block(&[1], &[0]);
    world.run(seconds(20));
    assert!(held_dead(&world, &[]).is_empty());
}

#[test]
fn clocks_that_drift_make_no_difference() {
    let mut world = lan(8, 0.01, 4);
    for (node, clock) in [(0, 0.9), (1, 1.1), (2, 0.95), (3, 1.05)] {
        world.set_clock(node, clock);
    }
    assert!(world.run_until(seconds(10), World::is_whole).is_some());
    world.told.clear();
    world.run(seconds(60));
    assert!(held_dead(&world, &[]).is_empty());
    world.crash(5);
    let took = world.run_until(seconds(10), World::is_whole);
    assert!(took.unwrap() < seconds(3), "{took:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// As with a limit on CPU time: short pauses, now here, now there, and often.
    #[test]
    fn short_pauses_are_no_death(seed: u64) {
        let mut world = lan(8, 0.01, seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut awake_from = [world.now; 8];
        for _ in 0..60 {
            let (node, pause) = (rng.usize(..8), milliseconds(rng.u64(50..400)));
            // Two pauses without a moment between them are a long one.
            if awake_from[node] < world.now {
                world.sleep(node, pause);
                awake_from[node] = world.now + pause;
            }
            world.run(milliseconds(rng.u64(50..500)));
        }
        world.run(seconds(2));
        prop_assert!(held_dead(&world, &[]).is_empty(), "{:?}", held_dead(&world, &[]));
        prop_assert!(world.is_whole());
    }
}
