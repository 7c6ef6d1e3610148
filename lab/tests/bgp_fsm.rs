//! bgp-fsm's driver against real routers: sessions over both transports, and the attributes as they see them.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bgp_fsm::driver::{Password, Peer, Transport};
use bgp_fsm::{PeerAs, PeerConfig, Routes};
use bgp_wire::{AsPath, Asn, Cease, HoldTime, LargeCommunity, Origin, PathAttributes, RouterId};
use ipnet::IpNet;
use lab::router::{Config, Kind, Neighbour, Route, Router};
use lab::topology::{NODE_ASN, ROUTER_ASN};
use lab::{Host, Size, Topology, requires};
use tokio::runtime::Runtime;

const TIMEOUT: Duration = Duration::from_secs(60);
const PASSWORD: &str = "sesame";

/// A router, and a node with an eBGP session over IPv4 with a password and an iBGP session over IPv6; each carries
/// both families.
struct Pair {
    ebgp: Peer,
    ibgp: Peer,
    router: Router,
    runtime: Runtime,
    _folder: tempfile::TempDir,
    topology: Topology,
}

impl Pair {
    fn new(kind: Kind) -> Self {
        let folder = lab::folder().unwrap();
        let topology = Topology::build(&Size::new(1, 1)).unwrap();
        let ([node], [host]) = (topology.nodes.as_slice(), topology.routers.as_slice()) else {
            panic!("a node and a router")
        };
        let neighbours = vec![
            Neighbour::new(node.ipv4, NODE_ASN)
                .with_password(PASSWORD)
                .with_both_families(),
            Neighbour::new(node.ipv6, ROUTER_ASN).with_both_families(),
        ];
        let config = Config {
            asn: ROUTER_ASN,
            router_id: host.ipv4,
            neighbours,
        };
        let router = Router::start(kind, host, &folder.path().join("router"), &config).unwrap();
        let runtime = node.namespace.runtime().unwrap();
        let guard = runtime.enter();
        let password = Password::try_new(PASSWORD).unwrap();
        let transport = |address: IpAddr| Transport::new(SocketAddr::new(address, 179));
        let ebgp = transport(host.ipv4.into()).with_password(password);
        let ebgp = Peer::spawn(peer_config(node, NODE_ASN), ebgp, 1);
        let ibgp = Peer::spawn(
            peer_config(node, ROUTER_ASN),
            transport(host.ipv6.into()),
            2,
        );
        drop(guard);
        Self {
            ebgp,
            ibgp,
            router,
            runtime,
            _folder: folder,
            topology,
        }
    }

    fn node(&self) -> &Host {
        self.topology.node("node1").unwrap()
    }

    fn set_routes(&self, routes: &Routes) {
        self.ebgp.set_routes(routes.clone());
        self.ibgp.set_routes(routes.clone());
    }

    /// What the router is to show of `routes()`.
    fn expected(&self) -> Vec<Route> {
        let node = self.node();
        let mut expected = Vec::new();
        for prefix in prefixes() {
            let next_hop = if prefix.addr().is_ipv4() {
                IpAddr::from(node.ipv4)
            } else {
                node.ipv6.into()
            };
            let route = |peer: IpAddr, as_path: &[u32], local_pref| Route {
                prefix,
                peer,
                next_hop,
                as_path: as_path.to_vec(),
                local_pref,
                med: Some(7),
                communities: vec!["64500:100".to_owned(), "65535:65281".to_owned()],
                large_communities: vec!["64500:1:100".to_owned()],
            };
            expected.push(route(node.ipv4.into(), &[NODE_ASN, 64999], None));
            expected.push(route(node.ipv6.into(), &[64999], Some(200)));
        }
        expected
    }

    /// What the router shows, without the LOCAL_PREF that it itself gives to routes of eBGP.
    fn shown(&self) -> Vec<Route> {
        let mut routes = self.router.routes().unwrap();
        let ebgp = IpAddr::from(self.node().ipv4);
        for route in routes.iter_mut().filter(|route| route.peer == ebgp) {
            route.local_pref = None;
        }
        routes
    }

    fn wait_for_routes(&self) {
        for prefix in prefixes() {
            self.router.wait_for_paths(prefix, 2, TIMEOUT).unwrap();
        }
    }
}

fn peer_config(node: &Host, asn: u32) -> PeerConfig {
    let router_id = RouterId::try_from(node.ipv4).unwrap();
    PeerConfig::builder(Asn(asn), PeerAs::Exactly(Asn(ROUTER_ASN)), router_id)
        .hold_time(HoldTime::from_secs(9).unwrap())
        .connect_retry_time(Duration::from_secs(1))
        .max_idle_hold_time(Duration::from_secs(1))
        .build()
        .unwrap()
}

fn prefixes() -> [IpNet; 2] {
    ["203.0.113.1/32", "2001:db8:f::1/128"].map(|text| text.parse().unwrap())
}

fn routes() -> Routes {
    let attributes = PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(AsPath::sequence([Asn(64999)]))
        .med(7)
        .local_pref(200)
        .communities(["64500:100".parse().unwrap(), "no-export".parse().unwrap()])
        .large_communities([LargeCommunity::new(64500, 1, 100)])
        .build()
        .unwrap();
    let attributes = Arc::new(attributes);
    prefixes()
        .map(|prefix| (prefix, Arc::clone(&attributes)))
        .into_iter()
        .collect()
}

fn the_router_sees_every_attribute(kind: Kind) {
    if !requires(&kind.requirements()) {
        return;
    }
    let pair = Pair::new(kind);
    pair.set_routes(&routes());
    pair.wait_for_routes();
    assert_eq!(pair.shown(), pair.expected());
    let before = pair.router.sessions().unwrap();
    pair.set_routes(&Routes::new());
    for prefix in prefixes() {
        pair.router.wait_for_paths(prefix, 0, TIMEOUT).unwrap();
    }
    for (before, after) in before.iter().zip(pair.router.sessions().unwrap()) {
        assert!(
            after.uptime.is_some() && after.uptime >= before.uptime,
            "{before:?} {after:?}"
        );
    }
}

fn a_shutdown_is_told_with_its_text(kind: Kind) {
    if !requires(&kind.requirements()) {
        return;
    }
    let pair = Pair::new(kind);
    pair.router.wait_until_established(TIMEOUT).unwrap();
    let node = IpAddr::from(pair.node().ipv4);
    let Pair {
        ebgp,
        runtime,
        router,
        ..
    } = pair;
    runtime.block_on(ebgp.shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "going down for lunch"));
    let session = router.wait_for_end(node, TIMEOUT).unwrap();
    let error = session.last_error.unwrap().to_lowercase();
    assert!(error.contains("administrative shutdown"), "{error}");
    assert!(error.contains("going down for lunch"), "{error}");
}

fn a_router_that_comes_back_is_told_everything_again(kind: Kind) {
    if !requires(&kind.requirements()) {
        return;
    }
    let mut pair = Pair::new(kind);
    pair.set_routes(&routes());
    pair.wait_for_routes();
    pair.router.kill().unwrap();
    pair.router.restart().unwrap();
    pair.wait_for_routes();
    assert_eq!(pair.shown(), pair.expected());
}

fn a_router_that_goes_silent_is_dropped_by_the_hold_timer(kind: Kind) {
    if !requires(&kind.requirements()) {
        return;
    }
    let mut pair = Pair::new(kind);
    pair.router.wait_until_established(TIMEOUT).unwrap();
    let status = pair.ibgp.status();
    pair.router.pause().unwrap();
    lab::until("expiry of the hold timer", TIMEOUT, || {
        let status = status.borrow();
        let error = status
            .last_error
            .as_deref()
            .unwrap_or_default()
            .to_lowercase();
        Ok(error.contains("hold timer expired").then_some(()))
    })
    .unwrap();
    pair.router.resume().unwrap();
    pair.router.wait_until_established(TIMEOUT).unwrap();
}

/// Each scenario with each router.
macro_rules! with_each_router {
    ($($scenario:ident),+ $(,)?) => {
        mod frr {
            $(#[test] fn $scenario() { super::$scenario(lab::router::Kind::Frr); })+
        }
        mod bird {
            $(#[test] fn $scenario() { super::$scenario(lab::router::Kind::Bird); })+
        }
        mod builtin {
            $(#[test] fn $scenario() { super::$scenario(lab::router::Kind::Builtin); })+
        }
    };
}

with_each_router!(
    the_router_sees_every_attribute,
    a_shutdown_is_told_with_its_text,
    a_router_that_comes_back_is_told_everything_again,
    a_router_that_goes_silent_is_dropped_by_the_hold_timer,
);

#[test]
fn without_the_right_password_there_is_no_session() {
    let kind = Kind::Bird;
    if !requires(&kind.requirements()) {
        return;
    }
    let folder = lab::folder().unwrap();
    let topology = Topology::build(&Size::new(2, 1)).unwrap();
    let (host, [right, wrong]) = (&topology.routers[0], topology.nodes.as_slice()) else {
        panic!("two nodes")
    };
    let neighbour = |node: &Host| Neighbour::new(node.ipv4, NODE_ASN).with_password(PASSWORD);
    let neighbours = vec![neighbour(right), neighbour(wrong)];
    let config = Config {
        asn: ROUTER_ASN,
        router_id: host.ipv4,
        neighbours,
    };
    let router = Router::start(kind, host, &folder.path().join("router"), &config).unwrap();
    let mut peers = Vec::new();
    for (node, password) in [(right, PASSWORD), (wrong, "open")] {
        let runtime = node.namespace.runtime().unwrap();
        let password = Password::try_new(password).unwrap();
        let transport =
            Transport::new(SocketAddr::new(host.ipv4.into(), 179)).with_password(password);
        let guard = runtime.enter();
        let peer = Peer::spawn(peer_config(node, NODE_ASN), transport, 1);
        drop(guard);
        peers.push((runtime, peer));
    }
    let established = |node: &Host| router.session(node.ipv4).unwrap().uptime;
    lab::until("session of the right one", TIMEOUT, || {
        Ok(established(right))
    })
    .unwrap();
    // Both began at the same time, so the other one has had its chance more than once by now.
    lab::until("3 s of the session", TIMEOUT, || {
        Ok(established(right).filter(|uptime| uptime.as_secs() >= 3))
    })
    .unwrap();
    assert_eq!(established(wrong), None);
}
