//! Members on loopback, with real sockets and real time.

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::time::Duration;

use planner::effect::Severity;
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::flags::testing;
use crate::speaker::flags::SpeakerFlags;

/// Longer than anything takes on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(60);

/// A port that is free at both addresses of the tests.
fn port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

fn start(node: &str, address: &str, port: u16, key: &Path) -> Membership {
    let settings = settings(node, address, port, key);
    Membership::start(node.into(), settings, Peers::Nodes, Board::default())
}

fn settings(node: &str, address: &str, port: u16, key: &Path) -> MembershipSettings {
    let flags: SpeakerFlags = testing::parse(&[
        &format!("--node-name={node}"),
        &format!("--ml-bindaddr={address}"),
        &format!("--ml-bindport={port}"),
        "--ml-labels=app=metallb",
        &format!("--ml-secret-key-path={}", key.display()),
    ])
    .unwrap();
    flags.membership.settings().unwrap().unwrap()
}

fn key() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secretkey"), "all members know it\n").unwrap();
    folder
}

/// Waits until this is true of what is known.
async fn until(membership: &mut Membership, is_so: impl Fn(&View) -> bool) {
    let wait = membership.view.wait_for(|view| is_so(view));
    timeout(LIMIT, wait).await.unwrap().unwrap();
}

fn are_alive(view: &View, nodes: &[&str]) -> bool {
    let Alive::These(members) = &view.alive else {
        return false;
    };
    members
        .iter()
        .map(|(node, _)| node.as_str())
        .eq(nodes.iter().copied())
}

#[tokio::test]
async fn speakers_find_each_other_by_their_nodes_hear_what_each_tells_and_miss_who_leaves() {
    let (port, key) = (port(), key());
    let mut here = start("node-a", "127.0.0.1", port, key.path());
    let mut there = start("node-b", "127.0.0.2", port, key.path());
    let nodes = ["127.0.0.1", "127.0.0.2", "2001:db8::1"].map(|ip| ip.parse().unwrap());
    for membership in [&mut here, &mut there] {
        assert!(membership.is_joining());
        membership.set_nodes(nodes.into_iter());
    }
    there.tell(Facts {
        draining: true,
        ..Facts::default()
    });
    until(&mut here, |view| are_alive(view, &["node-a", "node-b"])).await;
    until(&mut there, |view| are_alive(view, &["node-a", "node-b"])).await;
    let drains = |view: &View| {
        let Alive::These(members) = &view.alive else {
            return false;
        };
        members
            .get(&"node-b".into())
            .is_some_and(|member| member.is_draining)
    };
    until(&mut here, drains).await;
    there.leave().await;
    until(&mut here, |view| are_alive(view, &["node-a"])).await;
    here.leave().await;
}

#[tokio::test]
async fn who_is_met_while_others_are_still_being_found_is_remembered() {
    let (port, key) = (port(), key());
    let nodes = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|ip| ip.parse().unwrap());
    let settings = MembershipSettings {
        patience: LIMIT * 2,
        ..settings("node-a", "127.0.0.1", port, key.path())
    };
    let mut here = Membership::start("node-a".into(), settings, Peers::Nodes, Board::default());
    let there = start("node-b", "127.0.0.2", port, key.path());
    here.set_nodes(nodes.into_iter());
    there.set_nodes(nodes.into_iter());
    until(&mut here, |view| view.met.get(&"node-b".into()).is_some()).await;
    assert!(here.is_joining(), "nobody is at the third address");
    there.leave().await;
    here.leave().await;
}

#[tokio::test]
async fn who_has_no_key_counts_everybody_as_alive_and_takes_part_once_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut membership = start("node-a", "127.0.0.1", port(), folder.path());
    membership.set_nodes(["127.0.0.1".parse().unwrap()].into_iter());
    until(&mut membership, |view| view.alive == Alive::Everybody).await;
    let problem = membership.problem().unwrap();
    assert_eq!(
        (&*problem.name, problem.severity),
        ("membership", Severity::Warning)
    );
    for words in [
        "secretkey",
        "Secret memberlist",
        "every node counts as alive",
    ] {
        assert!(problem.message.contains(words), "{}", problem.message);
    }
    assert_eq!(membership.take_news(), Some(None));
    fs::write(folder.path().join("secretkey"), "a key").unwrap();
    until(&mut membership, |view| are_alive(view, &["node-a"])).await;
    assert_eq!(membership.problem(), None);
    membership.leave().await;
}

#[tokio::test]
async fn a_key_that_changes_while_speakers_run_is_taken_up_and_loses_nobody() {
    let (port, key, other) = (port(), key(), key());
    let mut here = start("node-a", "127.0.0.1", port, key.path());
    let mut there = start("node-b", "127.0.0.2", port, other.path());
    let nodes = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|ip| ip.parse().unwrap());
    for membership in [&mut here, &mut there] {
        membership.set_nodes(nodes.into_iter());
    }
    until(&mut here, |view| are_alive(view, &["node-a", "node-b"])).await;
    for folder in [&key, &other] {
        fs::write(folder.path().join("secretkey"), "a new one").unwrap();
    }
    let mut third = start("node-c", "127.0.0.3", port, key.path());
    third.set_nodes(nodes.into_iter());
    for membership in [&mut here, &mut there, &mut third] {
        let all = ["node-a", "node-b", "node-c"];
        until(membership, |view| are_alive(view, &all)).await;
    }
    // A key that is gone is told of, and counts on.
    fs::remove_file(key.path().join("secretkey")).unwrap();
    until(&mut here, |view| view.problem.is_some()).await;
    let problem = here.problem().unwrap();
    assert!(problem.message.contains("goes on with the key that it had"));
    fs::write(key.path().join("secretkey"), "a new one").unwrap();
    until(&mut here, |view| view.problem.is_none()).await;
    assert!(are_alive(
        &here.view.borrow(),
        &["node-a", "node-b", "node-c"]
    ));
    for membership in [third, there, here] {
        membership.leave().await;
    }
}
