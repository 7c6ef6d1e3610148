use super::*;

fn link_message(index: u32, name: &str, master: Option<u32>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.link_layer_type = LinkLayerType::Ether;
    message.header.flags =
        link::LinkFlags::Up | link::LinkFlags::Running | link::LinkFlags::Broadcast;
    message.attributes = vec![
        LinkAttribute::IfName(name.into()),
        LinkAttribute::Mtu(1500),
        LinkAttribute::Address(vec![0x02, 0, 0, 0, 0, 0x0a]),
    ];
    message
        .attributes
        .extend(master.map(LinkAttribute::Controller));
    message
}

fn address_message(index: u32, address: &str, prefix_len: u8) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = prefix_len;
    message.attributes = vec![AddressAttribute::Address(address.parse().unwrap())];
    message
}

fn table(messages: impl IntoIterator<Item = RouteNetlinkMessage>) -> Links {
    let mut links = Links::new();
    for message in messages {
        apply(&mut links, &message);
    }
    links
}

#[test]
fn a_link_is_kept_with_its_addresses_until_it_is_deleted() {
    let added = [
        RouteNetlinkMessage::NewLink(link_message(7, "eth0", None)),
        RouteNetlinkMessage::NewAddress(address_message(7, "198.51.100.1", 24)),
        RouteNetlinkMessage::NewAddress(address_message(7, "fe80::1", 64)),
    ];
    let mut links = table(added);
    let link = &links[&7];
    assert_eq!(
        (link.name.as_str(), link.mtu, link.master),
        ("eth0", 1500, None)
    );
    assert_eq!(link.mac, Some(MacAddr([0x02, 0, 0, 0, 0, 0x0a])));
    assert_eq!(
        link.flags,
        LinkFlags::UP | LinkFlags::RUNNING | LinkFlags::BROADCAST
    );
    let expected = LinkAddress {
        address: "198.51.100.1".parse().unwrap(),
        prefix_len: 24,
    };
    assert!(link.addresses.contains(&expected) && link.has_ipv6_link_local());

    apply(
        &mut links,
        &RouteNetlinkMessage::DelAddress(address_message(7, "fe80::1", 64)),
    );
    assert_eq!(links[&7].addresses, BTreeSet::from([expected]));
    apply(
        &mut links,
        &RouteNetlinkMessage::DelLink(link_message(7, "eth0", None)),
    );
    assert_eq!(links, Links::new());
}

#[test]
fn a_new_name_mac_and_master_replace_the_old_and_addresses_stay() {
    let mut renamed = link_message(7, "lan0", Some(9));
    renamed.attributes[2] = LinkAttribute::Address(vec![0x02, 0, 0, 0, 0, 0x0b]);
    let mut links = table([
        RouteNetlinkMessage::NewLink(link_message(7, "eth0", None)),
        RouteNetlinkMessage::NewAddress(address_message(7, "198.51.100.1", 24)),
        RouteNetlinkMessage::NewLink(renamed),
    ]);
    let link = &links[&7];
    assert_eq!(
        (link.name.as_str(), link.master, link.addresses.len()),
        ("lan0", Some(9), 1)
    );
    assert_eq!(link.mac, Some(MacAddr([0x02, 0, 0, 0, 0, 0x0b])));

    apply(
        &mut links,
        &RouteNetlinkMessage::NewLink(link_message(7, "lan0", None)),
    );
    assert_eq!(links[&7].master, None);
}

#[test]
fn a_vlan_is_on_the_link_below_it_and_one_end_of_a_veth_on_nothing_of_ours() {
    let on = |index: u32, more: Option<LinkAttribute>| {
        let mut message = link_message(index, "eth0", None);
        message.attributes.push(LinkAttribute::Link(2));
        message.attributes.extend(more);
        RouteNetlinkMessage::NewLink(message)
    };
    let links = table([on(7, None), on(8, Some(LinkAttribute::LinkNetNsId(0)))]);
    assert_eq!((links[&7].lower, links[&8].lower), (Some(2), None));
}

#[test]
fn the_active_port_of_a_bond_is_known_while_there_is_one() {
    let bond = |settings| {
        let mut message = link_message(7, "bond0", None);
        let data = link::InfoData::Bond(settings);
        message
            .attributes
            .push(LinkAttribute::LinkInfo(vec![link::LinkInfo::Data(data)]));
        RouteNetlinkMessage::NewLink(message)
    };
    let active = bond(vec![
        link::InfoBond::MiiMon(100),
        link::InfoBond::ActivePort(3),
    ]);
    let none = bond(vec![link::InfoBond::MiiMon(100)]);
    assert_eq!(table([active.clone()])[&7].active_port, Some(3));
    assert_eq!(table([active, none])[&7].active_port, None);
}

#[test]
fn a_port_that_leaves_its_bridge_is_not_deleted() {
    let mut port = link_message(7, "eth0", None);
    port.header.interface_family = AddressFamily::Bridge;
    let links = table([
        RouteNetlinkMessage::NewLink(link_message(7, "eth0", None)),
        RouteNetlinkMessage::DelLink(port.clone()),
        RouteNetlinkMessage::NewLink(port),
    ]);
    assert_eq!(links.len(), 1);
}

#[test]
fn the_own_end_of_a_point_to_point_link_is_its_address() {
    let mut message = address_message(7, "203.0.113.2", 32);
    message
        .attributes
        .push(AddressAttribute::Local("203.0.113.1".parse().unwrap()));
    let links = table([
        RouteNetlinkMessage::NewLink(link_message(7, "tun0", None)),
        RouteNetlinkMessage::NewAddress(message),
    ]);
    let expected = LinkAddress {
        address: "203.0.113.1".parse().unwrap(),
        prefix_len: 32,
    };
    assert_eq!(links[&7].addresses, BTreeSet::from([expected]));
}

#[test]
fn an_address_that_failed_duplicate_detection_does_not_count() {
    let mut failed = address_message(7, "fe80::1", 64);
    failed.header.flags = AddressHeaderFlags::Dadfailed;
    let links = table([
        RouteNetlinkMessage::NewLink(link_message(7, "eth0", None)),
        RouteNetlinkMessage::NewAddress(address_message(7, "fe80::1", 64)),
        RouteNetlinkMessage::NewAddress(failed),
    ]);
    assert!(!links[&7].has_ipv6_link_local());
}

#[test]
fn an_address_of_an_unknown_link_is_ignored() {
    assert_eq!(
        table([RouteNetlinkMessage::NewAddress(address_message(
            7,
            "198.51.100.1",
            24
        ))]),
        Links::new()
    );
}

/// The rules of compatibility: slaves, NOARP and loopback links have no responder; ARP needs a broadcast address and
/// Neighbor Discovery a link-local one.
#[test]
fn a_responder_belongs_on_ethernet_links_that_stand_alone() {
    let mut link = table([RouteNetlinkMessage::NewLink(link_message(7, "eth0", None))])
        .remove(&7)
        .unwrap();
    let mac = link.mac.unwrap();
    assert_eq!(
        link.responder_link(),
        Some(Link::new(mac).with_protocols(Protocols::ARP))
    );

    link.addresses.insert(LinkAddress {
        address: "fe80::1".parse().unwrap(),
        prefix_len: 64,
    });
    assert_eq!(link.responder_link(), Some(Link::new(mac)));

    let no_carrier = LinkInfo {
        flags: LinkFlags::UP | LinkFlags::BROADCAST,
        ..link.clone()
    };
    assert_eq!(
        no_carrier.responder_link(),
        Some(Link::new(mac).with_state(LinkState::Down))
    );
    let no_broadcast = LinkInfo {
        flags: LinkFlags::UP | LinkFlags::RUNNING,
        ..link.clone()
    };
    assert_eq!(
        no_broadcast.responder_link(),
        Some(Link::new(mac).with_protocols(Protocols::NDP))
    );

    for other in [
        LinkInfo {
            mac: None,
            ..link.clone()
        },
        LinkInfo {
            master: Some(9),
            ..link.clone()
        },
        LinkInfo {
            flags: link.flags | LinkFlags::NOARP,
            ..link.clone()
        },
        LinkInfo {
            flags: link.flags | LinkFlags::LOOPBACK,
            ..link.clone()
        },
    ] {
        assert_eq!(other.responder_link(), None);
    }
}
