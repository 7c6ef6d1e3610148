//! Desired routes in, differences out.

use std::sync::Arc;

use bgp_fsm::{
    Advertised, Event, Input, Ipv4Encoding, NextHops, PeerAs, PeerConfig, PeerConfigBuilder,
    Routes, State,
};
use bgp_wire::iana::RouteRefreshSubtype;
use bgp_wire::{
    AfiSafi, AsPath, Asn, Capability, Community, ExtendedNextHop, FamilySet, HoldTime,
    LargeCommunity, MpNextHop, NextHop, Open, Origin, PathAttributes, RouteRefresh, Update,
};
use ipnet::IpNet;

use crate::rig::{
    Done, LOCAL_AS, OUTGOING, PEER_AS, Rig, builder, encoded, keepalive, next_hops, peer_open,
    prefix, router_id, routes, routes_with, seconds,
};

const V4: AfiSafi = AfiSafi::IPV4_UNICAST;
const V6: AfiSafi = AfiSafi::IPV6_UNICAST;

fn internal() -> PeerConfigBuilder {
    PeerConfig::builder(LOCAL_AS, PeerAs::Exactly(LOCAL_AS), router_id(10))
}

fn established(builder: PeerConfigBuilder) -> Rig {
    Rig::in_state(builder.build().unwrap(), State::Established)
}

/// The only UPDATE that announces something.
fn announcement(done: &Done) -> &Update {
    let mut announcing = done
        .updates()
        .filter(|update| update.announced_prefixes().next().is_some());
    let update = announcing.next().expect("something is announced");
    assert!(announcing.next().is_none(), "in one message");
    update
}

fn advertised(rig: &Rig, family: AfiSafi) -> Vec<String> {
    match &rig.session.advertised()[&family] {
        Advertised::Routes(routes) => routes.prefixes().map(|prefix| prefix.to_string()).collect(),
        other => vec![format!("{other:?}")],
    }
}

fn refresh(rig: &mut Rig, family: AfiSafi) -> Done {
    let request = RouteRefresh::new(family, RouteRefreshSubtype::REQUEST);
    rig.receive(OUTGOING, &encoded(request))
}

#[test]
fn routes_set_before_the_session_are_sent_when_it_is_established_and_then_end_of_rib() {
    let mut rig = Rig::in_state(builder().build().unwrap(), State::OpenConfirm);
    rig.set_routes(routes([
        "203.0.113.1/32",
        "203.0.113.0/24",
        "2001:db8:1::/64",
    ]));
    let done = rig.receive(OUTGOING, &keepalive());
    assert_eq!(
        done.changes(),
        ["+203.0.113.0/24", "+203.0.113.1/32", "+2001:db8:1::/64"]
    );
    let updates: Vec<_> = done.updates().cloned().collect();
    assert_eq!(updates.len(), 4, "one each and End-of-RIB of each family");
    assert_eq!(updates[1], Update::end_of_rib(V4));
    assert_eq!(updates[3], Update::end_of_rib(V6));
}

#[test]
fn the_same_routes_again_are_not_sent_again() {
    let mut rig = established(builder());
    assert_eq!(
        rig.set_routes(routes(["203.0.113.1/32"])).changes(),
        ["+203.0.113.1/32"]
    );
    assert!(
        rig.set_routes(routes(["203.0.113.1/32"]))
            .messages
            .is_empty()
    );
}

#[test]
fn only_differences_are_sent_withdrawals_first() {
    let mut rig = established(builder());
    rig.set_routes(routes([
        "203.0.113.1/32",
        "203.0.113.2/32",
        "2001:db8:1::/64",
    ]));
    let done = rig.set_routes(routes([
        "203.0.113.2/32",
        "203.0.113.3/32",
        "2001:db8:1::/64",
    ]));
    assert_eq!(done.changes(), ["-203.0.113.1/32", "+203.0.113.3/32"]);
    assert_eq!(advertised(&rig, V4), ["203.0.113.2/32", "203.0.113.3/32"]);
    assert_eq!(advertised(&rig, V6), ["2001:db8:1::/64"]);
}

#[test]
fn a_change_of_attributes_replaces_the_route_without_withdrawing_it() {
    let mut rig = established(builder());
    rig.set_routes(routes(["203.0.113.1/32"]));
    let attributes = PathAttributes::builder()
        .communities([Community(7)])
        .build()
        .unwrap();
    let done = rig.set_routes(routes_with(["203.0.113.1/32"], attributes));
    assert_eq!(done.changes(), ["+203.0.113.1/32"]);
    assert_eq!(
        announcement(&done)
            .attributes
            .communities()
            .collect::<Vec<_>>(),
        [Community(7)]
    );
}

#[test]
fn a_difference_that_the_peer_cannot_see_is_none() {
    // LOCAL_PREF is not sent to a peer in another AS.
    let mut rig = established(builder());
    rig.set_routes(routes(["203.0.113.1/32"]));
    let preferred = PathAttributes::builder().local_pref(200).build().unwrap();
    assert!(
        rig.set_routes(routes_with(["203.0.113.1/32"], preferred))
            .messages
            .is_empty()
    );
}

#[test]
fn an_external_peer_sees_our_as_and_no_local_pref() {
    let mut rig = established(builder());
    let given = PathAttributes::builder()
        .local_pref(200)
        .med(5)
        .communities([Community(1), Community(2)])
        .large_communities([LargeCommunity::new(1, 2, 3)])
        .build()
        .unwrap();
    let done = rig.set_routes(routes_with(["203.0.113.1/32"], given));
    let attributes = &announcement(&done).attributes;
    assert_eq!(attributes.origin(), Some(Origin::Igp));
    assert_eq!(
        attributes.as_path().unwrap().to_owned(),
        AsPath::sequence([LOCAL_AS])
    );
    assert_eq!(
        attributes.next_hop(),
        Some(NextHop::Ipv4([198, 51, 100, 1].into()))
    );
    assert_eq!((attributes.local_pref(), attributes.med()), (None, Some(5)));
    assert_eq!(attributes.communities().count(), 2);
    assert_eq!(attributes.large_communities().count(), 1);
}

#[test]
fn an_internal_peer_sees_an_empty_path_and_local_pref_100_or_as_given() {
    let mut rig = established(internal());
    let done = rig.set_routes(routes(["203.0.113.1/32"]));
    let attributes = &announcement(&done).attributes;
    assert!(attributes.as_path().unwrap().is_empty());
    assert_eq!(attributes.local_pref(), Some(100));
    let zero = PathAttributes::builder().local_pref(0).build().unwrap();
    let done = rig.set_routes(routes_with(["203.0.113.2/32"], zero));
    assert_eq!(announcement(&done).attributes.local_pref(), Some(0));
}

#[test]
fn a_path_that_is_given_stands_behind_our_as() {
    let given = PathAttributes::builder()
        .as_path(AsPath::sequence([Asn(65001)]))
        .build()
        .unwrap();
    let mut rig = established(builder());
    let done = rig.set_routes(routes_with(["203.0.113.1/32"], given));
    let path = announcement(&done).attributes.as_path().unwrap().to_owned();
    assert_eq!(path, AsPath::sequence([LOCAL_AS, Asn(65001)]));
}

#[test]
fn a_next_hop_that_is_given_is_kept_where_it_fits_the_family() {
    let other = NextHop::Ipv4([198, 51, 100, 77].into());
    let given = PathAttributes::builder().next_hop(other).build().unwrap();
    let mut rig = established(builder());
    let done = rig.set_routes(routes_with(["203.0.113.1/32"], given.clone()));
    assert_eq!(announcement(&done).attributes.next_hop(), Some(other));
    let done = rig.set_routes(routes_with(["203.0.113.1/32", "2001:db8:1::/64"], given));
    let reach = announcement(&done).mp_reach.clone().unwrap();
    let own = NextHop::Ipv6 {
        global: "2001:db8::1".parse().unwrap(),
        link_local: None,
    };
    assert_eq!(reach.next_hop, MpNextHop::Typed(own));
}

#[test]
fn a_link_local_next_hop_goes_along_where_it_is_known() {
    // RFC 2545 §3.
    let mut rig = Rig::new(builder().build().unwrap());
    rig.next_hops = next_hops().with_link_local("fe80::1".parse().unwrap());
    establish(&mut rig, peer_open(PEER_AS, 20));
    let done = rig.set_routes(routes(["2001:db8:1::/64"]));
    let reach = announcement(&done).mp_reach.clone().unwrap();
    let link_local = Some("fe80::1".parse().unwrap());
    let both = NextHop::Ipv6 {
        global: "2001:db8::1".parse().unwrap(),
        link_local,
    };
    assert_eq!(reach.next_hop, MpNextHop::Typed(both));
}

fn establish(rig: &mut Rig, open: Open) {
    rig.input(Input::Start);
    rig.connect(OUTGOING);
    rig.receive(OUTGOING, &encoded(open));
    rig.receive(OUTGOING, &keepalive());
    assert_eq!(rig.session.state(), State::Established);
}

#[test]
fn ipv4_routes_get_an_ipv6_next_hop_only_if_both_sides_offer_it() {
    // RFC 8950 §4.
    let offer = Capability::ExtendedNextHop([ExtendedNextHop::IPV4_UNICAST].into());
    let v6_only = NextHops::new(None, next_hops().ipv6);
    let with = |config: PeerConfigBuilder, open: Open| {
        let mut rig = Rig::new(config.build().unwrap());
        rig.next_hops = v6_only;
        establish(&mut rig, open);
        rig
    };
    let open = || peer_open(PEER_AS, 20);
    let mut both = with(
        builder().extended_next_hop(),
        open().with_capability(offer.clone()),
    );
    let done = both.set_routes(routes(["203.0.113.1/32"]));
    let own = NextHop::Ipv6 {
        global: "2001:db8::1".parse().unwrap(),
        link_local: None,
    };
    assert_eq!(
        announcement(&done).mp_reach.clone().unwrap().next_hop,
        MpNextHop::Typed(own)
    );

    for mut rig in [
        with(builder().extended_next_hop(), open()),
        with(builder(), open().with_capability(offer)),
    ] {
        assert!(
            rig.set_routes(routes(["203.0.113.1/32"]))
                .messages
                .is_empty()
        );
        assert!(matches!(
            rig.session.advertised()[&V4],
            Advertised::NoNextHop
        ));
    }
}

#[test]
fn ipv4_routes_go_where_the_setting_says() {
    let mut rig = established(builder().ipv4_encoding(Ipv4Encoding::Multiprotocol));
    let done = rig.set_routes(routes(["203.0.113.1/32"]));
    assert!(announcement(&done).mp_reach.is_some());
    let mut rig = established(builder());
    let done = rig.set_routes(routes(["203.0.113.1/32"]));
    assert!(announcement(&done).mp_reach.is_none());
}

#[test]
fn routes_of_a_family_that_was_not_agreed_on_are_reported_as_withheld() {
    let only_v4: FamilySet = [V4].into_iter().collect();
    let mut rig = Rig::new(builder().build().unwrap());
    assert!(matches!(
        rig.session.advertised()[&V6],
        Advertised::NotEstablished
    ));
    let open = Open::new(PEER_AS, HoldTime::DEFAULT, router_id(20))
        .with_capability(Capability::Multiprotocol(V4));
    establish(&mut rig, open);
    assert_eq!(rig.session.negotiated().unwrap().families(), only_v4);
    let done = rig.set_routes(routes(["203.0.113.1/32", "2001:db8:1::/64"]));
    assert_eq!(done.changes(), ["+203.0.113.1/32"]);
    assert!(matches!(
        rig.session.advertised()[&V6],
        Advertised::NotNegotiated
    ));
}

#[test]
fn a_new_session_is_sent_everything_again() {
    let mut rig = established(builder());
    rig.set_routes(routes(["203.0.113.1/32"]));
    rig.input(Input::Closed { conn: OUTGOING });
    assert!(matches!(
        rig.session.advertised()[&V4],
        Advertised::NotEstablished
    ));
    let wait = rig.deadline().unwrap();
    let conn = rig.pass(wait).connects[0];
    rig.connect(conn);
    rig.receive(conn, &encoded(peer_open(PEER_AS, 20)));
    assert_eq!(
        rig.receive(conn, &keepalive()).changes(),
        ["+203.0.113.1/32"]
    );
}

#[test]
fn a_route_refresh_is_answered_from_the_adj_rib_out() {
    let mut rig = established(builder());
    rig.set_routes(routes(["203.0.113.1/32", "2001:db8:1::/64"]));
    let done = refresh(&mut rig, V4);
    assert_eq!(done.changes(), ["+203.0.113.1/32"]);
    assert!(
        done.events
            .iter()
            .any(|event| matches!(event, Event::RouteRefresh(V4)))
    );
    assert!(
        !done
            .updates()
            .any(|update| *update == Update::end_of_rib(V4))
    );
    assert_eq!(refresh(&mut rig, V6).changes(), ["+2001:db8:1::/64"]);
    let unknown = AfiSafi::new(bgp_wire::Afi::L2VPN, bgp_wire::Safi::EVPN);
    assert!(refresh(&mut rig, unknown).messages.is_empty());
}

#[test]
fn asking_for_a_refresh_needs_a_peer_that_can() {
    let mut rig = established(builder());
    assert_eq!(
        rig.input(Input::RequestRefresh(V4)).summary(),
        ["ROUTE-REFRESH"]
    );
    let mut rig = Rig::new(builder().build().unwrap());
    establish(
        &mut rig,
        Open::new(PEER_AS, HoldTime::DEFAULT, router_id(20)),
    );
    assert!(rig.input(Input::RequestRefresh(V4)).messages.is_empty());
}

/// /32s from 203.0.0.0 on, `per_set` in a row with the same attributes.
fn many(count: u32, per_set: u32) -> Routes {
    let sets: Vec<_> = (0..count.div_ceil(per_set))
        .map(|set| {
            let attributes = PathAttributes::builder().communities([Community(set)]);
            Arc::new(attributes.build().unwrap())
        })
        .collect();
    let route = |n: u32| {
        let address = std::net::Ipv4Addr::from(0xcb00_0000 + n);
        let net = IpNet::new(address.into(), 32).unwrap();
        (net, Arc::clone(&sets[(n / per_set) as usize]))
    };
    (0..count).map(route).collect()
}

#[test]
fn routes_that_share_attributes_share_messages() {
    let mut rig = established(builder());
    let done = rig.set_routes(many(10_000, 1000));
    // 1000 prefixes of five octets need two messages of 4096.
    assert_eq!(done.updates().count(), 20);
    assert_eq!(done.changes().len(), 10_000);
}

#[test]
fn no_more_is_encoded_than_the_transport_takes() {
    let mut rig = established(builder());
    rig.stalled = true;
    let first = rig.set_routes(many(500_000, 500_000)).changes().len();
    assert!(
        (50_000..100_000).contains(&first),
        "{first} prefixes in 256 KiB and a burst"
    );
    assert!(rig.pass(seconds(20)).changes().is_empty());
    let pending = rig.session.advertised()[&V4].routes().unwrap().pending();
    assert_eq!(pending, 500_000 - first);

    let mut sent = first;
    for _ in 0..1000 {
        sent += rig
            .input(Input::Drained {
                conn: OUTGOING,
                octets: 100_000,
            })
            .changes()
            .len();
    }
    assert_eq!(sent, 500_000);
    assert_eq!(rig.session.advertised()[&V4].routes().unwrap().pending(), 0);
    assert_eq!(
        rig.session.advertised()[&V4].routes().unwrap().count(),
        500_000
    );
}

#[test]
fn a_change_while_routes_are_under_way_is_worked_out_against_what_the_peer_holds() {
    let mut rig = established(builder());
    rig.stalled = true;
    let all = many(200_000, 1000);
    let before: Vec<_> = rig.set_routes(all.clone()).changes();
    // Keep the last route and no other: what was sent is withdrawn, what was not is never mentioned.
    let (last, attributes) = all.iter().next_back().unwrap();
    let done = rig.set_routes([(last, Arc::clone(attributes))].into_iter().collect());
    rig.stalled = false;
    let mut after = done.changes();
    for _ in 0..100 {
        after.extend(
            rig.input(Input::Drained {
                conn: OUTGOING,
                octets: 100_000,
            })
            .changes(),
        );
    }
    assert_eq!(
        after
            .iter()
            .filter(|change| change.starts_with('-'))
            .count(),
        before.len()
    );
    assert_eq!(after.last(), Some(&format!("+{last}")));
    assert_eq!(after.len(), before.len() + 1);
}

#[test]
fn a_refresh_goes_on_over_a_change_of_routes() {
    let mut rig = established(builder());
    rig.set_routes(many(200_000, 1000));
    rig.stalled = true;
    let mut seen = refresh(&mut rig, V4).changes();
    assert!(seen.len() < 200_000);
    let mut changed = rig.session.routes().clone();
    let gone = changed.iter().next().unwrap().0;
    let late = changed.iter().next_back().unwrap().0;
    changed.update([(gone, None), (late, None)]);
    changed.insert(prefix("198.51.100.0/24"), Arc::default());
    seen.extend(rig.set_routes(changed).changes());
    for _ in 0..100 {
        seen.extend(
            rig.input(Input::Drained {
                conn: OUTGOING,
                octets: 100_000,
            })
            .changes(),
        );
    }
    let count = |change: String| seen.iter().filter(|seen| **seen == change).count();
    assert_eq!(
        (count(format!("+{gone}")), count(format!("-{gone}"))),
        (1, 1)
    );
    assert_eq!(
        (count(format!("+{late}")), count(format!("-{late}"))),
        (0, 1),
        "the peer held it"
    );
    assert_eq!(count("+198.51.100.0/24".to_owned()), 1);
    assert_eq!(
        count("+203.1.0.0/32".to_owned()),
        1,
        "asked for and unchanged"
    );
    assert_eq!(seen.len(), 200_000 - 1 + 2 + 1);
}

#[test]
fn a_refresh_in_the_middle_of_the_first_routes_forgets_nothing_that_was_sent() {
    let mut rig = established(builder());
    rig.stalled = true;
    let sent = rig.set_routes(many(200_000, 1000)).changes().len();
    assert!(
        refresh(&mut rig, V4).messages.is_empty(),
        "the transport takes nothing"
    );
    rig.set_routes(Routes::new());
    rig.stalled = false;
    let mut withdrawn = Vec::new();
    for _ in 0..100 {
        withdrawn.extend(
            rig.input(Input::Drained {
                conn: OUTGOING,
                octets: 100_000,
            })
            .changes(),
        );
    }
    assert!(withdrawn.iter().all(|change| change.starts_with('-')));
    assert_eq!(withdrawn.len(), sent);
}

#[test]
fn routes_whose_attributes_fill_a_message_are_reported_and_the_others_go_out() {
    let mut rig = established(builder());
    let huge = PathAttributes::builder()
        .communities((0..2000).map(Community))
        .build()
        .unwrap();
    let mut mixed = routes(["203.0.113.1/32"]);
    let with_huge = routes_with(["203.0.113.2/32", "203.0.113.3/32"], huge);
    mixed.update(
        with_huge
            .iter()
            .map(|(prefix, huge)| (prefix, Some(Arc::clone(huge)))),
    );
    let done = rig.set_routes(mixed);
    assert_eq!(done.changes(), ["+203.0.113.1/32"]);
    let unsendable = |event: &Event| {
        matches!(
            event,
            Event::Unsendable {
                family: V4,
                routes: 2,
                ..
            }
        )
    };
    assert!(done.events.iter().any(unsendable), "{:?}", done.events);
    assert_eq!(advertised(&rig, V4), ["203.0.113.1/32"]);
}

#[test]
fn an_old_version_is_withdrawn_when_the_new_one_cannot_be_sent() {
    let mut rig = established(builder());
    rig.set_routes(routes(["203.0.113.1/32"]));
    let huge = PathAttributes::builder()
        .communities((0..2000).map(Community))
        .build()
        .unwrap();
    let done = rig.set_routes(routes_with(["203.0.113.1/32"], huge));
    assert_eq!(done.changes(), ["-203.0.113.1/32"]);
}
