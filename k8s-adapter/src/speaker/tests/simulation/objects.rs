//! What Kubernetes says in a simulation: nodes that drain or are excluded, and Services with one address or two.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::node_name;
use crate::source::dir;
use crate::speaker::tests::WEB;
use crate::translate::ClusterObjects;

/// What the objects say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Objects {
    pub(super) nodes: usize,
    /// Whether an address goes back to a better node that has returned.
    pub(super) failback: bool,
    pub(super) draining: BTreeSet<usize>,
    /// The nodes that must not announce anything.
    pub(super) excluded: BTreeSet<usize>,
    /// Which of [`SERVICES`] are there.
    pub(super) services: BTreeSet<usize>,
}

impl Objects {
    /// The addresses that a node could own.
    pub(super) fn open_to(&self, node: usize) -> BTreeSet<IpAddr> {
        let services = self
            .services
            .iter()
            .filter(|_| !self.excluded.contains(&node));
        let addresses = services.flat_map(|service| SERVICES[*service]);
        addresses.map(|text| text.parse().unwrap()).collect()
    }

    /// The objects themselves.
    pub(super) fn read(&self) -> Arc<ClusterObjects> {
        let mut known = KNOWN.lock().unwrap();
        let objects = known.entry(self.clone()).or_insert_with(|| {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("all.yaml"), self.manifests()).unwrap();
            Arc::new(dir::read(folder.path()).unwrap())
        });
        Arc::clone(objects)
    }

    fn manifests(&self) -> String {
        let failback = self.failback;
        let mut all = POOL.replace("FAILBACK", &failback.to_string());
        for node in 0..self.nodes {
            let labels = match self.excluded.contains(&node) {
                true => r#"node.kubernetes.io/exclude-from-external-load-balancers: """#,
                false => "",
            };
            let annotations = match self.draining.contains(&node) {
                true => r#"ferrolb.io/drain: """#,
                false => "",
            };
            let (name, address) = (node_name(node), super::node_address(node));
            write!(
                all,
                "\n---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{{labels}}}, annotations: \
                 {{{annotations}}}}}\nstatus: {{addresses: [{{type: InternalIP, address: {address}}}]}}"
            )
            .unwrap();
        }
        for service in &self.services {
            let ips = SERVICES[*service]
                .iter()
                .map(|ip| format!("{{ip: \"{ip}\"}}"));
            let ips: Vec<String> = ips.collect();
            let service = WEB
                .replace("web", &format!("service-{service}"))
                .replace("{ip: 198.51.100.1}", &ips.join(", "))
                .replace("node-a", &node_name(0));
            all.push_str("\n---\n");
            all.push_str(&service);
        }
        all
    }
}

/// The addresses of each Service.
pub(super) const SERVICES: [&[&str]; 3] = [
    &["198.51.100.1"],
    &["198.51.100.2", "2001:db8::2"],
    &["2001:db8::3"],
];

/// What has been read before.
static KNOWN: Mutex<BTreeMap<Objects, Arc<ClusterObjects>>> = Mutex::new(BTreeMap::new());

const POOL: &str = "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: one, namespace: metallb-system}
spec:
  addresses: [198.51.100.0/28, 2001:db8::/124]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: one, namespace: metallb-system, annotations: {ferrolb.io/l2-failback: \"FAILBACK\"}}
spec:
  ipAddressPools: [one]";
