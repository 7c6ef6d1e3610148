//! Status objects of nodes, as far as they are about what the planner knows. One that says nothing is none.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bgp_wire::{Asn, HoldTime, RouterId};
use planner::effect::{SessionStatus, SessionSummary, StatusAbout, StatusBody, StatusId};
use planner::family::Families;
use planner::names::{Interface, PeerName, ServiceKey};
use planner::observed::{Initiative, SessionNegotiated};
use sha2::{Digest as _, Sha256};

use super::{ClusterObjects, ObjectName, Objects};
use crate::crd::{
    BGPSession, BGPSessionState, BGPSessionStatus, IpFamily, ServiceBGPStatus, ServiceL2Status,
};

/// What a status object is about, and what it says: all that is kept of it. There may be one of each Service on each node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What it is about.
    pub id: StatusId,
    /// What it says.
    pub body: StatusBody,
}

/// A kind of status objects.
pub(crate) trait Status {
    /// What an object says; `None` if that is nothing, or nothing that a speaker of ours would say.
    fn said(&self) -> Option<Said>;
}

/// What the status objects of all nodes say. None of ours has another name than what it says gives it: the others are
/// somebody else's.
pub fn statuses(objects: &ClusterObjects) -> impl Iterator<Item = (StatusId, StatusBody)> {
    let all = by_kind(objects).into_iter().flat_map(Objects::iter);
    all.filter_map(|(name, object)| said(name, &object.value))
        .map(|said| (said.id.clone(), said.body.clone()))
}

/// What the status objects that are not as they were `before` say now; `None`: such an object is no more.
#[must_use]
pub fn statuses_changed(
    now: &ClusterObjects,
    before: &ClusterObjects,
) -> BTreeMap<StatusId, Option<StatusBody>> {
    let mut changed = BTreeMap::new();
    for (now, before) in by_kind(now).into_iter().zip(by_kind(before)) {
        for name in now.changed_since(before) {
            if let Some(said) = before.get(name).and_then(|object| said(name, object)) {
                changed.insert(said.id.clone(), None);
            }
            if let Some(said) = now.get(name).and_then(|object| said(name, object)) {
                changed.insert(said.id.clone(), Some(said.body.clone()));
            }
        }
    }
    changed
}

const fn by_kind(objects: &ClusterObjects) -> [&Objects<Option<Said>>; 3] {
    [
        &objects.service_l2_statuses,
        &objects.service_bgp_statuses,
        &objects.bgp_sessions,
    ]
}

/// What an object of that name says, if it is one of ours.
fn said<'a>(name: &ObjectName, object: &'a Option<Said>) -> Option<&'a Said> {
    let said = object.as_ref();
    said.filter(|said| *name.name == *status_name(&said.id))
}

/// The name of a status object; no two have the same. Neither Services nor namespaces have dots in their names. Nodes and
/// BGPPeers may, so that of `a.b.c` nobody could tell where the peer begins: one with dots has a mark behind it.
#[must_use]
pub fn status_name(id: &StatusId) -> String {
    let node = &id.node;
    let of_service = |prefix, service: &ServiceKey| {
        format!("{prefix}-{}.{}.{node}", service.name(), service.namespace())
    };
    match &id.about {
        StatusAbout::Layer2(service) => of_service("l2", service),
        StatusAbout::Bgp(service) => of_service("bgp", service),
        StatusAbout::Session(peer) if peer.as_str().contains('.') || is_mark(peer.as_str()) => {
            let digest = Sha256::digest(format!("{node}/{peer}"));
            let mark = digest.iter().take(MARK).map(|octet| format!("{octet:02x}"));
            format!("{node}.{peer}.{}", mark.collect::<String>())
        }
        StatusAbout::Session(peer) => format!("{node}.{peer}"),
    }
}

/// Whether the name of a peer could be taken for the mark behind another.
fn is_mark(peer: &str) -> bool {
    peer.len() == 2 * MARK && peer.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn id(node: &str, about: StatusAbout) -> StatusId {
    StatusId {
        node: node.into(),
        about,
    }
}

impl Status for ServiceL2Status {
    fn said(&self) -> Option<Said> {
        let status = self.status.as_ref()?;
        let service = ServiceKey::new(&*status.service_namespace, &*status.service_name);
        let id = id(&status.node, StatusAbout::Layer2(service));
        let interfaces = status.interfaces.iter();
        let interfaces = interfaces.map(|interface| Interface::from(interface.name.as_str()));
        let interfaces = interfaces.collect();
        let body = StatusBody::Layer2 { interfaces };
        Some(Said { id, body })
    }
}

impl Status for ServiceBGPStatus {
    fn said(&self) -> Option<Said> {
        let status = self.status.as_ref()?;
        let service = ServiceKey::new(&*status.service_namespace, &*status.service_name);
        let id = id(&status.node, StatusAbout::Bgp(service));
        let peers = status.peers.iter();
        let peers = peers.map(|peer| PeerName::from(peer.as_str())).collect();
        let body = StatusBody::Bgp { peers };
        Some(Said { id, body })
    }
}

impl Status for BGPSession {
    fn said(&self) -> Option<Said> {
        let status = self.status.as_ref()?;
        let id = id(
            &status.node,
            StatusAbout::Session(status.peer.as_str().into()),
        );
        let address = |text: &String| text.parse::<IpAddr>().ok();
        let since = status.since.as_ref().map(|since| since.0.as_second());
        let session = SessionStatus {
            address: address(&status.address)?,
            port: status.port,
            local_as: Asn(status.local_asn),
            peer_as: status.asn.map(Asn),
            state: match status.state {
                BGPSessionState::Established => SessionSummary::Established,
                BGPSessionState::Down => SessionSummary::Down,
            },
            since: Duration::from_secs(since.unwrap_or_default().try_into().ok()?),
            local_address: status.local_address.as_ref().and_then(address),
            negotiated: negotiated(status),
            sent: status.prefixes_sent,
            accepted: status.prefixes_accepted,
            last_error: status.last_error.clone(),
            initiative: if status.passive {
                Initiative::Passive
            } else {
                Initiative::Active
            },
            draining: status.draining,
        };
        let body = StatusBody::Session(Box::new(session));
        Some(Said { id, body })
    }
}

fn negotiated(status: &BGPSessionStatus) -> Option<SessionNegotiated> {
    let keepalive = status.keepalive_time_seconds;
    let families = status.families.iter().map(|family| match family {
        IpFamily::IPv4 => Families::Ipv4,
        IpFamily::IPv6 => Families::Ipv6,
    });
    Some(SessionNegotiated {
        peer_as: Asn(status.asn?),
        router_id: status.router_id.as_ref()?.parse::<RouterId>().ok()?,
        hold_time: HoldTime::from_secs(status.hold_time_seconds?).ok()?,
        keepalive_time: keepalive.map(|seconds| Duration::from_secs(seconds.into())),
        families: families.reduce(Families::union),
    })
}

/// How many octets of a digest tell a node and a peer from others that are written alike.
const MARK: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn session(node: &str, peer: &str) -> String {
        status_name(&id(node, StatusAbout::Session(peer.into())))
    }

    #[test]
    fn no_two_sessions_have_the_same_name_and_those_with_plain_peers_keep_theirs() {
        assert_eq!(session("node1", "tor"), "node1.tor");
        assert_eq!(session("a.b", "c"), "a.b.c");
        let dotted = session("a", "b.c");
        assert_eq!(dotted, "a.b.c.c06205148f");
        assert_ne!(session("a.b", "c.d"), session("a", "b.c.d"));
        let (node, mark) = dotted.rsplit_once('.').unwrap();
        assert_ne!(session(node, mark), dotted);
    }
}
