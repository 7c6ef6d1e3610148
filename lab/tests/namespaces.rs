//! Namespaces and processes of the lab, on the kernel.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use lab::{LabError, Namespace, Requirement, requires};

fn exists(name: &str) -> bool {
    Path::new("/run/netns").join(name).exists()
}

#[test]
fn a_namespace_is_removed_with_its_processes_when_dropped() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let namespace = Namespace::create("gone").unwrap();
    let name = namespace.name().to_owned();
    let mut command = Command::new("sleep");
    command.arg("60");
    let mut sleeper = namespace.spawn("sleeper", command, folder.path()).unwrap();
    assert!(exists(&name));
    sleeper.expect_running().unwrap();
    drop(namespace);
    assert!(!exists(&name));
    lab::until("end of the sleeper", Duration::from_secs(30), || {
        sleeper.status()
    })
    .unwrap();
}

#[test]
fn sockets_opened_inside_meet_over_a_link_and_nothing_of_it_is_seen_outside() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let (left, right) = (
        Namespace::create("left").unwrap(),
        Namespace::create("right").unwrap(),
    );
    left.link("eth0", &right, "eth0").unwrap();
    left.ip("addr add 198.51.100.1/24 dev eth0").unwrap();
    right.ip("addr add 198.51.100.2/24 dev eth0").unwrap();
    let listener = left
        .run(|| TcpListener::bind("198.51.100.1:80"))
        .unwrap()
        .unwrap();
    let greeter = thread::spawn(move || listener.accept().unwrap().0.write_all(b"hello").unwrap());
    let mut heard = String::new();
    let mut stream = right
        .run(|| TcpStream::connect("198.51.100.1:80"))
        .unwrap()
        .unwrap();
    stream.read_to_string(&mut heard).unwrap();
    greeter.join().unwrap();
    assert_eq!(heard, "hello");
    assert!(
        TcpListener::bind("198.51.100.1:80").is_err(),
        "the address must not exist outside"
    );
}

#[test]
fn a_runtime_inside_a_namespace_opens_its_sockets_there() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let namespace = Namespace::create("runtime").unwrap();
    namespace.ip("addr add 203.0.113.1/32 dev lo").unwrap();
    let bound = namespace.block_on(|| async {
        tokio::net::TcpListener::bind("203.0.113.1:80")
            .await
            .is_ok()
    });
    assert!(bound.unwrap());
}

#[test]
fn a_failing_command_is_an_error_with_its_output() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let namespace = Namespace::create("failing").unwrap();
    let error = namespace.ip("link set nothing up").unwrap_err();
    assert!(
        matches!(&error, LabError::Command { output, .. } if output.contains("nothing")),
        "{error}"
    );
}

#[test]
fn what_a_dead_process_left_behind_is_swept_and_what_a_live_one_has_is_kept() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let mut left = Namespace::create_as(format!("flb{}-0-left", ended.id())).unwrap();
    left.keep();
    let kept = Namespace::create("kept").unwrap();
    lab::sweep().unwrap();
    assert!(!exists(left.name()));
    assert!(exists(kept.name()));
}
