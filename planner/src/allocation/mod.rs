//! Who gets which address: the controller's half of the judgement.
//!
//! [`plan_allocation`] turns a snapshot into requests, asks [`ipam::allocate`], and says for each Service what comes of
//! it. Nothing is remembered between passes save what has been told already: what is assigned now is read from the
//! Services.

mod allocations;
mod events;
mod refusal;
mod request;
mod reserved;
mod status;
mod unseen;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipam::{Addresses, Assignment, Holder, Plan, PoolName, ReservationName, Usage};

pub use allocations::Allocations;
pub use refusal::AllocationRefusal;

use crate::effect::{Effect, Event};
use crate::names::ServiceKey;
use crate::reservation::{ReservationPlan, ReservationStatus};
use crate::service::AddressCondition;
use crate::snapshot::Snapshot;

/// What shall become of every Service's addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllocationPlan {
    /// One entry for each Service of the snapshot.
    pub services: BTreeMap<ServiceKey, Allocation>,
    /// How much of each pool is in use once the plan is carried out.
    pub usage: BTreeMap<PoolName, Usage>,
    /// What the status of each IPReservation says then.
    pub reservations: BTreeMap<ReservationName, ReservationStatus>,
}

/// What shall become of one Service's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The addresses, or why there are none.
    pub outcome: Outcome,
    /// The condition that tells of it; none where the Service asks for nothing, or its status is not ours to write.
    pub condition: Option<AddressCondition>,
    /// The condition that tells who announces the addresses. New addresses nobody announces yet: none, unless it is known
    /// that nobody can.
    pub announced: Option<AddressCondition>,
    /// What there is to tell about it. Told once: [`AllocationPlan::effects`] leaves out what the plan before it told.
    pub events: Vec<Event>,
}

/// The addresses of a Service, or why it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has addresses.
    Assigned {
        /// The pool they are from.
        pool: PoolName,
        /// The addresses in the order of the status: IPv4, then IPv6, or as they were.
        addresses: Addresses,
    },
    /// It asks for addresses and has none.
    Refused(AllocationRefusal),
    /// It asks for none: its type is another. What it has left is cleared.
    NotLoadBalancer,
    /// Its class is another's business: nothing of it is touched, and its addresses are nobody else's.
    NotOurClass,
    /// What it asks for cannot be made out from its ClusterIPs, so what it has is left as it is.
    Untouched,
}

impl Outcome {
    /// The pool and the addresses, where there are any.
    #[must_use]
    pub fn assigned(&self) -> Option<(&PoolName, Addresses)> {
        match self {
            Self::Assigned { pool, addresses } => Some((pool, *addresses)),
            _ => None,
        }
    }

    /// Why there is no address, where one is asked for.
    #[must_use]
    pub fn refusal(&self) -> Option<&AllocationRefusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// Decides about every Service at once.
///
/// Applying the plan and planning again changes nothing.
#[must_use]
pub fn plan_allocation(snapshot: &Snapshot) -> AllocationPlan {
    let mut current = BTreeMap::new();
    let mut requests = BTreeMap::new();
    let mut cases = BTreeMap::new();
    for (key, service) in &snapshot.services {
        let case = request::examine(key, service, snapshot);
        let claim = case.claim(service);
        current.extend(claim.assignment.map(|held| (key.clone(), held)));
        requests.extend(claim.request.map(|request| (key.clone(), request)));
        cases.insert(key, (service, case));
    }
    let reserved = ReservationPlan::of(snapshot);
    let mut plan = ipam::allocate(reserved.pools(), &current, &requests);
    let reservations = reserved.statuses(snapshot, reserved.names(), holders(&plan, &current));
    let services = cases.into_iter().map(|(key, (service, case))| {
        let decision = plan.decisions.remove(key);
        (
            key.clone(),
            events::conclude(key, service, case, decision, snapshot),
        )
    });
    AllocationPlan {
        services: services.collect(),
        usage: plan.usage,
        reservations,
    }
}

/// Who has an address once a plan is carried out.
fn holders(
    plan: &Plan<ServiceKey>,
    current: &BTreeMap<ServiceKey, Assignment>,
) -> impl Fn(IpAddr) -> Vec<ServiceKey> + use<> {
    let ours = plan.decisions.iter().flat_map(|(key, decision)| {
        let addresses = decision.placement().map(|placement| placement.addresses);
        addresses
            .into_iter()
            .flat_map(move |addresses| addresses.iter().map(move |address| (address, key)))
    });
    let foreign = current
        .iter()
        .filter(|(_, held)| held.holder == Holder::Foreign);
    let foreign =
        foreign.flat_map(|(key, held)| held.addresses.iter().map(move |address| (*address, key)));
    let mut holders: BTreeMap<IpAddr, Vec<ServiceKey>> = BTreeMap::new();
    for (address, key) in ours.chain(foreign) {
        holders.entry(address).or_default().push(key.clone());
    }
    move |address| holders.get(&address).cloned().unwrap_or_default()
}

impl AllocationPlan {
    /// What must change outside for the plan to be carried out, given what the plan before it (empty at the start) has
    /// told. Nothing where nothing differs.
    #[must_use]
    pub fn effects(&self, snapshot: &Snapshot, previous: &Self) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (key, allocation) in &self.services {
            let patch = snapshot
                .services
                .get(key)
                .and_then(|service| allocation.patch(key, service));
            effects.extend(patch);
            let told = previous
                .services
                .get(key)
                .map_or(&[][..], |before| &before.events);
            let news = allocation
                .events
                .iter()
                .filter(|event| !told.contains(event));
            effects.extend(news.cloned().map(Effect::EmitEvent));
        }
        for (pool, usage) in &self.usage {
            if snapshot.reported_usage.get(pool) != Some(usage) {
                effects.push(Effect::PoolStatus {
                    pool: pool.clone(),
                    usage: *usage,
                });
            }
        }
        for (reservation, status) in &self.reservations {
            if snapshot.reported_reservations.get(reservation) != Some(status) {
                effects.push(Effect::ReservationStatus {
                    reservation: reservation.clone(),
                    status: status.clone(),
                });
            }
        }
        effects
    }

    /// The snapshot as it is once the plan is carried out.
    pub fn apply(&self, snapshot: &mut Snapshot) {
        for (key, allocation) in &self.services {
            let service = snapshot.services.get_mut(key);
            if let (Some(status), Some(service)) = (allocation.status(), service) {
                status.put_on(Arc::make_mut(service));
            }
        }
        snapshot.reported_usage = self.usage.clone();
        snapshot.reported_reservations = self.reservations.clone();
    }
}
