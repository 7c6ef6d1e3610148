//! What the members of a large cluster say to each other in virtual time: real machines on a network that loses some of it.

#[path = "../../../election/tests/simulation/mod.rs"]
#[expect(
    dead_code,
    reason = "the tests of the crate `election` need more of it"
)]
mod world;

use std::time::Duration;

use election::membership::Config;
use world::{Net, Traffic, World};

/// What was said from an event on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gossip {
    /// Until each member that lives knew which do.
    pub(crate) known_after: Duration,
    /// What each of them sent a second, on average over [`WHILE`].
    pub(crate) datagrams: f64,
    /// The octets of these, without the headers of UDP and IP.
    pub(crate) octets: f64,
}

/// Members that start, one a millisecond; that have nothing to tell; and of which some die at once.
pub(crate) fn run(members: usize, dead: impl Iterator<Item = usize>) -> [Gossip; 3] {
    let mut world = World::new(members, Config::lan(), Net::lan(LOSS), SEED);
    let start = observe(&mut world, |world| {
        for node in 0..members {
            world.start(node);
            world.run(Duration::from_millis(1));
            world.told.clear();
        }
    });
    // News of the start is told for a while yet.
    world.run(WHILE);
    let rest = observe(&mut world, |_| {});
    let death = observe(&mut world, |world| dead.for_each(|node| world.crash(node)));
    [start, rest, death]
}

/// Lets something happen, and looks at what follows.
fn observe(world: &mut World, event: impl FnOnce(&mut World)) -> Gossip {
    let start = world.now;
    world.traffic = Traffic::default();
    event(world);
    let known = world.run_until(LIMIT, World::is_whole);
    assert!(known.is_some(), "they do not agree in {LIMIT:?}");
    let known_after = world.now - start;
    world.run(WHILE.saturating_sub(known_after));
    let alive = world.nodes.iter().filter(|node| node.membership.is_some());
    let seconds = (world.now - start).as_secs_f64() * alive.count() as f64;
    Gossip {
        known_after,
        datagrams: world.traffic.datagrams as f64 / seconds,
        octets: world.traffic.octets as f64 / seconds,
    }
}

/// For how long it is looked, at least.
pub(crate) const WHILE: Duration = Duration::from_secs(10);

/// In which they agree, whatever happens.
const LIMIT: Duration = Duration::from_secs(60);

/// The share of the datagrams that are lost.
pub(crate) const LOSS: f64 = 0.01;

const SEED: u64 = 5;
