//! Who else is alive: what a speaker makes of it, and what it tells of itself. Of both nodes, node-a owns the address.

use planner::members::Member;
use tokio::time::{Instant, sleep};

use super::world::{HAND_OVER, World, mac, member};
use super::{NODES, POOLS, WEB};
use crate::speaker::fence::Defence;

async fn node(name: &str) -> World {
    let world = World::start_in_group(name, Defence::Always);
    world.set(&[NODES, POOLS, WEB]).await;
    world
}

#[tokio::test(start_paused = true)]
async fn nothing_is_answered_for_before_the_others_have_been_found() {
    let world = node("node-a").await;
    assert!(world.answers("eth0").is_empty());
    world.set_alive(&["node-a", "node-b"]).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Owner"]);
}

#[tokio::test(start_paused = true)]
async fn the_addresses_of_a_node_that_dies_are_taken_over_at_once() {
    let world = node("node-b").await;
    world.set_alive(&["node-a", "node-b"]).await;
    assert!(world.answers("eth0").is_empty());
    let start = Instant::now();
    world.set_alive(&["node-b"]).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Owner"]);
    assert!(start.elapsed().as_millis() < 100, "no timer is waited for");
    world.set_alive(&["node-a", "node-b"]).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Leaving"]);
    sleep(HAND_OVER * 2).await;
    assert!(world.answers("eth0").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_link_goes_down_is_taken_over_from_and_one_that_drains_likewise() {
    let down = |mut member: Member| {
        member
            .links
            .values_mut()
            .for_each(|link| link.is_up = false);
        member
    };
    let draining = |mut member: Member| {
        member.is_draining = true;
        member
    };
    for other in [down(member("node-a")), draining(member("node-a"))] {
        let world = node("node-b").await;
        let members = [
            ("node-a".into(), other),
            ("node-b".into(), member("node-b")),
        ];
        world.set_members(members).await;
        assert_eq!(world.roles("eth0"), ["198.51.100.1 Owner"]);
    }
}

#[tokio::test(start_paused = true)]
async fn members_that_concern_no_address_change_nothing() {
    let world = node("node-a").await;
    world.set_alive(&["node-a"]).await;
    let writes = world.record(|record| record.writes);
    world.set_alive(&["node-a", "node-b"]).await;
    world.set_alive(&["node-a", "node-b", "node-c"]).await;
    sleep(HAND_OVER * 2).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Owner"]);
    assert_eq!(world.record(|record| record.writes), writes);
}

#[tokio::test(start_paused = true)]
async fn without_membership_every_node_counts_as_alive() {
    for (name, answers) in [("node-a", &["198.51.100.1 Owner"][..]), ("node-b", &[])] {
        let world = World::start(name);
        world.set(&[NODES, POOLS, WEB]).await;
        assert_eq!(world.roles("eth0"), answers);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_tells_of_its_links_and_that_it_drains() {
    let world = node("node-a").await;
    world.set_alive(&["node-a", "node-b"]).await;
    let facts = world.facts();
    assert_eq!(facts.links["eth0"].mac, mac("node-a").octets());
    assert!(facts.links["eth0"].up && !facts.draining);
    world.set_links(&["eth1"]).await;
    let facts = world.facts();
    assert!(facts.links.contains_key("eth1") && !facts.links.contains_key("eth0"));
    let draining = NODES.replace(
        "name: node-a",
        "name: node-a, annotations: {ferrolb.io/drain: \"\"}",
    );
    world.set(&[&draining, POOLS, WEB]).await;
    assert!(world.facts().draining);
}

#[tokio::test(start_paused = true)]
async fn who_still_looks_for_the_others_takes_nothing_from_those_who_have_it() {
    let world = node("node-a").await;
    assert!(world.facts().draining);
    world.set_alive(&["node-a", "node-b"]).await;
    assert!(!world.facts().draining);
}

#[tokio::test(start_paused = true)]
async fn others_are_reminded_while_one_is_missed_whose_node_is_there() {
    let world = node("node-a").await;
    let reminders = |world: &World| world.record(|record| record.reminders);
    for alive in [
        &["node-a", "node-b"][..],
        &["node-a", "node-b", "node-z"],
        &["node-a", "node-b"],
    ] {
        world.set_alive(alive).await;
        sleep(HAND_OVER * 2).await;
        assert_eq!(reminders(&world), 0);
    }
    world.set_alive(&["node-a"]).await;
    sleep(HAND_OVER * 10).await;
    assert!(
        (24..=26).contains(&reminders(&world)),
        "{}",
        reminders(&world)
    );
}

#[tokio::test(start_paused = true)]
async fn others_are_reminded_while_somebody_is_to_be_found_whom_nobody_has_met() {
    let world = node("node-a").await;
    let reminders = |world: &World| world.record(|record| record.reminders);
    world.set_alive(&["node-a"]).await;
    sleep(HAND_OVER * 10).await;
    assert_eq!(reminders(&world), 0);
    world.seek(true).await;
    sleep(HAND_OVER * 10).await;
    let before = reminders(&world);
    assert!((24..=26).contains(&before), "{before}");
    world.seek(false).await;
    sleep(HAND_OVER * 10).await;
    assert!(reminders(&world) <= before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_whose_sockets_break_is_down_to_the_others() {
    let world = node("node-a").await;
    world.set_alive(&["node-a", "node-b"]).await;
    world.change(|record| record.closed_links.extend(["eth0".to_owned()]));
    world.break_sockets("eth0").await;
    assert!(!world.facts().links["eth0"].up);
}

#[tokio::test(start_paused = true)]
async fn sigterm_is_told_first_then_addresses_are_handed_over_then_the_node_leaves() {
    let world = node("node-a").await;
    world.set_alive(&["node-a", "node-b"]).await;
    let start = Instant::now();
    world.stop();
    world.settle().await;
    assert!(world.facts().draining);
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Leaving"]);
    let is_gone = |world: &World| world.record(|record| record.sessions.clone());
    assert!(is_gone(&world).is_empty(), "it answers still");
    sleep(HAND_OVER).await;
    world.settle().await;
    assert_eq!(is_gone(&world), ["left the group"]);
    let record = world.terminated().await;
    assert!(record.answers.is_empty());
    assert!(start.elapsed() < HAND_OVER * 2);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_with_nobody_to_take_over_answers_until_the_end_and_waits_for_nothing() {
    let world = node("node-a").await;
    world.set_alive(&["node-a"]).await;
    let start = Instant::now();
    world.terminate().await;
    assert!(start.elapsed() < HAND_OVER);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_comes_later_is_looked_for_first_and_one_that_was_there_is_not() {
    let world = node("node-a").await;
    world.set_alive(&["node-a"]).await;
    let other = WEB
        .replace("web", "other")
        .replace("ip: 198.51.100.1", "ip: 198.51.100.2");
    world.set(&[NODES, POOLS, WEB, &other]).await;
    let roles = ["198.51.100.1 Owner", "198.51.100.2 NewOwner"];
    assert_eq!(world.roles("eth0"), roles);
}
