//! What the decisions need of a Service.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipam::{Addresses, AddressesError, Family, PoolName, Port};

use crate::effect::ConditionStatus;
use crate::family::Families;
use crate::selector::Labels;

/// Prefix of the annotations that are read and written.
pub const ANNOTATION_PREFIX: &str = "metallb.io/";
/// Prefix that older manifests use; read where the other is absent, never written.
pub const DEPRECATED_ANNOTATION_PREFIX: &str = "metallb.universe.tf/";

/// `type` of the condition that tells whether a Service has its addresses.
pub const ADDRESS_ASSIGNED: &str = "ferrolb.io/AddressAssigned";
/// `type` of the condition that tells whether any node announces a Service's addresses.
pub const ANNOUNCED: &str = "ferrolb.io/Announced";

/// What the decisions need of a Service.
///
/// The default is a LoadBalancer Service without labels, ports, ClusterIPs or addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// `metadata.uid`, where there is one: another for a Service that was deleted and made anew under its name.
    pub uid: Option<Arc<str>>,
    /// Labels, for the selectors of pools and advertisements.
    pub labels: Labels,
    /// When it was created, as time since the Unix epoch: of two Services that want one address the older wins.
    pub created: Duration,
    /// `spec.type`.
    pub service_type: ServiceType,
    /// `spec.loadBalancerClass`.
    pub load_balancer_class: Option<String>,
    /// `spec.clusterIPs`, or `spec.clusterIP` alone; the first one's family is the primary one.
    pub cluster_ips: Vec<AddressField>,
    /// `spec.ipFamilyPolicy`.
    pub ip_family_policy: IpFamilyPolicy,
    /// `spec.externalTrafficPolicy`.
    pub traffic_policy: TrafficPolicy,
    /// `spec.selector`: with the policy Local, only Services with equal selectors share an address.
    pub selector: BTreeMap<String, String>,
    /// Protocol and number of each of `spec.ports`.
    pub ports: BTreeSet<Port>,
    /// The addresses asked for by annotation or `spec.loadBalancerIP`, if any; see [`wanted_addresses`].
    pub wanted: Option<Result<Addresses, WantedError>>,
    /// Annotation `address-pool`, absent when empty.
    pub wanted_pool: Option<PoolName>,
    /// Annotation `allow-shared-ip`, absent when empty.
    pub sharing_key: Option<String>,
    /// Annotation `metallb.io/ip-allocated-from-pool` as it is now, of this prefix alone.
    pub allocated_from: Option<PoolName>,
    /// `ip` of each of `status.loadBalancer.ingress`, in order; entries with a hostname alone are left out.
    pub ingress: Vec<AddressField>,
    /// Whether `status.loadBalancer.ingress` has an entry with a hostname alone: it counts for nothing, and goes with
    /// the next write.
    pub has_hostname: bool,
    /// The condition [`ADDRESS_ASSIGNED`] as it is now.
    pub condition: Option<AddressCondition>,
    /// `lastTransitionTime` of that condition, as time since the Unix epoch.
    pub condition_since: Option<Duration>,
    /// The condition [`ANNOUNCED`] as it is now.
    pub announced: Option<AddressCondition>,
    /// `lastTransitionTime` of that condition, as time since the Unix epoch.
    pub announced_since: Option<Duration>,
    /// Annotations with the deprecated prefix that were read.
    pub deprecated_annotations: BTreeSet<String>,
}

impl Service {
    /// The families of the ClusterIPs; `None` when they are not one address, or one of each family.
    #[must_use]
    pub fn families(&self) -> Option<Families> {
        let addresses: Option<Vec<IpAddr>> =
            self.cluster_ips.iter().map(AddressField::ip).collect();
        Families::of(Addresses::try_new(&addresses?).ok()?.iter())
    }

    /// The family of the first ClusterIP.
    #[must_use]
    pub fn primary_family(&self) -> Option<Family> {
        self.cluster_ips
            .first()
            .and_then(AddressField::ip)
            .map(Family::of)
    }

    /// The addresses in the status, in its order; those that do not parse are left out.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.ingress.iter().filter_map(AddressField::ip)
    }
}

/// A condition about addresses: [`ADDRESS_ASSIGNED`] or [`ANNOUNCED`] of a Service, or
/// [`RESERVED`](crate::reservation::RESERVED) of an IPReservation. Whoever writes it sets `lastTransitionTime` when the status changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressCondition {
    /// `status`: whether the object has what it asks for.
    pub status: ConditionStatus,
    /// `reason`: `Assigned` or `Reserved`, or why not; see
    /// [`AllocationRefusal::reason`](crate::allocation::AllocationRefusal).
    pub reason: Cow<'static, str>,
    /// `message`: the addresses, or what is in the way and what would help.
    pub message: String,
}

/// `spec.type` of a Service, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceType {
    /// `LoadBalancer`.
    #[default]
    LoadBalancer,
    /// Any other: no address, and none announced.
    Other,
}

/// `spec.ipFamilyPolicy` of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpFamilyPolicy {
    /// One family.
    #[default]
    SingleStack,
    /// Both where possible.
    PreferDualStack,
    /// Both or none.
    RequireDualStack,
}

/// `spec.externalTrafficPolicy` of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrafficPolicy {
    /// A node passes traffic on to any endpoint.
    #[default]
    Cluster,
    /// A node passes traffic to its own endpoints alone.
    Local,
}

/// An address as a field of an object spells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressField {
    /// An address. An IPv4-mapped IPv6 address is taken as IPv4, as Go does.
    Ip(IpAddr),
    /// Some other text.
    Invalid(String),
}

impl AddressField {
    /// Reads the text of a field.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.parse::<IpAddr>().map_or_else(
            |_| Self::Invalid(text.to_owned()),
            |ip| Self::Ip(ip.to_canonical()),
        )
    }

    /// The address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Invalid(_) => None,
        }
    }
}

impl From<IpAddr> for AddressField {
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip.to_canonical())
    }
}

impl fmt::Display for AddressField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "{ip}"),
            Self::Invalid(text) => f.write_str(text),
        }
    }
}

/// Reads what a Service asks for: the annotation `loadBalancerIPs` (a comma-separated list) and `spec.loadBalancerIP`.
/// An empty text counts as absent; `None` when both are.
///
/// The inner result is an error when both are given, when one does not parse, or when there is more than one address of
/// a family.
#[must_use]
pub fn wanted_addresses(
    annotation: Option<&str>,
    field: Option<&str>,
) -> Option<Result<Addresses, WantedError>> {
    let annotation = annotation.filter(|text| !text.is_empty());
    let field = field.filter(|text| !text.is_empty());
    match (annotation, field) {
        (None, None) => None,
        (Some(_), Some(_)) => Some(Err(WantedError::Contradictory)),
        (None, Some(text)) => Some(match AddressField::parse(text) {
            AddressField::Ip(ip) => Ok(Addresses::single(ip)),
            AddressField::Invalid(text) => Err(WantedError::InvalidField { text }),
        }),
        (Some(list), None) => Some(parse_list(list)),
    }
}

fn parse_list(list: &str) -> Result<Addresses, WantedError> {
    let addresses: Option<Vec<IpAddr>> = list
        .split(',')
        .map(|text| AddressField::parse(text.trim()).ip())
        .collect();
    let addresses = addresses.ok_or_else(|| WantedError::InvalidAnnotation {
        text: list.to_owned(),
    })?;
    Addresses::try_new(&addresses).map_err(WantedError::Addresses)
}

/// Why a Service's request for addresses makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WantedError {
    /// Annotation and field are both given.
    #[error("service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP")]
    Contradictory,
    /// The annotation holds something that is no address.
    #[error("invalid metallb.io/loadBalancerIPs: {text:?}")]
    InvalidAnnotation {
        /// The annotation's value.
        text: String,
    },
    /// The field holds something that is no address.
    #[error("invalid spec.loadBalancerIP {text:?}")]
    InvalidField {
        /// The field's value.
        text: String,
    },
    /// A Service has at most one address of each family.
    #[error("invalid metallb.io/loadBalancerIPs: {0}")]
    Addresses(AddressesError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_with_spaces_gives_one_address_of_each_family_in_its_order() {
        let wanted = wanted_addresses(Some("2001:db8::1 , 192.0.2.1"), None);
        assert_eq!(
            wanted,
            Some(Ok(Addresses::try_new(&[
                ip("2001:db8::1"),
                ip("192.0.2.1")
            ])
            .unwrap()))
        );
    }

    #[test]
    fn the_field_gives_one_address() {
        let wanted = Some(Ok(Addresses::single(ip("192.0.2.1"))));
        assert_eq!(wanted_addresses(None, Some("192.0.2.1")), wanted);
        assert_eq!(wanted_addresses(Some(""), Some("192.0.2.1")), wanted);
        assert_eq!(wanted_addresses(Some(""), Some("")), None);
    }

    #[test]
    fn annotation_and_field_together_are_contradictory() {
        assert_eq!(
            wanted_addresses(Some("192.0.2.1"), Some("192.0.2.1")),
            Some(Err(WantedError::Contradictory))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_text() {
        let text = || "192.0.2.1,192.0.2.300".to_owned();
        assert_eq!(
            wanted_addresses(Some(&text()), None),
            Some(Err(WantedError::InvalidAnnotation { text: text() }))
        );
        assert_eq!(
            wanted_addresses(None, Some("nowhere")),
            Some(Err(WantedError::InvalidField {
                text: "nowhere".to_owned()
            }))
        );
        assert!(matches!(
            wanted_addresses(Some("192.0.2.1,192.0.2.2"), None),
            Some(Err(WantedError::Addresses(
                AddressesError::SameFamily { .. }
            )))
        ));
    }

    #[test]
    fn the_families_are_those_of_the_cluster_ips() {
        let service = |ips: &[&str]| Service {
            cluster_ips: ips.iter().map(|text| AddressField::parse(text)).collect(),
            ..Service::default()
        };
        assert_eq!(service(&["10.0.0.1"]).families(), Some(Families::Ipv4));
        assert_eq!(
            service(&["fd00::1", "10.0.0.1"]).families(),
            Some(Families::Both)
        );
        assert_eq!(
            service(&["fd00::1", "10.0.0.1"]).primary_family(),
            Some(Family::V6)
        );
        assert_eq!(service(&["None"]).families(), None);
        assert_eq!(service(&["10.0.0.1", "10.0.0.2"]).families(), None);
        assert_eq!(service(&[]).families(), None);
    }

    #[test]
    fn an_ipv4_mapped_address_is_an_ipv4_address() {
        assert_eq!(
            AddressField::parse("::ffff:192.0.2.1").ip(),
            Some(ip("192.0.2.1"))
        );
    }
}
