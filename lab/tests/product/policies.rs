//! What BGPPolicies make of routes, as FRR and BIRD see it.

use lab::router::{Route, Router};
use lab::topology::NODE_ASN;
use lab::until;

use crate::sessions::Sessions;
use crate::stage::{Stage, TIMEOUT};

#[test]
fn policies_change_what_routers_see_of_a_service_and_reset_no_session() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let sessions = Sessions::of(&stage.routers());
    let node2 = stage.node("node2");
    let policies = include_str!("policies.yaml")
        .replace("NODE2_IPV4", &node2.ipv4.to_string())
        .replace("NODE2_IPV6", &node2.ipv6.to_string());
    stage.manifests.write("policies.yaml", &policies).unwrap();
    for router in stage.routers() {
        let changed = changed(&stage, router);
        wait_for_routes(&stage, router, &changed);
    }
    let warned = stage
        .manifests
        .status("configurationstates", "metallb-system", "speaker-node1")
        .unwrap()
        .unwrap();
    let conditions = warned["status"]["conditions"].as_array().unwrap();
    let inside = "bgppolicy.metallb.io/inside";
    let condition = conditions
        .iter()
        .find(|condition| condition["type"] == inside)
        .unwrap();
    let message = condition["message"].as_str().unwrap();
    assert!(message.contains("has no effect towards BGPPeer bird-ibgp-v4, frr-ibgp-v6"));

    // A policy that goes takes back what it did.
    stage.manifests.remove("policies.yaml").unwrap();
    for router in stage.routers() {
        wait_for_routes(&stage, router, &stage.expected(router, "web"));
    }
    sessions.expect_same(&stage.routers());
}

/// What a router is to show of `web` by `policies.yaml`.
fn changed(stage: &Stage, router: &Router) -> Vec<Route> {
    let node = |name: &str| stage.node(name);
    let (first, second, third) = (node("node1"), node("node2"), node("node3"));
    let mut routes = stage.expected(router, "web");
    for route in &mut routes {
        if route.as_path.is_empty() {
            route.local_pref = Some(300);
            route.communities.insert(0, "64500:8".to_owned());
            route.communities.sort_unstable();
        } else {
            route.as_path = vec![NODE_ASN; 3];
            route.med = Some(50);
            route.communities = vec!["64500:7".to_owned()];
            route.large_communities = vec!["64500:7:7".to_owned()];
        }
        if route.peer == first.ipv4 || route.peer == first.ipv6 {
            route.next_hop = if route.prefix.addr().is_ipv4() {
                second.ipv4.into()
            } else {
                second.ipv6.into()
            };
        }
    }
    let is_of_third = |route: &Route| route.peer == third.ipv4 || route.peer == third.ipv6;
    routes.retain(|route| route.as_path.is_empty() || !is_of_third(route));
    routes.sort_unstable();
    routes
}

fn wait_for_routes(stage: &Stage, router: &Router, expected: &[Route]) {
    let mut shown = Vec::new();
    let wait = until(&format!("routes of {}", router.kind()), TIMEOUT, || {
        shown = stage.shown_routes(router);
        for route in &mut shown {
            route.communities.sort_unstable();
        }
        Ok((shown == expected).then_some(()))
    });
    assert!(wait.is_ok(), "{shown:#?} instead of {expected:#?}");
}
