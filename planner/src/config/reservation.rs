//! IPReservation.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use ipam::{PoolName, ReservationName};

use super::NamespaceRule;
use crate::family::Families;
use crate::names::ServiceKey;
use crate::selector::Selector;
use crate::service::Service;

/// All IPReservations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservations {
    by_name: BTreeMap<ReservationName, Reservation>,
    // Those for one Service, by that, and the others: what a Service may have is asked of every Service.
    by_service: BTreeMap<ServiceKey, BTreeSet<ReservationName>>,
    by_selector: BTreeSet<ReservationName>,
}

impl Reservations {
    /// Adds a reservation. There is none of that name yet.
    pub fn insert(&mut self, name: ReservationName, reservation: Reservation) {
        match &reservation.services {
            ReservedFor::Service(service) => {
                let names = self.by_service.entry(service.clone()).or_default();
                names.insert(name.clone());
            }
            ReservedFor::Matching { .. } => {
                self.by_selector.insert(name.clone());
            }
        }
        self.by_name.insert(name, reservation);
    }

    /// The reservation of that name.
    #[must_use]
    pub fn get(&self, name: &ReservationName) -> Option<&Reservation> {
        self.by_name.get(name)
    }

    /// All reservations, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ReservationName, &Reservation)> {
        self.by_name.iter()
    }

    /// Those whose addresses are kept for a Service.
    #[must_use]
    pub fn of(&self, key: &ServiceKey, service: &Service) -> BTreeSet<ReservationName> {
        let by_selector = self.by_selector.iter();
        let by_selector = by_selector.filter(|name| {
            self.get(name)
                .is_some_and(|reservation| reservation.services.include(key, service))
        });
        let by_service = self.by_service.get(key).into_iter().flatten();
        by_service.chain(by_selector).cloned().collect()
    }
}

/// An IPReservation: addresses that are kept for certain Services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// When it was created, as time since the Unix epoch: the older chooses its addresses first, equal ones by name.
    pub created: Duration,
    /// The addresses.
    pub addresses: ReservedAddresses,
    /// Whom they are kept for.
    pub services: ReservedFor,
}

/// Which addresses an IPReservation keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReservedAddresses {
    /// `spec.addresses`: these. No two reservations list the same.
    Listed(Vec<IpAddr>),
    /// `spec.count`: so many of a pool, to be chosen.
    Counted {
        /// How many of each family.
        count: NonZeroUsize,
        /// `spec.pool`.
        pool: PoolName,
        /// `spec.ipFamilies`; absent: those of the pool.
        families: Option<Families>,
    },
}

/// Which Services an IPReservation keeps addresses for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReservedFor {
    /// `spec.service`: this one, whether it is there or not.
    Service(ServiceKey),
    /// `spec.serviceSelector` and `spec.namespaces`: all that match.
    Matching {
        /// Their labels.
        services: Selector,
        /// Their namespaces.
        namespaces: NamespaceRule,
    },
}

impl ReservedFor {
    /// Whether a Service is one of them.
    #[must_use]
    pub fn include(&self, key: &ServiceKey, service: &Service) -> bool {
        match self {
            Self::Service(only) => only == key,
            Self::Matching {
                services,
                namespaces,
            } => namespaces.admits(key.namespace()) && services.matches(&service.labels),
        }
    }
}
