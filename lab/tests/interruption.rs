//! A lab that somebody ends cleans up at once, whatever it was waiting for.

use std::process::Command;
use std::time::Duration;

use lab::{LabError, Process, Requirement, requires, until};
use nix::sys::signal::Signal;

/// How long the bench may take to get where it waits.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long it may take to clean up: it is done in some 200 ms on an idle machine.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn a_bench_that_waits_for_the_end_of_writes_ends_at_once_when_it_is_asked_to() {
    let binaries = ["speaker", "ferrolb-lab"].map(Requirement::Binary);
    let machine = [Requirement::Root, Requirement::ControlPlane];
    if !requires(&[binaries, machine].concat()) {
        return;
    }
    let folder = lab::folder().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb-lab"));
    command
        .args(["bench-speaker", "--services", "1"])
        .env_remove("METALLB_SPEAKER");
    let mut bench = Process::spawn("bench", command, folder.path()).unwrap();
    bench.wait_for_line("writes so far", PATIENCE).unwrap();
    let namespaces = format!("flb{}-", bench.id());
    assert!(!lab::remaining(&namespaces).unwrap().is_empty());
    bench.signal(Signal::SIGTERM).unwrap();
    let status = until("end of the bench", AT_ONCE, || bench.status());
    let output = bench.output();
    assert_eq!(status.unwrap().code(), Some(1), "{output}");
    assert!(
        output.contains(&LabError::Interrupted.to_string()),
        "{output}"
    );
    assert_eq!(lab::remaining(&namespaces).unwrap(), [] as [String; 0]);
}
