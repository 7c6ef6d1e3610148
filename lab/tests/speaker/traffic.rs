//! What those who use Services see while the cluster is worked on: nothing, but for what the speaker that restarts had
//! alone.
//!
//! By default with few Services and a short outage; `FERROLB_TRAFFIC=full` makes it 500 and a minute (`make test-traffic`).

use std::env;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use ipnet::IpNet;
use k8s_openapi::api::core::v1 as core;
use kube::api::{Api, PostParams};
use lab::cluster::Pod;
use lab::router::Route;
use lab::{Probe, Trace, until};
use serde_json::{Value, json};

use crate::families::{Families, Reach, parsed};
use crate::harness::Alone;
use crate::object::{TIMEOUT, merge};
use crate::service::Service;
use crate::sessions::Sessions;
use crate::tenant::Tenant;

/// A hundred requests a second to each address.
const INTERVAL: Duration = Duration::from_millis(10);

/// A time without answers that a client would notice, beyond what it sees of a pod that it asks directly: a machine that
/// compiles at the same time takes its moments too.
const GAP: Duration = Duration::from_millis(500);

/// How many requests may be lost, or late, each time that the routes of a node come or go: a router that chooses among
/// other paths sends what is under way to another node, which does not know the connection, until the paths are as before.
const LOST_BY_A_MOVE: usize = 2;

/// How long the routes of all Services may take to come or to go.
const MANY_TIMEOUT: Duration = Duration::from_secs(120);

#[test]
fn clients_notice_neither_restarts_nor_an_outage_nor_other_services() {
    let Some(tenant) = Tenant::alone("traffic") else {
        return;
    };
    let is_full = env::var("FERROLB_TRAFFIC").is_ok_and(|value| value == "full");
    let (count, outage) = if is_full { (500, 60) } else { (60, 8) };
    let mut stage = Stage::start(tenant);
    stage.undisturbed("creating Services", |stage| stage.create_services(count));
    for node in stage.tenant.cluster.node_names() {
        stage.restart_speaker(&node);
    }
    stage.undisturbed("the restart of the controller", Stage::restart_controller);
    stage.undisturbed("an outage of the API server", |stage| {
        let plane = &stage.tenant.cluster.plane;
        plane.kill_api_server().unwrap();
        thread::sleep(Duration::from_secs(outage));
        plane.start_api_server().unwrap();
        // In a real cluster it would have ended without its Lease, and been started anew.
        plane.start_controller_manager().unwrap();
        stage.restart_controller();
    });
    stage.undisturbed("deleting Services", |stage| stage.delete_services(count));
    stage.tenant.cluster.restart_proxies().unwrap();
}

/// A Service on the link and a routed one, both of both families, with pods on all nodes.
struct Stage {
    tenant: Tenant<Alone>,
    on_link: Service,
    routed: Service,
    pods: Vec<Pod>,
    /// Where all routed addresses are from.
    ranges: [String; 3],
}

impl Stage {
    fn start(tenant: Tenant<Alone>) -> Self {
        tenant.pool(Reach::OnLink);
        tenant.layer2("on-link", json!({}));
        let ranges = [
            tenant.v4(Reach::Routed, "0/24"),
            tenant.v6(Reach::Routed, "/64"),
            // Room for the many.
            "100.64.0.0/20".to_owned(),
        ];
        let pool = tenant.pool_named("traffic-routed", &ranges);
        tenant.bgp("routed", json!({"ipAddressPools": [pool.name()]}));
        let routed = json!({"metadata": {"annotations": {
            "metallb.io/address-pool": pool.name(),
            "metallb.io/loadBalancerIPs":
                format!("{},{}", tenant.v4(Reach::Routed, "7"), tenant.v6(Reach::Routed, "7")),
        }}});
        let stage = Self {
            on_link: tenant.service("on-link", Families::Dual, json!({})),
            routed: tenant.service("routed", Families::Dual, routed),
            pods: [tenant.pods("on-link"), tenant.pods("routed")]
                .into_iter()
                .flatten()
                .collect(),
            ranges,
            tenant,
        };
        stage.until_all_is_well();
        // The way to the pod that is asked directly.
        let node = stage.tenant.node("node1");
        let [pod, _] = stage.pods[0].addresses();
        let client = &stage.tenant.client().namespace;
        client
            .ip(&format!("route replace {pod} via {}", node.ipv4))
            .unwrap();
        stage
    }

    /// Waits until both Services are announced as they should be, and reached.
    fn until_all_is_well(&self) {
        self.tenant
            .until_routed(&self.routed, &["node1", "node2", "node3"]);
        self.tenant.until_owner(&self.on_link, |_| true);
        for service in [&self.routed, &self.on_link] {
            self.tenant.until_reached(service);
        }
    }

    /// Does something that no client and no session is to notice.
    fn undisturbed(&mut self, what: &str, work: impl FnOnce(&mut Self)) {
        let sessions = Sessions::of(&self.tenant.routers());
        let traffic = Traffic::start(self);
        work(self);
        for (address, trace, noise) in traffic.finish() {
            expect_no_gap(&format!("{what}, {address}"), &trace, noise, 0);
        }
        sessions.expect_same(&self.tenant.routers());
    }

    /// Restarts one speaker: routers have moved on before its sessions end, and come back after; what it answers for on
    /// the link has to wait for it.
    fn restart_speaker(&mut self, node: &str) {
        let owner = self.tenant.until_owner(&self.on_link, |_| true);
        let addresses = [
            self.tenant.node(node).ipv4.into(),
            self.tenant.node(node).ipv6.into(),
        ];
        let others = Sessions::of(&self.tenant.routers())
            .except(|_, neighbour: IpAddr| addresses.contains(&neighbour));
        let traffic = Traffic::start(self);
        let status = self.tenant.cluster.stop_speaker(node).unwrap();
        assert!(status.success(), "{node}: {status}");
        self.tenant.cluster.start_speaker(node).unwrap();
        self.tenant.cluster.wait_until_established().unwrap();
        self.until_all_is_well();
        let on_link = parsed(&self.on_link.addresses());
        for (address, trace, noise) in traffic.finish() {
            if !(on_link.contains(&address) && owner == node) {
                let what = format!("the restart of the speaker on {node}, {address}");
                expect_no_gap(&what, &trace, noise, 2 * LOST_BY_A_MOVE);
            }
        }
        others.expect_same(&self.tenant.routers());
    }

    fn restart_controller(&mut self) {
        let status = self.tenant.cluster.stop_controller().unwrap();
        assert!(status.success(), "{status}");
        self.tenant.cluster.start_controller().unwrap();
        // It decides again.
        let patch = self.another();
        let service = self.tenant.service("another", Families::V4, patch);
        self.tenant
            .until_routed(&service, &["node1", "node2", "node3"]);
        service.delete();
    }

    /// What makes a Service a routed one with the pods of the first.
    fn another(&self) -> Value {
        json!({
            "metadata": {"annotations": {"metallb.io/address-pool": "traffic-routed"}},
            "spec": {"selector": {"app": "routed"}},
        })
    }

    fn create_services(&mut self, count: usize) {
        let services = (0..count).map(|index| {
            let mut service = json!({
                "metadata": {"name": format!("many-{index}")},
                "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
            });
            merge(&mut service, self.another());
            serde_json::from_value(service).unwrap()
        });
        let services: Vec<core::Service> = services.collect();
        let plane = &self.tenant.cluster.plane;
        let api: Api<core::Service> = Api::namespaced(plane.client(), &self.tenant.name);
        plane.block_on(async move {
            for service in services {
                api.create(&PostParams::default(), &service).await.unwrap();
            }
        });
        self.until_routes(count);
    }

    fn delete_services(&mut self, count: usize) {
        for index in 0..count {
            let name = format!("many-{index}");
            Service::of(&self.tenant.cluster.plane, &self.tenant.name, &name).request_deletion();
        }
        self.until_routes(0);
    }

    /// Waits until FRR has the paths of the routed Service and of this many others, from each node, and no more.
    fn until_routes(&self, others: usize) {
        let expected = self.tenant.cluster.topology.nodes.len() * (2 + others);
        let own: Vec<IpNet> = self
            .ranges
            .iter()
            .map(|range| range.parse().unwrap())
            .collect();
        let mut last = 0;
        let found = until(&format!("{expected} paths"), MANY_TIMEOUT, || {
            let routes = self.tenant.cluster.frr.routes()?.into_iter();
            let is_own = |route: &Route| own.iter().any(|range| range.contains(&route.prefix));
            last = routes.filter(is_own).count();
            Ok((last == expected).then_some(()))
        });
        found.unwrap_or_else(|error| panic!("{error}: {last}"));
    }
}

/// The client's requests to all addresses of both Services, and to a pod without any Service between them.
struct Traffic {
    probes: Vec<(IpAddr, Probe)>,
    reference: Probe,
}

impl Traffic {
    fn start(stage: &Stage) -> Self {
        let probe = |address| {
            let probe = Probe::start(stage.tenant.client(), address, INTERVAL).unwrap();
            probe.wait_for_answer(TIMEOUT).unwrap();
            probe
        };
        let services = [&stage.on_link, &stage.routed].into_iter();
        let addresses = services.flat_map(|service| parsed(&service.addresses()));
        Self {
            probes: addresses.map(|address| (address, probe(address))).collect(),
            reference: probe(stage.pods[0].addresses()[0]),
        }
    }

    /// What was seen of each address, and the longest time that the pod took to answer.
    fn finish(self) -> Vec<(IpAddr, Trace, Duration)> {
        let probes = self.probes.into_iter();
        let traces: Vec<_> = probes
            .map(|(address, probe)| (address, probe.finish()))
            .collect();
        let noise = self.reference.finish().longest_gap();
        traces
            .into_iter()
            .map(|(address, trace)| (address, trace, noise))
            .collect()
    }
}

fn expect_no_gap(what: &str, trace: &Trace, noise: Duration, may_be_lost: usize) {
    let (lost, gap, all) = (trace.lost(), trace.longest_gap(), trace.requests.len());
    let late = trace.late(noise + GAP);
    let seen = format!(
        "{what}: {lost} of {all} requests lost, {late} late, {gap:?} without an answer (a pod: {noise:?})"
    );
    eprintln!("{seen}");
    assert!(lost + late <= may_be_lost && gap < noise + GAP, "{seen}");
}
