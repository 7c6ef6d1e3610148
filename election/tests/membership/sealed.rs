//! Datagrams that must change nothing.

use std::time::Duration;

use election::membership::{Config, DropReason, Input, Key, Local, Membership, Output};

use crate::simulation::{Net, World};
use crate::{lan, seconds};

/// Everything that can be seen of a world, but for how many datagrams were dropped.
fn seen(world: &World) -> String {
    let members = world.nodes.iter().map(|node| {
        let membership = node.membership.as_ref().unwrap();
        let mut stats = membership.stats();
        stats.dropped.clear();
        format!(
            "{:?} {:?} {stats:?}\n",
            membership.members(),
            membership.poll_timeout().map(|at| at - world.now)
        )
    });
    let told = world
        .told
        .iter()
        .map(|told| format!("{} {:?}\n", told.by, told.event));
    members.chain(told).collect()
}

fn dropped(world: &World, node: usize, reason: DropReason) -> u64 {
    let stats = world.nodes[node].membership.as_ref().unwrap().stats();
    stats.dropped.get(&reason).copied().unwrap_or(0)
}

/// Two worlds of the same seed, in one of which the first member gets these datagrams as well: afterwards, and some time
/// and a death later, all is the same in both.
fn changes_nothing(world: &mut World, twin: &mut World, reason: DropReason, datagrams: &[Vec<u8>]) {
    assert!(!datagrams.is_empty());
    assert_eq!(seen(world), seen(twin));
    let before = dropped(world, 0, reason);
    let from = world.nodes[1].address;
    for octets in datagrams {
        world.input(0, Input::Datagram { from, octets });
    }
    let count = u64::try_from(datagrams.len()).unwrap();
    assert_eq!(dropped(world, 0, reason) - before, count, "{reason}");
    assert_eq!(seen(world), seen(twin), "{reason}");
    for world in [world, twin] {
        world.run(Duration::from_millis(700));
    }
}

/// Two worlds of the same seed, and what was sent to the first member in its present life.
fn twins() -> (World, World, Vec<Vec<u8>>) {
    let twin = || {
        let mut world = World::settled(4, Config::lan(), Net::lan(0.0), 77);
        world.crash(0);
        world.run(seconds(3));
        world.recorded = Some(Vec::new());
        world.start(0);
        world.run(seconds(8));
        world
    };
    let (mut world, other) = (twin(), twin());
    let recorded = world.recorded.take().unwrap();
    let to_first = recorded.into_iter().filter(|(_, to, _)| *to == 0);
    (world, other, to_first.map(|(.., octets)| octets).collect())
}

/// Without calls, which name no receiver: see below.
fn without_calls(recorded: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let call = call_len();
    recorded
        .into_iter()
        .filter(|octets| octets.len() != call)
        .collect()
}

/// The length of what a member says that knows nobody. Names and facts are of one length here.
fn call_len() -> usize {
    let mut world = World::new(2, Config::lan(), Net::lan(0.0), 1);
    world.recorded = Some(Vec::new());
    world.start(0);
    world.run(seconds(3));
    let recorded = world.recorded.take().unwrap_or_default();
    let (.., call) = recorded.last().unwrap();
    call.len()
}

#[test]
fn what_is_recorded_and_sent_again_changes_nothing() {
    let (mut world, mut twin, recorded) = twins();
    changes_nothing(&mut world, &mut twin, DropReason::Replayed, &recorded);
    world.crash(2);
    twin.crash(2);
    world.run(seconds(4));
    twin.run(seconds(4));
    assert_eq!(world.nodes[0].members().len(), 3);
    assert_eq!(world.nodes[0].members(), twin.nodes[0].members());
}

#[test]
fn what_was_said_to_an_earlier_life_changes_nothing() {
    let (mut world, mut twin, recorded) = twins();
    for world in [&mut world, &mut twin] {
        world.crash(0);
        world.run(seconds(3));
        world.start(0);
        world.run(seconds(8));
    }
    changes_nothing(
        &mut world,
        &mut twin,
        DropReason::OtherReceiver,
        &without_calls(recorded),
    );
}

#[test]
fn what_an_earlier_life_of_the_sender_said_changes_nothing() {
    let (mut world, mut twin, recorded) = twins();
    for world in [&mut world, &mut twin] {
        for sender in 1..4 {
            world.crash(sender);
            world.run(seconds(3));
            world.start(sender);
        }
        world.run(seconds(8));
    }
    changes_nothing(
        &mut world,
        &mut twin,
        DropReason::OldIncarnation,
        &without_calls(recorded),
    );
}

#[test]
fn a_call_to_an_earlier_life_is_answered_and_no_more() {
    let mut world = World::settled(4, Config::lan(), Net::lan(0.0), 77);
    world.crash(0);
    world.recorded = Some(Vec::new());
    world.run(seconds(8));
    let recorded = world.recorded.take().unwrap();
    let is_call =
        |(_, to, octets): &&(usize, usize, Vec<u8>)| *to == 0 && octets.len() == call_len();
    let (_, _, call) = recorded.iter().rfind(is_call).unwrap();
    world.block(&[1, 2, 3], &[0]);
    world.start(0);
    let before = world.traffic.datagrams;
    let from = world.nodes[1].address;
    for _ in 0..2 {
        world.input(0, Input::Datagram { from, octets: call });
    }
    assert_eq!(world.traffic.datagrams - before, 1);
    assert_eq!(dropped(&world, 0, DropReason::Replayed), 1);
    assert_eq!(world.nodes[0].members().len(), 1);
}

#[test]
fn what_is_cut_or_changed_on_the_way_changes_nothing() {
    let (mut world, mut twin, recorded) = twins();
    let longest = recorded.iter().max_by_key(|octets| octets.len()).unwrap();
    let cut: Vec<Vec<u8>> = (41..longest.len())
        .map(|len| longest[..len].to_vec())
        .collect();
    changes_nothing(&mut world, &mut twin, DropReason::Unauthenticated, &cut);
    let short: Vec<Vec<u8>> = (0..41).map(|len| longest[..len].to_vec()).collect();
    changes_nothing(&mut world, &mut twin, DropReason::Length, &short);
    let changed: Vec<Vec<u8>> = (1..longest.len())
        .map(|at| {
            let mut octets = longest.clone();
            octets[at] ^= 0x10;
            octets
        })
        .collect();
    changes_nothing(&mut world, &mut twin, DropReason::Unauthenticated, &changed);
    let mut newer = longest.clone();
    newer[0] += 1;
    changes_nothing(&mut world, &mut twin, DropReason::Version, &[newer]);
    let long = vec![0xa5; 1401];
    changes_nothing(&mut world, &mut twin, DropReason::Length, &[long]);
}

#[test]
fn who_has_another_key_or_cluster_is_not_heard() {
    let (mut world, mut twin, _) = twins();
    let key = Key::derive(b"the secret of this world");
    for (key, config) in [
        (Key::derive(b"a secret of another world"), Config::lan()),
        (key, Config::lan().with_cluster("another")),
    ] {
        let datagrams = hello(&world, config, &key);
        changes_nothing(
            &mut world,
            &mut twin,
            DropReason::Unauthenticated,
            &datagrams,
        );
    }
}

/// What a newcomer says to the first member.
fn hello(world: &World, config: Config, key: &Key) -> Vec<Vec<u8>> {
    let local = Local {
        name: "stranger".parse().unwrap(),
        address: "198.18.9.9:7946".parse().unwrap(),
        incarnation: 1,
    };
    let mut stranger = Membership::new(local, config, key, [9; 32], world.now);
    stranger.handle_input(world.now, Input::SetPeers([world.nodes[0].address].into()));
    stranger.handle_timeout(world.now);
    std::iter::from_fn(|| stranger.poll_output())
        .filter_map(|output| match output {
            Output::Transmit { octets, .. } => Some(octets),
            _ => None,
        })
        .collect()
}

#[test]
fn who_has_the_same_key_and_cluster_is_answered() {
    let mut world = lan(2, 0.0, 1);
    let key = Key::derive(b"the secret of this world");
    let datagrams = hello(&world, Config::lan(), &key);
    let before = world.traffic.datagrams;
    let from = "198.18.9.9:7946".parse().unwrap();
    for octets in &datagrams {
        world.input(0, Input::Datagram { from, octets });
    }
    assert_eq!(world.traffic.datagrams - before, 1);
}
