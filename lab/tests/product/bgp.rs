//! Sessions and routes, as FRR and BIRD see them.

use std::net::IpAddr;
use std::thread;

use lab::router::{Kind, Router};
use lab::until;

use crate::sessions::Sessions;
use crate::stage::{NAMESPACE, Stage, TIMEOUT};

#[test]
fn both_routers_see_exactly_the_routes_of_the_service_with_all_attributes() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
}

#[test]
fn a_deleted_service_is_withdrawn_and_the_sessions_go_on() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let (addresses, sessions) = (stage.addresses("web"), Sessions::of(&stage.routers()));
    stage.manifests.remove("service-web.yaml").unwrap();
    stage.wait_for_paths(&addresses, 0);
    stage.expect_routes(&[]);
    sessions.expect_same(&stage.routers());
}

#[test]
fn editing_a_pool_an_advertisement_or_a_timer_and_adding_a_peer_resets_no_session() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let sessions = Sessions::of(&stage.routers());
    let manifests = &stage.manifests;
    let last = |number| format!("203.0.113.1-203.0.113.{number}");
    manifests.edit("pools.yaml", &last(100), &last(90)).unwrap();
    manifests
        .edit("bgp.yaml", "- 64500:100", "- 64500:101")
        .unwrap();
    manifests
        .edit("bgp.yaml", "connectTime: 1s", "connectTime: 2s")
        .unwrap();
    let nobody = include_str!("nobody.yaml");
    manifests.write("nobody.yaml", nobody).unwrap();
    until("the new size of the pool", TIMEOUT, || {
        let pool = manifests.status("ipaddresspools", "metallb-system", "routed")?;
        let available = pool.unwrap_or_default()["status"]["availableIPv4"].as_u64();
        Ok((available == Some(89)).then_some(()))
    })
    .unwrap();
    stage.wait_for_community("64500:101");
    for node in &stage.topology.nodes {
        until(
            "new settings, and an attempt to reach the new peer",
            TIMEOUT,
            || {
                let output = stage.product.speaker_output(node);
                let is_done = |words: &str| output.contains(words);
                Ok((is_done("session has new settings") && is_done("nobody")).then_some(()))
            },
        )
        .unwrap();
    }
    sessions.expect_same(&stage.routers());
}

#[test]
fn another_hold_time_starts_its_own_session_anew_and_no_other() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let is_edited = |router, neighbour: IpAddr| router == Kind::Frr && neighbour.is_ipv4();
    let others = Sessions::of(&stage.routers()).except(is_edited);
    // The first one in the file is that of FRR over IPv4.
    let (old, new) = ("holdTime: 9s", "holdTime: 12s");
    stage.manifests.edit("bgp.yaml", old, new).unwrap();
    for node in &stage.topology.nodes {
        until("a session with the new hold time", TIMEOUT, || {
            let output = stage.product.speaker_output(node);
            Ok(output.contains("hold_time=12s").then_some(()))
        })
        .unwrap();
    }
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    others.expect_same(&stage.routers());
}

#[test]
fn another_password_in_a_secret_ends_its_own_session_and_no_other() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let is_edited = |router, neighbour: IpAddr| router == Kind::Bird && neighbour.is_ipv6();
    let others = Sessions::of(&stage.routers()).except(is_edited);
    // The first one in the file is that of the Secret.
    let (known, unknown) = ("password: sesame", "password: open");
    stage.manifests.edit("bgp.yaml", known, unknown).unwrap();
    for node in &stage.topology.nodes {
        stage.bird.wait_for_end(node.ipv6, TIMEOUT).unwrap();
    }
    others.expect_same(&stage.routers());
    stage.manifests.edit("bgp.yaml", unknown, known).unwrap();
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    others.expect_same(&stage.routers());
}

#[test]
fn a_speaker_that_stops_tells_both_routers_why() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    let others = stage.sessions_without("node1");
    let Stage {
        product,
        frr,
        bird,
        topology,
        ..
    } = &mut stage;
    let node = topology.node("node1").unwrap();
    thread::scope(|scope| {
        // Looked for while it happens: what BIRD shows is only the last that it met with, and soon it tries to connect.
        for router in [&*frr, &*bird] {
            for neighbour in [IpAddr::from(node.ipv4), node.ipv6.into()] {
                scope.spawn(move || expect_goodbye(router, neighbour));
            }
        }
        assert!(product.stop_speaker(node).unwrap().success());
    });
    others.expect_same(&stage.routers());
}

/// Waits until a session ends, with the reason that the speaker gives.
fn expect_goodbye(router: &Router, neighbour: IpAddr) {
    let ended = router.wait_for_end(neighbour, TIMEOUT).unwrap();
    let error = ended.last_error.unwrap();
    assert!(
        error.to_lowercase().contains("administrative shutdown"),
        "{error}"
    );
    assert!(error.contains("speaker on node1 is stopping"), "{error}");
}

#[test]
fn a_router_that_was_killed_is_told_everything_again_and_the_other_one_nothing() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let others = Sessions::of(&[&stage.bird]);
    stage.frr.kill().unwrap();
    stage.frr.restart().unwrap();
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    others.expect_same(&[&stage.bird]);

    let others = Sessions::of(&[&stage.frr]);
    stage.bird.kill().unwrap();
    stage.bird.restart().unwrap();
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    others.expect_same(&[&stage.frr]);
}

#[test]
fn a_router_that_goes_silent_is_dropped_and_the_other_one_kept() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let kept = Sessions::of(&[&stage.frr]);
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
    let output = stage.product.speaker_output(stage.node("node1"));
    assert!(output.to_lowercase().contains("hold timer expired"));
    stage.bird.resume().unwrap();
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    kept.expect_same(&[&stage.frr]);
}

#[test]
fn an_excluded_node_withdraws_its_routes_and_no_others() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let sessions = Sessions::of(&stage.routers());
    stage.exclude("node1");
    stage.wait_for_paths(&stage.addresses("web"), 4);
    stage.expect_no_routes_of("node1");
    sessions.expect_same(&stage.routers());
}
