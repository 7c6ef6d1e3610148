//! Services. What a Service asks for wrongly is the planner's to refuse, with an event on the Service: it is no
//! configuration of ours that could be out of force.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ipam::{PoolName, Port, Protocol};
use k8s_openapi::api::core::v1::{LoadBalancerIngress, Service, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use planner::effect::ConditionStatus;
use planner::service::{
    ADDRESS_ASSIGNED, ANNOUNCED, AddressCondition, AddressField, IpFamilyPolicy, ServiceType,
    TrafficPolicy, wanted_addresses,
};

use super::annotations::{
    ADDRESS_POOL, ALLOW_SHARED_IP, Annotations, IP_ALLOCATED_FROM_POOL, LOAD_BALANCER_IPS, read,
};
use super::last_good::{created, since_epoch};

/// What the planner needs of a Service.
#[must_use]
pub fn service(service: &Service) -> planner::service::Service {
    let none = Annotations::new();
    let annotations = service.metadata.annotations.as_ref().unwrap_or(&none);
    let absent = ServiceSpec::default();
    let spec = service.spec.as_ref().unwrap_or(&absent);
    let mut deprecated_annotations = BTreeSet::new();
    let mut annotation = |name| {
        let (value, deprecated) = read(annotations, name);
        deprecated_annotations.extend(deprecated);
        value.filter(|value| !value.is_empty())
    };
    let wanted_pool = annotation(ADDRESS_POOL).map(PoolName::from);
    let wanted = wanted_addresses(
        annotation(LOAD_BALANCER_IPS),
        spec.load_balancer_ip.as_deref(),
    );
    let sharing_key = annotation(ALLOW_SHARED_IP).map(str::to_owned);
    planner::service::Service {
        uid: service.metadata.uid.as_deref().map(Arc::from),
        labels: service.metadata.labels.clone().unwrap_or_default(),
        created: created(service),
        service_type: match spec.type_.as_deref() {
            Some("LoadBalancer") => ServiceType::LoadBalancer,
            _ => ServiceType::Other,
        },
        load_balancer_class: spec
            .load_balancer_class
            .clone()
            .filter(|class| !class.is_empty()),
        cluster_ips: cluster_ips(spec),
        ip_family_policy: match spec.ip_family_policy.as_deref() {
            Some("PreferDualStack") => IpFamilyPolicy::PreferDualStack,
            Some("RequireDualStack") => IpFamilyPolicy::RequireDualStack,
            _ => IpFamilyPolicy::SingleStack,
        },
        traffic_policy: match spec.external_traffic_policy.as_deref() {
            Some("Local") => TrafficPolicy::Local,
            _ => TrafficPolicy::Cluster,
        },
        selector: spec.selector.clone().unwrap_or_default(),
        ports: ports(spec),
        wanted,
        wanted_pool,
        sharing_key,
        allocated_from: annotations
            .get(IP_ALLOCATED_FROM_POOL)
            .map(|pool| PoolName::from(pool.as_str())),
        ingress: addresses(service),
        has_hostname: ingress(service).any(|ingress| ip(ingress).is_none()),
        condition: condition(service, ADDRESS_ASSIGNED).map(said),
        condition_since: condition(service, ADDRESS_ASSIGNED).map(since),
        announced: condition(service, ANNOUNCED).map(said),
        announced_since: condition(service, ANNOUNCED).map(since),
        deprecated_annotations,
    }
}

/// `clusterIPs`, else `clusterIP` alone.
fn cluster_ips(spec: &ServiceSpec) -> Vec<AddressField> {
    let several = spec.cluster_ips.as_deref().unwrap_or_default();
    let one = spec.cluster_ip.as_slice();
    let addresses = if several.is_empty() { one } else { several };
    addresses
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| AddressField::parse(text))
        .collect()
}

/// A port that is no port of ours shares with everybody, as one that is not there.
fn ports(spec: &ServiceSpec) -> BTreeSet<Port> {
    let ports = spec.ports.iter().flatten().filter_map(|port| {
        let protocol = match port.protocol.as_deref() {
            None | Some("TCP") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some("SCTP") => Protocol::Sctp,
            Some(_) => return None,
        };
        Some(Port::new(protocol, u16::try_from(port.port).ok()?))
    });
    ports.collect()
}

fn addresses(service: &Service) -> Vec<AddressField> {
    ingress(service)
        .filter_map(ip)
        .map(AddressField::parse)
        .collect()
}

fn ingress(service: &Service) -> impl Iterator<Item = &LoadBalancerIngress> {
    let status = service.status.iter();
    let load_balancer = status.filter_map(|status| status.load_balancer.as_ref());
    load_balancer.flat_map(|status| status.ingress.iter().flatten())
}

fn ip(ingress: &LoadBalancerIngress) -> Option<&str> {
    ingress.ip.as_deref().filter(|ip| !ip.is_empty())
}

/// A condition that is ours.
fn condition<'a>(service: &'a Service, condition_type: &str) -> Option<&'a Condition> {
    let conditions = service.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .find(|condition| condition.type_ == condition_type)
}

fn said(condition: &Condition) -> AddressCondition {
    AddressCondition {
        status: match condition.status.as_str() {
            "True" => ConditionStatus::True,
            _ => ConditionStatus::False,
        },
        reason: condition.reason.clone().into(),
        message: condition.message.clone(),
    }
}

fn since(condition: &Condition) -> Duration {
    since_epoch(&condition.last_transition_time)
}
