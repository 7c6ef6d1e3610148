//! Nodes that take leave of their routers.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use lab::router::{Route, Router};
use lab::{Host, LabError, Probe, Trace, until};

use crate::sessions::Sessions;
use crate::stage::{Stage, TIMEOUT};

#[test]
fn a_node_that_drains_marks_its_routes_first_and_loses_neither_a_session_nor_a_request() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let sessions = Sessions::of(&stage.routers());
    let probe = probe(&mut stage);
    let asked = format!("name: node1\n  annotations: {ANNOTATION}\n");
    let edit = |from: &str, to: &str| stage.manifests.edit("nodes.yaml", from, to).unwrap();
    edit("name: node1\n", &asked);
    thread::scope(|scope| {
        // At the same time: the marks last for a moment.
        for router in stage.routers() {
            let node = stage.node("node1");
            scope.spawn(move || wait_for_marks(router, node));
        }
    });
    for router in stage.routers() {
        wait_until_gone(router, stage.node("node1"));
    }
    expect_no_loss(&probe.finish());
    sessions.expect_same(&stage.routers());

    edit(&asked, "name: node1\n");
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    sessions.expect_same(&stage.routers());
}

#[test]
fn speakers_that_are_restarted_one_by_one_mark_their_routes_first_and_end_no_session_but_their_own()
{
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let probe = probe(&mut stage);
    for name in ["node1", "node2", "node3"] {
        let others = stage.sessions_without(name);
        let Stage {
            product,
            frr,
            bird,
            topology,
            ..
        } = &mut stage;
        let node = topology.node(name).unwrap();
        thread::scope(|scope| {
            for router in [&*frr, &*bird] {
                scope.spawn(move || wait_for_marks(router, node));
            }
            assert!(product.stop_speaker(node).unwrap().success());
        });
        product.start_speaker(node).unwrap();
        stage.wait_until_announced("web");
        others.expect_same(&stage.routers());
    }
    stage.expect_routes(&["web"]);
    expect_no_loss(&probe.finish());
}

/// Asks `web` a hundred times a second, through the routers.
fn probe(stage: &mut Stage) -> Probe {
    let logs = stage.manifests.path().with_file_name("answers");
    std::fs::create_dir(&logs).unwrap();
    stage.topology.start_answerers(&logs).unwrap();
    let [address, _] = stage.addresses("web");
    let probe = Probe::start(&stage.topology.client, address, Duration::from_millis(10)).unwrap();
    probe.wait_for_answer(TIMEOUT).unwrap();
    probe
}

/// A connection that is under way when its router balances over other nodes may get to one that does not know it. Nothing
/// else is lost.
fn expect_no_loss(trace: &Trace) {
    let (lost, gap) = (trace.lost(), trace.longest_gap());
    assert!(
        lost <= 2 && gap < GAP,
        "{lost} of {} requests lost, longest gap {gap:?}",
        trace.requests.len()
    );
}

/// Waits until a router holds routes of the node, all with GRACEFUL_SHUTDOWN, and inner ones with LOCAL_PREF 0.
fn wait_for_marks(router: &Router, node: &Host) {
    let is_marked = |route: &Route| {
        let is_inner = route.as_path.is_empty();
        let has_community = route.communities.iter().any(|one| one == GRACEFUL_SHUTDOWN);
        has_community && (!is_inner || route.local_pref == Some(0))
    };
    until(&format!("marks at {}", router.kind()), TIMEOUT, || {
        let routes = routes_of(router, node)?;
        Ok((!routes.is_empty() && routes.iter().all(is_marked)).then_some(()))
    })
    .unwrap();
}

fn wait_until_gone(router: &Router, node: &Host) {
    until(
        &format!("end of routes at {}", router.kind()),
        TIMEOUT,
        || Ok(routes_of(router, node)?.is_empty().then_some(())),
    )
    .unwrap();
}

fn routes_of(router: &Router, node: &Host) -> Result<Vec<Route>, LabError> {
    let mut routes = router.routes()?;
    routes.retain(|route| [IpAddr::from(node.ipv4), node.ipv6.into()].contains(&route.peer));
    Ok(routes)
}

/// Far shorter than what it takes to find out that a router or a node is gone, and longer than any pause of a machine that
/// does something else.
const GAP: Duration = Duration::from_secs(3);
/// RFC 8326 §5.
const GRACEFUL_SHUTDOWN: &str = "65535:0";
const ANNOTATION: &str = "{ferrolb.io/drain: \"new disks\"}";
