//! What IPReservations keep and who has it, kept up to date one Service at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipam::{Pools, ReservationName};

use crate::effect::Effect;
use crate::names::ServiceKey;
use crate::reservation::{ReservationPlan, ReservationStatus};
use crate::service::Service;
use crate::snapshot::Snapshot;

/// What IPReservations keep and who has it.
#[derive(Debug, Default)]
pub(super) struct Reserved {
    plan: ReservationPlan,
    /// Who has which of the addresses that are kept.
    users: BTreeMap<IpAddr, BTreeSet<ServiceKey>>,
    used: BTreeMap<ServiceKey, Vec<IpAddr>>,
    /// What the statuses were told to say.
    told: BTreeMap<ReservationName, ReservationStatus>,
    /// Whose status may have to say something else.
    outdated: BTreeSet<ReservationName>,
}

impl Reserved {
    /// Chooses anew. Who has what is then to be said again.
    pub(super) fn choose<'a>(
        &mut self,
        snapshot: &'a Snapshot,
        services: impl Iterator<Item = (&'a ServiceKey, &'a Service)>,
    ) {
        self.plan = ReservationPlan::new(snapshot, services, &self.plan);
        self.users.clear();
        self.used.clear();
        self.outdated = self.plan.names().cloned().collect();
        self.told.retain(|name, _| self.outdated.contains(name));
    }

    /// The pools with what is reserved of them.
    pub(super) fn pools(&self) -> &Pools {
        self.plan.pools()
    }

    /// Whether an address that becomes free is to be chosen at once.
    pub(super) fn is_short(&self) -> bool {
        self.plan.is_short()
    }

    /// A Service has these addresses from now on, or is another in what matters to those that it has.
    pub(super) fn set_addresses(&mut self, key: &ServiceKey, addresses: &[IpAddr]) {
        let pools = self.plan.pools();
        for address in self.used.remove(key).unwrap_or_default() {
            self.outdated.extend(pools.reservation_of(address).cloned());
            if let Some(users) = self.users.get_mut(&address) {
                users.remove(key);
            }
        }
        let mut used = Vec::new();
        for address in addresses {
            if let Some(reservation) = pools.reservation_of(*address) {
                self.outdated.insert(reservation.clone());
                self.users.entry(*address).or_default().insert(key.clone());
                used.push(*address);
            }
        }
        if !used.is_empty() {
            self.used.insert(key.clone(), used);
        }
    }

    /// What there is to write that has not been.
    pub(super) fn tell(&mut self, snapshot: &Snapshot, effects: &mut Vec<Effect>) {
        let outdated = std::mem::take(&mut self.outdated);
        for (reservation, status) in self.statuses(snapshot, outdated.iter()) {
            let told = self.told.get(&reservation);
            let says = told.or_else(|| snapshot.reported_reservations.get(&reservation));
            if says != Some(&status) {
                self.told.insert(reservation.clone(), status.clone());
                effects.push(Effect::ReservationStatus {
                    reservation,
                    status,
                });
            }
        }
    }

    /// What could not be written of a reservation, as it must be now.
    pub(super) fn again(&self, snapshot: &Snapshot, name: &ReservationName) -> Option<Effect> {
        let mut statuses = self.statuses(snapshot, [name].into_iter());
        let (reservation, status) = statuses.pop_first()?;
        let says = snapshot.reported_reservations.get(&reservation);
        (says != Some(&status)).then_some(Effect::ReservationStatus {
            reservation,
            status,
        })
    }

    /// Takes for granted no more that the statuses say what they were told to.
    pub(super) fn doubt(&mut self) {
        self.told.clear();
        self.outdated = self.plan.names().cloned().collect();
    }

    fn statuses<'a>(
        &self,
        snapshot: &Snapshot,
        names: impl Iterator<Item = &'a ReservationName>,
    ) -> BTreeMap<ReservationName, ReservationStatus> {
        let users = |address| {
            let users = self.users.get(&address);
            users.map_or_else(Vec::new, |users| users.iter().cloned().collect())
        };
        self.plan.statuses(snapshot, names, users)
    }
}
