//! What there is to tell of one Service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Statuses;
use crate::desired::{Desired, InterfaceSelection};
use crate::diff::diff;
use crate::effect::{Event, EventReason, Involved, StatusAbout, StatusBody, StatusId};
use crate::names::{Interface, NodeName, ServiceKey};
use crate::observed::Observed;
use crate::verdict::{PeerVerdict, Verdicts};

/// The ServiceL2Status of a Service, and what is in the way where there should be one, or of what it says.
pub(super) fn layer2(
    service: &ServiceKey,
    verdicts: Option<&Verdicts>,
    observed: &Observed,
    me: &NodeName,
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
        let message = conflict(*address, observed, me)?;
        Some(warning(EventReason::AddressConflict, message))
    });
    let is_left = !addresses.is_empty() && addresses.iter().all(|ip| observed.left.contains(ip));
    let status = (!is_left).then_some(StatusBody::Layer2 { interfaces });
    (status, conflicts.collect())
}

/// The Services with addresses that other stations claim now and did not before, or the other way round.
pub(super) fn contested(desired: &Desired, before: &Observed, now: &Observed) -> Vec<ServiceKey> {
    let changed = diff(&before.conflicts, &now.conflicts).map(|change| *change.key());
    let left = before.left.symmetric_difference(&now.left).copied();
    let addresses: BTreeSet<IpAddr> = changed.chain(left).collect();
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

/// That a host which is no speaker has an address, and what is done about it.
fn conflict(address: IpAddr, observed: &Observed, me: &NodeName) -> Option<String> {
    let conflict = observed.conflicts.get(&address)?;
    let outcome = if observed.left.contains(&address) {
        "leaves it to that host for as long as it answers"
    } else {
        "keeps the address, and traffic may go to either"
    };
    Some(format!(
        "{address} is claimed by another host, {conflict} of node {me}: the node {outcome}; remove the address from that \
         host, or give the Service another one"
    ))
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
