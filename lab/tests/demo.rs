//! The demo, with each router, and its lab left standing.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::process::Command;
use std::time::Duration;

use lab::router::Kind;
use lab::{Requirement, demo, output, requires};

fn is_possible(kind: Kind) -> bool {
    let binaries = ["controller", "speaker", "ferrolb-lab"].map(Requirement::Binary);
    requires(&[kind.requirements(), binaries.into()].concat())
}

fn every_step_happens_with(kind: Kind) {
    if !is_possible(kind) {
        return;
    }
    let mut out = Vec::new();
    let result = demo(kind, &mut out);
    let text = String::from_utf8(out).unwrap();
    result.unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(text.matches("  ok  ").count(), 11, "{text}");
    assert!(!text.contains("FAILED"), "{text}");
}

#[test]
fn every_step_happens_with_frr() {
    every_step_happens_with(Kind::Frr);
}

#[test]
fn every_step_happens_with_bird() {
    every_step_happens_with(Kind::Bird);
}

#[test]
fn every_step_happens_with_the_built_in_router() {
    every_step_happens_with(Kind::Builtin);
}

#[test]
fn a_lab_stands_until_it_is_removed() {
    if !is_possible(Kind::Builtin) {
        return;
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb-lab"));
        command.args(arguments);
        output(command, Duration::from_secs(180))
    };
    if !lab::remaining("flb-lab-").unwrap().is_empty() {
        // It is somebody's: the one of this machine.
        return;
    }
    assert!(
        run(&["up", "--router", "builtin"])
            .unwrap()
            .contains("established")
    );
    let again = run(&["up"]);
    let status = run(&["status"]);
    let hostname = run(&["exec", "node1", "ip", "-o", "addr", "show", "dev", "eth0"]);
    run(&["down"]).unwrap();
    assert!(again.is_err(), "{again:?}");
    assert!(status.unwrap().contains("203.0.113.1"));
    assert!(hostname.unwrap().contains("198.51.100.11/24"));
    assert!(lab::remaining("flb-lab-").unwrap().is_empty());
    assert!(run(&["status"]).is_err());
}
