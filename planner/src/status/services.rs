//! What there is to tell of one Service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Statuses, conflicts};
use crate::desired::{Desired, InterfaceSelection};
use crate::diff::diff;
use crate::effect::{Event, EventReason, Involved, StatusAbout, StatusBody, StatusId};
use crate::names::{Interface, NodeName, ServiceKey};
use crate::observed::Observed;
use crate::verdict::{PeerVerdict, Verdicts};

/// Whether a Service has a ServiceL2Status of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It has one.
    Shown,
    /// It has none.
    Absent,
}

/// The ServiceL2Status of a Service, and what is in the way where there should be one, or of what it says.
pub(super) fn layer2(
    service: &ServiceKey,
    verdicts: Option<&Verdicts>,
    observed: &Observed,
    me: &NodeName,
    before: Presence,
) -> (Option<StatusBody>, Vec<Event>) {
    let Some(announcement) = verdicts.and_then(|verdicts| verdicts.layer2.announcement()) else {
        return (None, Vec::new());
    };
    let addresses = &announcement.addresses;
    let warning = |reason, message| Event {
        involved: Involved::Service(service.clone()),
        reason,
        message,
    };
    let Some(interfaces) = present(&announcement.interfaces, &observed.interfaces) else {
        let failed = addresses.iter().map(|address| {
            let message = nowhere(&announcement.interfaces, *address, me);
            warning(EventReason::AnnounceFailed, message)
        });
        return (None, failed.collect());
    };
    let conflicts = addresses.iter().filter_map(|address| {
        let message = conflicts::sentence(*address, observed, me)?;
        Some(warning(EventReason::AddressConflict, message))
    });
    let status = answers(addresses, observed, before).then_some(StatusBody::Layer2 { interfaces });
    (status, conflicts.collect())
}

/// Whether the node answers for a Service. It begins to with all addresses that nobody else has, and ends with the last.
fn answers(addresses: &[IpAddr], observed: &Observed, before: Presence) -> bool {
    let is_probed = |ip: &IpAddr| observed.probed.contains(ip);
    let is_without = |ip| observed.left.contains(ip) || is_probed(ip);
    match before {
        Presence::Absent if addresses.iter().any(is_probed) => false,
        _ => addresses.is_empty() || !addresses.iter().all(is_without),
    }
}

/// The Services with addresses of which it is not as it was before who has them, or claims them.
pub(super) fn contested(desired: &Desired, before: &Observed, now: &Observed) -> Vec<ServiceKey> {
    let changed = diff(&before.conflicts, &now.conflicts).map(|change| *change.key());
    let left = before.left.symmetric_difference(&now.left);
    let probed = before.probed.symmetric_difference(&now.probed);
    let addresses: BTreeSet<IpAddr> = changed.chain(left.chain(probed).copied()).collect();
    if addresses.is_empty() {
        return Vec::new();
    }
    let verdicts = desired.verdicts.iter().filter(|(_, verdicts)| {
        let announcement = verdicts.layer2.announcement();
        let mut announced = announcement.into_iter().flat_map(|it| &it.addresses);
        announced.any(|address| addresses.contains(address))
    });
    verdicts.map(|(service, _)| service.clone()).collect()
}

/// The interfaces to show for a selection (none: all), or `None` if there is none to answer on.
fn present(
    selection: &InterfaceSelection,
    interfaces: &BTreeSet<Interface>,
) -> Option<BTreeSet<Interface>> {
    match selection {
        InterfaceSelection::All => (!interfaces.is_empty()).then(BTreeSet::new),
        InterfaceSelection::Named(named) => {
            let present: BTreeSet<_> = named.intersection(interfaces).cloned().collect();
            (!present.is_empty()).then_some(present)
        }
    }
}

/// That an address is answered for on no interface; where some are named, in MetalLB's words.
fn nowhere(selection: &InterfaceSelection, address: IpAddr, me: &NodeName) -> String {
    match selection {
        InterfaceSelection::All => format!(
            "no interface for LB IP \"{address}\" is usable in assigned node \"{me}\" with protocol \"layer2\""
        ),
        InterfaceSelection::Named(_) => format!(
            "the interfaces specified by LB IP \"{address}\" doesn't exist in assigned node \"{me}\" with protocol \
             \"layer2\""
        ),
    }
}

/// What there is to tell once a Service is announced as it is decided to be.
pub(super) fn announced(
    service: &ServiceKey,
    verdicts: Option<&Verdicts>,
    me: &NodeName,
) -> BTreeSet<Event> {
    let Some(verdicts) = verdicts else {
        return BTreeSet::new();
    };
    let to_some_peer = verdicts.bgp.announcement().is_some_and(|announcement| {
        let mut peers = announcement.peers.values();
        peers.any(|verdict| matches!(verdict, PeerVerdict::Advertised(_)))
    });
    let by_layer2 = verdicts.layer2.announcement().is_some();
    let about = [
        by_layer2.then(|| StatusAbout::Layer2(service.clone())),
        to_some_peer.then(|| StatusAbout::Bgp(service.clone())),
    ];
    let ids = about.into_iter().flatten().map(|about| StatusId {
        node: me.clone(),
        about,
    });
    ids.filter_map(|id| assigned(&id)).collect()
}

/// What there is to tell of a Service with such a status.
pub(super) fn assigned(id: &StatusId) -> Option<Event> {
    let (service, protocol) = match &id.about {
        StatusAbout::Layer2(service) => (service, "layer2"),
        StatusAbout::Bgp(service) => (service, "bgp"),
        StatusAbout::Session(_) => return None,
    };
    let message = format!(
        "announcing from node \"{}\" with protocol \"{protocol}\"",
        id.node
    );
    Some(Event {
        involved: Involved::Service(service.clone()),
        reason: EventReason::NodeAssigned,
        message,
    })
}

/// What a process that starts takes as told: what the status objects of its node say.
pub(super) fn told_before(before: &Statuses) -> BTreeMap<ServiceKey, Vec<Event>> {
    let mut told: BTreeMap<ServiceKey, Vec<Event>> = BTreeMap::new();
    for id in before.keys() {
        if let (Some(service), Some(event)) = (id.about.service(), assigned(id)) {
            told.entry(service.clone()).or_default().push(event);
        }
    }
    told
}
