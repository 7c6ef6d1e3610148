//! `ferrolb drain`, as somebody runs it who is about to work on a node.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use ipnet::IpNet;
use lab::{Requirement, output, own_binary, requires};
use serde_json::json;

use crate::families::{Families, Reach};
use crate::tenant::Tenant;

#[test]
fn a_node_is_drained_by_command_says_what_it_waits_for_and_comes_back() {
    if !requires(&[Requirement::Binary("ferrolb")]) {
        return;
    }
    let Some(tenant) = Tenant::alone("drain") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let _pods = tenant.pods("web");
    let service = tenant.service("web", Families::V4, json!({}));
    let address: IpAddr = service.until_address().parse().unwrap();
    let prefix = IpNet::from(address).to_string();
    let all = ["node1", "node2", "node3"];
    tenant.until_routed(&service, &all);

    let plane = &tenant.cluster.plane;
    let kubeconfig = plane.kubeconfig("drain", plane.access()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(own_binary("ferrolb").unwrap());
        command.arg("drain").args(arguments);
        command.arg("--kubeconfig").arg(&kubeconfig);
        let ended = || output(command, Duration::from_secs(60));
        plane.namespace().run(ended).unwrap()
    };
    let said = run(&["node2"]).unwrap();
    assert!(said.contains("waiting: node2 still announces"), "{said}");
    assert!(said.contains("drain/web to "), "{said}");
    assert!(said.contains("node2 announces nothing any more"), "{said}");
    for router in tenant.routers() {
        tenant.until_paths(router, &prefix, &["node1", "node3"]);
    }
    run(&["--undo", "node2"]).unwrap();
    tenant.until_routed(&service, &all);

    let failed = run(&["node9"]).unwrap_err().to_string();
    assert!(failed.contains("node9"), "{failed}");
}
