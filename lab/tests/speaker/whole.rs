//! The cluster itself: everything in it does its part, and it stands for people too.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use lab::cluster::{Cluster, Readiness};
use lab::{output, remaining, requires, until};
use serde_json::json;

use crate::families::{Families, Reach, parsed};
use crate::object::TIMEOUT;
use crate::tenant::Tenant;

#[test]
fn a_client_reaches_pods_of_all_nodes_through_both_routers() {
    let Some(tenant) = Tenant::start("whole-routed") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let pods = tenant.pods("web");
    let service = tenant.service("web", Families::Dual, json!({}));
    tenant.until_routed(&service, &["node1", "node2", "node3"]);
    tenant.until_forwarded(&service);
    tenant.until_reached(&service);
    let behind_bird = &tenant.cluster.topology.routers[1];
    for address in parsed(&service.addresses()) {
        for host in [tenant.client(), behind_bird] {
            // Kernels have routes and endpoints a moment after those who tell them.
            until(
                &format!("answers of all pods to {}", host.name),
                TIMEOUT,
                || {
                    let answers = host.get_many(address, 40).ok();
                    let are_all = answers.is_some_and(|answers| answers.len() == pods.len());
                    Ok(are_all.then_some(()))
                },
            )
            .unwrap();
        }
    }
}

#[test]
fn a_pod_that_is_not_ready_gets_no_requests() {
    let Some(tenant) = Tenant::start("whole-ready") else {
        return;
    };
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    let (first, second) = (tenant.pod("web", "node1"), tenant.pod("web", "node2"));
    let service = tenant.service("web", Families::V4, json!({}));
    tenant.until_reached(&service);
    first.set_ready(Readiness::NotReady).unwrap();
    let address: IpAddr = service.until_address().parse().unwrap();
    until("answers of one pod", TIMEOUT, || {
        let answers = tenant.client().get_many(address, 20).ok();
        let is_only = answers.is_some_and(|answers| answers.into_keys().eq([second.name()]));
        Ok(is_only.then_some(()))
    })
    .unwrap();
}

#[test]
fn a_cluster_stands_until_it_is_removed() {
    if !requires(&Cluster::requirements()) {
        return;
    }
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb-lab"));
        command.arg("cluster").args(arguments);
        output(command, Duration::from_secs(300))
    };
    if !remaining("flb-cluster-").unwrap().is_empty() {
        // It is somebody's: the one of this machine.
        return;
    }
    let text = run(&["up"]).unwrap();
    assert!(
        text.contains("(frr): 6 of 6 sessions established"),
        "{text}"
    );
    let services = run(&["exec", "control", "kubectl", "get", "services"]).unwrap();
    assert!(services.contains("198.19.0.1,2001:db8:19::1"), "{services}");
    assert!(run(&["up"]).is_err());
    run(&["down"]).unwrap();
    assert!(remaining("flb-cluster-").unwrap().is_empty());
    assert!(run(&["status"]).is_err());
}
