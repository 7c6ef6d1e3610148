//! What has been written and has not come back through the source yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipam::{PoolName, ReservationName, Usage};
use planner::effect::Effect;
use planner::names::ServiceKey;
use planner::reservation::ReservationStatus;
use planner::service::{AddressCondition, AddressField, Service};
use planner::snapshot::Snapshot;

/// What has been written and has not come back through the source yet.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    services: BTreeMap<ServiceKey, Patch>,
    /// The usage of pools never has to come back: nobody but the controller writes it.
    usage: BTreeMap<PoolName, Usage>,
    /// The same of IPReservations.
    reservations: BTreeMap<ReservationName, ReservationStatus>,
}

#[derive(Debug)]
struct Patch {
    before: Assigned,
    after: Assigned,
    /// How many times [`Unseen::expire`] has met it.
    age: u8,
}

/// Addresses and pool of a Service, as its status and annotation have them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Assigned {
    ingress: Vec<AddressField>,
    pool: Option<PoolName>,
    condition: Option<AddressCondition>,
}

impl Assigned {
    fn of(service: &Service) -> Self {
        Self {
            ingress: service.ingress.clone(),
            pool: service.allocated_from.clone(),
            condition: service.condition.clone(),
        }
    }
}

impl Unseen {
    /// Makes the snapshot say what has been written, and forgets what it says already.
    ///
    /// A Service that says neither what it said before nor what was written has been changed by somebody else since.
    pub(super) fn lay_over(&mut self, snapshot: &mut Snapshot) {
        self.services.retain(|key, patch| {
            let Some(service) = snapshot.services.get_mut(key) else {
                return false;
            };
            if Assigned::of(service) != patch.before {
                return false;
            }
            let service = Arc::make_mut(service);
            service.ingress.clone_from(&patch.after.ingress);
            service.allocated_from.clone_from(&patch.after.pool);
            service.condition.clone_from(&patch.after.condition);
            true
        });
        self.usage
            .retain(|pool, _| snapshot.config.pools.addresses().get(pool).is_some());
        snapshot.reported_usage.extend(
            self.usage
                .iter()
                .map(|(pool, usage)| (pool.clone(), *usage)),
        );
        self.reservations
            .retain(|name, _| snapshot.config.reservations.get(name).is_some());
        snapshot.reported_reservations.extend(
            self.reservations
                .iter()
                .map(|(name, status)| (name.clone(), status.clone())),
        );
    }

    /// Remembers an effect that has been carried out, decided from `snapshot`.
    pub(super) fn written(&mut self, effect: Effect, snapshot: &Snapshot) {
        match effect {
            Effect::PatchServiceStatus {
                service,
                ingress,
                pool,
                condition,
            } => {
                let Some(current) = snapshot.services.get(&service) else {
                    return;
                };
                let ingress = ingress.into_iter().map(AddressField::Ip).collect();
                let after = Assigned {
                    ingress,
                    pool,
                    condition,
                };
                // Written twice before it was seen once: what the source shows is still what was before the first.
                let before = self.services.remove(&service).map(|earlier| earlier.before);
                let before = before.unwrap_or_else(|| Assigned::of(current));
                self.services.insert(
                    service,
                    Patch {
                        before,
                        after,
                        age: 0,
                    },
                );
            }
            Effect::PoolStatus { pool, usage } => {
                self.usage.insert(pool, usage);
            }
            Effect::ReservationStatus {
                reservation,
                status,
            } => {
                self.reservations.insert(reservation, status);
            }
            Effect::UpsertStatus { .. }
            | Effect::DeleteStatus { .. }
            | Effect::EmitEvent(_)
            | Effect::ConfigurationState(_) => {}
        }
    }

    /// Forgets what has been there the last time already: it should have come back long ago.
    pub(super) fn expire(&mut self) {
        self.services.retain(|_, patch| {
            patch.age = patch.age.saturating_add(1);
            patch.age < 2
        });
        self.usage.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn key() -> ServiceKey {
        ServiceKey::new("shop", "web")
    }

    fn snapshot(ingress: &[IpAddr]) -> Snapshot {
        let ingress = ingress.iter().copied().map(AddressField::Ip).collect();
        let service = Service {
            ingress,
            ..Service::default()
        };
        Snapshot {
            services: BTreeMap::from([(key(), service.into())]),
            ..Snapshot::default()
        }
    }

    fn patched() -> Unseen {
        let mut unseen = Unseen::default();
        let patch = Effect::PatchServiceStatus {
            service: key(),
            ingress: vec![ADDRESS],
            pool: None,
            condition: None,
        };
        unseen.written(patch, &snapshot(&[]));
        unseen
    }

    fn addresses(snapshot: &Snapshot) -> Vec<IpAddr> {
        snapshot.services[&key()].addresses().collect()
    }

    #[test]
    fn a_patch_is_laid_over_until_it_is_seen() {
        let mut unseen = patched();
        let mut stale = snapshot(&[]);
        unseen.lay_over(&mut stale);
        assert_eq!(addresses(&stale), [ADDRESS]);

        unseen.lay_over(&mut snapshot(&[ADDRESS]));
        let mut cleared_by_somebody = snapshot(&[]);
        unseen.lay_over(&mut cleared_by_somebody);
        assert!(addresses(&cleared_by_somebody).is_empty());
    }

    #[test]
    fn a_patch_that_is_never_seen_is_given_up() {
        let mut unseen = patched();
        unseen.expire();
        let mut stale = snapshot(&[]);
        unseen.lay_over(&mut stale);
        assert_eq!(addresses(&stale), [ADDRESS]);
        unseen.expire();
        let mut stale = snapshot(&[]);
        unseen.lay_over(&mut stale);
        assert!(addresses(&stale).is_empty());
    }

    #[test]
    fn a_service_made_anew_is_not_given_the_old_address() {
        let mut unseen = patched();
        unseen.lay_over(&mut Snapshot::default());
        let mut anew = snapshot(&[]);
        unseen.lay_over(&mut anew);
        assert!(addresses(&anew).is_empty());
    }
}
