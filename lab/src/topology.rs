//! The lab's network: what is where, and by which addresses.
//!
//! ```text
//!                 203.0.113.128/25, 2001:db8:2::/64
//!          ┌──────────────────────────────────────────┐
//!       eth1                                          eth1
//!   ┌──────────┐                                 ┌──────────┐
//!   │ router1  │                                 │  client  │
//!   └──────────┘                                 └──────────┘
//!       eth0   198.51.100.0/24, 2001:db8:1::/64       eth0
//!   ════╧══════════╤══════════════╤══════════════╤════╧═════  switch
//!                eth0           eth0           eth0
//!            ┌─────────┐    ┌─────────┐    ┌─────────┐
//!            │  node1  │    │  node2  │    │  node3  │
//!            └─────────┘    └─────────┘    └─────────┘
//! ```
//!
//! On the same switch is `control`, where the controller runs.
//!
//! The client reaches the addresses of [`ROUTED_V4`] and [`ROUTED_V6`] through the first router, which knows
//! them by BGP or not at all, and those within the switch's own prefixes by asking for them on the link.
//!
//! Where there is no kube-proxy, each node takes what is sent to an address of a service by a route of type
//! `local`: its kernel then accepts the packets and still answers neither ARP (`arp_ignore`) nor Neighbour
//! Discovery (which looks at addresses of the link only), so that every answer heard is the speaker's.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::skip::binary;
use crate::{LabError, Namespace, Process};

/// Service addresses that only BGP can reach, IPv4.
pub const ROUTED_V4: &str = "203.0.113.0/25";
/// Service addresses that only BGP can reach, IPv6.
pub const ROUTED_V6: &str = "2001:db8:f::/64";
/// Service addresses on the switch, to be answered for by ARP.
pub const ON_LINK_V4: &str = "198.51.100.192/26";
/// Service addresses on the switch, to be answered for by Neighbour Discovery.
pub const ON_LINK_V6: &str = "2001:db8:1:0:f::/80";

/// The first router's addresses on its link with the client.
pub(crate) const CLIENT_UPLINK: [&str; 2] = ["203.0.113.129", "2001:db8:2::129"];

/// The AS of the routers.
pub const ROUTER_ASN: u32 = 64512;
/// The AS of the nodes, where it differs from the routers'.
pub const NODE_ASN: u32 = 64500;

/// The port on which each node answers with its name.
pub const HTTP_PORT: u16 = 80;

/// How many of each there are, and how they are named.
#[derive(Clone, Debug)]
pub struct Size {
    /// Nodes, called `node1`, `node2`, …
    pub nodes: u8,
    /// Routers, called `router1`, `router2`, …; the client's uplink goes through the first.
    pub routers: u8,
    /// Names of namespaces: of this process, or with a fixed prefix for a lab that outlives it.
    pub names: Names,
    /// What the nodes do with packets for services.
    pub delivery: Delivery,
}

impl Size {
    /// So many nodes and routers, in namespaces of this process.
    #[must_use]
    pub fn new(nodes: u8, routers: u8) -> Self {
        Self {
            nodes,
            routers,
            names: Names::OfProcess,
            delivery: Delivery::Here,
        }
    }
}

/// What a node does with a packet for an address of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Takes it itself.
    Here,
    /// Leaves it to kube-proxy, which may send it to another node.
    ByProxy,
}

/// How the namespaces of a topology are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// `flb<pid>-<n>-<host>`, removed when dropped or swept.
    OfProcess,
    /// `<prefix><host>`.
    Fixed(String),
}

/// A machine of the lab.
#[derive(Debug)]
pub struct Host {
    /// Its name, as in `node1`.
    pub name: String,
    /// The namespace that is this machine.
    pub namespace: Namespace,
    /// Its address on the switch.
    pub ipv4: Ipv4Addr,
    /// Its address on the switch.
    pub ipv6: Ipv6Addr,
}

impl Host {
    /// The MAC address by which it is known on the switch.
    ///
    /// # Errors
    /// When iproute2 does not tell.
    pub fn mac(&self) -> Result<String, LabError> {
        self.namespace.mac("eth0")
    }
}

/// Namespaces joined to a network. Dropping it removes all of it.
#[derive(Debug)]
pub struct Topology {
    /// The machines that speakers run on.
    pub nodes: Vec<Host>,
    /// The machines that routing daemons run on.
    pub routers: Vec<Host>,
    /// The machine that wants to reach the services.
    pub client: Host,
    /// Where the controller runs.
    pub control: Host,
    answerers: Vec<Process>,
    switch: Namespace,
    names: Names,
}

/// What a machine's place in the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Node,
    Router,
    Client,
    Control,
}

impl Role {
    /// The last part of the `index`th such machine's addresses (counted from 1).
    fn last_octet(self, index: u8) -> u8 {
        match self {
            Self::Router => index,
            Self::Node => 10 + index,
            Self::Client => 100,
            Self::Control => 101,
        }
    }

    fn host(self, index: u8, namespace: Namespace) -> Host {
        let last = self.last_octet(index);
        Host {
            name: self.name(index),
            namespace,
            ipv4: Ipv4Addr::new(198, 51, 100, last),
            ipv6: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, u16::from(last)),
        }
    }

    fn name(self, index: u8) -> String {
        match self {
            Self::Router => format!("router{index}"),
            Self::Node => format!("node{index}"),
            Self::Client => "client".to_owned(),
            Self::Control => "control".to_owned(),
        }
    }
}

impl Topology {
    /// Builds the network: addresses, routes and sysctls, all inside namespaces of its own.
    ///
    /// # Errors
    /// When iproute2 or the kernel refuses; what was made by then is removed again.
    pub fn build(size: &Size) -> Result<Self, LabError> {
        let switch = create(&size.names, "switch")?;
        // Snooping would forget groups whose members are only heard of once; floods are fine here.
        switch.ip("link add br0 type bridge stp_state 0 mcast_snooping 0")?;
        switch.ip("link set br0 up")?;
        let host = |role: Role, index: u8| plug(&size.names, &switch, role, index);
        let routers = (1..=size.routers)
            .map(|index| host(Role::Router, index))
            .collect::<Result<Vec<_>, _>>()?;
        let nodes = (1..=size.nodes)
            .map(|index| host(Role::Node, index))
            .collect::<Result<Vec<_>, _>>()?;
        let client = host(Role::Client, 1)?;
        for router in &routers {
            set_up_router(router)?;
        }
        for node in &nodes {
            set_up_node(node, routers.first(), size.delivery)?;
        }
        if let Some(router) = routers.first() {
            set_up_uplink(router, &client)?;
        }
        Ok(Self {
            nodes,
            routers,
            client,
            control: host(Role::Control, 1)?,
            answerers: Vec::new(),
            switch,
            names: size.names.clone(),
        })
    }

    /// One that another process has built and kept.
    ///
    /// # Errors
    /// When one of its namespaces does not exist.
    pub fn attach(prefix: &str, nodes: u8, routers: u8) -> Result<Self, LabError> {
        let namespace = |host: &str| Namespace::attach(format!("{prefix}{host}"));
        let host = |role: Role, index| Ok(role.host(index, namespace(&role.name(index))?));
        let hosts = |role, count| {
            (1..=count)
                .map(|index| host(role, index))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            nodes: hosts(Role::Node, nodes)?,
            routers: hosts(Role::Router, routers)?,
            client: host(Role::Client, 1)?,
            control: host(Role::Control, 1)?,
            answerers: Vec::new(),
            switch: namespace("switch")?,
            names: Names::Fixed(prefix.to_owned()),
        })
    }

    /// Adds a machine `router<index>` for one more routing daemon, with `index` from 20 to 99. It is gone as soon as it
    /// is dropped.
    ///
    /// # Errors
    /// When there is one of that index, or iproute2 fails.
    pub fn add_router(&self, index: u8) -> Result<Host, LabError> {
        debug_assert!((20..100).contains(&index), "the address is somebody else's");
        let router = plug(&self.names, &self.switch, Role::Router, index)?;
        set_up_router(&router)?;
        Ok(router)
    }

    /// Joins nodes and client by a second switch, as `eth1` of each node and `eth2` of the client; only the client has an
    /// address there, to ask from.
    ///
    /// # Errors
    /// When iproute2 fails.
    pub(crate) fn add_second_switch(&self) -> Result<(), LabError> {
        self.switch
            .ip("link add br1 type bridge stp_state 0 mcast_snooping 0")?;
        self.switch.ip("link set br1 up")?;
        let nodes = self.nodes.iter().map(|node| (node, "eth1"));
        for (host, link) in nodes.chain([(&self.client, "eth2")]) {
            let port = format!("{}-2", host.name);
            host.namespace.link(link, &self.switch, &port)?;
            self.switch.ip(&format!("link set {port} master br1"))?;
        }
        let client = &self.client.namespace;
        client.ip("addr add 198.51.100.102/32 dev eth2").map(drop)
    }

    /// Starts a small HTTP server on each node that answers with the node's name.
    ///
    /// # Errors
    /// When `ferrolb-lab` is not built, or a server does not come up within 5 s.
    pub fn start_answerers(&mut self, log_folder: &Path) -> Result<(), LabError> {
        let program = own_binary("ferrolb-lab")?;
        for node in &self.nodes {
            let mut command = Command::new(&program);
            command.args(["answer", &node.name, &HTTP_PORT.to_string()]);
            let name = format!("http-{}", node.name);
            let mut process = node.namespace.spawn(&name, command, log_folder)?;
            process.wait_for_line("answering", Duration::from_secs(30))?;
            self.answerers.push(process);
        }
        Ok(())
    }

    /// The first router.
    ///
    /// # Errors
    /// When there is none.
    pub fn router(&self) -> Result<&Host, LabError> {
        self.routers
            .first()
            .ok_or_else(|| LabError::Unexpected("a topology without a router".to_owned()))
    }

    /// The node of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn node(&self, name: &str) -> Result<&Host, LabError> {
        let node = self.nodes.iter().find(|node| node.name == name);
        node.ok_or_else(|| LabError::Unexpected(format!("no node {name}")))
    }

    /// Every machine, routers first.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        let rest = self.nodes.iter().chain([&self.client]);
        self.routers.iter().chain(rest)
    }

    /// The names of all its namespaces.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let hosts = self.hosts().map(|host| &host.namespace);
        let namespaces = hosts.chain([&self.control.namespace, &self.switch]);
        namespaces
            .map(|namespace| namespace.name().to_owned())
            .collect()
    }

    /// Takes a node off the switch, as if its cable were pulled, or puts it back.
    ///
    /// # Errors
    /// When iproute2 fails.
    pub fn set_cable(&self, host: &Host, cable: Cable) -> Result<(), LabError> {
        let state = match cable {
            Cable::Plugged => "up",
            Cable::Pulled => "down",
        };
        self.switch
            .ip(&format!("link set {} {state}", host.name))
            .map(drop)
    }

    /// Lets the switch pass nothing from and to a machine, whose link stays up all the same, or everything again.
    ///
    /// # Errors
    /// When nft fails: there is nothing to open, for one.
    pub fn set_passage(&self, host: &Host, passage: Passage) -> Result<(), LabError> {
        let name = &host.name;
        let script = match passage {
            Passage::Open => format!("delete table bridge {name}"),
            Passage::Closed => format!(
                "table bridge {name} {{ chain cut {{ type filter hook forward priority 0; \
                 iifname {name} drop; oifname {name} drop; }}; }}"
            ),
        };
        self.switch.exec("nft", [script]).map(drop)
    }

    /// Leaves everything standing when this value is dropped.
    pub fn keep(&mut self) {
        self.switch.keep();
        let single = [&mut self.client, &mut self.control];
        for host in self.nodes.iter_mut().chain(&mut self.routers).chain(single) {
            host.namespace.keep();
        }
        for process in &mut self.answerers {
            process.keep();
        }
    }
}

/// Whether a machine is connected to the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cable {
    /// It is.
    Plugged,
    /// Its link has no carrier.
    Pulled,
}

/// Whether the switch passes what a machine sends and is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It does.
    Open,
    /// It drops all of it.
    Closed,
}

/// The path of one of the project's binaries.
///
/// # Errors
/// When it has not been built.
pub fn own_binary(name: &str) -> Result<PathBuf, LabError> {
    binary(name).ok_or_else(|| LabError::Unexpected(format!("{name} has not been built")))
}

fn create(names: &Names, host: &str) -> Result<Namespace, LabError> {
    match names {
        Names::OfProcess => Namespace::create(host),
        Names::Fixed(prefix) => Namespace::create_as(format!("{prefix}{host}")),
    }
}

/// Makes a machine and joins it to the switch.
fn plug(names: &Names, switch: &Namespace, role: Role, index: u8) -> Result<Host, LabError> {
    let name = role.name(index);
    let namespace = create(names, &name)?;
    for kind in ["all", "default"] {
        // A lab has no second machine with the same address, and no second to wait for one.
        namespace.sysctl(&format!("ipv6/conf/{kind}/accept_dad"), "0")?;
        namespace.sysctl(&format!("ipv4/conf/{kind}/rp_filter"), "0")?;
    }
    namespace.link("eth0", switch, &name)?;
    switch.ip(&format!("link set {name} master br0"))?;
    let host = role.host(index, namespace);
    host.namespace
        .ip(&format!("addr add {}/24 dev eth0", host.ipv4))?;
    host.namespace
        .ip(&format!("addr add {}/64 dev eth0 nodad", host.ipv6))?;
    Ok(host)
}

/// Forwarding, and next hops chosen by addresses and ports.
fn set_up_router(router: &Host) -> Result<(), LabError> {
    for (variable, value) in [
        ("ipv4/ip_forward", "1"),
        ("ipv6/conf/all/forwarding", "1"),
        ("ipv4/fib_multipath_hash_policy", "1"),
        ("ipv6/fib_multipath_hash_policy", "1"),
        // What it passes on may leave by the link that it came from, which is no detour.
        ("ipv4/conf/all/send_redirects", "0"),
        ("ipv4/conf/eth0/send_redirects", "0"),
    ] {
        router.namespace.sysctl(variable, value)?;
    }
    Ok(())
}

/// Takes packets for services, and leaves it to the speaker to attract them.
fn set_up_node(node: &Host, router: Option<&Host>, delivery: Delivery) -> Result<(), LabError> {
    let namespace = &node.namespace;
    for (variable, value) in [
        ("ipv4/conf/all/arp_ignore", "1"),
        ("ipv4/conf/all/arp_announce", "2"),
    ] {
        namespace.sysctl(variable, value)?;
    }
    match delivery {
        Delivery::Here => {
            for prefix in [ROUTED_V4, ON_LINK_V4, ROUTED_V6, ON_LINK_V6] {
                namespace.ip(&format!("route add local {prefix} dev lo"))?;
            }
        }
        Delivery::ByProxy => {
            for (variable, value) in [
                ("ipv4/ip_forward", "1"),
                ("ipv6/conf/all/forwarding", "1"),
                // What kube-proxy passes on leaves by the link that it came from, which is no detour.
                ("ipv4/conf/all/send_redirects", "0"),
                ("ipv4/conf/eth0/send_redirects", "0"),
            ] {
                namespace.sysctl(variable, value)?;
            }
        }
    }
    if let Some(router) = router {
        namespace.ip(&format!("route add default via {}", router.ipv4))?;
        namespace.ip(&format!("route add default via {}", router.ipv6))?;
    }
    Ok(())
}

/// The client's second leg, which ends behind the first router.
fn set_up_uplink(router: &Host, client: &Host) -> Result<(), LabError> {
    router.namespace.link("eth1", &client.namespace, "eth1")?;
    for (host, last) in [(router, "129"), (client, "130")] {
        let namespace = &host.namespace;
        namespace.ip(&format!("addr add 203.0.113.{last}/25 dev eth1"))?;
        namespace.ip(&format!("addr add 2001:db8:2::{last}/64 dev eth1 nodad"))?;
    }
    for (prefix, router) in [ROUTED_V4, ROUTED_V6].into_iter().zip(CLIENT_UPLINK) {
        client
            .namespace
            .ip(&format!("route add {prefix} via {router}"))?;
    }
    Ok(())
}
