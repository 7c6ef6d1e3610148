//! Claims, probes and hand-overs between responders and with the kernel, on real sockets.

use std::net::{IpAddr, Ipv6Addr};
use std::thread;
use std::time::Duration;

use arp_ndp::driver::{InterfaceEvent, Reception};
use arp_ndp::{Announcement, Event, MacAddr, Mark, Marker, Role, Tenure, Verdict};
use lab::topology::Host;
use lab::{Namespace, Requirement, Size, Topology, requires};

use crate::ON_LINK;
use crate::responding::{Responding, TIMEOUT, ips};

fn mac(host: &Host) -> MacAddr {
    host.mac().unwrap().parse().unwrap()
}

fn wait_for_tenure(responding: &Responding, address: IpAddr, tenure: Tenure) {
    responding.wait_for(move |status| {
        let found = status.addresses.get(&address);
        found.is_some_and(|status| status.tenure == tenure)
    });
}

/// Of two owners, whoever is told to yields, and is back when the other has stopped. The mark of one passes the kernel.
#[test]
fn two_owners_hear_each_other_and_who_yielded_takes_over_when_the_other_stops() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    for address in ON_LINK {
        let [mut better, mut worse] =
            [0, 1].map(|node: usize| Responding::start(&topology.nodes[node].namespace));
        let [to, from] = [0, 1].map(|node: usize| mac(&topology.nodes[node]));
        let mark = Mark([0xa5; Mark::LEN]);
        better
            .interface
            .set_marker(Some(Marker::new(move |_, _| mark)));
        better.answer_for(&[address]);
        worse.answer_for(&[address]);
        let address: IpAddr = address.parse().unwrap();
        let claimed =
            |by, mark| move |event: &Event| *event == Event::Claimed { address, by, mark };
        better.wait_for_event(claimed(from, None));
        better.interface.settle(address, from, Verdict::Defend);
        worse.wait_for_event(claimed(to, Some(mark)));
        worse.interface.settle(address, to, Verdict::Yield);
        wait_for_tenure(&worse, address, Tenure::Yielded { to });
        better.wait_for_event(|event| {
            let announcement = Announcement::Defence;
            *event
                == Event::Announced {
                    address,
                    announcement,
                }
        });

        better.stop();
        worse.wait_for_event(|event| *event == Event::Reclaimed { address, from: to });
        wait_for_tenure(&worse, address, Tenure::Held);
        worse.stop();
    }
}

/// Announcements of the other owner carry its mark, and an answer carries none.
#[test]
fn who_asks_another_owner_hears_that_it_has_the_address_as_well() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    for address in ON_LINK {
        let [mut asking, other] =
            [0, 1].map(|node: usize| Responding::start(&topology.nodes[node].namespace));
        let by = mac(&topology.nodes[1]);
        let mark = Mark([0xa5; Mark::LEN]);
        other
            .interface
            .set_marker(Some(Marker::new(move |_, _| mark)));
        asking.answer_for(&[address]);
        other.answer_for(&[address]);
        let address: IpAddr = address.parse().unwrap();
        wait_for_tenure(&other, address, Tenure::Held);
        for _ in 0..5 {
            asking.interface.ask(address, by);
            thread::sleep(Duration::from_millis(50));
        }
        asking.wait_for_event(|event| {
            let mark = None;
            *event == Event::Claimed { address, by, mark }
        });
        [asking, other].into_iter().for_each(Responding::stop);
    }
}

#[test]
fn a_leaving_responder_goes_when_the_new_owner_announces_itself() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    for text in ON_LINK {
        let [mut old, new] =
            [0, 1].map(|node: usize| Responding::start(&topology.nodes[node].namespace));
        let to = Some(mac(&topology.nodes[1]));
        old.answer_for(&[text]);
        old.set_role(Role::Leaving, &[text]);
        // What comes before it knows that it leaves is a claim to an address of its own.
        let address: IpAddr = text.parse().unwrap();
        wait_for_tenure(&old, address, Tenure::Leaving);
        new.answer_for(&[text]);
        old.wait_for_event(|event| *event == Event::HandedOver { address, to });
        old.stop();
        new.stop();
    }
}

/// The kernel of another machine answers the probes, and goes on answering the questions of the watch.
#[test]
fn a_machine_that_has_the_address_keeps_it_from_a_new_owner_for_as_long_as_it_has_it() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(1, 0)).unwrap();
    let client = &topology.client;
    let by = mac(client);
    for (text, len) in [(ON_LINK[0], 24), (ON_LINK[1], 64)] {
        client
            .namespace
            .ip(&format!("addr add {text}/{len} dev eth0 nodad"))
            .or_else(|_| {
                client
                    .namespace
                    .ip(&format!("addr add {text}/{len} dev eth0"))
            })
            .unwrap();
        let mut responding = Responding::start(&topology.nodes[0].namespace);
        responding.set_role(Role::NewOwner, &[text]);
        let address: IpAddr = text.parse().unwrap();
        let mark = None;
        responding.wait_for_event(|event| *event == Event::Conflict { address, by, mark });
        // The close watch; it would give up after a second and a bit.
        responding.interface.settle(address, by, Verdict::Yield);
        thread::sleep(Duration::from_secs(4));
        wait_for_tenure(&responding, address, Tenure::Yielded { to: by });

        client
            .namespace
            .ip(&format!("addr del {text}/{len} dev eth0"))
            .unwrap();
        responding.wait_for_event(|event| *event == Event::Reclaimed { address, from: by });
        wait_for_tenure(&responding, address, Tenure::Held);
        responding.stop();
    }
}

#[test]
fn a_new_owner_uses_what_nobody_has() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(1, 0)).unwrap();
    let responding = Responding::start(&topology.nodes[0].namespace);
    responding.set_role(Role::NewOwner, &ON_LINK);
    for address in ips(&ON_LINK) {
        wait_for_tenure(&responding, address, Tenure::Held);
    }
    responding.stop();
}

#[test]
fn the_promiscuous_mode_can_be_switched_on_and_off_and_ends_with_the_responder() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(1, 0)).unwrap();
    let node = &topology.nodes[0].namespace;
    let responding = Responding::start(node);
    let wait_for = |count: &str| {
        let count = format!("promiscuity {count}");
        lab::until(&count, TIMEOUT, || {
            let link = node.ip("-details link show dev eth0")?;
            Ok(link.contains(&count).then_some(()))
        })
        .unwrap();
    };
    wait_for("0");
    responding.interface.set_reception(Reception::Promiscuous);
    wait_for("1");
    responding.interface.set_reception(Reception::Filtered);
    wait_for("0");
    responding.interface.set_reception(Reception::Promiscuous);
    wait_for("1");
    responding.stop();
    wait_for("0");
}

/// A link without IPv6 has no groups; it gets them back with IPv6, and nobody has to say so.
#[test]
fn a_group_that_cannot_be_joined_is_joined_when_it_can_be() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let [node, neighbour] = ["node", "neighbour"].map(|label| Namespace::create(label).unwrap());
    node.link("eth0", &neighbour, "eth0").unwrap();
    let mut responding = Responding::start(&node);
    // The kernel refuses to be in more groups than this.
    node.ip("link set eth0 mtu 1000").unwrap();
    responding.set_role(Role::Owner, &ON_LINK[1..]);
    let failed = responding.runtime.block_on(async {
        let events = responding.interface.events();
        loop {
            match tokio::time::timeout(TIMEOUT, events.recv()).await {
                Ok(Some(InterfaceEvent::GroupFailed { group, .. })) => return group,
                Ok(Some(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    });
    let group: Ipv6Addr = arp_ndp::solicited_node_group(ON_LINK[1].parse().unwrap());
    assert_eq!(failed, group);
    node.ip("link set eth0 mtu 1500").unwrap();
    lab::until("membership after all", TIMEOUT, || {
        let groups = node.ip("maddr show dev eth0")?;
        Ok(groups.contains(&group.to_string()).then_some(()))
    })
    .unwrap();
    responding.stop();
}
