//! Each vector is decoded, compared with what it says, and encoded to the same octets.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod hex;

use bgp_wire::iana::{FsmSubcode, RouteRefreshSubtype};
use bgp_wire::{
    AddPath, Afi, AfiSafi, Aggregator, AsPath, Asn, AsnWidth, AttrCode, AttrFlags, Capability,
    CapabilityCode, Cease, Community, ExtendedNextHop, ForwardingState, Fqdn, GracefulRestart,
    HoldTime, LargeCommunity, Message, MessageRef, MpNextHop, MpNlri, MpReach, MpUnreach, NextHop,
    Nlri, Notification, Open, Origin, PathAttributes, PathId, PeerKind, RestartFamily,
    RestartFlags, RouteRefresh, Safi, SegmentType, SessionContext, ShutdownCommunication,
    UnknownAttribute, Update, Validated,
};
use bytes::{Bytes, BytesMut};
use std::net::Ipv6Addr;
use std::time::Duration;

fn ebgp() -> SessionContext {
    SessionContext::new(PeerKind::Ebgp)
}

fn ibgp() -> SessionContext {
    SessionContext::new(PeerKind::Ibgp)
}

fn vector(name: &str) -> Vec<u8> {
    let found = hex::vectors().into_iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no vector {name}")).1
}

fn decode(octets: &[u8], cx: &SessionContext) -> Message {
    match MessageRef::decode(octets, cx).unwrap() {
        MessageRef::Open(open) => open.to_owned().into(),
        MessageRef::Update(update) => match update.validate(cx).unwrap() {
            Validated::Routes(routes) => {
                assert!(routes.findings().is_empty());
                routes.to_owned().into()
            }
            malformed => panic!("{malformed:?}"),
        },
        MessageRef::Notification(notification) => notification.to_owned().into(),
        MessageRef::RouteRefresh(refresh) => refresh.to_owned().into(),
        MessageRef::Keepalive => Message::Keepalive,
        other => panic!("{other:?}"),
    }
}

/// Decodes a vector to `expected`, and encodes `expected` to the vector, behind octets that must stay.
fn check(name: &str, cx: &SessionContext, expected: impl Into<Message>) {
    let (octets, expected) = (vector(name), expected.into());
    assert_eq!(decode(&octets, cx), expected, "{name}");
    let mut out = BytesMut::from(&[0xa5; 3][..]);
    expected.encode(cx, &mut out).unwrap();
    assert_eq!(out.split_to(3), [0xa5; 3][..]);
    assert_eq!(out, octets, "{name}");
}

fn asns(numbers: &[u32]) -> Vec<Asn> {
    numbers.iter().copied().map(Asn).collect()
}

fn update(change: impl FnOnce(&mut Update)) -> Update {
    let mut update = Update::default();
    change(&mut update);
    update
}

fn plain_attributes() -> PathAttributes {
    PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(AsPath::sequence(asns(&[65001])))
        .build()
        .unwrap()
}

fn nlri<P: std::str::FromStr>(prefix: &str) -> Nlri<P>
where
    P::Err: std::fmt::Debug,
{
    Nlri {
        path_id: None,
        prefix: prefix.parse().unwrap(),
    }
}

#[test]
fn keepalive() {
    check("keepalive", &ebgp(), Message::Keepalive);
}

#[test]
fn opens() {
    let mut old = Open::new(
        Asn(65002),
        HoldTime::from_secs(180).unwrap(),
        "192.0.2.1".parse().unwrap(),
    );
    old.capabilities.clear();
    check("open_of_an_old_speaker", &ebgp(), old);

    let restart = GracefulRestart::try_new(
        RestartFlags::RESTARTED | RestartFlags::NOTIFICATION,
        Duration::from_secs(120),
        [
            RestartFamily {
                family: AfiSafi::IPV4_UNICAST,
                forwarding: ForwardingState::Preserved,
            },
            RestartFamily {
                family: AfiSafi::IPV6_UNICAST,
                forwarding: ForwardingState::Lost,
            },
        ],
    );
    let full = Open::new(
        Asn(65536),
        HoldTime::DEFAULT,
        "198.51.100.1".parse().unwrap(),
    )
    .with_capability(Capability::Multiprotocol(AfiSafi::IPV4_UNICAST))
    .with_capability(Capability::Multiprotocol(AfiSafi::IPV6_UNICAST))
    .with_capability(Capability::RouteRefresh)
    .with_capability(Capability::ExtendedNextHop(vec![
        ExtendedNextHop::IPV4_UNICAST,
    ]))
    .with_capability(Capability::ExtendedMessage)
    .with_capability(Capability::GracefulRestart(restart.unwrap()))
    .with_capability(Capability::AddPath(vec![AddPath {
        family: AfiSafi::IPV4_UNICAST,
        send_receive: AddPath::BOTH,
    }]))
    .with_capability(Capability::EnhancedRouteRefresh)
    .with_capability(Capability::Fqdn(Fqdn::new("lb", "test")))
    .with_capability(Capability::Unknown {
        code: CapabilityCode(99),
        value: vec![0xab, 0xcd],
    });
    check("open_with_every_capability", &ebgp(), full);

    let extended = Open::new(Asn(65000), HoldTime::ZERO, "198.51.100.1".parse().unwrap())
        .with_capability(Capability::Unknown {
            code: CapabilityCode(99),
            value: vec![0; 250],
        })
        .with_capability(Capability::RouteRefresh);
    check("open_with_extended_parameters", &ebgp(), extended);
}

#[test]
fn notifications() {
    let text = ShutdownCommunication::try_new("upgrade!").unwrap();
    let shutdown = Notification::cease_with_text(Cease::ADMINISTRATIVE_SHUTDOWN, &text);
    let unexpected = FsmSubcode::UNEXPECTED_IN_OPEN_CONFIRM;
    let hard_reset = Notification::hard_reset(&Notification::cease(Cease::ADMINISTRATIVE_RESET));
    assert_eq!(shutdown.as_ref().shutdown_communication(), Ok(Some(text)));
    assert_eq!(
        shutdown.to_string(),
        "Cease: Administrative Shutdown (6/2) \"upgrade!\""
    );
    assert_eq!(
        hard_reset.as_ref().hard_reset_reason().unwrap().subcode,
        Cease::ADMINISTRATIVE_RESET.0
    );
    check(
        "notification_hold_timer_expired",
        &ebgp(),
        Notification::hold_timer_expired(),
    );
    check(
        "notification_send_hold_timer_expired",
        &ebgp(),
        Notification::send_hold_timer_expired(),
    );
    check(
        "notification_unexpected_message",
        &ebgp(),
        Notification::unexpected_message(unexpected, bgp_wire::MessageType::UPDATE),
    );
    check("notification_shutdown_with_text", &ebgp(), shutdown);
    check("notification_hard_reset", &ebgp(), hard_reset);
    check(
        "notification_bfd_down",
        &ebgp(),
        Notification::cease(Cease::BFD_DOWN),
    );
    check(
        "notification_maximum_prefixes",
        &ebgp(),
        Notification::maximum_prefixes(AfiSafi::IPV6_UNICAST, 1000),
    );
}

#[test]
fn route_refreshes() {
    let request = RouteRefresh::new(AfiSafi::IPV6_UNICAST, RouteRefreshSubtype::REQUEST);
    check("route_refresh_request", &ebgp(), request);
    check(
        "route_refresh_begin",
        &ebgp(),
        RouteRefresh::new(AfiSafi::IPV4_UNICAST, RouteRefreshSubtype::BORR),
    );
}

#[test]
fn end_of_rib_markers() {
    check(
        "end_of_rib_ipv4",
        &ebgp(),
        Update::end_of_rib(AfiSafi::IPV4_UNICAST),
    );
    check(
        "end_of_rib_ipv6",
        &ebgp(),
        Update::end_of_rib(AfiSafi::IPV6_UNICAST),
    );
    for (name, octets) in hex::vectors() {
        if let MessageRef::Update(update) = MessageRef::decode(&octets, &ebgp()).unwrap() {
            assert_eq!(
                update.end_of_rib().is_some(),
                name.starts_with("end_of_rib"),
                "{name}"
            );
        }
    }
}

#[test]
fn withdrawals() {
    check(
        "withdrawn_ipv4",
        &ebgp(),
        update(|update| update.withdrawn = vec![nlri("203.0.113.0/24"), nlri("192.0.2.7/32")]),
    );
    let prefixes = MpNlri::Ipv6Unicast(vec![nlri("::/0"), nlri("2001:db8:5::/48")]);
    check(
        "withdrawn_ipv6",
        &ebgp(),
        update(|update| update.mp_unreach = Some(MpUnreach { nlri: prefixes })),
    );
}

#[test]
fn every_attribute() {
    let mut path = AsPath::sequence(asns(&[65001, 65536]));
    path.push(SegmentType::AsSet, asns(&[65002, 65003]));
    let unknown = UnknownAttribute::new(
        AttrFlags::OPTIONAL | AttrFlags::TRANSITIVE,
        AttrCode(99),
        [0xab, 0xcd],
    );
    let attributes = PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(path)
        .next_hop(NextHop::Ipv4("192.0.2.1".parse().unwrap()))
        .med(10)
        .local_pref(100)
        .atomic_aggregate(true)
        .aggregator(Aggregator {
            asn: Asn(65536),
            address: "198.51.100.1".parse().unwrap(),
        })
        .communities(["65000:100".parse().unwrap(), Community::NO_EXPORT])
        .ext_communities(["rt:65000:100".parse().unwrap()])
        .large_communities([LargeCommunity::new(65000, 1, 2)])
        .unknown([unknown.passed_on().unwrap()])
        .build()
        .unwrap();
    let expected = update(|update| {
        update.attributes = attributes;
        update.announced = vec![nlri("0.0.0.0/0"), nlri("203.0.113.1/32")];
    });
    check("announced_ipv4_with_every_attribute", &ibgp(), expected);
}

#[test]
fn multiprotocol_routes() {
    let address = |text: &str| text.parse::<Ipv6Addr>().unwrap();
    let global = address("2001:db8::1");
    let both = NextHop::Ipv6 {
        global,
        link_local: Some(address("fe80::1")),
    };
    let communities = plain_attributes()
        .to_builder()
        .communities([Community::new(65000, 100)]);
    let ipv6 = MpReach {
        next_hop: MpNextHop::Typed(both),
        nlri: MpNlri::Ipv6Unicast(vec![nlri("2001:db8:0:1::1/128")]),
    };
    let expected = update(|update| {
        update.attributes = communities.build().unwrap();
        update.mp_reach = Some(ipv6);
    });
    check("announced_ipv6", &ebgp(), expected);

    let mut cx = ebgp();
    cx.send.extended_next_hop.insert(AfiSafi::IPV4_UNICAST);
    cx.receive.extended_next_hop.insert(AfiSafi::IPV4_UNICAST);
    let over_ipv6 = MpReach {
        next_hop: MpNextHop::Typed(global.into()),
        nlri: MpNlri::Ipv4Unicast(vec![nlri("203.0.113.0/24")]),
    };
    let expected = update(|update| {
        update.attributes = plain_attributes();
        update.mp_reach = Some(over_ipv6);
    });
    check("announced_ipv4_over_ipv6", &cx, expected);

    let attributes = PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(AsPath::empty())
        .build()
        .unwrap();
    let multicast = MpReach {
        next_hop: MpNextHop::Opaque(Bytes::from_static(&[192, 0, 2, 1])),
        nlri: MpNlri::Opaque {
            family: AfiSafi::new(Afi::IPV4, Safi::MULTICAST),
            octets: Bytes::from_static(&[24, 203, 0, 113]),
        },
    };
    let expected = update(|update| {
        update.attributes = attributes;
        update.mp_reach = Some(multicast);
    });
    check("announced_family_without_a_type", &ibgp(), expected);
}

#[test]
fn path_identifiers() {
    let mut cx = ebgp();
    cx.send.add_path.insert(AfiSafi::IPV4_UNICAST);
    cx.receive.add_path.insert(AfiSafi::IPV4_UNICAST);
    let expected = update(|update| {
        let next_hop = NextHop::Ipv4("192.0.2.1".parse().unwrap());
        update.attributes = plain_attributes()
            .to_builder()
            .next_hop(next_hop)
            .build()
            .unwrap();
        update.announced = vec![Nlri {
            path_id: Some(PathId(7)),
            ..nlri("203.0.113.0/24")
        }];
    });
    check("announced_with_path_identifier", &cx, expected);
}

#[test]
fn confederation() {
    let mut path = AsPath::empty();
    path.push(SegmentType::AsConfedSequence, asns(&[65001, 65002]));
    path.push(SegmentType::AsSequence, asns(&[64500]));
    path.push(SegmentType::AsConfedSet, asns(&[65003]));
    assert_eq!(path.to_string(), "(65001 65002) 64500 [65003]");
    let attributes = PathAttributes::builder()
        .origin(Origin::Incomplete)
        .as_path(path)
        .next_hop(NextHop::Ipv4("192.0.2.1".parse().unwrap()))
        .local_pref(200);
    let expected = update(|update| {
        update.attributes = attributes.build().unwrap();
        update.announced = vec![nlri("203.0.113.0/24")];
    });
    check(
        "announced_within_a_confederation",
        &SessionContext::new(PeerKind::Confederation),
        expected,
    );
}

#[test]
fn an_aggregate_of_an_old_speaker_has_the_path_that_it_made() {
    // RFC 6793 §4.2.3: AGGREGATOR says 65001 and AS4_AGGREGATOR, of an aggregate before, 65537.
    let mut cx = ebgp();
    cx.asn_width = AsnWidth::Two;
    let mut octets = vector("announced_by_an_old_speaker");
    let at = octets
        .windows(3)
        .position(|window| window == [0xc0, 7, 6])
        .unwrap()
        + 3;
    octets[at..at + 2].copy_from_slice(&65001_u16.to_be_bytes());
    let Message::Update(update) = decode(&octets, &cx) else {
        panic!("not an UPDATE")
    };
    assert!(
        update
            .attributes
            .as_path()
            .unwrap()
            .asns()
            .eq(asns(&[65001, 23456, 23456]))
    );
    assert_eq!(update.attributes.aggregator().unwrap().asn, Asn(65001));
}

#[test]
fn old_speaker() {
    let mut cx = ebgp();
    cx.asn_width = AsnWidth::Two;
    let attributes = PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(AsPath::sequence(asns(&[65001, 65536, 65537])))
        .next_hop(NextHop::Ipv4("192.0.2.1".parse().unwrap()))
        .aggregator(Aggregator {
            asn: Asn(65537),
            address: "198.51.100.1".parse().unwrap(),
        });
    let expected = update(|update| {
        update.attributes = attributes.build().unwrap();
        update.announced = vec![nlri("203.0.113.0/24")];
    });
    // The vector's AS4_PATH lacks the old speaker's own number, which we never leave out: only decoding is the same.
    assert_eq!(
        decode(&vector("announced_by_an_old_speaker"), &cx),
        Message::from(expected.clone())
    );
    let mut out = BytesMut::new();
    expected.encode(&cx, &mut out).unwrap();
    assert_eq!(decode(&out, &cx), Message::from(expected));
    assert_eq!(out.len(), vector("announced_by_an_old_speaker").len() + 4);
}
