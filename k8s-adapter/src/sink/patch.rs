//! Effects as the objects that an API server would hold: what [`dir`](super::dir) writes into files.

use std::net::IpAddr;
use std::time::Duration;

use ipam::Family;
use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use planner::effect::{
    Component, ConfigurationResult, ConfigurationState, Event, Involved, LastGoodVersions,
    SessionStatus, SessionSummary, StatusAbout, StatusBody, StatusId,
};
use planner::family::Families;
use planner::names::ServiceKey;
use planner::observed::Initiative;
use planner::reservation::{RESERVED, ReservationStatus};
use planner::service::{ADDRESS_ASSIGNED, ANNOUNCED, AddressCondition, Service};
use serde_json::{Map, Value, json};

use crate::crd::{BGPSessionState, BGPSessionStatus, GROUP, IPReservation, IpFamily, OWN_GROUP};
use crate::translate::{
    IP_ALLOCATED_FROM_POOL, LAST_GOOD_SECRET, LAST_GOOD_TYPE, SPEAKER, status_name,
};

/// Label of a status object: the node it is about.
pub(crate) const NODE: &str = "metallb.io/node";
/// Label of a status object: the Service's name.
const SERVICE_NAME: &str = "metallb.io/service-name";
/// Label of a status object: the Service's namespace.
const SERVICE_NAMESPACE: &str = "metallb.io/service-namespace";
/// Label of a BGPSession: the peer.
const PEER: &str = "ferrolb.io/peer";
/// Label of a ConfigurationState: `controller` or `speaker`.
const COMPONENT_TYPE: &str = "metallb.io/component-type";
/// Label of a speaker's ConfigurationState: its node.
const NODE_NAME: &str = "metallb.io/node-name";

/// A Service with the status and the annotation that it shall have, and nothing else; see [`conditions`].
#[must_use]
pub fn service(
    key: &ServiceKey,
    ingress: &[IpAddr],
    pool: Option<&str>,
    conditions: &[Value],
) -> Value {
    let annotations: Map<String, Value> = pool
        .map(|pool| (IP_ALLOCATED_FROM_POOL.to_owned(), json!(pool)))
        .into_iter()
        .collect();
    let ingress: Vec<Value> = ingress
        .iter()
        .map(|ip| json!({ "ip": ip.to_string(), "ipMode": "VIP" }))
        .collect();
    let load_balancer = if ingress.is_empty() {
        json!({})
    } else {
        json!({ "ingress": ingress })
    };
    let mut status = Map::from_iter([("loadBalancer".to_owned(), load_balancer)]);
    if !conditions.is_empty() {
        status.insert("conditions".to_owned(), json!(conditions));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": key.name(), "namespace": key.namespace().as_str(), "annotations": annotations },
        "status": status,
    })
}

fn condition_of(condition_type: &str, condition: &AddressCondition, since: Timestamp) -> Value {
    json!({
        "type": condition_type,
        "status": condition.status.as_str(),
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": time(since),
    })
}

/// The conditions that a Service shall have: whether it has its addresses, and whether they are announced. One whose
/// status is that of `present`, the Service as it is now, has had it since then; else since `now`.
#[must_use]
pub fn conditions(
    assigned: Option<&AddressCondition>,
    announced: Option<&AddressCondition>,
    present: Option<&Service>,
    now: Timestamp,
) -> Vec<Value> {
    let before = present.map(|service| (service.condition.as_ref(), service.condition_since));
    let assigned = dated(ADDRESS_ASSIGNED, assigned, before, now);
    let before = present.map(|service| (service.announced.as_ref(), service.announced_since));
    let announced = dated(ANNOUNCED, announced, before, now);
    assigned.into_iter().chain(announced).collect()
}

fn dated(
    condition_type: &str,
    condition: Option<&AddressCondition>,
    before: Option<(Option<&AddressCondition>, Option<Duration>)>,
    now: Timestamp,
) -> Option<Value> {
    let condition = condition?;
    let before =
        before.filter(|(before, _)| before.is_some_and(|before| before.status == condition.status));
    let since = before.and_then(|(_, since)| i64::try_from(since?.as_secs()).ok());
    let since = since.and_then(|since| Timestamp::from_second(since).ok());
    Some(condition_of(
        condition_type,
        condition,
        since.unwrap_or(now),
    ))
}

/// An IPAddressPool with its usage, and nothing else.
#[must_use]
pub fn pool(namespace: &str, name: &str, usage: &ipam::Usage) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1beta1"),
        "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": namespace },
        "status": {
            "assignedIPv4": usage.assigned_ipv4,
            "assignedIPv6": usage.assigned_ipv6,
            "availableIPv4": usage.available_ipv4,
            "availableIPv6": usage.available_ipv6,
        },
    })
}

/// An IPReservation with its status, and nothing else. A condition that says the same as that of `present`, the object as
/// it is now, keeps its time; else it has changed at `now`.
#[must_use]
pub fn reservation(
    namespace: &str,
    name: &str,
    status: &ReservationStatus,
    present: Option<&IPReservation>,
    now: Timestamp,
) -> Value {
    let users = status.users.iter().map(|(address, service)| {
        let service = json!({ "namespace": service.namespace().as_str(), "name": service.name() });
        json!({ "address": address.to_string(), "service": service })
    });
    let present = present.and_then(|reservation| reservation.status.as_ref());
    let conditions = status.condition.iter().map(|condition| {
        let mut before = present.into_iter().flat_map(|status| &status.conditions);
        let same = before
            .find(|before| before.type_ == RESERVED && before.status == condition.status.as_str());
        condition_of(
            RESERVED,
            condition,
            same.map_or(now, |same| same.last_transition_time.0),
        )
    });
    let addresses = status.addresses.iter().map(IpAddr::to_string);
    json!({
        "apiVersion": format!("{OWN_GROUP}/v1alpha1"),
        "kind": "IPReservation",
        "metadata": { "name": name, "namespace": namespace },
        "status": {
            "addresses": addresses.collect::<Vec<_>>(),
            "users": users.collect::<Vec<_>>(),
            "conditions": conditions.collect::<Vec<_>>(),
        },
    })
}

/// A ServiceL2Status, ServiceBGPStatus or BGPSession in `namespace`.
#[must_use]
pub fn status(namespace: &str, id: &StatusId, body: &StatusBody) -> Value {
    let (group_version, kind, mut status) = match body {
        StatusBody::Layer2 { interfaces } => {
            let names = interfaces
                .iter()
                .map(|name| json!({ "name": name.as_str() }));
            let status = Map::from_iter([("interfaces".to_owned(), names.collect())]);
            (format!("{GROUP}/v1beta1"), "ServiceL2Status", status)
        }
        StatusBody::Bgp { peers } => {
            let names = peers.iter().map(|peer| json!(peer.as_str()));
            let status = Map::from_iter([("peers".to_owned(), names.collect())]);
            (format!("{GROUP}/v1beta1"), "ServiceBGPStatus", status)
        }
        StatusBody::Session(body) => (
            format!("{OWN_GROUP}/v1alpha1"),
            "BGPSession",
            session_status(body),
        ),
    };
    let mut identity = vec![(NODE, "node", id.node.as_str())];
    match &id.about {
        StatusAbout::Layer2(service) | StatusAbout::Bgp(service) => {
            let namespace = service.namespace().as_str();
            identity.push((SERVICE_NAME, "serviceName", service.name()));
            identity.push((SERVICE_NAMESPACE, "serviceNamespace", namespace));
        }
        StatusAbout::Session(peer) => identity.push((PEER, "peer", peer.as_str())),
    }
    let mut labels = Map::new();
    for (label, field, value) in identity {
        labels.insert(label.to_owned(), json!(value));
        status.insert(field.to_owned(), json!(value));
    }
    json!({
        "apiVersion": group_version,
        "kind": kind,
        "metadata": { "name": status_name(id), "namespace": namespace, "labels": labels },
        "spec": {},
        "status": status,
    })
}

/// What a BGPSession says beside node and peer.
fn session_status(session: &SessionStatus) -> Map<String, Value> {
    let negotiated = session.negotiated.as_ref();
    let seconds = |time: Duration| u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
    let since = i64::try_from(session.since.as_secs()).ok();
    let status = BGPSessionStatus {
        address: session.address.to_string(),
        port: session.port,
        asn: session.peer_as.map(|peer_as| peer_as.0),
        local_asn: session.local_as.0,
        state: match session.state {
            SessionSummary::Established => BGPSessionState::Established,
            SessionSummary::Down => BGPSessionState::Down,
        },
        since: since
            .and_then(|since| Timestamp::from_second(since).ok())
            .map(Time),
        local_address: session.local_address.map(|address| address.to_string()),
        router_id: negotiated.map(|agreed| agreed.router_id.to_string()),
        hold_time_seconds: negotiated.map(|agreed| agreed.hold_time.as_secs()),
        keepalive_time_seconds: negotiated
            .and_then(|agreed| agreed.keepalive_time)
            .map(seconds),
        families: negotiated
            .and_then(|agreed| agreed.families)
            .map(families)
            .unwrap_or_default(),
        prefixes_sent: session.sent,
        prefixes_accepted: session.accepted,
        last_error: session.last_error.clone(),
        passive: session.initiative == Initiative::Passive,
        draining: session.draining,
        ..BGPSessionStatus::default()
    };
    match json!(status) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn families(families: Families) -> Vec<IpFamily> {
    let each = [(Family::V4, IpFamily::IPv4), (Family::V6, IpFamily::IPv6)];
    each.into_iter()
        .filter(|(family, _)| families.contains(*family))
        .map(|(_, name)| name)
        .collect()
}

/// The name of a component's ConfigurationState, and of its log of events.
#[must_use]
pub fn component_name(component: &Component) -> String {
    match component {
        Component::Controller => "controller".to_owned(),
        Component::Speaker(node) => format!("{SPEAKER}{node}"),
    }
}

/// A ConfigurationState in `namespace`. A condition that says the same as in `written`, the object as it is now, keeps
/// its time; the others have changed at `now`.
#[must_use]
pub fn configuration_state(
    namespace: &str,
    state: &ConfigurationState,
    written: Option<&Value>,
    now: Timestamp,
) -> Value {
    let labels = match &state.component {
        Component::Controller => json!({ COMPONENT_TYPE: "controller" }),
        Component::Speaker(node) => json!({ COMPONENT_TYPE: "speaker", NODE_NAME: node.as_str() }),
    };
    let result = match state.result {
        ConfigurationResult::Valid => "Valid",
        ConfigurationResult::Invalid => "Invalid",
    };
    let conditions = state.conditions.iter().map(|condition| {
        let status = condition.status.as_str();
        let since = since(written, &condition.condition_type, status).unwrap_or_else(|| time(now));
        json!({
            "type": condition.condition_type,
            "status": status,
            "reason": condition.reason,
            "message": condition.message,
            "lastTransitionTime": since,
        })
    });
    json!({
        "apiVersion": format!("{GROUP}/v1beta1"),
        "kind": "ConfigurationState",
        "metadata": { "name": component_name(&state.component), "namespace": namespace, "labels": labels },
        "status": {
            "result": result,
            "errorSummary": state.error_summary,
            "conditions": conditions.collect::<Vec<_>>(),
        },
    })
}

/// Since when a condition has had this status.
fn since(written: Option<&Value>, condition_type: &str, status: &str) -> Option<String> {
    let conditions = written?.pointer("/status/conditions")?.as_array()?;
    let is_same = |condition: &&Value| {
        condition
            .get("type")
            .is_some_and(|text| text == condition_type)
            && condition.get("status").is_some_and(|text| text == status)
    };
    let since = conditions.iter().find(is_same)?.get("lastTransitionTime")?;
    since.as_str().map(str::to_owned)
}

/// The Secret with the last good versions of the configuration.
#[must_use]
pub fn last_good(namespace: &str, versions: &LastGoodVersions) -> Value {
    let data = versions.0.iter();
    let data = data.map(|(key, text)| (key.clone(), json!(ByteString(text.clone().into_bytes()))));
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": LAST_GOOD_SECRET, "namespace": namespace },
        "type": LAST_GOOD_TYPE,
        "data": Map::from_iter(data),
    })
}

/// An event, as Kubernetes has it.
#[must_use]
pub fn event(event: &Event, now: Timestamp) -> Value {
    let (api_version, kind) = type_of(&event.involved);
    let (namespace, name) = name_of(&event.involved);
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": { "apiVersion": api_version, "kind": kind, "name": name, "namespace": namespace },
        "type": event.reason.event_type().as_str(),
        "reason": event.reason.as_str(),
        "message": event.message,
        "source": { "component": event.reason.source_component() },
        "firstTimestamp": time(now),
    })
}

/// `apiVersion` and `kind` of what an event is about.
#[must_use]
pub(crate) fn type_of(involved: &Involved) -> (&'static str, &'static str) {
    match involved {
        Involved::Service(_) => ("v1", "Service"),
        Involved::ConfigMap { .. } => ("v1", "ConfigMap"),
        Involved::FrrConfiguration { .. } => ("frrk8s.metallb.io/v1beta1", "FRRConfiguration"),
    }
}

/// Namespace and name of what an event is about.
#[must_use]
pub(crate) fn name_of(involved: &Involved) -> (&str, &str) {
    match involved {
        Involved::Service(service) => (service.namespace().as_str(), service.name()),
        Involved::ConfigMap { namespace, name }
        | Involved::FrrConfiguration { namespace, name } => (namespace.as_str(), name),
    }
}

/// RFC 3339 in whole seconds, as Kubernetes writes times.
fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
