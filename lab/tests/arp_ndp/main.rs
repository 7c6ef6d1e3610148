//! arp-ndp against the kernel: its questions, its neighbour table, its multicast memberships and its link events.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod asking;
mod fencing;
mod programs;
mod responding;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::sync::Arc;

use arp_ndp::driver::{InterfaceEvent, Interfaces, LinkFlags, LinkInfo, Links};
use arp_ndp::{Event, LinkState};
use lab::topology::Host;
use lab::{Namespace, Requirement, Size, Topology, requires};
use responding::{Responding, TIMEOUT, ips, on, owned, runtime};
use tokio::sync::watch;
use tokio::time::timeout;

const ON_LINK: [&str; 2] = ["198.51.100.200", "2001:db8:1:0:f::1"];

fn named(links: &Links, name: &str) -> Option<LinkInfo> {
    links.values().find(|link| link.name == name).cloned()
}

async fn wait_for_link<T>(interfaces: &Interfaces, look: impl Fn(&Links) -> Option<T>) -> T {
    let mut links: watch::Receiver<Arc<Links>> = interfaces.links();
    let seen = timeout(TIMEOUT, links.wait_for(|links| look(links).is_some()));
    let links = Arc::clone(&seen.await.expect("the kernel told").unwrap());
    look(&links).unwrap()
}

/// Makes the client's kernel look for an address, as it does for anything that wants to send there.
fn make_kernel_ask(client: &Host, address: IpAddr) {
    let any = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let send =
        || UdpSocket::bind(any).and_then(|socket| socket.send_to(b"where are you?", (address, 9)));
    client.namespace.run(send).unwrap().unwrap();
}

fn wait_for_neighbour(client: &Host, address: IpAddr, mac: &str) {
    let what = format!("{address} at {mac}");
    lab::until(&what, TIMEOUT, || {
        Ok(client.neighbour(address)?.filter(|known| known == mac))
    })
    .unwrap();
}

#[test]
fn the_neighbour_table_of_the_client_follows_when_the_owner_changes() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    let client = &topology.client;
    let mut responding: Vec<_> = topology
        .nodes
        .iter()
        .map(|node| Responding::start(&node.namespace))
        .collect();
    let macs: Vec<_> = topology
        .nodes
        .iter()
        .map(|node| node.mac().unwrap())
        .collect();
    responding[0].answer_for(&ON_LINK);
    for address in ips(&ON_LINK) {
        make_kernel_ask(client, address);
        wait_for_neighbour(client, address, &macs[0]);
    }

    // Back and forth; the client sends nothing that would make it ask.
    for (from, to) in [(0, 1), (1, 0)] {
        responding[from].answer_for(&[]);
        responding[to].answer_for(&ON_LINK);
        for address in ips(&ON_LINK) {
            wait_for_neighbour(client, address, &macs[to]);
        }
    }
    for responding in &mut responding {
        let events = responding.interface.events();
        let mut announced = BTreeSet::new();
        while let Ok(event) = events.try_recv() {
            if let InterfaceEvent::Responder(Event::Announced { address, .. }) = event {
                announced.insert(address);
            }
        }
        assert_eq!(announced, ips(&ON_LINK));
    }
}

/// RFC 4862 §5.4.
#[test]
fn a_station_that_wants_one_of_our_ipv6_addresses_learns_that_it_is_taken() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(1, 0)).unwrap();
    let client = &topology.client.namespace;
    client.sysctl("ipv6/conf/all/accept_dad", "1").unwrap();
    client.sysctl("ipv6/conf/eth0/accept_dad", "1").unwrap();
    // A question each second, until somebody says so.
    client.sysctl("ipv6/conf/eth0/dad_transmits", "30").unwrap();
    let responding = Responding::start(&topology.nodes[0].namespace);
    responding.answer_for(&ON_LINK);
    client.ip("addr add 2001:db8:1:0:f::1/64 dev eth0").unwrap();
    lab::until("failure of Duplicate Address Detection", TIMEOUT, || {
        let failed = client.ip("-6 addr show dev eth0 dadfailed")?;
        Ok(failed.contains("2001:db8:1:0:f::1").then_some(()))
    })
    .unwrap();
    responding.stop();
}

/// A switch that snoops MLD delivers a group only where a member reported itself.
#[test]
fn a_switch_that_snoops_mld_delivers_solicitations_and_forgets_us_when_we_stop() {
    if !requires(&[
        Requirement::Root,
        Requirement::Program("ndisc6"),
        Requirement::Program("bridge"),
    ]) {
        return;
    }
    let [switch, node, client] =
        ["switch", "node", "client"].map(|label| Namespace::create(label).unwrap());
    switch
        .ip("link add br0 type bridge stp_state 0 mcast_snooping 1 mcast_querier 1")
        .unwrap();
    switch.ip("link set br0 up").unwrap();
    for (port, machine) in [("node", &node), ("client", &client)] {
        machine.sysctl("ipv6/conf/default/accept_dad", "0").unwrap();
        machine.link("eth0", &switch, port).unwrap();
        switch.ip(&format!("link set {port} master br0")).unwrap();
    }
    client.ip("addr add 2001:db8:1::64/64 dev eth0").unwrap();
    let responding = Responding::start(&node);
    let member = |group: Ipv6Addr| {
        let table = switch.exec("bridge", ["mdb", "show"])?;
        Ok(table
            .contains(&format!("port node grp {group}"))
            .then_some(()))
    };
    let group = arp_ndp::solicited_node_group("2001:db8:1:0:f::1".parse().unwrap());
    assert!(member(group).unwrap().is_none());
    responding.answer_for(&ON_LINK);
    lab::until("membership in the switch", TIMEOUT, || member(group)).unwrap();

    let answer = client
        .exec(
            "ndisc6",
            ["-1", "-n", "-r", "20", "-w", "1000", ON_LINK[1], "eth0"],
        )
        .unwrap();
    assert!(
        answer.to_lowercase().contains(&node.mac("eth0").unwrap()),
        "{answer}"
    );

    responding.stop();
    // A moment later at worst: a program that another test is just starting has our sockets until it runs.
    lab::until("end of the membership", TIMEOUT, || {
        let groups = node.ip("maddr show dev eth0")?;
        Ok((!groups.contains(&group.to_string())).then_some(()))
    })
    .unwrap();
}

/// A socket holds some two thousand groups by default.
#[test]
fn more_groups_are_joined_than_one_socket_holds() {
    const COUNT: u128 = 5000;
    if !requires(&[Requirement::Root]) {
        return;
    }
    let [node, neighbour] = ["node", "neighbour"].map(|label| Namespace::create(label).unwrap());
    node.link("eth0", &neighbour, "eth0").unwrap();
    let mut responding = Responding::start(&node);
    let first = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0xf, 0, 1, 0).to_bits();
    let addresses: BTreeSet<_> = (first..first + COUNT)
        .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
        .collect();
    responding.interface.set_addresses(owned(addresses.clone()));
    responding.wait_for(move |status| status.addresses.keys().eq(&addresses));
    while let Ok(event) = responding.interface.events().try_recv() {
        assert!(
            !matches!(event, InterfaceEvent::GroupFailed { .. }),
            "{event:?}"
        );
    }
    let mut joined = 0;
    let all = lab::until("membership in all groups", TIMEOUT, || {
        let groups = node.ip("-6 maddr show dev eth0")?;
        let ours = groups.lines().filter(|line| line.contains("ff02::1:ff0"));
        joined = ours.count();
        Ok((joined >= 5000).then_some(()))
    });
    all.unwrap_or_else(|error| panic!("{error}: {joined}"));
    responding.stop();
}

#[test]
fn links_are_followed_as_they_come_change_and_go() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let namespace = Namespace::create("links").unwrap();
    let runtime = runtime(&namespace);
    let interfaces = Arc::new(on(&runtime, async { Interfaces::spawn().await.unwrap() }));
    let wait = |look: fn(&Links) -> Option<LinkInfo>| {
        let interfaces = Arc::clone(&interfaces);
        on(
            &runtime,
            async move { wait_for_link(&interfaces, look).await },
        )
    };
    assert!(
        named(&interfaces.links().borrow(), "lo").is_some_and(|lo| lo.responder_link().is_none())
    );

    // The other end is always up.
    namespace
        .ip("link add eth0 mtu 1400 address 02:00:00:00:00:0a type veth peer name other")
        .unwrap();
    namespace.ip("link set other up").unwrap();
    let added = wait(|links| named(links, "eth0"));
    assert_eq!(
        (added.mtu, added.mac.unwrap().to_string().as_str()),
        (1400, "02:00:00:00:00:0a")
    );
    assert!(!added.flags.contains(LinkFlags::UP));

    namespace.ip("link set eth0 up").unwrap();
    wait(|links| {
        named(links, "eth0").filter(|link| link.flags.contains(LinkFlags::UP | LinkFlags::RUNNING))
    });
    namespace.ip("addr add 198.51.100.1/24 dev eth0").unwrap();
    wait(|links| {
        named(links, "eth0").filter(|link| link.addresses.iter().any(|own| own.prefix_len == 24))
    });
    namespace
        .ip("link set eth0 address 02:00:00:00:00:0b")
        .unwrap();
    wait(|links| {
        named(links, "eth0").filter(|link| link.mac.is_some_and(|mac| mac.octets()[5] == 0x0b))
    });
    namespace.ip("link add br0 up type bridge").unwrap();
    namespace.ip("link set eth0 master br0").unwrap();
    wait(|links| {
        let bridge = named(links, "br0")?.index;
        named(links, "eth0")
            .filter(|link| link.master == Some(bridge) && link.responder_link().is_none())
    });
    // What runs below the bridge is its path: without a port, none.
    wait(|links| named(links, "br0").filter(|bridge| bridge.path != 0));
    namespace.ip("link set eth0 nomaster").unwrap();
    wait(|links| named(links, "br0").filter(|bridge| bridge.path == 0));
    wait(|links| named(links, "eth0").filter(|link| link.master.is_none()));
    namespace.ip("link set eth0 down").unwrap();
    wait(|links| {
        named(links, "eth0").filter(|link| {
            link.responder_link()
                .is_some_and(|link| link.state == LinkState::Down)
        })
    });
    namespace.ip("link del eth0").unwrap();
    let gone = |links: &Links| {
        named(links, "eth0")
            .is_none()
            .then(|| named(links, "lo"))
            .flatten()
    };
    wait(gone);
}

/// The socket's buffer holds a few hundred events. Nobody reads while these are made, so most are lost.
#[test]
fn links_are_right_again_after_events_were_lost() {
    const COUNT: usize = 2000;
    if !requires(&[Requirement::Root]) {
        return;
    }
    let namespace = Namespace::create("overrun").unwrap();
    namespace
        .ip("link add eth0 type veth peer name other")
        .unwrap();
    let mut batch = tempfile::NamedTempFile::new().unwrap();
    for number in 0..COUNT {
        writeln!(
            batch,
            "addr add 198.18.{}.{}/32 dev eth0",
            number / 256,
            number % 256
        )
        .unwrap();
    }
    let path = batch.path().to_str().unwrap().to_owned();
    let made = namespace.block_on(|| async {
        let interfaces = Interfaces::spawn().await.unwrap();
        // Blocks the only thread of the runtime, on purpose.
        namespace.ip(&format!("-batch {path}")).unwrap();
        let all = |links: &Links| named(links, "eth0").filter(|link| link.addresses.len() == COUNT);
        wait_for_link(&interfaces, all).await
    });
    assert_eq!(made.unwrap().addresses.len(), COUNT);
}
