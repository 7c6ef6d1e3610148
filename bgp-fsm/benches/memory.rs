//! What peers and routes take in memory: how much the resident size of this process grows by (Linux only).
//!
//! Many of each are made, so that pages and what the allocator keeps for itself do not count.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and says what it measured"
)]

mod rig;

use std::fs;
use std::time::Instant;

use bgp_fsm::{Input, Routes, Session, State};
use rig::{CONN, keepalive, open_confirm, routes, sink};
use testkit::Clock;

const PEERS: usize = 10_000;

fn main() {
    // Without it this is a test run, which has nothing to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let now = Clock::new().now();

    let start = resident();
    let idle: Vec<Session> = (0..PEERS)
        .map(|_| established(now, &Routes::new()))
        .collect();
    report("an idle peer", start, idle.len());

    let start = resident();
    let table = routes();
    report(
        "a route of the table that all peers share",
        start,
        table.len(),
    );

    let start = resident();
    let mut first = to_be_told(now, &table);
    report("a route that a peer is yet to be told", start, table.len());
    sink(&mut first, now);

    // The first peer's queue left its memory to the allocator, which the others use for theirs.
    let start = resident();
    let told: Vec<Session> = (0..4).map(|_| established(now, &table)).collect();
    report(
        "a route that a peer was told",
        start,
        told.len() * table.len(),
    );

    for session in idle.iter().chain([&first]).chain(&told) {
        assert_eq!(session.state(), State::Established);
    }
}

/// An Established session whose routes wait to be encoded.
fn to_be_told(now: Instant, routes: &Routes) -> Session {
    let mut session = open_confirm(now);
    session.handle_input(now, Input::SetRoutes(routes.clone()));
    sink(&mut session, now);
    let octets = &keepalive();
    session.handle_input(now, Input::Received { conn: CONN, octets });
    session
}

/// An Established session that has nothing left to send.
fn established(now: Instant, routes: &Routes) -> Session {
    let mut session = to_be_told(now, routes);
    sink(&mut session, now);
    session
}

fn report(what: &str, start: usize, count: usize) {
    let octets = resident().saturating_sub(start) / count;
    println!("{what}: {octets} octets");
}

/// Octets of memory that this process has.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line
        .and_then(|line| line.split_whitespace().nth(1))
        .unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}
