//! Whole speakers in virtual time: that an address has one owner, whatever happens to nodes, links and gossip.
//!
//! Each node runs the product's [`Speaker`](crate::speaker::Speaker) with its planner, fence and membership task, and the
//! machines `arp_ndp::Responder` and `election::membership::Membership`. What stands for the rest is here: a segment and a
//! gossip network that delay, lose and are cut ([`cluster`]), what the two drivers do ([`wire`], [`seat`]), processes that
//! crash or get no processor time ([`process`], [`gate`]), and the objects that they read ([`objects`]). What happens is
//! drawn from a seed ([`scenario`]), and [`judge`] watches it:
//!
//! * **Two owners**, never for longer than 1 s: two nodes that answer for an address, with processor time, links that are
//!   up, and in the same part of the segment. Both would answer the same question.
//! * **No owner**, never for longer than 3 s: nobody who runs in a part of the segment answers for an address, though one
//!   node there could have all that time. It runs and has processor time, its link is up, it is not about to end, and its
//!   source has told it what is so now, by which it may own the address. A speaker that has just started counts as well.
//!
//! Not held against them are parts of a segment that gossip connects. A speaker leaves an address to a member that lives
//! and whose link is up: that a switch in between is broken could only be seen by all asking on the wire for what each of
//! the others has.
//!
//! `SEEDS=1000 FIRST=0` takes so many from there on, `SEED=136` one of them, telling what happens.

mod clock;
mod cluster;
mod gate;
mod judge;
mod objects;
mod process;
mod scenario;
mod seat;
mod trace;
mod wire;

use std::env;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use tokio::runtime::Builder;

use self::cluster::Cluster;
use self::judge::{Finding, Findings};
use self::scenario::Scenario;
use self::trace::Trace;

#[test]
fn two_never_own_an_address_for_long_nor_nobody() {
    if let Some(seed) = number("SEED") {
        let findings = simulate(seed, Trace::printed());
        println!("{findings:?}");
        assert!(is_well(&findings));
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let first = number("FIRST").unwrap_or(0);
    let results = simulate_all(first, seeds);
    let bad: Vec<_> = results
        .iter()
        .filter(|(_, findings)| !is_well(findings))
        .collect();
    for (seed, findings) in &bad {
        println!("SEED={seed}: {findings:?}");
    }
    for finding in [Finding::TwoOwners, Finding::NoOwner] {
        let all = results.iter();
        let all = all.filter_map(|(seed, findings)| Some((findings.get(&finding)?, seed)));
        if let Some((longest, seed)) = all.max() {
            println!(
                "{finding:?}: {:?} at the longest, with SEED={seed}",
                longest.time
            );
        }
    }
    println!("{} seeds, {} violations", results.len(), bad.len());
    assert!(
        bad.is_empty(),
        "each SEED can be run alone, and tells then what happened"
    );
}

fn is_well(findings: &Findings) -> bool {
    let within = |finding, limit| {
        let longest = findings.get(&finding);
        longest.is_none_or(|longest| longest.time <= limit)
    };
    within(Finding::TwoOwners, TWO_OWNERS) && within(Finding::NoOwner, NO_OWNER)
}

/// One run after the other on each processor.
fn simulate_all(first: u64, seeds: u64) -> Vec<(u64, Findings)> {
    let next = Mutex::new(first..first + seeds);
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = { next.lock().unwrap().next() } {
            let findings = simulate(seed, Trace::default());
            results.lock().unwrap().push((seed, findings));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(seed, _)| *seed);
    results
}

fn simulate(seed: u64, trace: Trace) -> Findings {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let mut rng = Rng::with_seed(seed);
    let scenario = Scenario::draw(&mut rng);
    trace.say(Duration::ZERO, || format!("{scenario:?}"));
    let length = scenario.length;
    runtime.unwrap().block_on(async {
        let cluster = Cluster::new(scenario, rng, trace);
        cluster.run(length).await
    })
}

fn node_name(node: usize) -> String {
    format!("node-{node}")
}

/// RFC 2544 sets 198.18.0.0/15 aside for measurements.
fn node_address(node: usize) -> IpAddr {
    Ipv4Addr::new(198, 18, 0, u8::try_from(node + 1).unwrap()).into()
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Some seconds without optimization.
const SEEDS: u64 = 12;
const TWO_OWNERS: Duration = Duration::from_secs(1);
const NO_OWNER: Duration = Duration::from_secs(3);
