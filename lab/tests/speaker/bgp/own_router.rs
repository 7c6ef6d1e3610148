//! A router that one test has to itself, and the BGPPeers that lead to it.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicU8, Ordering};

use lab::Host;
use lab::cluster::Cluster;
use lab::router::{Kind, Neighbour, Router};
use serde_json::{Value, json};

use crate::object::{Object, TIMEOUT, merge};
use crate::tenant::Tenant;

/// The AS of the nodes, where nothing else is said.
pub(super) const NODE: u32 = 64500;

/// The number of the next one, which its addresses are made from.
static NEXT: AtomicU8 = AtomicU8::new(20);

/// A router of one test. Fields are dropped in this order.
pub(super) struct OwnRouter {
    pub(super) router: Router,
    pub(super) host: Host,
    asn: u32,
}

/// A BGPPeer of one test. Dropping it deletes it.
pub(super) struct OwnPeer(pub(super) Object);

impl OwnRouter {
    /// Starts one in an AS, with the neighbours that are made of the cluster's nodes.
    pub(super) fn start<G: Deref<Target = Cluster>>(
        tenant: &Tenant<G>,
        kind: Kind,
        asn: u32,
        neighbours: impl FnOnce(&[Host]) -> Vec<Neighbour>,
    ) -> Self {
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        let added = tenant.cluster.add_router(kind, index, asn, neighbours);
        let (router, host) = added.unwrap();
        Self { router, host, asn }
    }

    /// Waits until it has a session with each of these nodes, at this address of theirs, and with no other.
    pub(super) fn until_sessions(&self, nodes: &[&Host], of: Version) {
        let expected: Vec<_> = nodes.iter().map(|node| of.of(node)).collect();
        self.until_sessions_at(&expected, of);
    }

    /// The same by the addresses of the nodes' side, in their order.
    pub(super) fn until_sessions_at(&self, expected: &[IpAddr], of: Version) {
        let mut last = Vec::new();
        let found = lab::until("sessions of a test's own router", TIMEOUT, || {
            last = self.router.sessions()?;
            let mut up: Vec<_> = last
                .iter()
                .filter(|session| session.uptime.is_some())
                .map(|session| session.neighbour)
                .collect();
            up.retain(|neighbour| of.is_of(*neighbour));
            Ok((up == expected).then_some(()))
        });
        found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
    }
}

/// Which of a node's addresses a session uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

impl Version {
    pub(super) const BOTH: [Self; 2] = [Self::V4, Self::V6];

    pub(super) fn of(self, host: &Host) -> IpAddr {
        match self {
            Self::V4 => host.ipv4.into(),
            Self::V6 => host.ipv6.into(),
        }
    }

    fn is_of(self, address: IpAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }

    /// Neighbours in an AS at this address of each node.
    pub(super) fn neighbours(self, asn: u32) -> impl FnOnce(&[Host]) -> Vec<Neighbour> {
        move |nodes| {
            let addresses = nodes.iter().map(|node| self.of(node));
            addresses
                .map(|address| Neighbour::new(address, asn))
                .collect()
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }
}

impl OwnPeer {
    /// Writes the BGPPeer `<tenant>-<suffix>` with short timers, and whatever `spec` says.
    pub(super) fn write<G: Deref<Target = Cluster>>(
        tenant: &Tenant<G>,
        suffix: &str,
        spec: Value,
    ) -> Self {
        let mut whole = json!({"holdTime": "9s", "connectTime": "1s"});
        merge(&mut whole, spec);
        let name = format!("{}-{suffix}", tenant.name);
        Self(tenant.configure("metallb.io/v1beta2", "BGPPeer", &name, whole))
    }

    /// Writes one that leads the nodes, in their usual AS, to an address of a router, but for what `patch` says.
    pub(super) fn to<G: Deref<Target = Cluster>>(
        tenant: &Tenant<G>,
        suffix: &str,
        router: &OwnRouter,
        version: Version,
        patch: Value,
    ) -> Self {
        let mut spec = json!({
            "myASN": NODE, "peerASN": router.asn, "peerAddress": version.of(&router.host),
        });
        merge(&mut spec, patch);
        Self::write(tenant, suffix, spec)
    }

    pub(super) fn name(&self) -> &str {
        self.0.name()
    }
}

impl Drop for OwnPeer {
    fn drop(&mut self) {
        if self.0.get().is_some() {
            self.0.request_deletion();
        }
    }
}
