//! Which addresses each IPReservation keeps, and what its status says of them.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipam::{Family, LookupError, Pool, PoolName, Pools, ReservationName};

use crate::config::{Reservation, ReservedAddresses, ReservedFor};
use crate::effect::ConditionStatus;
use crate::family::Families;
use crate::names::ServiceKey;
use crate::service::{AddressCondition, Service};
use crate::snapshot::Snapshot;

/// `type` of the condition that tells whether an IPReservation keeps all that it shall.
pub const RESERVED: &str = "Reserved";

/// What the status of an IPReservation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationStatus {
    /// `status.addresses`: those that are kept, in the order in which they are handed out. With `spec.count` this is the
    /// only record of which were chosen.
    pub addresses: Vec<IpAddr>,
    /// `status.users`: who has which of them.
    pub users: BTreeSet<(IpAddr, ServiceKey)>,
    /// Condition [`RESERVED`].
    pub condition: Option<AddressCondition>,
}

/// Which addresses each IPReservation keeps. A function of the snapshot; what has been chosen is in the statuses there,
/// and in the plan before it until the statuses show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReservationPlan {
    pools: Pools,
    kept: BTreeMap<ReservationName, Kept>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    addresses: Vec<IpAddr>,
    lack: Option<Lack>,
}

impl ReservationPlan {
    /// The plan for a snapshot by itself.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let services = snapshot.services.iter();
        let services = services.map(|(key, service)| (key, service.as_ref()));
        Self::new(snapshot, services, &Self::default())
    }

    /// Chooses addresses for the reservations that count them, older before younger, and each of them as long as it can
    /// be: what it has kept until now; then what its Services have, of the older first; then what nobody has, the lowest
    /// first. The Services are all of the snapshot, with the addresses that they count as having.
    #[must_use]
    pub fn new<'a>(
        snapshot: &'a Snapshot,
        services: impl Iterator<Item = (&'a ServiceKey, &'a Service)>,
        before: &Self,
    ) -> Self {
        let reservations = &snapshot.config.reservations;
        let mut choice = Choice {
            snapshot,
            used: LazyCell::new(|| used(services)),
            plan: Self {
                pools: snapshot.config.pools.addresses().clone(),
                kept: BTreeMap::new(),
            },
        };
        let mut counted = Vec::new();
        for (name, reservation) in reservations.iter() {
            match &reservation.addresses {
                ReservedAddresses::Listed(addresses) => choice.keep_listed(name, addresses),
                ReservedAddresses::Counted { .. } => counted.push((name, reservation)),
            }
        }
        // The sort is stable and the names came in order.
        counted.sort_by_key(|(_, reservation)| reservation.created);
        for (name, reservation) in &counted {
            let recorded = before.addresses(name).or_else(|| {
                let reported = snapshot.reported_reservations.get(name);
                reported.map(|status| status.addresses.as_slice())
            });
            choice.keep_recorded(name, reservation, recorded.unwrap_or_default());
        }
        for (name, reservation) in &counted {
            choice.fill_up(name, reservation);
        }
        choice.plan
    }

    /// The pools with what is reserved of them, as the allocator takes them.
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The addresses that a reservation keeps; `None` if there is no such reservation.
    #[must_use]
    pub fn addresses(&self, name: &ReservationName) -> Option<&[IpAddr]> {
        let kept = self.kept.get(name)?;
        Some(&kept.addresses)
    }

    /// Whether a reservation has found fewer addresses than it counts, so that it would take what becomes free.
    #[must_use]
    pub fn is_short(&self) -> bool {
        let mut lacks = self.kept.values().map(|kept| &kept.lack);
        lacks.any(|lack| matches!(lack, Some(Lack::Short { .. })))
    }

    /// What the statuses of some reservations shall say, given who has which of their addresses.
    pub fn statuses<'a>(
        &self,
        snapshot: &Snapshot,
        names: impl IntoIterator<Item = &'a ReservationName>,
        holders: impl Fn(IpAddr) -> Vec<ServiceKey>,
    ) -> BTreeMap<ReservationName, ReservationStatus> {
        let status = |name: &ReservationName| {
            let kept = self.kept.get(name)?;
            let reservation = snapshot.config.reservations.get(name)?;
            let users = kept.addresses.iter();
            let users = users.flat_map(|address| {
                holders(*address)
                    .into_iter()
                    .map(|service| (*address, service))
            });
            let users: BTreeSet<_> = users.collect();
            let condition = condition(kept, reservation, &users, snapshot);
            let status = ReservationStatus {
                addresses: kept.addresses.clone(),
                users,
                condition: Some(condition),
            };
            Some((name.clone(), status))
        };
        names.into_iter().filter_map(status).collect()
    }

    /// The names of all reservations.
    pub fn names(&self) -> impl Iterator<Item = &ReservationName> {
        self.kept.keys()
    }
}

/// Who has an address, by address.
type Used<'a> = BTreeMap<IpAddr, Vec<(&'a ServiceKey, &'a Service)>>;

fn used<'a>(services: impl Iterator<Item = (&'a ServiceKey, &'a Service)>) -> Used<'a> {
    let mut used = Used::new();
    for (key, service) in services {
        for address in service.addresses() {
            used.entry(address).or_default().push((key, service));
        }
    }
    used
}

/// A plan in the making.
struct Choice<'a, Search> {
    snapshot: &'a Snapshot,
    // Worked out only if something is to be chosen.
    used: LazyCell<Used<'a>, Search>,
    plan: ReservationPlan,
}

impl<'a, Search: FnOnce() -> Used<'a>> Choice<'a, Search> {
    fn keep_listed(&mut self, name: &ReservationName, addresses: &[IpAddr]) {
        let lack = addresses.iter().find_map(|address| {
            let found = self.plan.pools.pool_for([*address]).map(|pool| {
                pool.excludes(*address).then(|| Lack::Excluded {
                    address: *address,
                    pool: pool.name().clone(),
                })
            });
            found.unwrap_or_else(|error| Some(Lack::Lookup(error)))
        });
        self.keep(name, addresses.iter().copied());
        if let Some(kept) = self.plan.kept.get_mut(name) {
            kept.lack = lack;
        }
    }

    /// Keeps what a reservation has kept already, as far as it counts so many and they can still be handed out; of too
    /// many those that its Services have.
    fn keep_recorded(
        &mut self,
        name: &ReservationName,
        reservation: &Reservation,
        recorded: &[IpAddr],
    ) {
        let ReservedAddresses::Counted { count, pool, .. } = &reservation.addresses else {
            return;
        };
        let Some(pool) = self.snapshot.config.pools.addresses().get(pool) else {
            // It may come back, and the record is in the status alone.
            self.keep(name, recorded.iter().copied());
            return;
        };
        let mut kept = Vec::new();
        for family in families(pool, reservation) {
            let usable = recorded.iter().copied();
            let usable = usable.filter(|address| self.is_usable(pool, family, *address));
            let mut usable: Vec<IpAddr> = usable.collect();
            if usable.len() > count.get() {
                usable.sort_by_key(|address| !self.is_used_by(&reservation.services, *address));
                usable.truncate(count.get());
            }
            kept.extend(usable);
        }
        self.keep(name, kept);
    }

    /// Chooses what a reservation counts beyond what it has kept.
    fn fill_up(&mut self, name: &ReservationName, reservation: &Reservation) {
        let ReservedAddresses::Counted { count, pool, .. } = &reservation.addresses else {
            return;
        };
        let Some(pool) = self.snapshot.config.pools.addresses().get(pool) else {
            let pool = pool.clone();
            self.lack(name, Lack::UnknownPool { pool });
            return;
        };
        for family in families(pool, reservation) {
            let kept = self.plan.addresses(name).unwrap_or_default().iter();
            let found = kept
                .filter(|address| Family::of(**address) == family)
                .count();
            let missing = count.get().saturating_sub(found);
            if missing == 0 {
                continue;
            }
            let mut chosen = self.held(pool, family, &reservation.services);
            chosen.truncate(missing);
            let free = pool.addresses(family).filter(|address| {
                self.plan.pools.reservation_of(*address).is_none()
                    && !self.used.contains_key(address)
            });
            let free: Vec<IpAddr> = free.take(missing - chosen.len()).collect();
            chosen.extend(free);
            let found = found + chosen.len();
            self.keep(name, chosen);
            if found < count.get() {
                let (pool, count) = (pool.name().clone(), count.get());
                self.lack(
                    name,
                    Lack::Short {
                        pool,
                        family,
                        found,
                        count,
                    },
                );
            }
        }
        let position = |address: &IpAddr| {
            let ranges = pool.ranges().iter();
            (
                ranges.take_while(|range| !range.contains(*address)).count(),
                *address,
            )
        };
        if let Some(kept) = self.plan.kept.get_mut(name) {
            kept.addresses.sort_by_key(position);
        }
    }

    /// What the Services of a reservation have of a family of a pool and can be kept, of the older Service first.
    fn held(&self, pool: &Pool, family: Family, services: &ReservedFor) -> Vec<IpAddr> {
        let mut held: BTreeMap<(_, &ServiceKey), IpAddr> = BTreeMap::new();
        for (address, users) in self.used.iter() {
            let users = users
                .iter()
                .filter(|(key, service)| services.include(key, service));
            let oldest = users.map(|(key, service)| (service.created, *key)).min();
            if let Some(oldest) = oldest.filter(|_| self.is_usable(pool, family, *address)) {
                held.insert(oldest, *address);
            }
        }
        held.into_values().collect()
    }

    /// Whether an address can be kept: it can be handed out, and no other reservation keeps it.
    fn is_usable(&self, pool: &Pool, family: Family, address: IpAddr) -> bool {
        Family::of(address) == family
            && pool.contains(address)
            && !pool.avoids(address)
            && !pool.excludes(address)
            && self.plan.pools.reservation_of(address).is_none()
    }

    fn is_used_by(&self, services: &ReservedFor, address: IpAddr) -> bool {
        let mut users = self.used.get(&address).into_iter().flatten();
        users.any(|(key, service)| services.include(key, service))
    }

    fn keep(&mut self, name: &ReservationName, addresses: impl IntoIterator<Item = IpAddr>) {
        let entry = self.plan.kept.entry(name.clone());
        let kept = entry.or_insert(Kept {
            addresses: Vec::new(),
            lack: None,
        });
        for address in addresses {
            // An address that another one has is not its.
            if self
                .plan
                .pools
                .reserve(name.clone(), address.into())
                .is_ok()
            {
                kept.addresses.push(address);
            }
        }
    }

    fn lack(&mut self, name: &ReservationName, lack: Lack) {
        if let Some(kept) = self.plan.kept.get_mut(name) {
            kept.lack.get_or_insert(lack);
        }
    }
}

fn families(pool: &Pool, reservation: &Reservation) -> impl Iterator<Item = Family> {
    let asked = match &reservation.addresses {
        ReservedAddresses::Counted { families, .. } => *families,
        ReservedAddresses::Listed(_) => None,
    };
    let is_asked = move |family: &Family| {
        asked.map_or_else(
            || pool.has_family(*family),
            |families: Families| families.contains(*family),
        )
    };
    [Family::V4, Family::V6].into_iter().filter(is_asked)
}

/// Why a reservation does not keep all that it shall.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Lack {
    #[error(transparent)]
    Lookup(LookupError),
    #[error("{address} is excluded from pool {pool}")]
    Excluded { address: IpAddr, pool: PoolName },
    #[error("there is no pool {pool}")]
    UnknownPool { pool: PoolName },
    #[error("pool {pool} has no more free {family} addresses, {found} of {count} are kept")]
    Short {
        pool: PoolName,
        family: Family,
        found: usize,
        count: usize,
    },
}

impl Lack {
    fn reason(&self) -> &'static str {
        match self {
            Self::Lookup(_) => "NotInPool",
            Self::Excluded { .. } => "AddressExcluded",
            Self::UnknownPool { .. } => "UnknownPool",
            Self::Short { .. } => "Exhausted",
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Lookup(LookupError::Avoided { pool, .. }) => {
                format!("reserve another address, or turn avoidBuggyIPs of {pool} off")
            }
            Self::Lookup(_) => "add it to an IPAddressPool, or reserve another address".to_owned(),
            Self::Excluded { pool, .. } => format!(
                "reserve another address, or take it out of the annotation {} of IPAddressPool {pool}",
                crate::config::EXCLUDED_ADDRESSES
            ),
            Self::UnknownPool { pool } => {
                format!("create the IPAddressPool {pool}, or correct spec.pool")
            }
            Self::Short { pool, family, .. } => {
                format!("add {family} addresses to pool {pool}, or lower spec.count")
            }
        }
    }
}

/// The condition that tells of a reservation.
fn condition(
    kept: &Kept,
    reservation: &Reservation,
    users: &BTreeSet<(IpAddr, ServiceKey)>,
    snapshot: &Snapshot,
) -> AddressCondition {
    let not_kept = |reason, message| AddressCondition {
        status: ConditionStatus::False,
        reason: Cow::Borrowed(reason),
        message,
    };
    if let Some(lack) = &kept.lack {
        return not_kept(lack.reason(), format!("{lack}; {}", lack.remedy()));
    }
    let is_stranger = |(_, key): &&(IpAddr, ServiceKey)| {
        let service = snapshot.services.get(key);
        !service.is_some_and(|service| reservation.services.include(key, service))
    };
    if let Some((address, stranger)) = users.iter().find(is_stranger) {
        let message = format!(
            "{address} is in use by {stranger}, which keeps it; delete {stranger}, or make it ask for another address"
        );
        return not_kept("HeldByOthers", message);
    }
    let whom = match &reservation.services {
        ReservedFor::Service(service) => format!("Service {service}"),
        ReservedFor::Matching { .. } => "the Services that are selected".to_owned(),
    };
    AddressCondition {
        status: ConditionStatus::True,
        reason: Cow::Borrowed("Reserved"),
        message: format!("kept for {whom}"),
    }
}
