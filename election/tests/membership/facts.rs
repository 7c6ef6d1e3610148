//! What members tell about themselves.

use election::membership::{Event, Facts, Input};

use crate::simulation::{World, facts};
use crate::{lan, milliseconds, seconds};

/// Everybody knows these facts of a member.
pub(crate) fn known(world: &World, name: &str, facts: &Facts) -> bool {
    let mut running = world.nodes.iter().filter(|node| node.membership.is_some());
    running.all(|node| {
        let member = node.members().get(name);
        member.is_some_and(|member| member.facts.as_deref() == Some(facts))
    })
}

/// A node with so many VLANs.
fn many_links(links: u8) -> Facts {
    let link = facts(0, 0).links["eth0"].clone();
    let links = (0..links).map(|vlan| (format!("bond0.{vlan}"), link.clone()));
    Facts {
        links: links.collect(),
        draining: true,
    }
}

#[test]
fn facts_reach_everybody_at_once_and_whoever_joins_later() {
    let mut world = lan(12, 0.0, 1);
    for node in 0..12 {
        let name = world.nodes[node].name.clone();
        assert!(known(&world, name.as_str(), &facts(node, 0)));
    }
    world.told.clear();
    world.input(5, Input::SetLocal(facts(5, 1)));
    let took = world.run_until(seconds(5), |world| known(world, "node-005", &facts(5, 1)));
    assert!(took.unwrap() < milliseconds(200), "{took:?}");
    let changed = |event: &Event| matches!(event, Event::Changed(member) if member.name.as_str() == "node-005");
    assert_eq!(
        world
            .told
            .iter()
            .filter(|told| changed(&told.event))
            .count(),
        11
    );

    world.crash(9);
    world.run(seconds(3));
    world.start(9);
    let took = world.run_until(seconds(5), |world| {
        known(world, "node-005", &facts(5, 1)) && world.is_whole()
    });
    assert!(took.unwrap() < milliseconds(500), "{took:?}");
}

#[test]
fn the_newest_facts_win() {
    let mut world = lan(12, 0.05, 2);
    for version in 1..20 {
        world.input(5, Input::SetLocal(facts(5, version)));
        world.run(milliseconds(3));
    }
    let took = world.run_until(seconds(10), |world| known(world, "node-005", &facts(5, 19)));
    assert!(took.unwrap() < seconds(1), "{took:?}");
    world.run(seconds(5));
    assert!(known(&world, "node-005", &facts(5, 19)));
}

#[test]
fn the_same_facts_again_say_nothing() {
    let mut world = lan(3, 0.0, 3);
    world.told.clear();
    let before = world.traffic.datagrams;
    world.input(1, Input::SetLocal(facts(1, 0)));
    assert_eq!(world.traffic.datagrams, before);
    world.run(seconds(1));
    assert!(world.told.is_empty());
}

#[test]
fn facts_larger_than_a_datagram_reach_everybody() {
    let mut world = lan(6, 0.05, 4);
    let large = many_links(200);
    world.input(2, Input::SetLocal(large.clone()));
    let took = world.run_until(seconds(20), |world| known(world, "node-002", &large));
    assert!(took.unwrap() < seconds(4), "{took:?}");
    world.crash(4);
    world.run(seconds(3));
    world.start(4);
    let took = world.run_until(seconds(20), |world| {
        known(world, "node-002", &large) && world.is_whole()
    });
    assert!(took.unwrap() < seconds(8), "{took:?}");
}

#[test]
fn facts_that_cannot_be_told_are_refused() {
    let mut world = lan(2, 0.0, 5);
    let mut large = facts(0, 1);
    large
        .links
        .insert("x".repeat(300), large.links["eth0"].clone());
    world.input(0, Input::SetLocal(large));
    assert!(
        world
            .told
            .iter()
            .any(|told| told.event == Event::FactsTooLarge)
    );
    world.run(seconds(1));
    assert!(known(&world, "node-000", &facts(0, 0)));
}

#[test]
fn facts_told_after_a_clock_was_put_back_count() {
    let mut world = lan(4, 0.0, 6);
    world.input(3, Input::SetLocal(facts(3, 7)));
    world.run(seconds(1));
    world.crash(3);
    world.nodes[3].incarnation -= 1_000_500;
    world.start(3);
    let took = world.run_until(seconds(10), |world| known(world, "node-003", &facts(3, 0)));
    assert!(took.unwrap() < seconds(4), "{took:?}");
}
