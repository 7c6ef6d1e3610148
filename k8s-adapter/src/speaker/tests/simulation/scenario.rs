//! What happens to the nodes of a simulation: drawn from a seed.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::objects::{Objects, SERVICES};

/// Some speakers, what lies between them, and what happens to them.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) objects: Objects,
    pub(super) segment: Medium,
    pub(super) gossip: Medium,
    /// How fast the clock of each node goes.
    pub(super) clocks: Vec<f64>,
    pub(super) acts: Vec<(Duration, Act)>,
    pub(super) length: Duration,
}

/// How messages fare.
#[derive(Clone, Copy, Debug)]
pub(super) struct Medium {
    /// The share that is lost.
    pub(super) loss: f64,
    /// How long the others take, at most.
    pub(super) delay: Duration,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// The speaker of a node is started, if none runs.
    Start(usize),
    /// kill -9.
    Crash(usize),
    /// SIGTERM.
    Terminate(usize),
    /// The node gets no processor time for so long.
    Pause(usize, Duration),
    /// Its link goes down or up.
    Link(usize, bool),
    /// Nothing that one of the first says reaches any of the others, until [`Act::HealGossip`].
    CutGossip(usize, BTreeSet<(usize, usize)>),
    /// The cut of this number ends.
    HealGossip(usize),
    /// Each node is in this part of the segment from now on.
    Segment(Vec<u8>),
    /// A node is to drain, or not.
    Drain(usize, bool),
    /// A node is excluded from announcing, or not.
    Exclude(usize, bool),
    /// A Service comes or goes.
    Service(usize, bool),
}

impl Scenario {
    /// What this seed makes happen.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let nodes = rng.usize(2..=5);
        let length = seconds(rng, 30.0, 60.0);
        let services = 0..if rng.bool() {
            SERVICES.len()
        } else {
            SERVICES.len() - 1
        };
        let mut scenario = Self {
            objects: Objects {
                nodes,
                failback: rng.u8(..4) > 0,
                draining: BTreeSet::new(),
                excluded: BTreeSet::new(),
                services: services.collect(),
            },
            segment: Medium::draw(rng, &[0.0, 0.0, 0.005, 0.01, 0.03]),
            gossip: Medium::draw(rng, &[0.0, 0.0, 0.01, 0.05, 0.1, 0.2]),
            clocks: (0..nodes).map(|_| 0.99 + rng.f64() / 50.0).collect(),
            acts: Vec::new(),
            length,
        };
        for node in 0..nodes {
            let at = seconds(rng, 0.0, 1.0);
            scenario.acts.push((at, Act::Start(node)));
        }
        for number in 0..rng.usize(3..=9) {
            let at = seconds(rng, 4.0, length.as_secs_f64() - 5.0);
            scenario.add(rng, number, at);
        }
        scenario
    }

    /// Something happens, and mostly something later that makes up for it.
    fn add(&mut self, rng: &mut Rng, number: usize, at: Duration) {
        let nodes = self.objects.nodes;
        let node = rng.usize(..nodes);
        let mut then = |after: Duration, act| self.acts.push((at + after, act));
        match rng.u8(..12) {
            0 | 1 => {
                then(Duration::ZERO, Act::Crash(node));
                then(seconds(rng, 0.05, 8.0), Act::Start(node));
            }
            2 => {
                then(Duration::ZERO, Act::Terminate(node));
                then(seconds(rng, 1.0, 8.0), Act::Start(node));
            }
            3 => {
                then(Duration::ZERO, Act::Drain(node, true));
                then(seconds(rng, 0.5, 15.0), Act::Drain(node, false));
            }
            4 => {
                then(Duration::ZERO, Act::Exclude(node, true));
                then(seconds(rng, 0.5, 15.0), Act::Exclude(node, false));
            }
            5 | 6 => {
                then(Duration::ZERO, Act::Link(node, false));
                then(seconds(rng, 0.05, 8.0), Act::Link(node, true));
            }
            7 | 8 => {
                let blocked = gossip_cut(rng, nodes);
                then(Duration::ZERO, Act::CutGossip(number, blocked));
                then(seconds(rng, 0.5, 15.0), Act::HealGossip(number));
            }
            9 => {
                let parts = halves(rng, nodes);
                if rng.bool() {
                    let blocked = between(&parts, true);
                    then(Duration::ZERO, Act::CutGossip(number, blocked));
                    then(seconds(rng, 0.5, 15.0), Act::HealGossip(number));
                }
                then(Duration::ZERO, Act::Segment(parts));
                then(seconds(rng, 0.5, 15.0), Act::Segment(vec![0; nodes]));
            }
            10 => {
                let time = seconds(rng, 0.1, 6.0);
                then(Duration::ZERO, Act::Pause(node, time));
            }
            _ => {
                let service = SERVICES.len() - 1;
                let is_there = self.objects.services.contains(&service);
                then(Duration::ZERO, Act::Service(service, !is_there));
                then(seconds(rng, 0.5, 15.0), Act::Service(service, is_there));
            }
        }
    }
}

impl Medium {
    fn draw(rng: &mut Rng, losses: &[f64]) -> Self {
        Self {
            loss: losses[rng.usize(..losses.len())],
            delay: Duration::from_millis(rng.u64(1..=5)),
        }
    }
}

/// Two halves, or one alone; both ways, or one way.
fn gossip_cut(rng: &mut Rng, nodes: usize) -> BTreeSet<(usize, usize)> {
    let parts = if rng.bool() {
        halves(rng, nodes)
    } else {
        let (alone, part) = (rng.usize(..nodes), rng.bool());
        (0..nodes)
            .map(|node| u8::from((node == alone) == part))
            .collect()
    };
    between(&parts, rng.u8(..3) > 0)
}

fn halves(rng: &mut Rng, nodes: usize) -> Vec<u8> {
    let mut parts: Vec<u8> = (0..nodes).map(|_| rng.u8(..2)).collect();
    // Somebody is on each side.
    let node = rng.usize(..nodes);
    parts[node] = 0;
    parts[(node + 1) % nodes] = 1;
    parts
}

/// All that goes from one part to another, or only from those of lower number to those of higher.
fn between(parts: &[u8], both_ways: bool) -> BTreeSet<(usize, usize)> {
    let nodes = 0..parts.len();
    let all = nodes
        .clone()
        .flat_map(|from| nodes.clone().map(move |to| (from, to)));
    all.filter(|&(from, to)| parts[from] < parts[to] || both_ways && parts[from] > parts[to])
        .collect()
}

fn seconds(rng: &mut Rng, least: f64, most: f64) -> Duration {
    Duration::from_secs_f64(least + (most - least) * rng.f64())
}
