//! Sessions and routes, as FRR and BIRD see them.

use std::net::IpAddr;

use ipnet::IpNet;
use lab::until;

use crate::stage::{NAMESPACE, Stage, TIMEOUT};

#[test]
fn both_routers_see_exactly_the_routes_of_the_service_with_all_attributes() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    for router in stage.routers() {
        let expected = stage.expected_routes(router.kind(), "web");
        assert_eq!(stage.shown_routes(router), expected, "{}", router.kind());
    }
}

#[test]
fn a_deleted_service_is_withdrawn_and_the_sessions_go_on() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    stage.let_sessions_age();
    let (addresses, before) = (stage.addresses("web"), stage.uptimes());
    stage.manifests.remove("service-web.yaml").unwrap();
    for router in stage.routers() {
        for address in addresses {
            router
                .wait_for_paths(IpNet::from(address), 0, TIMEOUT)
                .unwrap();
        }
        assert_eq!(router.routes().unwrap(), []);
    }
    stage.expect_same_sessions(&before);
}

#[test]
fn editing_a_pool_an_advertisement_or_another_peer_resets_no_session() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    stage.let_sessions_age();
    let before = stage.uptimes();
    let pool = "203.0.113.1-203.0.113.100";
    stage
        .manifests
        .edit("pools.yaml", pool, "203.0.113.1-203.0.113.90")
        .unwrap();
    stage
        .manifests
        .edit("bgp.yaml", "- 64500:100", "- 64500:101")
        .unwrap();
    let nobody = include_str!("nobody.yaml");
    stage.manifests.write("nobody.yaml", nobody).unwrap();
    // That the second edit has its effect shows that the first was read, and nothing else would.
    for router in stage.routers() {
        until("the new community", TIMEOUT, || {
            let routes = router.routes()?;
            let has_it =
                |route: &lab::router::Route| route.communities.contains(&"64500:101".to_owned());
            Ok(routes.iter().all(has_it).then_some(()))
        })
        .unwrap();
    }
    let node = stage.node("node1");
    until("an attempt to reach the new peer", TIMEOUT, || {
        Ok(stage
            .product
            .speaker_output(node)
            .contains("nobody")
            .then_some(()))
    })
    .unwrap();
    stage.expect_same_sessions(&before);
}

#[test]
fn a_speaker_that_stops_tells_both_routers_why() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    let (ipv4, ipv6): (IpAddr, IpAddr) = (
        stage.node("node1").ipv4.into(),
        stage.node("node1").ipv6.into(),
    );
    let Stage {
        product, topology, ..
    } = &mut stage;
    assert!(
        product
            .stop_speaker(topology.node("node1").unwrap())
            .unwrap()
            .success()
    );
    for router in stage.routers() {
        for neighbour in [ipv4, ipv6] {
            let error = router
                .wait_for_end(neighbour, TIMEOUT)
                .unwrap()
                .last_error
                .unwrap();
            assert!(
                error.to_lowercase().contains("administrative shutdown"),
                "{error}"
            );
            assert!(error.contains("speaker on node1 is stopping"), "{error}");
        }
    }
}

#[test]
fn a_router_that_was_killed_is_told_everything_again() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    stage.frr.kill().unwrap();
    stage.bird.kill().unwrap();
    stage.frr.restart().unwrap();
    stage.bird.restart().unwrap();
    stage.wait_until_announced("web");
    for router in stage.routers() {
        let expected = stage.expected_routes(router.kind(), "web");
        assert_eq!(stage.shown_routes(router), expected, "{}", router.kind());
    }
}

#[test]
fn a_router_that_goes_silent_is_dropped_and_the_other_one_kept() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let told = |stage: &Stage, peers: &[&str]| {
        until(&format!("status with the peers {peers:?}"), TIMEOUT, || {
            Ok((stage.manifests.bgp_peers(NAMESPACE, "web", "node1")? == peers).then_some(()))
        })
        .unwrap();
    };
    told(
        &stage,
        &["bird-ebgp-v6", "bird-ibgp-v4", "frr-ebgp-v4", "frr-ibgp-v6"],
    );
    stage.bird.pause().unwrap();
    told(&stage, &["frr-ebgp-v4", "frr-ibgp-v6"]);
    assert!(
        stage
            .product
            .speaker_output(stage.node("node1"))
            .to_lowercase()
            .contains("hold timer expired")
    );
    stage.bird.resume().unwrap();
    stage.bird.wait_until_established(TIMEOUT).unwrap();
    stage.wait_until_announced("web");
}

#[test]
fn an_excluded_node_withdraws_its_routes_and_no_others() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    stage.exclude("node1");
    for router in stage.routers() {
        for address in stage.addresses("web") {
            let paths = router
                .wait_for_paths(IpNet::from(address), 4, TIMEOUT)
                .unwrap();
            let node = stage.node("node1");
            let is_of_node = |peer: IpAddr| peer == node.ipv4 || peer == node.ipv6;
            assert!(!paths.iter().any(|path| is_of_node(path.peer)), "{paths:?}");
        }
    }
}
