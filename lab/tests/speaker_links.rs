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

/// A node with a speaker, and a client. Fields are dropped in this order.
struct Stage {
    _product: Product,
    manifests: Manifests,
    topology: Topology,
    _folder: TempDir,
}

impl Stage {
    /// Starts a speaker that announces [`ADDRESS`]; `extra` goes into the spec of the L2Advertisement. `None` where a
    /// program is missing.
    fn start(extra: &str) -> Option<Self> {
        let needed = [Requirement::Root, Requirement::Binary("speaker")];
        if !requires(&needed) {
            return None;
        }
        let folder = lab::folder().unwrap();
        let topology = Topology::build(&Size::new(1, 0)).unwrap();
        let manifests = Manifests::create(folder.path().join("manifests")).unwrap();
        let advertised = include_str!("shop.yaml").replace(
            "ipAddressPools: [one]",
            &format!("ipAddressPools: [one]{extra}"),
        );
        manifests.write("shop.yaml", &advertised).unwrap();
        let mut product = Product::new(&manifests, folder.path());
        product
            .start_speaker(topology.node("node1").unwrap())
            .unwrap();
        Some(Self {
            _product: product,
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
const BRIDGE: &str = "02:00:00:00:00:b0";
