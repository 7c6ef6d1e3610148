//! What all tests of the product stand on.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use lab::router::{Config, Kind, Neighbour, Route, Router};
use lab::topology::{NODE_ASN, ROUTER_ASN};
use lab::{Host, Manifests, Product, Requirement, Size, Topology, requires, until};
use tempfile::TempDir;

use crate::sessions::Sessions;

pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);
pub(crate) const PASSWORD: &str = "sesame";
pub(crate) const NAMESPACE: &str = "default";

/// The network, both routers, and the product. Fields are dropped in this order.
pub(crate) struct Stage {
    pub(crate) product: Product,
    pub(crate) frr: Router,
    pub(crate) bird: Router,
    pub(crate) manifests: Manifests,
    pub(crate) topology: Topology,
    _folder: TempDir,
}

impl Stage {
    /// Starts everything, with the service `web` behind the routers and `shop` on the link, and waits for the sessions;
    /// `None` where a program is missing.
    pub(crate) fn start() -> Option<Self> {
        let mut stage = Self::prepare()?;
        stage.start_product();
        Some(stage)
    }

    /// The same without the product running yet.
    pub(crate) fn prepare() -> Option<Self> {
        let binaries = ["controller", "speaker"].map(Requirement::Binary);
        let routers = [Kind::Frr, Kind::Bird].map(Kind::requirements).concat();
        if !requires(&[routers, binaries.into()].concat()) {
            return None;
        }
        let folder = lab::folder().unwrap();
        let topology = Topology::build(&Size::new(3, 2)).unwrap();
        let start = |kind: Kind, index: usize| {
            let host = topology.routers.get(index).unwrap();
            let config = Config {
                asn: ROUTER_ASN,
                router_id: host.ipv4,
                neighbours: neighbours(kind, &topology.nodes),
            };
            Router::start(kind, host, &folder.path().join(kind.to_string()), &config).unwrap()
        };
        let (frr, bird) = (start(Kind::Frr, 0), start(Kind::Bird, 1));
        let manifests = Manifests::create(folder.path().join("manifests")).unwrap();
        manifests
            .write_example(|file| file != "bgp.yaml" && file != "service-docs.yaml")
            .unwrap();
        manifests
            .write("bgp.yaml", include_str!("bgp.yaml"))
            .unwrap();
        Some(Self {
            product: Product::new(&manifests, folder.path()),
            frr,
            bird,
            manifests,
            topology,
            _folder: folder,
        })
    }

    /// Starts the processes, and waits for the sessions, and until the speakers know of each other.
    pub(crate) fn start_product(&mut self) {
        self.product.start(&self.topology).unwrap();
        for router in self.routers() {
            router.wait_until_established(TIMEOUT).unwrap();
        }
        self.product
            .wait_until_members(&self.topology, TIMEOUT)
            .unwrap();
    }

    pub(crate) fn node(&self, name: &str) -> &Host {
        self.topology.node(name).unwrap()
    }

    pub(crate) fn routers(&self) -> [&Router; 2] {
        [&self.frr, &self.bird]
    }

    /// The sessions of both routers, but for those with a node.
    pub(crate) fn sessions_without(&self, node: &str) -> Sessions {
        let node = self.node(node);
        Sessions::of(&self.routers()).except(|_, neighbour| is_of(node, neighbour))
    }

    /// The two addresses of a service, as soon as it has them.
    pub(crate) fn addresses(&self, service: &str) -> [IpAddr; 2] {
        until(&format!("addresses for {service}"), TIMEOUT, || {
            Ok(self
                .manifests
                .addresses(NAMESPACE, service)?
                .try_into()
                .ok())
        })
        .unwrap()
    }

    /// Waits until a router has a path to each address of a service over each session of each node.
    pub(crate) fn wait_until_announced(&self, service: &str) {
        self.wait_for_paths(&self.addresses(service), 2 * self.topology.nodes.len());
    }

    /// Waits until each router has this many paths to each of these addresses.
    pub(crate) fn wait_for_paths(&self, addresses: &[IpAddr], count: usize) {
        for router in self.routers() {
            for &address in addresses {
                let prefix = IpNet::from(address);
                router.wait_for_paths(prefix, count, TIMEOUT).unwrap();
            }
        }
    }

    /// Waits until all that each router has to show of one service carries a community.
    pub(crate) fn wait_for_community(&self, community: &str) {
        let count = 4 * self.topology.nodes.len();
        for router in self.routers() {
            until(&format!("community {community}"), TIMEOUT, || {
                let mut routes = router.routes()?;
                routes.retain(|route| route.communities.iter().any(|other| other == community));
                Ok((routes.len() == count).then_some(()))
            })
            .unwrap();
        }
    }

    /// What each router is to show of a service: each address once for each session of each node.
    fn expected_routes(&self, kind: Kind, service: &str) -> Vec<Route> {
        let mut routes = Vec::new();
        for address in self.addresses(service) {
            for node in &self.topology.nodes {
                let sessions = neighbours(kind, std::slice::from_ref(node));
                routes.extend(
                    sessions
                        .into_iter()
                        .map(|session| route(address, node, &session)),
                );
            }
        }
        routes
    }

    /// What a router is to show of a service, in order.
    pub(crate) fn expected(&self, router: &Router, service: &str) -> Vec<Route> {
        let mut routes = self.expected_routes(router.kind(), service);
        routes.sort_unstable();
        routes
    }

    /// Fails if a router shows anything but the routes of these services, with all their attributes.
    pub(crate) fn expect_routes(&self, services: &[&str]) {
        for router in self.routers() {
            let of_service = |service: &&str| self.expected_routes(router.kind(), service);
            let mut expected: Vec<Route> = services.iter().flat_map(of_service).collect();
            expected.sort_unstable();
            assert_eq!(self.shown_routes(router), expected, "{}", router.kind());
        }
    }

    /// Fails if a router shows a route from a node.
    pub(crate) fn expect_no_routes_of(&self, node: &str) {
        for router in self.routers() {
            let mut routes = router.routes().unwrap();
            routes.retain(|route| is_of(self.node(node), route.peer));
            assert_eq!(routes, [], "{}", router.kind());
        }
    }

    /// What a router shows, without the LOCAL_PREF that it itself gives to routes of eBGP.
    pub(crate) fn shown_routes(&self, router: &Router) -> Vec<Route> {
        let mut routes = router.routes().unwrap();
        for route in routes.iter_mut().filter(|route| !route.as_path.is_empty()) {
            route.local_pref = None;
        }
        routes
    }

    /// The one node that says that it owns the addresses of `shop`.
    pub(crate) fn owner(&self, is_meant: impl Fn(&str) -> bool) -> String {
        until("owner of shop", TIMEOUT, || {
            let nodes = self.manifests.layer2_nodes(NAMESPACE, "shop")?;
            let [node] = nodes.as_slice() else {
                return Ok(None);
            };
            Ok(Some(node.clone()).filter(|node| is_meant(node)))
        })
        .unwrap()
    }

    /// Waits until the client's kernel has an address at the MAC address of a node.
    pub(crate) fn wait_for_neighbour(&self, address: IpAddr, node: &str) {
        let mac = self.node(node).mac().unwrap();
        until(
            &format!("{node} as the neighbour {address}"),
            TIMEOUT,
            || {
                let known = self.topology.client.neighbour(address)?;
                Ok((known.as_ref() == Some(&mac)).then_some(()))
            },
        )
        .unwrap();
    }

    /// Waits until a node alone answers for an address: while one takes over from another, both do.
    pub(crate) fn until_answered_by(&self, address: IpAddr, node: &str) {
        let mac = self.node(node).mac().unwrap();
        let client = &self.topology.client;
        let answers = client.until_answers("eth0", address, &[&mac], TIMEOUT);
        answers.unwrap();
    }

    /// What a process reports about its configuration.
    pub(crate) fn errors(&self, component: &str) -> String {
        let state = self
            .manifests
            .status("configurationstates", "metallb-system", component)
            .unwrap();
        let summary = state.unwrap_or_default();
        let summary = summary
            .pointer("/status/errorSummary")
            .and_then(|text| text.as_str());
        summary.unwrap_or_default().to_owned()
    }

    /// Labels a node such that nothing is announced from it.
    pub(crate) fn exclude(&self, node: &str) {
        let label = format!("kubernetes.io/hostname: {node}\n");
        let excluded = "node.kubernetes.io/exclude-from-external-load-balancers: \"\"";
        self.manifests
            .edit("nodes.yaml", &label, &format!("{label}    {excluded}\n"))
            .unwrap();
    }
}

/// Whether an address is that of a node.
fn is_of(node: &Host, address: IpAddr) -> bool {
    address == node.ipv4 || address == node.ipv6
}

/// As in `bgp.yaml`: FRR has eBGP over IPv4 and iBGP over IPv6, BIRD the other way round, eBGP with a password.
fn neighbours(kind: Kind, nodes: &[Host]) -> Vec<Neighbour> {
    let of_node = |node: &Host| {
        let (ipv4, ipv6): (IpAddr, IpAddr) = (node.ipv4.into(), node.ipv6.into());
        let (ebgp, ibgp) = if kind == Kind::Frr {
            (ipv4, ipv6)
        } else {
            (ipv6, ipv4)
        };
        [
            Neighbour::new(ebgp, NODE_ASN).with_password(PASSWORD),
            Neighbour::new(ibgp, ROUTER_ASN),
        ]
    };
    nodes
        .iter()
        .flat_map(of_node)
        .map(Neighbour::with_both_families)
        .collect()
}

fn route(address: IpAddr, node: &Host, session: &Neighbour) -> Route {
    let is_ebgp = session.asn == NODE_ASN;
    Route {
        prefix: IpNet::from(address),
        peer: session.address,
        next_hop: if address.is_ipv4() {
            node.ipv4.into()
        } else {
            node.ipv6.into()
        },
        as_path: if is_ebgp { vec![NODE_ASN] } else { Vec::new() },
        local_pref: (!is_ebgp).then_some(200),
        med: None,
        communities: vec!["64500:100".to_owned(), "65535:65281".to_owned()],
        large_communities: vec!["64500:1:100".to_owned()],
    }
}
