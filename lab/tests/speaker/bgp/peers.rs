//! `bgp.go`: sessions with parameters of their own.

use lab::Host;
use lab::router::{Kind, Neighbour};
use serde_json::{Value, json};

use super::own_router::{NODE, OwnPeer, OwnRouter, Version};
use super::{NODES, prefix, secret};
use crate::families::{Families, Reach};
use crate::harness::Shared;
use crate::object::TIMEOUT;
use crate::tenant::Tenant;

/// The AS of the routers of these tests.
const ROUTER: u32 = 64513;

fn hosts(tenant: &Tenant<Shared>) -> Vec<&Host> {
    NODES.iter().map(|name| tenant.node(name)).collect()
}

/// What FRR says about its session with `node1`.
fn session_with_node1(tenant: &Tenant<Shared>, router: &OwnRouter, version: Version) -> Value {
    let neighbour = version.of(tenant.node("node1"));
    let question = format!("show bgp neighbors {neighbour} json");
    let answer: Value = serde_json::from_str(&router.router.ask(&question).unwrap()).unwrap();
    answer[neighbour.to_string()].clone()
}

#[test]
fn a_peer_is_told_the_router_id_of_its_object() {
    let Some(tenant) = Tenant::start("bgp-router-id") else {
        return;
    };
    for version in Version::BOTH {
        let router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, version.neighbours(NODE));
        let on_node1 = json!([{"matchLabels": {"kubernetes.io/hostname": "node1"}}]);
        let patch = json!({"routerID": "203.0.113.77", "nodeSelectors": on_node1});
        let _peer = OwnPeer::to(&tenant, version.name(), &router, version, patch);
        router.until_sessions(&[tenant.node("node1")], version);
        let session = session_with_node1(&tenant, &router, version);
        assert_eq!(session["remoteRouterId"], "203.0.113.77");
    }
}

#[test]
fn a_local_as_takes_the_place_of_the_own_one() {
    let Some(tenant) = Tenant::start("bgp-local-as") else {
        return;
    };
    tenant.pool(Reach::Routed);
    for version in Version::BOTH {
        let router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, version.neighbours(64777));
        let patch = json!({"localASN": 64777});
        let peer = OwnPeer::to(&tenant, version.name(), &router, version, patch);
        router.until_sessions(&hosts(&tenant), version);
        tenant.bgp(version.name(), json!({"peers": [peer.name()]}));
        let families = match version {
            Version::V4 => Families::V4,
            Version::V6 => Families::V6,
        };
        let _pod = tenant.pod(version.name(), "node1");
        let service = tenant.service(version.name(), families, json!({}));
        let prefix = prefix(&service.addresses()[0]);
        for path in tenant.until_paths(&router.router, &prefix, &NODES) {
            assert_eq!(path.as_path, [64777]);
        }
    }
}

#[test]
fn a_password_may_come_from_a_secret_and_be_changed_there() {
    let Some(tenant) = Tenant::start("bgp-secret") else {
        return;
    };
    for version in Version::BOTH {
        let with_password = |nodes: &[Host]| {
            let neighbours = nodes
                .iter()
                .map(|node| Neighbour::new(version.of(node), NODE));
            neighbours.map(|it| it.with_password("first-one")).collect()
        };
        let router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, with_password);
        let object = secret(&tenant, "first-one");
        let patch = json!({"passwordSecret": {"name": tenant.name}});
        let _peer = OwnPeer::to(&tenant, version.name(), &router, version, patch);
        router.until_sessions(&hosts(&tenant), version);
        secret(&tenant, "another-one");
        router.until_sessions(&[], version);
        secret(&tenant, "first-one");
        router.until_sessions(&hosts(&tenant), version);
        object.delete();
    }
}

#[test]
fn the_as_of_a_peer_may_be_any_other_or_the_own_one() {
    let Some(tenant) = Tenant::start("bgp-dynamic-as") else {
        return;
    };
    for (version, [right, wrong], asn) in [
        (Version::V4, ["external", "internal"], ROUTER),
        (Version::V6, ["internal", "external"], NODE),
    ] {
        let router = OwnRouter::start(&tenant, Kind::Frr, asn, version.neighbours(NODE));
        let patch = json!({"peerASN": null, "dynamicASN": right});
        let peer = OwnPeer::to(&tenant, version.name(), &router, version, patch);
        router.until_sessions(&hosts(&tenant), version);
        peer.0.patch(json!({"spec": {"dynamicASN": wrong}}));
        router.until_sessions(&[], version);
        // It stays so: each further attempt ends in a NOTIFICATION.
        let refused = session_with_node1(&tenant, &router, version);
        assert_ne!(refused["bgpState"], "Established", "{refused}");
        peer.0.patch(json!({"spec": {"dynamicASN": right}}));
        router.until_sessions(&hosts(&tenant), version);
    }
}

#[test]
fn sessions_follow_the_peers_that_are_written_and_deleted_one_by_one() {
    let Some(tenant) = Tenant::start("bgp-one-by-one") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    for version in Version::BOTH {
        let routers = [(); 2]
            .map(|()| OwnRouter::start(&tenant, Kind::Frr, ROUTER, version.neighbours(NODE)));
        let mut peers = Vec::new();
        let address = match version {
            Version::V4 => service.addresses().remove(0),
            Version::V6 => service.addresses().remove(1),
        };
        let prefix = prefix(&address);
        for (index, router) in routers.iter().enumerate() {
            let suffix = format!("{}-{index}", version.name());
            peers.push(OwnPeer::to(&tenant, &suffix, router, version, json!({})));
            tenant.until_paths(&router.router, &prefix, &NODES);
        }
        peers.remove(0).0.delete();
        routers[0].until_sessions(&[], version);
        tenant.until_paths(&routers[1].router, &prefix, &NODES);
    }
}

#[test]
fn a_change_of_timers_is_agreed_with_the_peer() {
    let Some(tenant) = Tenant::start("bgp-timers") else {
        return;
    };
    for version in Version::BOTH {
        let router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, version.neighbours(NODE));
        let patch = json!({"holdTime": "30s", "keepaliveTime": "10s"});
        let peer = OwnPeer::to(&tenant, version.name(), &router, version, patch);
        for (hold, keepalive) in [(30, 10), (12, 3)] {
            peer.0.patch(json!({"spec": {
                "holdTime": format!("{hold}s"), "keepaliveTime": format!("{keepalive}s"),
            }}));
            let mut last = Value::Null;
            let found = lab::until("agreed hold time", TIMEOUT, || {
                last = session_with_node1(&tenant, &router, version);
                let is_agreed = last["bgpState"] == "Established"
                    && last["bgpTimerHoldTimeMsecs"] == hold * 1000;
                Ok(is_agreed.then_some(()))
            });
            found.unwrap_or_else(|error| panic!("{error} of {hold} s: {last}"));
        }
    }
}

#[test]
fn routes_of_a_router_are_never_taken() {
    let Some(tenant) = Tenant::start("bgp-inbound") else {
        return;
    };
    for (version, family, route) in [
        (Version::V4, "ipv4", tenant.v4(Reach::Routed, "128/25")),
        (Version::V6, "ipv6", tenant.v6(Reach::Routed, "8000/113")),
    ] {
        let router = OwnRouter::start(&tenant, Kind::Frr, ROUTER, version.neighbours(NODE));
        let _peer = OwnPeer::to(&tenant, version.name(), &router, version, json!({}));
        router.until_sessions(&hosts(&tenant), version);
        router
            .router
            .ask(&format!(
                "configure terminal\nroute-map NOTHING permit 10\nexit\nrouter bgp {ROUTER}\n\
                 no bgp network import-check\naddress-family {family} unicast\nnetwork {route}\n"
            ))
            .unwrap();
        let mut last = Value::Null;
        let found = lab::until("route sent to node1", TIMEOUT, || {
            last = session_with_node1(&tenant, &router, version);
            let sent = &last["addressFamilyInfo"][format!("{family}Unicast")]["sentPrefixCounter"];
            Ok((sent == 1).then_some(()))
        });
        found.unwrap_or_else(|error| panic!("{error}: {last}"));
        // The session outlives it, and what came is in no table of any node.
        router.until_sessions(&hosts(&tenant), version);
        for node in hosts(&tenant) {
            let flag = if version == Version::V4 { "-4" } else { "-6" };
            let table = node
                .namespace
                .ip(&format!("{flag} route show table all {route}"))
                .unwrap();
            assert_eq!(table, "", "on {}", node.name);
        }
    }
}
