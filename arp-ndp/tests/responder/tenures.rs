//! What holds of roles, claims and verdicts in any order.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use arp_ndp::{Config, Event, Input, Link, LinkState, MacAddr, Output, Role, Tenure, Verdict};
use proptest::prelude::*;

use crate::{OTHER, OURS, Station, THIRD, claim, ip, probe};

const ADDRESSES: [&str; 3] = ["198.51.100.10", "198.51.100.11", "2001:db8::10"];

#[derive(Debug, Clone)]
enum Step {
    SetRoles(BTreeMap<IpAddr, Role>),
    SetLink(LinkState),
    Claim(&'static str, MacAddr),
    Probe(&'static str, MacAddr, Option<MacAddr>),
    Settle(&'static str, MacAddr, Verdict),
    Refresh,
    Wait(Duration),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let address = || proptest::sample::select(ADDRESSES.to_vec());
    let role = proptest::sample::select(vec![
        Role::Owner,
        Role::NewOwner,
        Role::IfFree,
        Role::Leaving,
    ]);
    let station = || proptest::sample::select(vec![OTHER, THIRD, OURS]);
    let roles = proptest::collection::btree_map(address().prop_map(ip), role, 0..=3);
    let state = prop_oneof![4 => Just(LinkState::Up), 1 => Just(LinkState::Down)];
    let to = proptest::option::of(Just(OURS));
    let verdict = prop_oneof![Just(Verdict::Defend), Just(Verdict::Yield)];
    let step = prop_oneof![
        3 => roles.prop_map(Step::SetRoles),
        1 => state.prop_map(Step::SetLink),
        3 => (address(), station()).prop_map(|(address, by)| Step::Claim(address, by)),
        2 => (address(), station(), to).prop_map(|(address, by, to)| Step::Probe(address, by, to)),
        3 => (address(), station(), verdict)
            .prop_map(|(address, by, verdict)| Step::Settle(address, by, verdict)),
        1 => Just(Step::Refresh),
        3 => (1..3000_u64).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
    ];
    proptest::collection::vec(step, 1..40)
}

fn take(station: &mut Station, step: &Step) -> Vec<Output> {
    match step {
        Step::SetRoles(roles) => station.give(Input::SetAddresses(roles.clone())),
        Step::SetLink(state) => station.give(Input::SetLink(Link::new(OURS).with_state(*state))),
        Step::Claim(address, by) => station.receive(&claim(address, *by)),
        Step::Probe(address, by, to) => station.receive(&probe(address, *by, *to)),
        Step::Settle(address, by, verdict) => station.settle(address, *by, *verdict),
        Step::Refresh => station.give(Input::Refresh),
        Step::Wait(time) => {
            let done = station.run(*time).into_iter();
            done.map(|(_, output)| output).collect()
        }
    }
}

fn tenures(station: &Station) -> BTreeMap<IpAddr, Tenure> {
    let all = station.responder.addresses().into_iter();
    all.map(|(address, status)| (address, status.tenure))
        .collect()
}

proptest! {
    #[test]
    fn only_what_is_held_is_announced_and_only_what_is_held_or_leaving_is_answered_for(steps in steps()) {
        let mut station = Station::new(Link::new(OURS), Config::default());
        let mut roles = BTreeMap::new();
        for step in steps {
            if let Step::SetRoles(new) = &step {
                roles.clone_from(new);
            }
            let before = tenures(&station);
            let outputs = take(&mut station, &step);
            let after = tenures(&station);
            for output in outputs {
                let Output::Event(event) = output else { continue };
                match event {
                    // While time passes, what was announced may have been handed over since; else it is held.
                    Event::Announced { address, .. } if !matches!(step, Step::Wait(_)) => {
                        prop_assert_eq!(after[&address], Tenure::Held);
                    }
                    Event::Answered { address, .. } => {
                        prop_assert!(matches!(before[&address], Tenure::Held | Tenure::Leaving));
                    }
                    Event::Claimed { address, by, .. } | Event::Conflict { address, by, .. } => {
                        prop_assert!(by != OURS && after.contains_key(&address));
                    }
                    Event::HandedOver { address, .. } => {
                        prop_assert_eq!(after[&address], Tenure::HandedOver);
                        prop_assert_eq!(roles[&address], Role::Leaving);
                    }
                    Event::Reclaimed { from, .. } => prop_assert!(from != OURS),
                    _ => {}
                }
            }
            prop_assert!(after.keys().eq(roles.keys()));
            for (address, tenure) in &after {
                let leaves = matches!(tenure, Tenure::Leaving | Tenure::HandedOver);
                prop_assert_eq!(leaves, roles[address] == Role::Leaving);
                prop_assert_ne!(*tenure, Tenure::Yielded { to: OURS });
            }
            // The same state again leads to nothing.
            prop_assert!(station.give(Input::SetAddresses(roles.clone())).is_empty());
            let link = station.responder.link();
            prop_assert!(station.give(Input::SetLink(link)).is_empty());
            prop_assert_eq!(tenures(&station), after);
        }
        // Nobody claims anything any more: what is wanted on a link that is up is held in the end.
        station.give(Input::SetLink(Link::new(OURS)));
        station.run(Duration::from_secs(20));
        for (address, tenure) in tenures(&station) {
            let expected = match roles[&address] {
                Role::Leaving => Tenure::HandedOver,
                _ => Tenure::Held,
            };
            prop_assert_eq!(tenure, expected);
        }
    }
}
