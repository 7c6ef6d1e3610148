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

/// What a status object is about, and what it says.
type Said = (StatusId, StatusBody);

/// What the status objects of all nodes say. None of ours has another name than what it says gives it: the others are
/// somebody else's.
pub fn statuses(objects: &ClusterObjects) -> impl Iterator<Item = (StatusId, StatusBody)> {
    let layer2 = read(&objects.service_l2_statuses, layer2_status);
    let bgp = read(&objects.service_bgp_statuses, bgp_status);
    layer2
        .chain(bgp)
        .chain(read(&objects.bgp_sessions, session_status))
}

fn read<K>(objects: &Objects<K>, say: fn(&K) -> Option<Said>) -> impl Iterator<Item = Said> {
    let said = objects
        .iter()
        .map(move |(name, object)| (name, say(&object.value)));
    said.filter_map(|(name, said)| said.filter(|said| is_named(said, name)))
}

/// What the status objects that are not as they were `before` say now; `None`: such an object is no more.
#[must_use]
pub fn statuses_changed(
    now: &ClusterObjects,
    before: &ClusterObjects,
) -> BTreeMap<StatusId, Option<StatusBody>> {
    let mut changed = BTreeMap::new();
    let (is, was) = (&now.service_l2_statuses, &before.service_l2_statuses);
    compare(is, was, layer2_status, &mut changed);
    let (is, was) = (&now.service_bgp_statuses, &before.service_bgp_statuses);
    compare(is, was, bgp_status, &mut changed);
    compare(
        &now.bgp_sessions,
        &before.bgp_sessions,
        session_status,
        &mut changed,
    );
    changed
}

fn compare<K: PartialEq>(
    now: &Objects<K>,
    before: &Objects<K>,
    say: fn(&K) -> Option<Said>,
    changed: &mut BTreeMap<StatusId, Option<StatusBody>>,
) {
    for name in now.changed_since(before) {
        let said = |objects: &Objects<K>| {
            let said = objects.get(name).and_then(|object| say(object));
            said.filter(|said| is_named(said, name))
        };
        if let Some((id, _)) = said(before) {
            changed.insert(id, None);
        }
        if let Some((id, body)) = said(now) {
            changed.insert(id, Some(body));
        }
    }
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

fn is_named((id, _): &Said, name: &ObjectName) -> bool {
    *name.name == *status_name(id)
}

fn id(node: &str, about: StatusAbout) -> StatusId {
    StatusId {
        node: node.into(),
        about,
    }
}

/// What a ServiceL2Status says.
fn layer2_status(object: &ServiceL2Status) -> Option<(StatusId, StatusBody)> {
    let status = object.status.as_ref()?;
    let service = ServiceKey::new(&*status.service_namespace, &*status.service_name);
    let id = id(&status.node, StatusAbout::Layer2(service));
    let interfaces = status.interfaces.iter();
    let interfaces = interfaces.map(|interface| Interface::from(interface.name.as_str()));
    let interfaces = interfaces.collect();
    Some((id, StatusBody::Layer2 { interfaces }))
}

/// What a ServiceBGPStatus says.
fn bgp_status(object: &ServiceBGPStatus) -> Option<(StatusId, StatusBody)> {
    let status = object.status.as_ref()?;
    let service = ServiceKey::new(&*status.service_namespace, &*status.service_name);
    let id = id(&status.node, StatusAbout::Bgp(service));
    let peers = status.peers.iter();
    let peers = peers.map(|peer| PeerName::from(peer.as_str())).collect();
    Some((id, StatusBody::Bgp { peers }))
}

/// What a BGPSession says; `None` if it says what no speaker would.
fn session_status(object: &BGPSession) -> Option<(StatusId, StatusBody)> {
    let status = object.status.as_ref()?;
    let id = id(
        &status.node,
        StatusAbout::Session(status.peer.as_str().into()),
    );
    let address = |text: &String| text.parse::<IpAddr>().ok();
    let since = status.since.as_ref().map(|since| since.0.as_second());
    let body = SessionStatus {
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
    Some((id, StatusBody::Session(Box::new(body))))
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
