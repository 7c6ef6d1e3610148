//! Services that have something to announce, with all that is known about each in one place.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipam::PoolName;

use crate::endpoints::Endpoints;
use crate::names::ServiceKey;
use crate::service::{AddressField, Service, ServiceType};
use crate::snapshot::Snapshot;
use crate::verdict::Reason;

/// Services and what has become of each: what it has to announce, or why it has nothing; `None` where it is gone.
pub(crate) type Examined<'a> = BTreeMap<&'a ServiceKey, Option<Result<Subject<'a>, Reason>>>;

/// Looks at each of these Services.
pub(crate) fn examine<'a>(
    snapshot: &'a Snapshot,
    keys: impl IntoIterator<Item = &'a ServiceKey>,
) -> Examined<'a> {
    let examined = keys.into_iter().map(|key| {
        let service = snapshot.services.get_key_value(key);
        let subject = service.map(|(key, service)| Subject::examine(key, service, snapshot));
        (key, subject)
    });
    examined.collect()
}

/// Looks at every Service.
pub(crate) fn examine_all(snapshot: &Snapshot) -> Examined<'_> {
    let services = snapshot.services.iter();
    let examined = services.map(|(key, service)| {
        let subject = Subject::examine(key, service, snapshot);
        (key, Some(subject))
    });
    examined.collect()
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
}

static NO_ENDPOINTS: Endpoints = Endpoints::new();
