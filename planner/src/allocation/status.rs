//! What a Service's status and annotation say of its addresses.

use std::net::IpAddr;

use ipam::PoolName;

use super::{Allocation, Outcome};
use crate::effect::Effect;
use crate::names::ServiceKey;
use crate::service::{AddressCondition, AddressField, Service};

/// What a Service's status and annotation say of its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    ingress: Vec<AddressField>,
    has_hostname: bool,
    pool: Option<PoolName>,
    condition: Option<AddressCondition>,
    announced: Option<AddressCondition>,
}

impl Status {
    /// What they say now.
    pub(super) fn of(service: &Service) -> Self {
        Self {
            ingress: service.ingress.clone(),
            has_hostname: service.has_hostname,
            pool: service.allocated_from.clone(),
            condition: service.condition.clone(),
            announced: service.announced.clone(),
        }
    }

    /// Whether they say this already.
    pub(super) fn is_of(&self, service: &Service) -> bool {
        self.tells_addresses_of(service) && self.announced == service.announced
    }

    /// Whether they say this already, but for who announces the addresses.
    pub(super) fn tells_addresses_of(&self, service: &Service) -> bool {
        self.has_addresses_of(service) && self.condition == service.condition
    }

    /// Whether they say this already, the conditions left aside.
    pub(super) fn has_addresses_of(&self, service: &Service) -> bool {
        self.ingress == service.ingress
            && self.has_hostname == service.has_hostname
            && self.pool == service.allocated_from
    }

    /// Makes them say this.
    pub(super) fn put_on(&self, service: &mut Service) {
        service.ingress.clone_from(&self.ingress);
        service.has_hostname = self.has_hostname;
        service.allocated_from.clone_from(&self.pool);
        service.condition.clone_from(&self.condition);
        service.announced.clone_from(&self.announced);
    }
}

impl Allocation {
    /// What status and annotation of the Service shall say; `None` when they are not ours to write.
    pub(super) fn status(&self) -> Option<Status> {
        let (ingress, pool) = match &self.outcome {
            Outcome::Assigned { pool, addresses } => {
                let ingress = addresses.iter().map(AddressField::Ip);
                (ingress.collect(), Some(pool.clone()))
            }
            Outcome::Refused(_) | Outcome::NotLoadBalancer => (Vec::new(), None),
            Outcome::NotOurClass | Outcome::Untouched => return None,
        };
        Some(Status {
            ingress,
            has_hostname: false,
            pool,
            condition: self.condition.clone(),
            announced: self.announced.clone(),
        })
    }

    /// The write that makes status and annotation of the Service say so; none if they do.
    pub(super) fn patch(&self, key: &ServiceKey, service: &Service) -> Option<Effect> {
        let status = self.status().filter(|status| !status.is_of(service))?;
        let ingress: Vec<IpAddr> = status.ingress.iter().filter_map(AddressField::ip).collect();
        Some(Effect::PatchServiceStatus {
            service: key.clone(),
            ingress,
            pool: status.pool,
            condition: status.condition,
            announced: status.announced,
        })
    }

    /// Whether the Service says already what there is to say of its addresses, but for who announces them.
    pub(super) fn tells_addresses_of(&self, service: &Service) -> bool {
        self.status()
            .is_some_and(|status| status.tells_addresses_of(service))
    }

    /// Whether the Service gets another address or pool than status and annotation say.
    pub(super) fn moves(&self, service: &Service) -> bool {
        self.status()
            .is_some_and(|status| !status.has_addresses_of(service))
    }
}
