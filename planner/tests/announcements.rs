//! What holds for announcements that are kept up to date, whatever happens.

mod arbitrary;

use std::collections::BTreeMap;

use planner::announcements::{Affected, Announcements};
use planner::config::Config;
use planner::departure::Departure;
use planner::desired::departing_state;
use planner::endpoints::Endpoints;
use planner::names::{NodeName, ServiceKey};
use planner::node::Node;
use planner::service::Service;
use planner::snapshot::Snapshot;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use self::arbitrary::{config, endpoints, node, node_name, service, snapshot};

/// What changes between two decisions.
#[derive(Clone, Debug, Default)]
struct Step {
    /// Services come, are changed, or go (`None`).
    services: BTreeMap<ServiceKey, Option<Service>>,
    endpoints: BTreeMap<ServiceKey, Option<Endpoints>>,
    nodes: BTreeMap<NodeName, Option<Node>>,
    config: Option<Config>,
    departure: Option<Departure>,
}

fn key() -> impl Strategy<Value = ServiceKey> {
    let names = ["one", "two", "three", "four", "five", "six"];
    select(names.map(|name| ServiceKey::new("a", name)).to_vec())
}

/// Mostly one thing at a time, as in a cluster.
fn step() -> impl Strategy<Value = Step> {
    let services = || btree_map(key(), option::weighted(0.8, service()), 1..3);
    let endpoints = || btree_map(key(), option::weighted(0.9, endpoints()), 1..3);
    let nodes = || {
        let name = (0..4_usize).prop_map(node_name);
        btree_map(name, option::weighted(0.8, node()), 1..3)
    };
    let departure = || {
        select(vec![
            Departure::Staying,
            Departure::Announced,
            Departure::Gone,
        ])
    };
    let everything = (services(), endpoints(), nodes(), option::of(config()));
    prop_oneof![
        6 => services().prop_map(|services| Step { services, ..Step::default() }),
        4 => endpoints().prop_map(|endpoints| Step { endpoints, ..Step::default() }),
        4 => nodes().prop_map(|nodes| Step { nodes, ..Step::default() }),
        2 => config().prop_map(|config| Step { config: Some(config), ..Step::default() }),
        1 => departure().prop_map(|departure| Step { departure: Some(departure), ..Step::default() }),
        2 => everything.prop_map(|(services, endpoints, nodes, config)| Step {
            services, endpoints, nodes, config, departure: None,
        }),
    ]
}

/// Makes the step, and says what it affects.
fn take(snapshot: &mut Snapshot, step: Step) -> Affected {
    let mut affected = Affected {
        config: step.config.is_some(),
        ..Affected::default()
    };
    for (key, service) in step.services {
        match service {
            Some(service) => drop(snapshot.services.insert(key.clone(), service.into())),
            None => drop(snapshot.services.remove(&key)),
        }
        affected.services.insert(key);
    }
    for (key, endpoints) in step.endpoints {
        match endpoints {
            Some(endpoints) => drop(snapshot.endpoints.insert(key.clone(), endpoints)),
            None => drop(snapshot.endpoints.remove(&key)),
        }
        affected.services.insert(key);
    }
    for (name, node) in step.nodes {
        match node {
            Some(node) => drop(snapshot.nodes.insert(name.clone(), node.into())),
            None => drop(snapshot.nodes.remove(&name)),
        }
        affected.nodes.insert(name);
    }
    if let Some(config) = step.config {
        snapshot.config = config;
    }
    affected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn after_every_change_they_are_what_comes_of_everything_at_once(
        mut snapshot in snapshot(),
        steps in vec(step(), 1..25),
    ) {
        let mut both = [0, 1].map(|index| Announcements::new(node_name(index)));
        for announcements in &mut both {
            announcements.decide_anew(&snapshot);
        }
        for step in steps {
            let departure = step.departure;
            let affected = take(&mut snapshot, step);
            for (index, announcements) in both.iter_mut().enumerate() {
                let me = node_name(index);
                announcements.update(&snapshot, &affected);
                if let Some(departure) = departure {
                    announcements.set_departure(&snapshot, departure);
                }
                let whole = departing_state(&snapshot, &me, announcements.departure());
                prop_assert_eq!(announcements.desired(), &whole);
            }
            let [one, other] = &both;
            let seen = one.of_other(&snapshot, node_name(1));
            if other.departure() == Departure::Staying {
                prop_assert_eq!(seen.desired(), other.desired());
            }
        }
    }
}
