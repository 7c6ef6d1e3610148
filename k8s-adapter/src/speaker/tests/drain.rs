//! A node that takes leave, in virtual time.

use bgp_wire::Community;
use tokio::time::sleep;

use super::world::World;
use super::{NODES, ONE_NODE, POOLS, REFLECTOR, TOR, WEB};
use crate::speaker::drain::{HURRIED, UNHURRIED};

/// The LOCAL_PREF and whether the community GRACEFUL_SHUTDOWN is there, of each route that a peer was sent.
fn marks(world: &World, peer: &str) -> Vec<(Option<u32>, bool)> {
    world.record(|record| {
        let routes = record.sent.get(peer).into_iter().flatten();
        let marks = routes.map(|(_, attributes)| {
            let marked = attributes
                .communities
                .contains(&Community::GRACEFUL_SHUTDOWN);
            (attributes.local_pref, marked)
        });
        marks.collect()
    })
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_asked_to_drain_marks_its_routes_then_withdraws_them_and_keeps_its_sessions()
{
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, REFLECTOR, WEB]).await;
    world.take_sessions();
    world.set(&[&draining(), POOLS, TOR, REFLECTOR, WEB]).await;
    assert_eq!(marks(&world, "tor"), [(None, true)]);
    assert_eq!(marks(&world, "reflector"), [(Some(0), true)]);
    sleep(UNHURRIED.move_on).await;
    assert!(marks(&world, "tor").is_empty() && marks(&world, "reflector").is_empty());
    assert!(world.answers("eth0").is_empty(), "it was handed over");
    let statuses = world.statuses();
    assert!(
        !statuses.iter().any(|status| status.starts_with("bgp")),
        "{statuses:?}"
    );
    world.set(&[NODES, POOLS, TOR, REFLECTOR, WEB]).await;
    assert_eq!(marks(&world, "tor"), [(None, false)]);
    assert!(world.take_sessions().is_empty(), "no session was touched");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_may_stay_after_all_takes_its_marks_off() {
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    world.set(&[&draining(), POOLS, TOR, WEB]).await;
    assert_eq!(marks(&world, "tor"), [(None, true)]);
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    assert_eq!(marks(&world, "tor"), [(None, false)]);
    sleep(2 * UNHURRIED.move_on).await;
    assert_eq!(marks(&world, "tor"), [(None, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_speaker_that_starts_on_a_drained_node_announces_nothing() {
    let world = World::start("node-a");
    world.set(&[&draining(), POOLS, TOR, WEB]).await;
    assert_eq!(world.take_sessions(), ["start tor"]);
    assert!(marks(&world, "tor").is_empty());
    sleep(2 * UNHURRIED.move_on).await;
    assert!(marks(&world, "tor").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drained_node_answers_for_what_no_other_node_could() {
    let world = World::start("node-a");
    let alone = format!("{ONE_NODE}\n").replace("name: node-a", DRAINING);
    world.set(&[&alone, POOLS, WEB]).await;
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_a_node_drains_is_announced_with_its_marks() {
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    world.set(&[&draining(), POOLS, TOR, WEB]).await;
    let other = WEB
        .replace("web", "other")
        .replace("ip: 198.51.100.1", "ip: 198.51.100.2");
    world.set(&[&draining(), POOLS, TOR, WEB, &other]).await;
    assert_eq!(marks(&world, "tor"), [(None, true), (None, true)]);
}

#[tokio::test(start_paused = true)]
async fn sigterm_marks_the_routes_and_answers_on_while_the_routers_move() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    world.stop();
    world.settle().await;
    assert_eq!(marks(&world, "tor"), [(None, true)]);
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
    sleep(HURRIED.move_on).await;
    assert!(world.answers("eth0").is_empty());
    let sessions = world.record(|record| record.sessions.clone());
    assert_eq!(
        sessions[1..],
        ["stop tor with 0 routes, Administrative Shutdown: speaker on node-a is stopping"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_routers_hold_nothing_stops_at_once() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS, TOR]).await;
    let start = tokio::time::Instant::now();
    world.terminate().await;
    assert!(start.elapsed() < HURRIED.move_on);
}

const DRAINING: &str = "name: node-a, annotations: {ferrolb.io/drain: \"disk\"}";

fn draining() -> String {
    NODES.replace("name: node-a", DRAINING)
}
