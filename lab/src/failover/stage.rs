//! Three nodes with a speaker each, an API server, a client, and all that can go wrong between them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitStatus;
use std::time::Duration;

use arp_ndp::MacAddr;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::services;
use super::watch::Watch;
use crate::bench::{NAMESPACE, Role, Site};
use crate::client::get_page;
use crate::cluster::{ControlPlane, membership, pod_name, register_node, register_speaker};
use crate::{
    Cable, Contender, Host, LabError, Passage, Process, Requirement, Size, Topology, folder, sweep,
    until,
};

/// As many as the issue of failover has in mind.
const NODES: u8 = 3;

/// The port of membership, of all speakers.
const GOSSIP: u16 = 7946;

/// The port of the probes of all speakers.
const HEALTH: u16 = 17472;

/// How long speakers may take until they announce.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a speaker may take to end after SIGTERM: as long as its pod would be given.
const GOODBYE: Duration = Duration::from_secs(30);

const OBJECTS: &str = include_str!("objects.yaml");

/// All of it. Dropping it ends the processes and removes the network. Fields are dropped in this order.
#[derive(Debug)]
pub struct Stage {
    contender: Contender,
    speakers: BTreeMap<String, Process>,
    macs: BTreeMap<MacAddr, String>,
    site: Site,
    /// The network.
    pub topology: Topology,
    folder: TempDir,
}

impl Stage {
    /// What it needs, for [`crate::requires`].
    #[must_use]
    pub fn requirements() -> Vec<Requirement> {
        let programs = ["ip", "nft"].map(Requirement::Program);
        let own = [Requirement::Binary("speaker"), Requirement::ControlPlane];
        [&programs[..], &own].concat()
    }

    /// Builds it, with Services that have addresses of both families, and starts a speaker of a contender on each node.
    /// Who speaks is a member by what the shipped manifests say: pods with labels and addresses, and a Secret.
    ///
    /// # Errors
    /// When a part of it does not come up; what was made by then is removed again.
    pub fn build(contender: Contender) -> Result<Self, LabError> {
        sweep()?;
        let folder = folder()?;
        let topology = Topology::build(&Size::new(NODES, 0))?;
        let plane = ControlPlane::start_on(&topology.control, folder.path())?;
        let site = Site::on(plane, Role::Speaker)?;
        let mut macs = BTreeMap::new();
        for node in &topology.nodes {
            register_node(&site.plane, node)?;
            register_speaker(&site.plane, node)?;
            macs.insert(mac(&node.mac()?)?, node.name.clone());
        }
        site.plane.apply(OBJECTS, NAMESPACE)?;
        let names: Vec<String> = macs.values().cloned().collect();
        services::create(&site.plane, &names)?;
        let mut stage = Self {
            contender,
            speakers: BTreeMap::new(),
            macs,
            site,
            topology,
            folder,
        };
        names.iter().try_for_each(|node| stage.start(node))?;
        stage.until_ready()?;
        Ok(stage)
    }

    /// Waits until every speaker that runs says that it has begun.
    fn until_ready(&self) -> Result<(), LabError> {
        let probes = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), HEALTH);
        for node in self.speakers.keys() {
            let namespace = &self.topology.node(node)?.namespace;
            let ask = || namespace.run(|| get_page(probes, "/readyz").ok());
            let ready = until(&format!("ready speaker on {node}"), START_TIMEOUT, ask);
            ready.map_err(|error| self.explained(error))?;
        }
        Ok(())
    }

    /// Starts the speaker of a node.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, node: &str) -> Result<(), LabError> {
        let host = self.topology.node(node)?;
        let name = pod_name(host);
        let mut command = self.site.command(&self.contender, node, &name)?;
        membership::configure(&mut command, host, self.folder.path())?;
        let process = host.namespace.spawn(&name, command, self.folder.path())?;
        self.speakers.insert(node.to_owned(), process);
        Ok(())
    }

    /// Ends the speaker of a node by SIGKILL.
    ///
    /// # Errors
    /// When it has none.
    pub fn kill(&mut self, node: &str) -> Result<(), LabError> {
        self.take(node)?.kill()
    }

    /// Asks the speaker of a node to end by SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// When it has none, or it does not end.
    pub fn stop(&mut self, node: &str) -> Result<ExitStatus, LabError> {
        self.take(node)?.terminate(GOODBYE)
    }

    /// Pulls the cable of a node, or puts it back.
    ///
    /// # Errors
    /// As [`Topology::set_cable`].
    pub fn set_cable(&self, node: &str, cable: Cable) -> Result<(), LabError> {
        self.topology.set_cable(self.topology.node(node)?, cable)
    }

    /// Lets the switch pass nothing from and to a node, or everything again.
    ///
    /// # Errors
    /// As [`Topology::set_passage`].
    pub fn set_passage(&self, node: &str, passage: Passage) -> Result<(), LabError> {
        let host = self.topology.node(node)?;
        self.topology.set_passage(host, passage)
    }

    /// Annotates a node as one that is to be drained, or as one that is not.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn set_drain(&self, node: &str, drain: Drain) -> Result<(), LabError> {
        let reason = match drain {
            Drain::Asked => Value::from("failover"),
            Drain::Undone => Value::Null,
        };
        let patch = json!({"metadata": {"annotations": {"ferrolb.io/drain": reason}}});
        let api: Api<Node> = Api::all(self.site.plane.client());
        let name = node.to_owned();
        let patched = self.site.plane.block_on(async move {
            let parameters = PatchParams::default();
            api.patch(&name, &parameters, &Patch::Merge(patch)).await
        });
        patched
            .map(drop)
            .map_err(LabError::kubernetes(format!("draining {node}")))
    }

    /// Drops all that some nodes and the others send each other as members; everything else passes. It lasts until
    /// [`Stage::heal_gossip`] of the same nodes.
    ///
    /// # Errors
    /// When nft fails.
    pub fn cut_gossip(&self, nodes: &[&str]) -> Result<(), LabError> {
        let all = self.topology.nodes.iter();
        let (side, others): (Vec<&Host>, Vec<&Host>) =
            all.partition(|host| nodes.contains(&host.name.as_str()));
        let others: Vec<String> = others.iter().map(|host| host.ipv4.to_string()).collect();
        let others = others.join(", ");
        let chain = |hook: &str, end: &str| {
            format!(
                "chain {hook} {{ type filter hook {hook} priority 0; \
                 ip {end} {{ {others} }} meta l4proto {{ tcp, udp }} th dport {GOSSIP} drop; \
                 ip {end} {{ {others} }} meta l4proto {{ tcp, udp }} th sport {GOSSIP} drop; }};"
            )
        };
        let table = format!(
            "table inet gossip {{ {} {} }}",
            chain("input", "saddr"),
            chain("output", "daddr")
        );
        side.iter()
            .try_for_each(|host| host.namespace.exec("nft", [&table]).map(drop))
    }

    /// Lets it pass again.
    ///
    /// # Errors
    /// When nft fails.
    pub fn heal_gossip(&self, nodes: &[&str]) -> Result<(), LabError> {
        nodes.iter().try_for_each(|node| {
            let namespace = &self.topology.node(node)?.namespace;
            let delete = ["delete", "table", "inet", "gossip"];
            namespace.exec("nft", delete).map(drop)
        })
    }

    /// The addresses of each Service, IPv4 and IPv6: which node owns both is decided for each Service by itself.
    #[must_use]
    pub fn services() -> Vec<[IpAddr; 2]> {
        (0..services::COUNT).map(services::addresses).collect()
    }

    /// Watches addresses from the client.
    ///
    /// # Errors
    /// As [`Watch::start`].
    pub fn watch(&self, addresses: &[IpAddr]) -> Result<Watch, LabError> {
        Watch::start(&self.topology.client, addresses)
    }

    /// The node that a MAC address is of.
    ///
    /// # Errors
    /// When it is of none.
    pub fn node_at(&self, mac: MacAddr) -> Result<&str, LabError> {
        let stranger = || LabError::Unexpected(format!("no node at {mac}"));
        self.macs.get(&mac).map(String::as_str).ok_or_else(stranger)
    }

    /// Fails if a speaker has ended by itself.
    ///
    /// # Errors
    /// [`LabError::Ended`] with the end of its output.
    pub fn expect_running(&mut self) -> Result<(), LabError> {
        self.speakers
            .values_mut()
            .try_for_each(Process::expect_running)
    }

    /// An error with what the speakers have written last, which may tell why.
    pub(super) fn explained(&self, error: LabError) -> LabError {
        if matches!(error, LabError::Interrupted) {
            return error;
        }
        let speakers = self.speakers.values();
        let logs = speakers.map(|one| format!("--- {}\n{}", one.name(), one.end_of_output()));
        LabError::Unexpected(format!("{error}\n{}", logs.collect::<Vec<_>>().join("\n")))
    }

    fn take(&mut self, node: &str) -> Result<Process, LabError> {
        let no_speaker = || LabError::Unexpected(format!("no speaker on {node}"));
        self.speakers.remove(node).ok_or_else(no_speaker)
    }
}

/// What is asked of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// To give up what it announces.
    Asked,
    /// To announce again.
    Undone,
}

/// A MAC address as iproute2 has it.
fn mac(text: &str) -> Result<MacAddr, LabError> {
    text.parse().map_err(|_| LabError::Answer {
        what: "a MAC address",
        text: text.to_owned(),
    })
}
