//! What a test has of the cluster: a namespace, addresses and a pool, which no other test touches.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use ipnet::IpNet;
use kube::api::{Api, DynamicObject, ListParams};
use lab::cluster::{Cluster, NAMESPACE, Pod};
use lab::router::{Route, Router};
use lab::{Host, requires, until};
use serde_json::{Value, json};

use crate::families::{Families, Reach, parsed};
use crate::harness::{Alone, Shared, alone, shared};
use crate::object::{Object, TIMEOUT, apply, create_namespace, merge, resource};
use crate::service::Service;

/// The version of most kinds of the configuration.
const V1BETA1: &str = "metallb.io/v1beta1";

/// Each test has addresses of its own. The first block of each reach is that of a cluster that is left standing.
static NEXT_BLOCK: [AtomicU8; 2] = [AtomicU8::new(1), AtomicU8::new(1)];

/// One test's part of the cluster; `G` is how it has the cluster.
pub(crate) struct Tenant<G> {
    /// The cluster itself.
    pub(crate) cluster: G,
    /// Its namespace, and what the names of its objects begin with.
    pub(crate) name: String,
    /// The numbers of its addresses, by [`Reach`].
    blocks: [OnceCell<u8>; 2],
    pods: Cell<usize>,
    settled: Cell<usize>,
}

/// Runs a test once for each variant of families, side by side, each with a tenant of its own.
pub(crate) fn in_each_family(name: &str, test: impl Fn(&Tenant<Shared>, Families) + Sync) {
    if !requires(&Cluster::requirements()) {
        return;
    }
    thread::scope(|scope| {
        for families in Families::ALL {
            let name = format!("{name}-{}", families.name());
            let test = &test;
            scope.spawn(move || {
                if let Some(tenant) = Tenant::start(&name) {
                    test(&tenant, families);
                }
            });
        }
    });
}

impl Tenant<Shared> {
    /// Beside other tests; `None` where a program is missing. No other test may have the same name.
    pub(crate) fn start(name: &str) -> Option<Self> {
        shared().map(|cluster| Self::on(cluster, name))
    }
}

impl Tenant<Alone> {
    /// With the cluster to itself.
    pub(crate) fn alone(name: &str) -> Option<Self> {
        alone().map(|cluster| Self::on(cluster, name))
    }
}

impl<G: Deref<Target = Cluster>> Tenant<G> {
    fn on(cluster: G, name: &str) -> Self {
        create_namespace(&cluster.plane, name, json!({}));
        Self {
            cluster,
            name: name.to_owned(),
            blocks: [const { OnceCell::new() }; 2],
            pods: Cell::new(0),
            settled: Cell::new(0),
        }
    }

    /// An IPv4 address or prefix of its own, by what follows the third octet, as in `v4(Reach::OnLink, "7")`.
    pub(crate) fn v4(&self, reach: Reach, end: &str) -> String {
        reach.v4(self.block(reach), end)
    }

    /// An IPv6 address or prefix of its own, by what follows `::`, as in `v6(Reach::Routed, "/64")`.
    pub(crate) fn v6(&self, reach: Reach, end: &str) -> String {
        reach.v6(self.block(reach), end)
    }

    fn block(&self, reach: Reach) -> u8 {
        let index = reach as usize;
        *self.blocks[index].get_or_init(|| {
            let block = NEXT_BLOCK[index].fetch_add(1, Ordering::Relaxed);
            assert_ne!(block, u8::MAX, "no more addresses for tests");
            block
        })
    }

    /// Writes the pool of its name, with addresses of both families, for those Services only that ask for it: as those of
    /// [`Tenant::service`] do.
    pub(crate) fn pool(&self, reach: Reach) -> Object {
        let ranges = [self.v4(reach, "0/24"), self.v6(reach, "/64")];
        self.pool_named(&self.name, &ranges)
    }

    /// Writes another pool, which Services have to ask for.
    pub(crate) fn pool_named(&self, name: &str, ranges: &[String]) -> Object {
        let spec = json!({"addresses": ranges, "autoAssign": false});
        self.configure(V1BETA1, "IPAddressPool", name, spec)
    }

    /// Writes the L2Advertisement `<tenant>-<suffix>`, for its own pool unless `spec` says otherwise.
    pub(crate) fn layer2(&self, suffix: &str, spec: Value) -> Object {
        self.advertisement("L2Advertisement", suffix, spec)
    }

    /// Writes the BGPAdvertisement `<tenant>-<suffix>`, for its own pool unless `spec` says otherwise.
    pub(crate) fn bgp(&self, suffix: &str, spec: Value) -> Object {
        self.advertisement("BGPAdvertisement", suffix, spec)
    }

    fn advertisement(&self, kind: &str, suffix: &str, spec: Value) -> Object {
        let mut whole = json!({"ipAddressPools": [self.name]});
        merge(&mut whole, spec);
        self.configure(V1BETA1, kind, &format!("{}-{suffix}", self.name), whole)
    }

    /// Writes an object of the product's configuration.
    pub(crate) fn configure(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        spec: Value,
    ) -> Object {
        let object = json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        apply(&self.cluster.plane, NAMESPACE, &[object]);
        Object::of(&self.cluster.plane, api_version, kind, NAMESPACE, name)
    }

    /// Creates a Service of type LoadBalancer with port 80 that asks for its own pool, and waits for its addresses. Its
    /// pods are those of [`Tenant::pod`] with the same name.
    pub(crate) fn service(&self, name: &str, families: Families, patch: Value) -> Service {
        let service = self.service_without_address(name, families, patch);
        service.until_count(families.count());
        service
    }

    /// The same without waiting.
    pub(crate) fn service_without_address(
        &self,
        name: &str,
        families: Families,
        patch: Value,
    ) -> Service {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "annotations": {"metallb.io/address-pool": self.name}},
            "spec": {
                "type": "LoadBalancer",
                "selector": {"app": name},
                "ports": [{"name": "http", "port": 80}],
            },
        });
        merge(&mut service, families.patch());
        merge(&mut service, patch);
        apply(&self.cluster.plane, &self.name, &[service]);
        Service::of(&self.cluster.plane, &self.name, name)
    }

    /// Starts a pod of a Service on a node; it answers `<app>-<node>-<number>`.
    pub(crate) fn pod(&self, app: &str, node: &str) -> Pod {
        let number = self.pods.replace(self.pods.get() + 1);
        let name = format!("{app}-{node}-{number}");
        let pod = self.cluster.start_pod(node, &self.name, &name, app);
        pod.unwrap()
    }

    /// Starts a pod of a Service on each node.
    pub(crate) fn pods(&self, app: &str) -> Vec<Pod> {
        let nodes = self.cluster.node_names();
        nodes.iter().map(|node| self.pod(app, node)).collect()
    }

    pub(crate) fn node(&self, name: &str) -> &Host {
        self.cluster.topology.node(name).unwrap()
    }

    /// The Node object of a node.
    pub(crate) fn node_object(&self, name: &str) -> Object {
        Object::of_cluster(&self.cluster.plane, "v1", "Node", name)
    }

    pub(crate) fn client(&self) -> &Host {
        &self.cluster.topology.client
    }

    /// Waits until the client is answered at each address of a Service, and returns the name of the pod that answered at
    /// the last one.
    pub(crate) fn until_reached(&self, service: &Service) -> String {
        let mut answer = String::new();
        for address in parsed(&service.addresses()) {
            answer = self.client().get_within(address, TIMEOUT).unwrap();
        }
        answer
    }

    /// Waits until kube-proxy of every node forwards to a Service: after an outage of the API server it may be many seconds
    /// behind the speakers.
    pub(crate) fn until_forwarded(&self, service: &Service) {
        for address in parsed(&service.addresses()) {
            for node in &self.cluster.topology.nodes {
                let what = format!("kube-proxy of {} for {address}", node.name);
                until(&what, TIMEOUT, || Ok(node.forwards(address)?.then_some(()))).unwrap();
            }
        }
    }

    /// The nodes that a ServiceL2Status names for a Service, in their order. An object is made first and filled after.
    pub(crate) fn layer2_nodes(&self, service: &Service) -> Vec<String> {
        let statuses = self.statuses("ServiceL2Status", service);
        let nodes = statuses
            .iter()
            .filter_map(|object| object["status"]["node"].as_str());
        let mut nodes: Vec<String> = nodes.map(str::to_owned).collect();
        nodes.sort_unstable();
        nodes
    }

    /// Waits until exactly one node says that it announces a Service on the link, and it is a node that is meant.
    pub(crate) fn until_owner(&self, service: &Service, is_meant: impl Fn(&str) -> bool) -> String {
        let mut last = Vec::new();
        let found = until(&format!("owner of {}", service.name()), TIMEOUT, || {
            last = self.layer2_nodes(service);
            let owner = match last.as_slice() {
                [owner] if is_meant(owner) => Some(owner.clone()),
                _ => None,
            };
            Ok(owner)
        });
        found.unwrap_or_else(|error| panic!("{error}: {last:?}"))
    }

    /// Waits until exactly these nodes say that they announce a Service on the link.
    pub(crate) fn until_layer2_nodes(&self, service: &Service, expected: &[&str]) {
        let mut last = Vec::new();
        let what = format!("{expected:?} announcing {}", service.name());
        let found = until(&what, TIMEOUT, || {
            last = self.layer2_nodes(service);
            Ok((last == expected).then_some(()))
        });
        found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
    }

    /// All objects of one of the kinds in which the speakers tell about a Service.
    pub(crate) fn statuses(&self, kind: &str, service: &Service) -> Vec<Value> {
        let selector = format!(
            "metallb.io/service-name={},metallb.io/service-namespace={}",
            service.name(),
            self.name
        );
        let plane = &self.cluster.plane;
        let api: Api<DynamicObject> =
            Api::namespaced_with(plane.client(), NAMESPACE, &resource(V1BETA1, kind));
        let parameters = ListParams::default().labels(&selector);
        let list = plane.block_on(async move { api.list(&parameters).await });
        let objects = list.unwrap().items.into_iter();
        let whole = objects.map(|object| serde_json::to_value(object).unwrap());
        whole.collect()
    }

    /// Waits until the speakers know a Service, whose pods are ready, and no node announces it on the link.
    pub(crate) fn until_not_announced(&self, service: &Service) {
        self.settle();
        self.until_layer2_nodes(service, &[]);
        for address in parsed(&service.addresses()) {
            self.until_answers("eth0", address, &[]);
        }
    }

    /// Waits until every speaker has seen what was written so far, and has acted on it: for tests of what does not happen.
    /// It is seen by a Service that each node announces after it.
    fn settle(&self) {
        let number = self.settled.replace(self.settled.get() + 1);
        let name = format!("{}-settle-{number}", self.name);
        let address = self.v4(Reach::Routed, &format!("{number}/32"));
        self.pool_named(&name, &[address]);
        self.bgp(
            &format!("settle-{number}"),
            json!({"ipAddressPools": [name]}),
        );
        let patch = json!({"metadata": {"annotations": {"metallb.io/address-pool": name}}});
        let _pod = self.pod(&name, "node1");
        let probe = self.service(&name, Families::V4, patch);
        self.until_routed(&probe, &["node1", "node2", "node3"]);
        probe.delete();
    }

    /// Waits until each address of a Service is answered for on the link by one node alone, with the MAC address of its
    /// `eth0`.
    pub(crate) fn until_answered_by(&self, service: &Service, node: &str) {
        let mac = self.node(node).mac().unwrap();
        for address in parsed(&service.addresses()) {
            self.until_answers("eth0", address, &[&mac]);
        }
    }

    /// Waits until a question of the client on a link gets just these answers, by MAC addresses.
    pub(crate) fn until_answers(&self, link: &str, address: IpAddr, expected: &[&str]) {
        let found = self
            .client()
            .until_answers(link, address, expected, TIMEOUT);
        found.unwrap();
    }

    /// Waits until a router has a path to a prefix from each of these nodes, over any session, and from no other;
    /// returns the paths.
    pub(crate) fn until_paths(&self, router: &Router, prefix: &str, nodes: &[&str]) -> Vec<Route> {
        let prefix: IpNet = prefix.parse().unwrap();
        let expected: BTreeSet<&str> = nodes.iter().copied().collect();
        let mut last = Vec::new();
        let what = format!("{prefix} from {nodes:?} on {}", router.kind());
        let found = until(&what, TIMEOUT, || {
            last = router.paths(prefix)?;
            let from = last.iter().map(|path| self.node_of(path.peer));
            Ok((from.collect::<BTreeSet<_>>() == expected).then_some(()))
        });
        found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
        last
    }

    /// Waits until both routers of the cluster have a path to each address of a Service from each of these nodes, and
    /// from no other.
    pub(crate) fn until_routed(&self, service: &Service, nodes: &[&str]) {
        for router in self.routers() {
            for address in parsed(&service.addresses()) {
                self.until_paths(router, &IpNet::from(address).to_string(), nodes);
            }
        }
    }

    pub(crate) fn routers(&self) -> [&Router; 2] {
        [&self.cluster.frr, &self.cluster.bird]
    }

    /// The name of the node that has an address on the switch.
    fn node_of(&self, address: IpAddr) -> &str {
        let mut nodes = self.cluster.topology.nodes.iter();
        let node = nodes.find(|node| address == node.ipv4 || address == node.ipv6);
        node.map_or("nobody", |node| &node.name)
    }
}
