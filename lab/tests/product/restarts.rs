//! Processes of the product that die and come back.

use crate::sessions::Sessions;
use crate::stage::Stage;

#[test]
fn the_routes_of_a_killed_speaker_leave_the_routers_and_come_back_with_it() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let others = stage.sessions_without("node1");
    let before = ["web", "shop"].map(|service| stage.addresses(service));
    let node = stage.topology.node("node1").unwrap();
    stage.product.kill_speaker(node).unwrap();
    stage.wait_for_paths(&stage.addresses("web"), 4);
    stage.expect_no_routes_of("node1");
    let node = stage.topology.node("node1").unwrap();
    stage.product.start_speaker(node).unwrap();
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    let after = ["web", "shop"].map(|service| stage.addresses(service));
    assert_eq!(after, before);
    others.expect_same(&stage.routers());
}

/// A service that came meanwhile, and whose name comes first, gets other addresses than those that are in use.
#[test]
fn a_controller_that_was_killed_changes_no_address_when_it_comes_back() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let sessions = Sessions::of(&stage.routers());
    let before = ["web", "shop"].map(|service| stage.addresses(service));
    stage.product.kill_controller().unwrap();
    stage
        .manifests
        .write_example(|file| file == "service-docs.yaml")
        .unwrap();
    stage.product.start_controller(&stage.topology).unwrap();
    stage.wait_until_announced("docs");
    let after = ["web", "shop"].map(|service| stage.addresses(service));
    assert_eq!(after, before);
    stage.expect_routes(&["docs", "web"]);
    sessions.expect_same(&stage.routers());
}
