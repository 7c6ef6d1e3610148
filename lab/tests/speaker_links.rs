//! Which links a speaker answers on: it runs on a machine whose links come, go and change their place.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::time::Duration;

use lab::{Host, LabError, Manifests, Product, Requirement, Size, Topology, requires, until};
use tempfile::TempDir;

#[test]
fn a_link_that_comes_later_answers_for_what_is_announced_already() {
    let Some(stage) = Stage::start("") else {
        return;
    };
    stage.wait_for_answer("eth0", &stage.node().mac().unwrap());
    let client = &stage.topology.client.namespace;
    stage
        .node()
        .namespace
        .link("late0", client, "late0")
        .unwrap();
    client.ip("addr add 198.51.100.222/32 dev late0").unwrap();
    stage.wait_for_answer("late0", &stage.node().namespace.mac("late0").unwrap());
}

#[test]
fn a_port_of_a_bridge_is_silent_and_the_bridge_answers() {
    let Some(stage) = Stage::start("") else {
        return;
    };
    let namespace = &stage.node().namespace;
    stage.wait_for_answer("eth0", &stage.node().mac().unwrap());
    namespace
        .ip(&format!("link add br0 address {BRIDGE} type bridge"))
        .unwrap();
    namespace.ip("link set br0 up").unwrap();
    namespace.ip("link set eth0 master br0").unwrap();
    stage.wait_for_answer("eth0", BRIDGE);
}

#[test]
fn a_link_that_is_not_named_is_silent_and_a_named_one_that_is_missing_is_told() {
    let Some(stage) = Stage::start("\n  interfaces: [late0]") else {
        return;
    };
    let failed = until("event announceFailed", TIMEOUT, || {
        let events = stage.manifests.events("speaker-node1")?;
        Ok(events
            .into_iter()
            .find(|event| event["reason"] == "announceFailed"))
    });
    let message = failed.unwrap()["message"].to_string();
    assert!(message.contains("198.51.100.200"), "{message}");
    assert!(stage.answers("eth0").is_empty());
    assert!(stage.status().unwrap().is_empty());

    let client = &stage.topology.client.namespace;
    stage
        .node()
        .namespace
        .link("late0", client, "late0")
        .unwrap();
    client.ip("addr add 198.51.100.222/32 dev late0").unwrap();
    stage.wait_for_answer("late0", &stage.node().namespace.mac("late0").unwrap());
    assert!(stage.answers("eth0").is_empty());
    until("a status", TIMEOUT, || {
        Ok((stage.status()? == ["node1"]).then_some(()))
    })
    .unwrap();
}

/// The Nodes have no addresses, by which speakers would find each other: what they hear of each other is on the link. The
/// second ranks better, by MetalLB's order.
#[test]
fn speakers_that_never_met_know_each_other_on_the_link_and_the_better_one_keeps_what_both_claim() {
    let Some(mut stage) = Stage::with_nodes(2, "") else {
        return;
    };
    let [worse, better] = [0, 1].map(|node: usize| stage.topology.nodes[node].mac().unwrap());
    stage.wait_for_answer("eth0", &worse);
    let node = &stage.topology.nodes[1];
    stage.product.start_speaker(node).unwrap();
    for address in [ADDRESS, ADDRESS_V6] {
        let (client, address) = (&stage.topology.client, address.parse().unwrap());
        client
            .until_answers("eth0", address, &[&better], TIMEOUT)
            .unwrap();
    }
    for node in &stage.topology.nodes {
        let events = stage.manifests.events(&format!("speaker-{}", node.name));
        let mut events = events.unwrap().into_iter();
        assert!(!events.any(|event| event["reason"] == "addressConflict"));
    }
}

/// Nodes, a speaker on the first, and a client. Fields are dropped in this order.
struct Stage {
    product: Product,
    manifests: Manifests,
    topology: Topology,
    _folder: TempDir,
}

impl Stage {
    /// Starts a speaker that announces [`ADDRESS`] and [`ADDRESS_V6`]; `extra` goes into the spec of the L2Advertisement.
    /// `None` where a program is missing.
    fn start(extra: &str) -> Option<Self> {
        Self::with_nodes(1, extra)
    }

    /// The same among so many nodes.
    fn with_nodes(nodes: u8, extra: &str) -> Option<Self> {
        let needed = [Requirement::Root, Requirement::Binary("speaker")];
        if !requires(&needed) {
            return None;
        }
        let folder = lab::folder().unwrap();
        let topology = Topology::build(&Size::new(nodes, 0)).unwrap();
        let manifests = Manifests::create(folder.path().join("manifests")).unwrap();
        let advertised = include_str!("shop.yaml").replace(
            "ipAddressPools: [one]",
            &format!("ipAddressPools: [one]{extra}"),
        );
        manifests.write("shop.yaml", &advertised).unwrap();
        for node in topology.nodes.iter().skip(1) {
            let name = &node.name;
            let text = format!("{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}}}");
            manifests.write(&format!("{name}.yaml"), &text).unwrap();
        }
        let mut product = Product::new(&manifests, folder.path());
        product
            .start_speaker(topology.node("node1").unwrap())
            .unwrap();
        Some(Self {
            product,
            manifests,
            topology,
            _folder: folder,
        })
    }

    fn node(&self) -> &Host {
        self.topology.node("node1").unwrap()
    }

    /// Waits until the one machine that answers on the client's link is this.
    fn wait_for_answer(&self, link: &str, mac: &str) {
        let client = &self.topology.client;
        client
            .until_answers(link, ADDRESS.parse().unwrap(), &[mac], TIMEOUT)
            .unwrap();
    }

    /// The MAC addresses that answer for [`ADDRESS`] on a link of the client.
    fn answers(&self, link: &str) -> Vec<String> {
        let client = &self.topology.client;
        client.who_has_on(link, ADDRESS.parse().unwrap()).unwrap()
    }

    /// The nodes that say that they announce the Service.
    fn status(&self) -> Result<Vec<String>, LabError> {
        self.manifests.layer2_nodes("default", "shop")
    }
}

const TIMEOUT: Duration = Duration::from_secs(60);
const ADDRESS: &str = "198.51.100.200";
const ADDRESS_V6: &str = "2001:db8:1:0:f::1";
const BRIDGE: &str = "02:00:00:00:00:b0";
