//! What a test has of the cluster: a namespace, a loadBalancerClass, and a controller that serves just these.

use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};
use std::thread;

use lab::cluster::{Access, Audit, ControlPlane, Requests, Run};
use lab::{GOODBYE, Process, until};
use serde_json::{Value, json};

use crate::harness::{manifest, requirements_are_met, shared};
use crate::object::{Object, TIMEOUT, apply, create_namespace, merge};
use crate::service::Service;

/// The ServiceAccount that the controller runs as.
const ACCOUNT: &str = "controller";

/// The namespace that the shipped manifests are for.
const DEFAULT_NAMESPACE: &str = "metallb-system";

/// Each controller listens on ports of its own, since all of them share a network namespace.
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);

/// Each tenant has addresses of its own too: what another loadBalancerClass holds is taken (compat/metallb.md 11 #39).
static NEXT_BLOCK: AtomicU8 = AtomicU8::new(0);

/// One test's part of the cluster.
pub(crate) struct Tenant {
    pub(crate) plane: Arc<ControlPlane>,
    /// The namespace of the controller's own objects, and of the Services unless a test says otherwise.
    pub(crate) namespace: String,
    /// What the controller is started with.
    pub(crate) run: Run,
    /// The number of its addresses; see [`Tenant::v4`].
    block: u8,
    controller: Option<Process>,
}

impl Tenant {
    /// On the server that all tests share, with its controller running; `None` where a program is missing. `name`
    /// becomes that of the namespace, so each test has one of its own.
    pub(crate) fn start(name: &str) -> Option<Self> {
        let mut tenant = Self::prepare(name)?;
        tenant.start_controller();
        Some(tenant)
    }

    /// The same without the controller running yet.
    pub(crate) fn prepare(name: &str) -> Option<Self> {
        requirements_are_met().then(|| Self::on(&shared(), name))
    }

    /// Without the controller running yet, on a server that the test has started for itself.
    pub(crate) fn on(plane: &Arc<ControlPlane>, name: &str) -> Self {
        create_namespace(plane, name, json!({}));
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": ACCOUNT, "namespace": name},
        });
        apply(plane, name, &[account]);
        // The rights that it has in a cluster, and no more; there its namespace is metallb-system.
        let rights = manifest("rbac.yaml").replace(DEFAULT_NAMESPACE, name);
        plane.apply(&rights, name).unwrap();
        let run = Run {
            name: format!("controller-{name}"),
            namespace: name.to_owned(),
            lb_class: format!("lab.ferrolb.io/{name}"),
            access: plane.access_of(name, ACCOUNT).unwrap(),
            port: next_port(),
            flags: ["--metrics-insecure", "--webhook-mode=disabled"]
                .map(str::to_owned)
                .into(),
        };
        Self {
            plane: Arc::clone(plane),
            namespace: name.to_owned(),
            run,
            block: NEXT_BLOCK.fetch_add(1, Ordering::Relaxed),
            controller: None,
        }
    }

    /// Starts the controller.
    pub(crate) fn start_controller(&mut self) {
        assert!(self.controller.is_none(), "the controller runs");
        self.controller = Some(self.run.start(&self.plane).unwrap());
    }

    /// Starts a second controller beside the first; dropping it kills it.
    pub(crate) fn start_another(&self, name: &str) -> Process {
        let run = Run {
            name: format!("{}-{name}", self.run.name),
            port: next_port(),
            ..self.run.clone()
        };
        run.start(&self.plane).unwrap()
    }

    /// The controller that runs.
    pub(crate) fn controller(&mut self) -> &mut Process {
        self.controller.as_mut().unwrap()
    }

    /// Ends the controller by SIGTERM; fails unless it ends well.
    pub(crate) fn stop_controller(&mut self) {
        let status = self.controller.take().unwrap().terminate(GOODBYE).unwrap();
        assert!(status.success(), "{status}");
    }

    /// Ends the controller by SIGKILL.
    pub(crate) fn kill_controller(&mut self) {
        self.controller.take().unwrap().kill().unwrap();
    }

    /// Kills the controller and starts it again.
    pub(crate) fn restart_controller(&mut self) {
        self.kill_controller();
        self.start_controller();
    }

    /// Applies a text of YAML documents; what is in a namespace goes to the tenant's unless it names one.
    pub(crate) fn apply(&self, yaml: &str) {
        self.try_apply(yaml).unwrap();
    }

    /// The same where the server may refuse it.
    pub(crate) fn try_apply(&self, yaml: &str) -> Result<(), lab::LabError> {
        self.plane.apply(yaml, &self.namespace)
    }

    /// An object of the tenant's namespace, as in `object("metallb.io/v1beta2", "BGPPeer", "router")`.
    pub(crate) fn object(&self, api_version: &str, kind: &str, name: &str) -> Object {
        Object::of(&self.plane, api_version, kind, &self.namespace, name)
    }

    /// An object that is in no namespace.
    pub(crate) fn cluster_object(&self, api_version: &str, kind: &str, name: &str) -> Object {
        Object::of_cluster(&self.plane, api_version, kind, name)
    }

    /// An IPv4 address or prefix that no other tenant has, by what follows the third octet, as in `v4("7")` or
    /// `v4("0/24")`.
    pub(crate) fn v4(&self, end: &str) -> String {
        format!("198.18.{}.{end}", self.block)
    }

    /// An IPv6 address or prefix that no other tenant has, by what follows `::`, as in `v6("7")` or `v6("/64")`.
    pub(crate) fn v6(&self, end: &str) -> String {
        let (host, prefix) = end.split_once('/').unzip();
        let address = format!("2001:db8:{:x}::{}", self.block, host.unwrap_or(end));
        // As the product writes it.
        let address: Ipv6Addr = address.parse().unwrap();
        prefix.map_or_else(|| address.to_string(), |bits| format!("{address}/{bits}"))
    }

    /// Writes a pool of these ranges, as in `pool("web", &[tenant.v4("0/30")])`. A controller that runs has taken it up, or
    /// has found fault with it, by the end: otherwise it might see a Service first that is written after.
    pub(crate) fn pool(&self, name: &str, addresses: &[String]) -> Object {
        self.pool_with(name, addresses, json!({}))
    }

    /// Writes a pool of these ranges, with more in its spec, as in `json!({"autoAssign": false})`.
    pub(crate) fn pool_with(&self, name: &str, addresses: &[String], spec: Value) -> Object {
        let mut pool = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": name},
            "spec": {"addresses": addresses},
        });
        merge(&mut pool, json!({"spec": spec}));
        apply(&self.plane, &self.namespace, &[pool]);
        let pool = self.object("metallb.io/v1beta1", "IPAddressPool", name);
        if self.controller.is_some() {
            self.until_taken_up(&pool);
        }
        pool
    }

    /// Waits until the controller has counted the addresses of a pool, or tells what is wrong with it.
    fn until_taken_up(&self, pool: &Object) {
        let state = self.object("metallb.io/v1beta1", "ConfigurationState", "controller");
        let fault = format!("ipaddresspool.metallb.io/{}", pool.name());
        pool.until("taken up", |pool| {
            let is_counted = pool?.pointer("/status/availableIPv4").is_some();
            let is_told = || {
                let conditions = state.at_path("/status/conditions");
                let mut conditions = conditions.as_array().into_iter().flatten();
                conditions.any(|condition| condition["type"] == fault)
            };
            (is_counted || is_told()).then_some(())
        });
    }

    /// Creates a Service of type LoadBalancer with port 80, IPv4 only.
    pub(crate) fn create_service(&self, name: &str) -> Service {
        self.create_service_with(name, json!({}))
    }

    /// The same with a JSON merge patch, as in `json!({"spec": {"externalTrafficPolicy": "Local"}})`.
    pub(crate) fn create_service_with(&self, name: &str, patch: Value) -> Service {
        self.create_service_in(&self.namespace, name, patch)
    }

    /// The same in another namespace.
    pub(crate) fn create_service_in(&self, namespace: &str, name: &str, patch: Value) -> Service {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "type": "LoadBalancer",
                "selector": {"app": name},
                "ports": [{"name": "http", "port": 80}],
            },
        });
        if !self.run.lb_class.is_empty() {
            merge(
                &mut service,
                json!({"spec": {"loadBalancerClass": self.run.lb_class}}),
            );
        }
        merge(&mut service, patch);
        apply(&self.plane, namespace, &[service]);
        Service::of(&self.plane, namespace, name)
    }

    /// A Service of the tenant's namespace that exists, or will.
    pub(crate) fn service(&self, name: &str) -> Service {
        Service::of(&self.plane, &self.namespace, name)
    }

    /// Creates another namespace, called `<tenant>-<name>`, with labels; returns its name.
    pub(crate) fn create_namespace(&self, name: &str, labels: Value) -> String {
        let name = format!("{}-{name}", self.namespace);
        create_namespace(&self.plane, &name, labels);
        name
    }

    /// Waits until the controller has seen everything that was written so far and has acted on it: for tests of what
    /// does not happen. It is seen by a Service with a pool of its own that is served after it.
    pub(crate) fn settle(&self) {
        let pool = self.pool_with("settle", &[self.v4("254/32")], json!({"autoAssign": false}));
        let annotation =
            json!({"metadata": {"annotations": {"metallb.io/address-pool": "settle"}}});
        let probe = self.create_service_with("settle", annotation);
        probe.until_addresses(&[self.v4("254")]);
        probe.delete();
        pool.delete();
    }

    /// Begins to count the requests of the controller; see [`Tenant::requests_since`].
    pub(crate) fn audit(&self) -> Audit {
        Audit::from_now(&self.plane)
    }

    /// The requests of the controller since then.
    pub(crate) fn requests_since(&self, audit: &Audit) -> Requests {
        let user = format!("system:serviceaccount:{}:{ACCOUNT}", self.namespace);
        audit.requests(&user).unwrap()
    }

    /// The value of a metric of the controller, as in `metric("metallb_allocator_addresses_total{pool=\"web\"}")`; `None`
    /// as well while the controller does not serve any yet.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let server = format!("http://127.0.0.1:{}", self.run.port);
        let text = self.plane.get(&server, "/metrics", None).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.trim().parse().unwrap())
    }

    /// Waits until a metric of the controller has this value.
    pub(crate) fn until_metric(&self, name: &str, expected: f64) {
        let mut last = None;
        let found = until(name, TIMEOUT, || {
            last = self.metric(name);
            Ok((last == Some(expected)).then_some(()))
        });
        found.unwrap_or_else(|error| panic!("{error}: {last:?} instead of {expected}"));
    }

    /// Access as another ServiceAccount of the tenant's namespace.
    pub(crate) fn access_of(&self, account: &str) -> Access {
        self.plane.access_of(&self.namespace, account).unwrap()
    }
}

fn next_port() -> u16 {
    NEXT_PORT.fetch_add(2, Ordering::Relaxed)
}

impl Drop for Tenant {
    fn drop(&mut self) {
        if let Some(controller) = self.controller.as_mut().filter(|_| thread::panicking()) {
            eprintln!("{} wrote:\n{}", self.run.name, controller.output());
        }
    }
}
