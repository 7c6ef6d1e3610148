//! Members in virtual time: whole groups, from seeds.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod facts;
mod key;
mod life;
mod partition;
mod sealed;
#[path = "../simulation/mod.rs"]
mod simulation;
mod starvation;

use std::time::Duration;

use election::membership::{Config, Event};
use simulation::{Net, World};

/// Members that know each other, on a network that loses this share.
fn lan(nodes: usize, loss: f64, seed: u64) -> World {
    World::settled(nodes, Config::lan(), Net::lan(loss), seed)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Whom the members other than `besides` held dead, by index, each once.
fn held_dead(world: &World, besides: &[usize]) -> Vec<usize> {
    let died = world
        .told
        .iter()
        .filter(|told| !besides.contains(&told.by))
        .filter_map(|told| match &told.event {
            Event::Died(member) => Some(&member.name),
            _ => None,
        });
    let mut dead: Vec<usize> = died
        .filter_map(|name| world.nodes.iter().position(|node| node.name == *name))
        .collect();
    dead.sort_unstable();
    dead.dedup();
    dead
}
