//! `bgp_multiprotocol.go`: both families over one session.

use std::net::IpAddr;

use lab::Host;
use lab::router::{Kind, Neighbour};
use serde_json::{Value, json};

use super::own_router::{OwnPeer, OwnRouter, Version};
use super::{NODES, prefix};
use crate::families::{Families, Reach};
use crate::harness::Shared;
use crate::object::Object;
use crate::service::Service;
use crate::tenant::Tenant;

/// The AS of nodes and router: LOCAL_PREF is for internal peers.
const ASN: u32 = 64500;

/// A router with sessions at both addresses of each node, each for both families, and the peers that lead there: by
/// IPv4 and by IPv6.
fn with_both_families(tenant: &Tenant<Shared>, kind: Kind) -> (OwnRouter, [OwnPeer; 2]) {
    let neighbours = |nodes: &[Host]| {
        let addresses = nodes
            .iter()
            .flat_map(|node| [IpAddr::from(node.ipv4), node.ipv6.into()]);
        addresses
            .map(|address| Neighbour::new(address, ASN).with_both_families())
            .collect()
    };
    let router = OwnRouter::start(tenant, kind, ASN, neighbours);
    let peers = Version::BOTH.map(|version| {
        let patch = json!({"myASN": ASN, "dualStackAddressFamily": true});
        OwnPeer::to(tenant, version.name(), &router, version, patch)
    });
    let nodes: Vec<_> = NODES.iter().map(|name| tenant.node(name)).collect();
    for version in Version::BOTH {
        router.until_sessions(&nodes, version);
    }
    (router, peers)
}

#[test]
fn a_session_of_either_family_carries_the_routes_of_both() {
    let Some(tenant) = Tenant::start("bgp-mp") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let (router, [by_v4, by_v6]) = with_both_families(&tenant, Kind::Frr);
    let (v4, v6, both) = (
        json!([by_v4.name()]),
        json!([by_v6.name()]),
        json!([by_v4.name(), by_v6.name()]),
    );
    let variants: [(&str, &Value, Families, usize); 4] = [
        ("dual-by-v4", &v4, Families::Dual, 1),
        ("dual-by-v6", &v6, Families::Dual, 1),
        ("v4-by-both", &both, Families::V4, 2),
        ("v6-by-both", &both, Families::V6, 2),
    ];
    for (name, peers, families, sessions) in variants {
        let ad = tenant.bgp(name, json!({"peers": peers}));
        let _pod = tenant.pod(name, "node1");
        let service = tenant.service(name, families, json!({}));
        for address in service.addresses() {
            let prefix = prefix(&address);
            let what = format!("paths to {prefix} over {sessions} sessions of each node");
            let mut last = Vec::new();
            let found = lab::until(&what, crate::object::TIMEOUT, || {
                last = router.router.paths(prefix.parse().unwrap())?;
                Ok((last.len() == sessions * NODES.len()).then_some(()))
            });
            found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
            for path in last {
                // The next hop is of the prefix's family, whichever the session's is.
                let node = NODES.iter().map(|name| tenant.node(name)).find(|node| {
                    path.peer == IpAddr::from(node.ipv4) || path.peer == IpAddr::from(node.ipv6)
                });
                let node = node.unwrap();
                let version = match path.prefix {
                    ipnet::IpNet::V4(_) => Version::V4,
                    ipnet::IpNet::V6(_) => Version::V6,
                };
                assert_eq!(path.next_hop, version.of(node), "{path:?}");
            }
        }
        delete(&tenant, &router, &service, &ad);
    }
}

#[test]
fn attributes_are_those_of_the_advertisement_in_both_families() {
    let Some(tenant) = Tenant::start("bgp-mp-attributes") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let (router, peers) = with_both_families(&tenant, Kind::Bird);
    for (version, peer) in Version::BOTH.into_iter().zip(&peers) {
        let ad = tenant.bgp(
            version.name(),
            json!({"peers": [peer.name()], "localPref": 333, "communities": ["64500:9"]}),
        );
        let _pod = tenant.pod(version.name(), "node1");
        let service = tenant.service(version.name(), Families::Dual, json!({}));
        for address in service.addresses() {
            let paths = tenant.until_paths(&router.router, &prefix(&address), &NODES);
            for path in paths {
                assert_eq!(path.peer.is_ipv4(), version == Version::V4, "{path:?}");
                assert_eq!(path.local_pref, Some(333), "{path:?}");
                assert_eq!(path.communities, ["64500:9"], "{path:?}");
            }
        }
        delete(&tenant, &router, &service, &ad);
    }
}

/// Deletes a Service and its advertisement, and waits until the router has none of its paths: the next Service may get the
/// same addresses.
fn delete(tenant: &Tenant<Shared>, router: &OwnRouter, service: &Service, ad: &Object) {
    let addresses = service.addresses();
    service.delete();
    ad.delete();
    for address in addresses {
        tenant.until_paths(&router.router, &prefix(&address), &[]);
    }
}
