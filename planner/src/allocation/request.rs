//! What a Service asks of the allocator.

use ipam::{Assignment, Claim, Families, Request, Sharing, Wanted};

use crate::family;
use crate::names::ServiceKey;
use crate::service::{IpFamilyPolicy, Service, ServiceType, TrafficPolicy, WantedError};
use crate::snapshot::Snapshot;

/// How a Service stands towards the allocator.
pub(super) enum Case {
    /// Another's business.
    NotOurClass,
    /// It wants no address.
    NotLoadBalancer,
    /// It has no ClusterIP from which to tell the families.
    NoClusterIps,
    /// It requires two families and has the ClusterIP of one.
    NotEnoughClusterIps,
    /// Its ClusterIPs make no sense.
    UnclearClusterIps,
    /// It asks.
    Asks {
        /// For this.
        request: Box<Request>,
        /// And for addresses that make no sense.
        wanted_error: Option<WantedError>,
    },
}

impl Case {
    /// What the allocator must know of the Service.
    pub(super) fn claim(&self, service: &Service) -> Claim {
        let request = match self {
            Self::Asks { request, .. } => Some((**request).clone()),
            _ => None,
        };
        Claim {
            assignment: self.assignment(service),
            request,
        }
    }

    /// Whether status and annotation are ours to write, whatever is in them.
    pub(super) fn is_ours(&self) -> bool {
        !matches!(self, Self::NotOurClass | Self::UnclearClusterIps)
    }

    /// What the Service has now, as far as the allocator must know of it.
    fn assignment(&self, service: &Service) -> Option<Assignment> {
        if service.ingress.is_empty() {
            return None;
        }
        match self {
            Self::Asks { .. } if service.ingress.iter().all(|field| field.ip().is_some()) => {
                Some(Assignment::new(service.addresses()))
            }
            Self::NotOurClass | Self::UnclearClusterIps => {
                Some(Assignment::foreign(service.addresses()))
            }
            Self::Asks { .. }
            | Self::NotLoadBalancer
            | Self::NoClusterIps
            | Self::NotEnoughClusterIps => None,
        }
    }
}

/// The case of a Service, in the order of the rows of MetalLB's convergence.
pub(super) fn examine(key: &ServiceKey, service: &Service, snapshot: &Snapshot) -> Case {
    // With its type a Service loses its class: what is left on it may be of any, and is cleared.
    if service.service_type != ServiceType::LoadBalancer {
        return Case::NotLoadBalancer;
    }
    if !snapshot
        .options
        .is_our_class(service.load_balancer_class.as_deref())
    {
        return Case::NotOurClass;
    }
    if service.cluster_ips.is_empty() {
        return Case::NoClusterIps;
    }
    let dual_required = service.ip_family_policy == IpFamilyPolicy::RequireDualStack;
    if dual_required && service.cluster_ips.len() < 2 {
        return Case::NotEnoughClusterIps;
    }
    let Some(families) = families(service) else {
        return Case::UnclearClusterIps;
    };
    let mut request = Request::new(families);
    let mut wanted_error = None;
    request.created = service.created;
    request.wanted = match &service.wanted {
        None => Wanted::Any,
        Some(Ok(addresses)) => Wanted::Addresses(*addresses),
        Some(Err(error)) => {
            wanted_error = Some(error.clone());
            Wanted::KeepOnly
        }
    };
    request.pool.clone_from(&service.wanted_pool);
    request.ports.clone_from(&service.ports);
    request.sharing = service
        .sharing_key
        .as_deref()
        .and_then(|key| Sharing::try_new(key, backend(service)));
    let admitting = snapshot.config.pools.policies().filter(|(_, policy)| {
        policy
            .allocation
            .as_ref()
            .is_some_and(|allocation| allocation.admits(key, service))
    });
    request.admitted_to = admitting.map(|(name, _)| name.clone()).collect();
    request.reservations = snapshot.config.reservations.of(key, service);
    Case::Asks {
        request: Box::new(request),
        wanted_error,
    }
}

fn families(service: &Service) -> Option<Families> {
    let primary = service.primary_family()?;
    Some(match (service.families()?, service.ip_family_policy) {
        (family::Families::Both, IpFamilyPolicy::PreferDualStack) => {
            Families::PreferDual { primary }
        }
        (family::Families::Both, _) => Families::RequireDual,
        _ => Families::Single(primary),
    })
}

/// What two Services must have in common to share an address beside the key: with traffic policy Local the pods, since
/// only nodes with a pod take traffic.
fn backend(service: &Service) -> String {
    match service.traffic_policy {
        TrafficPolicy::Cluster => String::new(),
        TrafficPolicy::Local => {
            let terms: Vec<String> = service
                .selector
                .iter()
                .map(|(label, value)| format!("{label}={value}"))
                .collect();
            terms.join(",")
        }
    }
}
