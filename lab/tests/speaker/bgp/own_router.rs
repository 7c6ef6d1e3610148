//! A router that one test has to itself, and the BGPPeers that lead to it.

use std::ops::Deref;
use std::sync::atomic::{AtomicU8, Ordering};

use lab::Host;
use lab::cluster::Cluster;
use lab::router::{Kind, Neighbour, Router};
use serde_json::{Value, json};

use crate::harness::Shared;
use crate::object::{Object, TIMEOUT};
use crate::tenant::Tenant;

/// The number of the next one, which its addresses are made from.
static NEXT: AtomicU8 = AtomicU8::new(20);

/// A router of one test. Fields are dropped in this order.
pub(super) struct OwnRouter {
    pub(super) router: Router,
    pub(super) host: Host,
}

/// A BGPPeer of one test. Dropping it deletes it.
pub(super) struct OwnPeer(pub(super) Object);

impl OwnRouter {
    /// Starts one in an AS, with the neighbours that are made of the cluster's nodes.
    pub(super) fn start(
        tenant: &Tenant<Shared>,
        kind: Kind,
        asn: u32,
        neighbours: impl FnOnce(&[Host]) -> Vec<Neighbour>,
    ) -> Self {
        let index = NEXT.fetch_add(1, Ordering::Relaxed);
        let added = tenant.cluster.add_router(kind, index, asn, neighbours);
        let (router, host) = added.unwrap();
        Self { router, host }
    }

    pub(super) fn v4(&self) -> String {
        self.host.ipv4.to_string()
    }

    pub(super) fn v6(&self) -> String {
        self.host.ipv6.to_string()
    }

    /// Waits until it has a session with each of these nodes, at this address of theirs, and with no other.
    pub(super) fn until_sessions(&self, nodes: &[&Host], of: Version) {
        let expected: Vec<_> = nodes.iter().map(|node| of.of(node)).collect();
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

    pub(super) fn of(self, host: &Host) -> std::net::IpAddr {
        match self {
            Self::V4 => host.ipv4.into(),
            Self::V6 => host.ipv6.into(),
        }
    }

    fn is_of(self, address: std::net::IpAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
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
        crate::object::merge(&mut whole, spec);
        let name = format!("{}-{suffix}", tenant.name);
        Self(tenant.configure("metallb.io/v1beta2", "BGPPeer", &name, whole))
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
