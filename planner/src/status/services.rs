//! What there is to tell of one Service.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Statuses;
use crate::desired::InterfaceSelection;
use crate::effect::{Event, EventReason, Involved, StatusAbout, StatusBody, StatusId};
use crate::names::{Interface, NodeName, ServiceKey};
use crate::verdict::{PeerVerdict, Verdicts};

/// The ServiceL2Status of a Service, or what is in the way where there should be one.
pub(super) fn layer2(
    service: &ServiceKey,
    verdicts: Option<&Verdicts>,
    interfaces: &BTreeSet<Interface>,
    me: &NodeName,
) -> (Option<StatusBody>, Vec<Event>) {
    let Some(announcement) = verdicts.and_then(|verdicts| verdicts.layer2.announcement()) else {
        return (None, Vec::new());
    };
    if let Some(interfaces) = present(&announcement.interfaces, interfaces) {
        return (Some(StatusBody::Layer2 { interfaces }), Vec::new());
    }
    let failed = announcement.addresses.iter().map(|address| Event {
        involved: Involved::Service(service.clone()),
        reason: EventReason::AnnounceFailed,
        message: nowhere(&announcement.interfaces, *address, me),
    });
    (None, failed.collect())
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
