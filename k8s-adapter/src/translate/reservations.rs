//! IPReservation: addresses that are kept for certain Services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroUsize;

use ipam::{Family, PoolName, ReservationName};
use planner::config::{NamespaceRule, Reservation, Reservations, ReservedAddresses, ReservedFor};
use planner::effect::ConditionStatus;
use planner::family::Families;
use planner::names::{NamespaceName, ServiceKey};
use planner::reservation::{RESERVED, ReservationStatus};
use planner::service::AddressCondition;

use super::error::{Kind, ObjectName, ObjectRef, Reason};
use super::last_good::{Faults, created};
use super::selectors::selector;
use crate::crd::{IPReservation, IPReservationSpec, IpFamily, ServiceReference};

/// Reads an IPReservation.
pub(super) fn translate(object: &IPReservation, faults: &mut Faults) -> Option<Reservation> {
    let addresses = addresses(&object.spec, faults);
    let services = services(&object.spec, faults);
    Some(Reservation {
        created: created(object),
        addresses: addresses?,
        services: services?,
    })
}

fn addresses(spec: &IPReservationSpec, faults: &mut Faults) -> Option<ReservedAddresses> {
    let listed = !spec.addresses.is_empty();
    let Some(count) = spec.count else {
        for (field, is_set) in [
            ("spec.pool", spec.pool.is_some()),
            ("spec.ipFamilies", !spec.ip_families.is_empty()),
        ] {
            if is_set {
                faults.reject(
                    field,
                    Reason::Needs {
                        other: "spec.count",
                    },
                );
            }
        }
        if !listed {
            faults.reject(
                "spec.addresses",
                Reason::OneOf {
                    other: "spec.count",
                },
            );
            return None;
        }
        return listed_addresses(&spec.addresses, faults).map(ReservedAddresses::Listed);
    };
    if listed {
        faults.reject(
            "spec.count",
            Reason::Exclusive {
                other: "spec.addresses",
            },
        );
    }
    let number = usize::try_from(count)
        .ok()
        .filter(|count| (1..=MAX_COUNT).contains(count));
    let count = number.and_then(NonZeroUsize::new);
    if count.is_none() {
        let detail = format!(
            "{} is not from 1 to {MAX_COUNT}",
            spec.count.unwrap_or_default()
        );
        faults.reject("spec.count", Reason::Invalid(detail));
    }
    let Some(pool) = spec.pool.as_deref().filter(|pool| !pool.is_empty()) else {
        faults.reject("spec.pool", Reason::Missing);
        return None;
    };
    Some(ReservedAddresses::Counted {
        count: count?,
        pool: PoolName::from(pool),
        families: families(&spec.ip_families),
    })
}

fn listed_addresses(texts: &[String], faults: &mut Faults) -> Option<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("spec.addresses[{index}]");
        match text
            .parse::<IpAddr>()
            .map(|address| (address, address.to_canonical()))
        {
            Ok((address, canonical)) if address != canonical => {
                let detail =
                    format!("{address} is an IPv4 address inside an IPv6 one; write {canonical}");
                faults.reject(field, Reason::Invalid(detail));
            }
            Ok((address, _)) if addresses.contains(&address) => {
                faults.reject(field, Reason::Duplicate(address.to_string()));
            }
            Ok((address, _)) => addresses.push(address),
            Err(_) => faults.reject(
                field,
                Reason::Invalid(format!("{text:?} is not an IP address")),
            ),
        }
    }
    (addresses.len() == texts.len()).then_some(addresses)
}

fn families(asked: &[IpFamily]) -> Option<Families> {
    let families = asked.iter().map(|family| {
        Families::from(match family {
            IpFamily::IPv4 => Family::V4,
            IpFamily::IPv6 => Family::V6,
        })
    });
    families.reduce(Families::union)
}

fn services(spec: &IPReservationSpec, faults: &mut Faults) -> Option<ReservedFor> {
    match (&spec.service, &spec.service_selector) {
        (None, None) => {
            let other = "spec.serviceSelector";
            faults.reject("spec.service", Reason::OneOf { other });
            None
        }
        (Some(_), Some(_)) => {
            let other = "spec.service";
            faults.reject("spec.serviceSelector", Reason::Exclusive { other });
            None
        }
        (Some(service), None) => {
            if !spec.namespaces.is_empty() {
                let other = "spec.serviceSelector";
                faults.reject("spec.namespaces", Reason::Needs { other });
            }
            for (field, text) in [("namespace", &service.namespace), ("name", &service.name)] {
                if text.is_empty() {
                    faults.reject(format!("spec.service.{field}"), Reason::Missing);
                }
            }
            Some(ReservedFor::Service(key(service)))
        }
        (None, Some(labels)) => {
            faults.distinct("spec.namespaces", &spec.namespaces);
            let namespaces = match spec.namespaces.as_slice() {
                [] => NamespaceRule::Any,
                names => NamespaceRule::Only(
                    names
                        .iter()
                        .map(|name| NamespaceName::from(name.as_str()))
                        .collect(),
                ),
            };
            Some(ReservedFor::Matching {
                services: selector(faults, "spec.serviceSelector", labels)?,
                namespaces,
            })
        }
    }
}

/// The reservations in force, none of which lists what another one does.
#[derive(Default)]
pub(super) struct Accepted {
    reservations: Reservations,
    listed: BTreeMap<IpAddr, ObjectName>,
}

impl Accepted {
    /// Adds a reservation, unless an older one lists one of its addresses.
    pub(super) fn accept(
        &mut self,
        name: &ObjectName,
        reservation: &Reservation,
        faults: &mut Faults,
    ) {
        let listed = match &reservation.addresses {
            ReservedAddresses::Listed(addresses) => addresses.as_slice(),
            ReservedAddresses::Counted { .. } => &[],
        };
        let taken = listed.iter().enumerate();
        let taken =
            taken.filter_map(|(index, address)| Some((index, address, self.listed.get(address)?)));
        let taken: Vec<_> = taken.collect();
        for (index, address, other) in &taken {
            faults.reject(
                format!("spec.addresses[{index}]"),
                Reason::Conflict {
                    what: address.to_string(),
                    with: ObjectRef::new(Kind::IPReservation, (*other).clone()),
                    there: address.to_string(),
                },
            );
        }
        if taken.is_empty() {
            self.listed
                .extend(listed.iter().map(|address| (*address, name.clone())));
            let name = ReservationName::new(name.name.clone());
            self.reservations.insert(name, reservation.clone());
        }
    }

    /// All that have been added.
    pub(super) fn into_reservations(self) -> Reservations {
        self.reservations
    }
}

/// What a reservation's status says, as far as it makes sense.
pub(super) fn reported_status(
    name: &ObjectName,
    object: &IPReservation,
) -> Option<(ReservationName, ReservationStatus)> {
    let status = object.status.as_ref()?;
    let users = status.users.iter();
    let users = users.filter_map(|user| Some((user.address.parse().ok()?, key(&user.service))));
    let mut conditions = status.conditions.iter();
    let condition = conditions.find(|condition| condition.type_ == RESERVED);
    let status = ReservationStatus {
        addresses: status
            .addresses
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect(),
        users: users.collect::<BTreeSet<_>>(),
        condition: condition.map(|condition| AddressCondition {
            status: match condition.status.as_str() {
                "True" => ConditionStatus::True,
                _ => ConditionStatus::False,
            },
            reason: condition.reason.clone().into(),
            message: condition.message.clone(),
        }),
    };
    Some((ReservationName::new(name.name.clone()), status))
}

fn key(service: &ServiceReference) -> ServiceKey {
    ServiceKey::new(service.namespace.as_str(), service.name.as_str())
}

/// The largest `spec.count`, as in the definition.
const MAX_COUNT: usize = 256;
