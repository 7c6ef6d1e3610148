//! `ferrolb drain`, as somebody runs it who is about to work on a node.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use ipnet::IpNet;
use kube::api::{Api, DynamicObject, ListParams};
use lab::cluster::NAMESPACE;
use lab::{Requirement, output, own_binary, requires, until};
use serde_json::{Value, json};

use crate::families::{Families, Reach};
use crate::harness::Alone;
use crate::object::{TIMEOUT, resource};
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

    // What the command goes by; what is left of tests before goes with their pods.
    let own = json!([tenant.name, "web", ["bird-v4", "frr-v4"]]);
    until("node2 telling of this Service alone", TIMEOUT, || {
        Ok((told(&tenant, "node2") == [own.clone()]).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {:?}", told(&tenant, "node2")));

    let plane = &tenant.cluster.plane;
    let kubeconfig = plane.kubeconfig("drain", plane.access()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(own_binary("ferrolb").unwrap());
        command.arg("drain").args(arguments);
        command.arg("--kubeconfig").arg(&kubeconfig);
        let ended = || output(command, Duration::from_secs(300));
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

/// What a node says of what it announces: namespace and name of each Service, and for BGP the peers.
fn told(tenant: &Tenant<Alone>, node: &str) -> Vec<Value> {
    let plane = &tenant.cluster.plane;
    let mut told = Vec::new();
    for kind in ["ServiceBGPStatus", "ServiceL2Status"] {
        let kind = resource("metallb.io/v1beta1", kind);
        let api: Api<DynamicObject> = Api::namespaced_with(plane.client(), NAMESPACE, &kind);
        let of_node = ListParams::default().labels(&format!("metallb.io/node={node}"));
        let list = plane.block_on(async move { api.list(&of_node).await });
        told.extend(list.unwrap().items.into_iter().map(|object| {
            let status = &object.data["status"];
            json!([
                status["serviceNamespace"],
                status["serviceName"],
                status["peers"]
            ])
        }));
    }
    told
}
