//! One change at a time gives what deciding about the whole gives.

use std::collections::{BTreeMap, BTreeSet};

use ipam::{Allocator, Assignment, Changes, Claim, Decision, Request, allocate};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::carry_out;
use crate::world::{Key, Supply, World, assignment, request, supply, world};

#[derive(Debug, Clone)]
enum Change {
    Request(Key, Request),
    NoRequest(Key),
    Assignment(Key, Assignment),
    NoAssignment(Key),
    Several(BTreeMap<Key, Claim>),
    Pools(Supply),
}

fn change() -> impl Strategy<Value = Change> {
    let key = || 0..20_u8;
    prop_oneof![
        6 => (key(), request()).prop_map(|(key, request)| Change::Request(key, request)),
        4 => key().prop_map(Change::NoRequest),
        4 => (key(), assignment()).prop_map(|(key, held)| Change::Assignment(key, held)),
        2 => key().prop_map(Change::NoAssignment),
        4 => btree_map(key(), claim(), 0..6).prop_map(Change::Several),
        1 => supply().prop_map(Change::Pools),
    ]
}

fn claim() -> impl Strategy<Value = Claim> {
    let assignment = option::weighted(0.4, assignment());
    let request = option::weighted(0.8, request());
    (assignment, request).prop_map(|(assignment, request)| Claim {
        assignment,
        request,
    })
}

impl Change {
    fn keys(&self) -> BTreeSet<Key> {
        match self {
            Self::Request(key, _) | Self::Assignment(key, _) => BTreeSet::from([*key]),
            Self::NoRequest(key) | Self::NoAssignment(key) => BTreeSet::from([*key]),
            Self::Several(claims) => claims.keys().copied().collect(),
            Self::Pools(_) => BTreeSet::new(),
        }
    }

    fn make(self, allocator: &mut Allocator<Key>) -> Changes<Key> {
        match self {
            Self::Request(key, request) => allocator.set_request(key, request),
            Self::NoRequest(key) => allocator.remove_request(&key),
            Self::Assignment(key, assignment) => allocator.set_assignment(key, assignment),
            Self::NoAssignment(key) => allocator.remove_assignment(&key),
            Self::Several(claims) => allocator.update(claims),
            Self::Pools(supply) => allocator.set_pools(supply.pools()),
        }
    }

    fn make_in(self, world: &mut World) {
        match self {
            Self::Request(key, request) => drop(world.requests.insert(key, request)),
            Self::NoRequest(key) => drop(world.requests.remove(&key)),
            Self::Assignment(key, assignment) => drop(world.current.insert(key, assignment)),
            Self::NoAssignment(key) => drop(world.current.remove(&key)),
            Self::Several(claims) => {
                for (key, claim) in claims {
                    world.current.remove(&key);
                    world.requests.remove(&key);
                    let assignment = claim.assignment.map(|held| (key, held));
                    world.current.extend(assignment);
                    world
                        .requests
                        .extend(claim.request.map(|request| (key, request)));
                }
            }
            Self::Pools(supply) => world.supply = supply,
        }
    }
}

/// A decision without the facts that may differ: what becomes of a holder, and why it loses what it had.
fn essence(decision: &Decision<Key>) -> Decision<Key> {
    let mut decision = decision.clone();
    match &mut decision {
        Decision::Keep(placement)
        | Decision::AddFamily(placement)
        | Decision::Assign { placement, .. } => placement.missing = None,
        Decision::Fail { error, .. } => *error = ipam::AllocError::NoPools,
        _ => {}
    }
    decision
}

fn changes_addresses(decision: &Decision<Key>) -> bool {
    !matches!(
        decision,
        Decision::Keep(_) | Decision::Fail { released: None, .. }
    )
}

fn essences<'a>(
    decisions: impl IntoIterator<Item = (&'a Key, &'a Decision<Key>)>,
) -> BTreeMap<Key, Decision<Key>> {
    let decisions = decisions.into_iter();
    decisions
        .map(|(key, decision)| (*key, essence(decision)))
        .collect()
}

/// That the state of the allocator is that of the world, and settled.
fn assert_same(allocator: &mut Allocator<Key>, world: &World) -> Result<(), TestCaseError> {
    prop_assert_eq!(allocator.assignments(), &world.current);
    prop_assert_eq!(allocator.requests(), &world.requests);
    let settled = allocate(&world.pools(), &world.current, &world.requests);
    prop_assert_eq!(allocator.usage(), settled.usage);
    for key in 0..=Key::MAX {
        let decision = allocator.decision(&key);
        prop_assert_eq!(decision.as_ref(), settled.decisions.get(&key));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn each_change_gives_what_is_decided_from_scratch(mut world in world(), changes in vec(change(), 1..25)) {
        let (mut allocator, plan) =
            Allocator::start(world.pools(), world.current.clone(), world.requests.clone());
        prop_assert_eq!(&plan, &allocate(&world.pools(), &world.current, &world.requests));
        world.current = carry_out(&world, &plan);
        assert_same(&mut allocator, &world)?;
        for change in changes {
            let keys = change.keys();
            let decisions = change.clone().make(&mut allocator);
            change.make_in(&mut world);
            let plan = allocate(&world.pools(), &world.current, &world.requests);
            let expected =
                plan.decisions.iter().filter(|(of, decision)| keys.contains(of) || changes_addresses(decision));
            prop_assert_eq!(essences(&decisions), essences(expected));
            world.current = carry_out(&world, &plan);
            assert_same(&mut allocator, &world)?;
        }
    }
}
