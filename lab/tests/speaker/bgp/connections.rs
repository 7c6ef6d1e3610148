//! How nodes reach a router: over several hops, from an address that is asked for, or not at all, when it is the router
//! that connects.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use lab::Host;
use lab::cluster::NAMESPACE;
use lab::router::{Kind, Neighbour};
use serde_json::{Value, json};

use super::own_router::{NODE, OwnPeer, OwnRouter, Version};
use super::{prefix, secret};
use crate::families::{Families, Reach};
use crate::harness::Alone;
use crate::object::{Object, TIMEOUT, apply};
use crate::state::state;
use crate::tenant::Tenant;

/// The AS of the routers of these tests.
const ROUTER: u32 = 64516;

/// As long as a session that can be had needs several times over: `connectTime` is a second.
const SEVERAL_ATTEMPTS: Duration = Duration::from_secs(3);

fn on_node1() -> Value {
    json!([{"matchLabels": {"kubernetes.io/hostname": "node1"}}])
}

/// A router whose addresses for BGP are not on the switch, and can be reached through the cluster's first router only.
struct FarRouter {
    own: OwnRouter,
    /// One of each family.
    addresses: [IpAddr; 2],
}

impl FarRouter {
    /// With a session with node1 for each family; `number` is one of its own.
    fn start(tenant: &Tenant<Alone>, kind: Kind, number: u8) -> Self {
        let addresses = [
            IpAddr::from([203, 0, 113, number]),
            IpAddr::from([0x2001, 0xdb8, 3, 0, 0, 0, 0, u16::from(number)]),
        ];
        let own = OwnRouter::start(tenant, kind, ROUTER, |nodes| {
            let ends = Version::BOTH.into_iter().zip(addresses);
            let neighbour = |(version, source): (Version, IpAddr)| {
                Neighbour::new(version.of(&nodes[0]), NODE).over_hops_from(source)
            };
            ends.map(neighbour).collect()
        });
        let between = tenant.cluster.topology.router().unwrap();
        for (version, address) in Version::BOTH.into_iter().zip(addresses) {
            let (node, here) = (version.of(tenant.node("node1")), version.of(&own.host));
            let ip = |host: &Host, arguments: String| host.namespace.ip(&arguments).unwrap();
            ip(&own.host, format!("addr add {address} dev lo"));
            let back = format!("route add {node} via {}", version.of(between));
            ip(&own.host, back);
            ip(between, format!("route add {address} via {here}"));
        }
        Self { own, addresses }
    }

    /// The peers that lead there.
    fn peers(&self, tenant: &Tenant<Alone>) -> [OwnPeer; 2] {
        let ends: [_; 2] = [0, 1].map(|index| (Version::BOTH[index], self.addresses[index]));
        ends.map(|(version, address)| {
            let suffix = format!("{}-{}", self.own.router.kind(), version.name());
            let patch = json!({
                "peerAddress": address, "ebgpMultiHop": true, "nodeSelectors": on_node1(),
            });
            OwnPeer::to(tenant, &suffix, &self.own, version, patch)
        })
    }

    fn until_sessions(&self, nodes: &[&Host]) {
        for version in Version::BOTH {
            self.own.until_sessions(nodes, version);
        }
    }
}

/// As in MetalLB's FRR mode, where who does not ask for several hops has one.
#[test]
fn a_router_behind_another_is_reached_by_who_asks_for_several_hops() {
    let Some(mut tenant) = Tenant::alone("bgp-hops") else {
        return;
    };
    tenant.cluster.stop_speaker("node1").unwrap();
    let flags = ["--bgp-type=frr".to_owned()];
    tenant.cluster.start_speaker_with("node1", &flags).unwrap();
    let routers = [(Kind::Frr, 101), (Kind::Bird, 102)]
        .map(|(kind, number)| FarRouter::start(&tenant, kind, number));
    let peers = routers.each_ref().map(|router| router.peers(&tenant));
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    let node1 = tenant.node("node1");
    for router in &routers {
        router.until_sessions(&[node1]);
        for address in service.addresses() {
            tenant.until_paths(&router.own.router, &prefix(&address), &["node1"]);
        }
    }
    let set = |hops: bool| {
        for peer in peers.as_flattened() {
            peer.0.patch(json!({"spec": {"ebgpMultiHop": hops}}));
        }
    };
    set(false);
    for router in &routers {
        router.until_sessions(&[]);
    }
    thread::sleep(SEVERAL_ATTEMPTS);
    for router in &routers {
        router.until_sessions(&[]);
    }
    set(true);
    for router in &routers {
        router.until_sessions(&[node1]);
    }
    drop(peers);
    tenant.cluster.stop_speaker("node1").unwrap();
}

/// Further addresses of a node, which it uses only where it is told to. Dropping them takes them away.
struct Further<'a> {
    node: &'a Host,
    addresses: [IpAddr; 2],
}

impl<'a> Further<'a> {
    fn add(node: &'a Host) -> Self {
        let addresses = ["198.51.100.201", "2001:db8:1::c9"];
        let ip = |arguments: &str| node.namespace.ip(arguments).unwrap();
        ip(&format!("addr add {}/24 dev eth0", addresses[0]));
        let unused = "nodad preferred_lft 0";
        ip(&format!("addr add {}/64 dev eth0 {unused}", addresses[1]));
        let addresses = addresses.map(|address| address.parse().unwrap());
        Self { node, addresses }
    }
}

impl Drop for Further<'_> {
    fn drop(&mut self) {
        for (address, bits) in self.addresses.iter().zip([24, 64]) {
            let arguments = format!("addr del {address}/{bits} dev eth0");
            // The namespace may be gone.
            let _ = self.node.namespace.ip(&arguments);
        }
    }
}

#[test]
fn a_session_comes_from_the_address_that_its_peer_asks_for() {
    let Some(tenant) = Tenant::start("bgp-source") else {
        return;
    };
    let further = Further::add(tenant.node("node1"));
    for kind in [Kind::Frr, Kind::Bird] {
        let router = OwnRouter::start(&tenant, kind, ROUTER, |_| {
            let addresses = further.addresses.iter();
            addresses.map(|&it| Neighbour::new(it, NODE)).collect()
        });
        for (version, address) in Version::BOTH.into_iter().zip(further.addresses) {
            let suffix = format!("{kind}-{}", version.name());
            let patch = json!({"sourceAddress": address, "nodeSelectors": on_node1()});
            let peer = OwnPeer::to(&tenant, &suffix, &router, version, patch);
            router.until_sessions_at(&[address], version);
            // From any other the router takes none.
            peer.0.patch(json!({"spec": {"sourceAddress": null}}));
            router.until_sessions_at(&[], version);
        }
    }
}

/// Waits until FRR has its session with node1 over a connection that it has opened itself, and has had more than so many
/// sessions; returns how many.
fn until_opened_by(router: &OwnRouter, node: &Host, before: u64) -> u64 {
    let neighbour = node.ipv4.to_string();
    let question = format!("show bgp neighbors {neighbour} json");
    let mut last = Value::Null;
    let found = lab::until("session that FRR has opened", TIMEOUT, || {
        let answer: Value = serde_json::from_str(&router.router.ask(&question)?).unwrap();
        last = answer[&neighbour].clone();
        let is_meant = last["bgpState"] == "Established" && last["portForeign"] == 179;
        let sessions = last["connectionsEstablished"].as_u64();
        Ok(sessions.filter(|sessions| is_meant && *sessions > before))
    });
    found.unwrap_or_else(|error| panic!("{error} after {before} others: {last}"))
}

/// Writes a BGPPeer that waits for a router, with the password that is in the Secret of the tenant. It does from the
/// beginning.
fn passive(
    tenant: &Tenant<Alone>,
    suffix: &str,
    router: &OwnRouter,
    version: Version,
    port: u16,
) -> OwnPeer {
    let name = format!("{}-{suffix}", tenant.name);
    let metadata = json!({"name": name, "annotations": {"ferrolb.io/passive": "true"}});
    let spec = json!({
        "myASN": NODE, "peerASN": ROUTER, "peerAddress": version.of(&router.host), "peerPort": port,
        "holdTime": "9s", "passwordSecret": {"name": tenant.name}, "nodeSelectors": on_node1(),
    });
    let api_version = "metallb.io/v1beta2";
    let peer = json!({
        "apiVersion": api_version, "kind": "BGPPeer", "metadata": metadata, "spec": spec,
    });
    let plane = &tenant.cluster.plane;
    apply(plane, NAMESPACE, &[peer]);
    OwnPeer(Object::of(plane, api_version, "BGPPeer", NAMESPACE, &name))
}

/// FRR takes no password with a space; BIRD's has one.
#[test]
fn a_router_that_connects_needs_the_password_that_the_secret_has_by_then() {
    let Some(mut tenant) = Tenant::alone("bgp-passive") else {
        return;
    };
    tenant.cluster.stop_speaker("node1").unwrap();
    let flags = ["--bgp-listen=0.0.0.0:179,[::]:179".to_owned()];
    tenant.cluster.start_speaker_with("node1", &flags).unwrap();
    let node1 = tenant.node("node1");
    for (kind, version, password) in [
        (Kind::Frr, Version::V4, "first-one"),
        (Kind::Bird, Version::V6, "the first one"),
    ] {
        let router = OwnRouter::start(&tenant, kind, ROUTER, |nodes| {
            vec![Neighbour::new(version.of(&nodes[0]), NODE).with_password(password)]
        });
        let object = secret(&tenant, password);
        let _peer = passive(&tenant, version.name(), &router, version, 179);
        router.until_sessions(&[node1], version);
        secret(&tenant, "another-one");
        router.until_sessions(&[], version);
        secret(&tenant, password);
        router.until_sessions(&[node1], version);
        if kind == Kind::Frr {
            until_opened_by(&router, node1, 0);
        }
        object.delete();
    }
    tenant.cluster.stop_speaker("node1").unwrap();
}

#[test]
fn of_two_peers_that_wait_for_one_router_the_second_takes_over_when_the_first_goes() {
    let Some(mut tenant) = Tenant::alone("bgp-rivals") else {
        return;
    };
    tenant.cluster.stop_speaker("node1").unwrap();
    let flags = ["--bgp-listen=0.0.0.0:179".to_owned()];
    tenant.cluster.start_speaker_with("node1", &flags).unwrap();
    let node1 = tenant.node("node1");
    let router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, |nodes| {
        vec![Neighbour::new(nodes[0].ipv4, NODE).with_password("one")]
    });
    let object = secret(&tenant, "one");
    let first = passive(&tenant, "first", &router, Version::V4, 179);
    let sessions = until_opened_by(&router, node1, 0);
    // Nobody connects to the port, but by it the two differ.
    let second = passive(&tenant, "second", &router, Version::V4, 1179);
    state(&tenant).until("that tells why the second is not in force", |state| {
        let summary = state?.pointer("/status/errorSummary")?.as_str()?;
        let why = "go to another BGPPeer's session";
        (summary.contains("bgp-rivals-second") && summary.contains(why)).then_some(())
    });
    drop(first);
    state(&tenant).until_path("/status/result", &json!("Valid"));
    until_opened_by(&router, node1, sessions);
    drop(second);
    object.delete();
    tenant.cluster.stop_speaker("node1").unwrap();
}
