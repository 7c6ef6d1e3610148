//! What a speaker does about claims of other stations. Of both nodes, node-a owns the address.

use std::net::IpAddr;
use std::time::Duration;

use arp_ndp::{Event, MacAddr, Mark};
use planner::members::Member;
use planner::names::NodeName;
use tokio::time::sleep;

use super::world::{PROBE, World, mac, member};
use super::{NODES, POOLS, WEB};
use crate::speaker::fence::Defence;

const STRANGER: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);

fn address() -> IpAddr {
    "198.51.100.1".parse().unwrap()
}

async fn node(name: &str, alive: &[&str], defence: Defence) -> World {
    let world = World::start_in_group(name, defence);
    world.set(&[NODES, POOLS, WEB]).await;
    world.set_alive(alive).await;
    world
}

impl World {
    async fn claim(&self, by: MacAddr) {
        self.claim_marked(by, None).await;
    }

    async fn claim_marked(&self, by: MacAddr, mark: Option<Mark>) {
        let address = address();
        let claimed = Event::Claimed { address, by, mark };
        self.tell("eth0", claimed).await;
    }

    fn take_verdicts(&self) -> Vec<String> {
        let mut verdicts = Vec::new();
        self.change(|record| verdicts = std::mem::take(&mut record.verdicts));
        verdicts
    }
}

/// A node that looks for an address on its link, since it is new to the cluster.
async fn looking_for_an_address() -> World {
    let world = World::start_in_group("node-a", Defence::Always);
    world.set(&[NODES, POOLS]).await;
    world.set_alive(&["node-a"]).await;
    world.set(&[NODES, POOLS, WEB]).await;
    world
}

#[tokio::test(start_paused = true)]
async fn of_two_members_the_one_that_ranks_better_keeps_the_address_whatever_gossip_says() {
    let world = node("node-a", &["node-a", "node-b"], Defence::Always).await;
    world.claim(mac("node-b")).await;
    let by = mac("node-b");
    assert_eq!(
        world.take_verdicts(),
        [format!("eth0 198.51.100.1 {by} Defend")]
    );
    // To node-b node-a was dead, and has just come back.
    let world = node("node-b", &["node-b"], Defence::Always).await;
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
    world.claim(mac("node-a")).await;
    world.set_alive(&["node-a", "node-b"]).await;
    assert!(world.take_verdicts().is_empty(), "it hands over anyway");
}

#[tokio::test(start_paused = true)]
async fn who_ranks_worse_yields_at_once() {
    let world = node("node-b", &["node-b"], Defence::Always).await;
    // Of node-a it is only heard that its link is down, which is not true any more.
    let mut other = member("node-a");
    other.links.values_mut().for_each(|link| link.is_up = false);
    let members = [
        ("node-a".into(), other),
        ("node-b".into(), member("node-b")),
    ];
    world.set_members(members).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Owner"]);
    let by = mac("node-a");
    world.claim(by).await;
    assert_eq!(
        world.take_verdicts(),
        [format!("eth0 198.51.100.1 {by} Yield")]
    );
}

#[tokio::test(start_paused = true)]
async fn others_are_asked_for_an_address_that_does_not_move_back() {
    let advertisement = "kind: L2Advertisement\nmetadata: {";
    let annotation = "annotations: {ferrolb.io/l2-failback: \"false\"}, ";
    let pools = POOLS.replace(advertisement, &format!("{advertisement}{annotation}"));
    let world = World::start_in_group("node-b", Defence::Always);
    world.set(&[NODES, &pools, WEB]).await;
    world.set_alive(&["node-b"]).await;
    sleep(Duration::from_secs(1)).await;
    assert!(world.record(|record| record.asked.is_empty()));
    // It would own the address, and may have taken it while this node was not heard on the link.
    world.set_alive(&["node-a", "node-b"]).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 IfFree"]);
    let by = mac("node-a");
    let asked = world.record(|record| record.asked.clone());
    assert!((3..=5).contains(&asked[&(address(), by)]), "{asked:?}");
    assert_eq!(asked.len(), 1);
    world.claim(by).await;
    assert_eq!(
        world.take_verdicts(),
        [format!("eth0 198.51.100.1 {by} Yield")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_met_as_the_flag_says_after_a_moment() {
    for (defence, verdicts) in [
        (Defence::Always, &["Defend"][..]),
        (Defence::Once, &["Defend", "Yield"]),
        (Defence::Never, &["Yield"]),
    ] {
        let world = node("node-a", &["node-a", "node-b"], defence).await;
        world.claim(STRANGER).await;
        assert!(world.take_verdicts().is_empty(), "it may be known soon");
        sleep(Duration::from_millis(500)).await;
        world.claim(STRANGER).await;
        sleep(Duration::from_millis(500)).await;
        let expected = verdicts.iter();
        let expected = expected.map(|verdict| format!("eth0 198.51.100.1 {STRANGER} {verdict}"));
        assert_eq!(world.take_verdicts(), expected.collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn a_station_that_turns_out_to_be_a_member_is_no_stranger() {
    let world = node("node-a", &["node-a"], Defence::Never).await;
    world.claim(mac("node-b")).await;
    world.set_alive(&["node-a", "node-b"]).await;
    sleep(Duration::from_secs(1)).await;
    let by = mac("node-b");
    assert_eq!(
        world.take_verdicts(),
        [format!("eth0 198.51.100.1 {by} Defend")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_told_of_on_the_service_within_a_second() {
    let world = node("node-a", &["node-a"], Defence::Always).await;
    world.claim(STRANGER).await;
    sleep(Duration::from_millis(900)).await;
    let conflicts = |world: &World| {
        let is_one = |event: &&String| event.starts_with("addressConflict");
        world.record(|record| {
            record
                .events
                .iter()
                .filter(is_one)
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    let told = conflicts(&world);
    assert_eq!(told.len(), 1);
    for fact in [
        "198.51.100.1",
        &STRANGER.to_string(),
        "eth0",
        "node-a",
        "remove",
    ] {
        assert!(told[0].contains(fact), "{told:?}");
    }
    for _ in 0..5 {
        world.claim(STRANGER).await;
        sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(conflicts(&world), told, "it is told once");
    let state = |world: &World| world.record(|record| record.conditions.join("\n"));
    assert!(
        state(&world).contains(&STRANGER.to_string()),
        "{}",
        state(&world)
    );
    sleep(Duration::from_secs(200)).await;
    assert_eq!(state(&world), "");
    world.claim(STRANGER).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(conflicts(&world).len(), 2, "it was over");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_to_another_station_is_not_announced_here_until_that_one_is_silent() {
    let world = node("node-a", &["node-a"], Defence::Never).await;
    let layer2 = |world: &World| {
        let statuses = world.statuses();
        statuses
            .iter()
            .filter(|status| status.starts_with("l2"))
            .count()
    };
    assert_eq!(layer2(&world), 1);
    world.claim(STRANGER).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(layer2(&world), 0);
    let (address, from) = (address(), STRANGER);
    world.tell("eth0", Event::Reclaimed { address, from }).await;
    assert_eq!(layer2(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_gossip_does_not_reach_is_no_stranger_on_the_wire() {
    let world = node("node-b", &["node-a", "node-b"], Defence::Always).await;
    world.set_alive(&["node-b"]).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Owner"]);
    let by = mac("node-a");
    world.claim(by).await;
    let verdict = format!("eth0 198.51.100.1 {by} Yield");
    assert_eq!(world.take_verdicts(), [&verdict, "eth0 announces all"]);
    let is_conflict = |event: &String| event.starts_with("addressConflict");
    assert!(!world.record(|record| record.events.iter().any(is_conflict)));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_back_and_has_not_said_how_it_is_is_no_stranger_on_the_wire() {
    let world = node("node-b", &["node-a", "node-b"], Defence::Always).await;
    world.set_alive(&["node-b"]).await;
    let back = (NodeName::from("node-a"), Member::default());
    let own = (NodeName::from("node-b"), member("node-b"));
    world.set_members([back, own]).await;
    world.set_alive(&["node-b"]).await;
    let by = mac("node-a");
    world.claim(by).await;
    let verdict = format!("eth0 198.51.100.1 {by} Yield");
    assert_eq!(world.take_verdicts(), [&verdict, "eth0 announces all"]);
}

#[tokio::test(start_paused = true)]
async fn who_was_held_dead_and_is_back_hears_at_once_what_this_node_has() {
    let world = node("node-a", &["node-a"], Defence::Always).await;
    assert!(world.take_verdicts().is_empty());
    world.see_return().await;
    assert_eq!(world.take_verdicts(), ["eth0 announces all"]);
    world.set_alive(&["node-a", "node-b"]).await;
    assert!(world.take_verdicts().is_empty(), "it is said once");
}

#[tokio::test(start_paused = true)]
async fn who_is_held_dead_and_claims_one_address_hears_at_once_all_that_this_node_has() {
    let world = node("node-a", &["node-a", "node-b"], Defence::Always).await;
    let announces = |world: &World| world.take_verdicts().contains(&"eth0 announces all".into());
    world.claim(mac("node-b")).await;
    assert!(!announces(&world), "it is alive");
    for _ in 0..2 {
        world.set_alive(&["node-a"]).await;
        world.claim(mac("node-b")).await;
        assert!(announces(&world));
        world.claim(mac("node-b")).await;
        assert!(!announces(&world), "it is said once");
        world.set_alive(&["node-a", "node-b"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_new_is_not_said_to_be_announced_before_it_is_answered_for() {
    let world = looking_for_an_address().await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 NewOwner"]);
    assert_eq!(world.statuses(), [] as [String; 0]);
    assert!(world.record(|record| record.events.is_empty()));
    sleep(PROBE).await;
    assert_eq!(world.statuses(), ["l2 default/web {}"]);
    assert!(world.record(|record| record.events[0].starts_with("nodeAssigned")));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_another_host_has_before_its_first_use_is_left_to_it() {
    let world = looking_for_an_address().await;
    let (address, by, mark) = (address(), STRANGER, None);
    let conflict = Event::Conflict { address, by, mark };
    world.tell("eth0", conflict).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.statuses(), [] as [String; 0]);
    let told = world.record(|record| record.events.join("\n"));
    assert!(told.starts_with("addressConflict"), "{told}");
    assert!(told.contains("leaves it to that host"), "{told}");
}

/// A speaker that owns the address, has heard of no other by gossip, and has the key of this secret.
async fn alone(name: &str, secret: &str) -> World {
    let world = node(name, &[name], Defence::Always).await;
    world.set_secret(secret).await;
    assert_eq!(world.roles("eth0"), ["198.51.100.1 Owner"]);
    world
}

#[tokio::test(start_paused = true)]
async fn of_two_speakers_that_never_met_by_gossip_the_one_that_ranks_better_keeps_the_address_at_once()
 {
    let (better, worse) = (alone("node-a", "ours").await, alone("node-b", "ours").await);
    for (here, there, by, verdict) in [
        (&better, &worse, mac("node-b"), "Defend"),
        (&worse, &better, mac("node-a"), "Yield"),
    ] {
        let mark = there.mark("eth0", address(), by);
        here.claim_marked(by, mark).await;
        let expected = format!("eth0 198.51.100.1 {by} {verdict}");
        assert_eq!(here.take_verdicts(), [&expected, "eth0 announces all"]);
        // Its hardware address is known from then on.
        here.claim(by).await;
        assert_eq!(here.take_verdicts(), [expected]);
        let is_conflict = |event: &String| event.starts_with("addressConflict");
        assert!(!here.record(|record| record.events.iter().any(is_conflict)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_of_another_key_hardware_address_or_address_is_a_strangers() {
    let (by, other) = (mac("node-b"), "198.51.100.2".parse().unwrap());
    for (secret, address, marked) in [
        ("theirs", address(), by),
        ("ours", address(), STRANGER),
        ("ours", other, by),
    ] {
        let (here, there) = (alone("node-a", "ours").await, alone("node-b", secret).await);
        let mark = there.mark("eth0", address, marked);
        assert!(mark.is_some());
        here.claim_marked(by, mark).await;
        assert!(here.take_verdicts().is_empty(), "it may be known soon");
        sleep(Duration::from_secs(1)).await;
        assert!(here.record(|record| {
            record
                .events
                .iter()
                .any(|event| event.starts_with("addressConflict"))
        }));
    }
}

#[tokio::test(start_paused = true)]
async fn announcements_are_marked_on_every_link_and_anew_with_a_new_key_but_not_without_one() {
    let world = node("node-a", &["node-a"], Defence::Always).await;
    let mark = |link| world.mark(link, address(), mac("node-a"));
    assert_eq!(mark("eth0"), None);
    world.set_secret("ours").await;
    world.set_links(&["eth0", "eth1"]).await;
    let before = mark("eth0");
    assert!(before.is_some());
    assert_eq!(mark("eth1"), before);
    world.set_secret("ours, changed").await;
    assert_ne!(mark("eth0"), before);
    assert_eq!(mark("eth0"), mark("eth1"));
}

#[tokio::test(start_paused = true)]
async fn who_cannot_take_part_in_gossip_knows_others_by_their_marks() {
    let here = World::start_in_group("node-a", Defence::Never);
    here.set(&[NODES, POOLS, WEB]).await;
    here.set_secret("ours").await;
    here.set_alone().await;
    let there = alone("node-b", "ours").await;
    let by = mac("node-b");
    here.claim_marked(by, there.mark("eth0", address(), by))
        .await;
    let verdict = format!("eth0 198.51.100.1 {by} Defend");
    assert_eq!(here.take_verdicts(), [verdict]);
}
