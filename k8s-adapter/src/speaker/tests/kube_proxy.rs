//! Addresses that wait for a kube-proxy that is behind, in virtual time.

use tokio::time::sleep;

use super::world::World;
use super::{NODES, ONE_NODE, POOLS, TOR, WEB};
use crate::speaker::proxy::{Answer, LONGEST};

/// Another Service, and how to say that both routes and answers are those of `web` alone.
fn other() -> String {
    let other = WEB.replace("web", "other");
    other.replace("ip: 198.51.100.1", "ip: 198.51.100.2")
}

fn answer(world: &World, answer: Option<Answer>) {
    world.change(|record| record.kube_proxy = answer);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_new_to_the_node_waits_until_kube_proxy_has_caught_up() {
    let world = World::start_beside_kube_proxy("node-a");
    answer(&world, Some(Answer::UpToDate));
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    answer(&world, Some(Answer::Behind));
    world.set(&[ONE_NODE, POOLS, TOR, WEB, &other()]).await;
    assert_eq!(
        world.sent("tor"),
        ["198.51.100.1/32"],
        "what is there stays"
    );
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
    answer(&world, Some(Answer::UpToDate));
    sleep(LONGEST / 20).await;
    assert_eq!(world.sent("tor").len(), 2);
    assert_eq!(world.answers("eth0").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kube_proxy_that_stays_behind_holds_up_nothing_for_long() {
    let world = World::start_beside_kube_proxy("node-a");
    answer(&world, Some(Answer::Behind));
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    assert!(world.sent("tor").is_empty() && world.answers("eth0").is_empty());
    sleep(LONGEST).await;
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
}

#[tokio::test(start_paused = true)]
async fn withdrawals_and_other_changes_do_not_ask_kube_proxy() {
    let world = World::start_beside_kube_proxy("node-a");
    answer(&world, Some(Answer::UpToDate));
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    answer(&world, None);
    let preferred = POOLS.replace(
        "  ipAddressPools: [one]\n---",
        "  ipAddressPools: [one]\n  communities: [\"64500:1\"]\n---",
    );
    world.set(&[NODES, &preferred, TOR, WEB]).await;
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    world.set(&[NODES, &preferred, TOR]).await;
    assert!(world.sent("tor").is_empty() && world.answers("eth0").is_empty());
}
