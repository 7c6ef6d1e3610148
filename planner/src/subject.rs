//! Services that have something to announce, with all that is known about each in one place.

use std::net::IpAddr;
use std::time::Duration;

use ipam::PoolName;

use crate::endpoints::Endpoints;
use crate::names::ServiceKey;
use crate::service::{AddressField, Service, ServiceType};
use crate::snapshot::Snapshot;
use crate::verdict::Reason;

/// Every Service, told apart by whether it has something to announce.
pub(crate) struct Subjects<'a> {
    announceable: Vec<Subject<'a>>,
    withheld: Vec<(&'a ServiceKey, Reason)>,
}

impl<'a> Subjects<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Self {
        let mut subjects = Self {
            announceable: Vec::new(),
            withheld: Vec::new(),
        };
        for (key, service) in &snapshot.services {
            match Subject::examine(key, service, snapshot) {
                Ok(subject) => subjects.announceable.push(subject),
                Err(reason) => subjects.withheld.push((key, reason)),
            }
        }
        subjects.announceable.sort_by_key(Subject::seniority);
        subjects
    }

    /// Those with addresses, the most senior first.
    pub(crate) fn announceable(&self) -> &[Subject<'a>] {
        &self.announceable
    }

    /// Those without, and why.
    pub(crate) fn withheld(&self) -> &[(&'a ServiceKey, Reason)] {
        &self.withheld
    }
}

/// A Service with addresses of one pool.
pub(crate) struct Subject<'a> {
    pub(crate) key: &'a ServiceKey,
    pub(crate) service: &'a Service,
    pub(crate) pool: &'a PoolName,
    /// The addresses in the order of the status. Never empty.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) endpoints: &'a Endpoints,
}

impl<'a> Subject<'a> {
    /// What must hold before any protocol is asked.
    fn examine(
        key: &'a ServiceKey,
        service: &'a Service,
        snapshot: &'a Snapshot,
    ) -> Result<Self, Reason> {
        if !snapshot
            .options
            .is_our_class(service.load_balancer_class.as_deref())
        {
            return Err(Reason::NotOurClass {
                class: service.load_balancer_class.clone(),
            });
        }
        if service.service_type != ServiceType::LoadBalancer {
            return Err(Reason::NotLoadBalancer);
        }
        if service.ingress.is_empty() {
            return Err(Reason::NoIpAllocated);
        }
        let mut addresses = Vec::with_capacity(service.ingress.len());
        for field in &service.ingress {
            match field {
                AddressField::Ip(address) => addresses.push(*address),
                AddressField::Invalid(text) => {
                    return Err(Reason::InvalidIp { text: text.clone() });
                }
            }
        }
        let Ok(pool) = snapshot
            .config
            .pools
            .addresses()
            .pool_for(addresses.iter().copied())
        else {
            return Err(Reason::IpNotAllowed { addresses });
        };
        let endpoints = snapshot.endpoints.get(key).unwrap_or(&NO_ENDPOINTS);
        Ok(Self {
            key,
            service,
            pool: pool.name(),
            addresses,
            endpoints,
        })
    }

    /// Sorts the older before the younger: where two Services get in each other's way, the older has precedence.
    pub(crate) fn seniority(&self) -> (Duration, &'a ServiceKey) {
        (self.service.created, self.key)
    }
}

static NO_ENDPOINTS: Endpoints = Endpoints::new();
