//! Routers that connect to us.

use lab::until;
use serde_json::Value;

use crate::stage::{PASSWORD, Stage, TIMEOUT};

#[test]
fn routers_that_are_waited_for_connect_and_no_log_line_shows_the_password() {
    let Some(mut stage) = Stage::prepare() else {
        return;
    };
    // FRR's session has a password, which the kernel demands before the connection is one; BIRD's has none.
    for name in ["frr-ebgp-v4", "bird-ibgp-v4"] {
        let line = format!("  name: {name}\n");
        let annotated = format!("{line}  annotations: {{ferrolb.io/passive: \"true\"}}\n");
        stage.manifests.edit("bgp.yaml", &line, &annotated).unwrap();
    }
    stage
        .product
        .set_speaker_flags(&["--bgp-listen", "0.0.0.0:179", "--log-level", "all"]);
    stage.start_product();
    stage.wait_until_announced("web");
    stage.expect_routes(&["web"]);
    for node in &stage.topology.nodes {
        let neighbour = &stage.frr.ask("show bgp neighbors json").unwrap();
        let neighbour: Value = serde_json::from_str(neighbour).unwrap();
        let neighbour = &neighbour[node.ipv4.to_string()];
        assert_eq!(neighbour["portForeign"], 179, "FRR opened the connection");
        let output = stage.product.speaker_output(node);
        assert!(output.contains("frr-ebgp-v4") && !output.contains(PASSWORD));
    }
}

#[test]
fn a_session_that_waits_where_nobody_listens_is_reported_and_the_others_run() {
    let Some(mut stage) = Stage::prepare() else {
        return;
    };
    let line = "  name: frr-ebgp-v4\n";
    let annotated = format!("{line}  annotations: {{ferrolb.io/passive: \"true\"}}\n");
    stage.manifests.edit("bgp.yaml", line, &annotated).unwrap();
    stage.product.start(&stage.topology).unwrap();
    stage.bird.wait_until_established(TIMEOUT).unwrap();
    until("a report about frr-ebgp-v4", TIMEOUT, || {
        let errors = stage.errors("speaker-node1");
        Ok(errors
            .contains("start the speaker with --bgp-listen")
            .then_some(()))
    })
    .unwrap();
    for node in &stage.topology.nodes {
        assert_eq!(stage.frr.session(node.ipv4).unwrap().uptime, None);
    }
}
