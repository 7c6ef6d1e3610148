//! What two OPENs come to.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bgp_wire::{
    AddPath, AfiSafi, Asn, AsnWidth, Capability, CapabilityCode, ExtendedNextHop, FamilySet,
    ForwardingState, GracefulRestart, HoldTime, MaxLen, Negotiated, NotificationRestart, Open,
    OpenRequirements, PeerKind, PeerRestart, RestartFamily, RestartFlags, RouteRefreshKind,
};
use std::time::Duration;

const IPV4: AfiSafi = AfiSafi::IPV4_UNICAST;
const IPV6: AfiSafi = AfiSafi::IPV6_UNICAST;

fn open(asn: u32, id: &str, capabilities: impl IntoIterator<Item = Capability>) -> Open {
    let mut open = Open::new(Asn(asn), HoldTime::DEFAULT, id.parse().unwrap());
    open.capabilities.extend(capabilities);
    open
}

fn local(capabilities: impl IntoIterator<Item = Capability>) -> Open {
    open(65000, "192.0.2.1", capabilities)
}

fn remote(capabilities: impl IntoIterator<Item = Capability>) -> Open {
    open(65001, "192.0.2.2", capabilities)
}

fn only(family: AfiSafi) -> FamilySet {
    [family].into_iter().collect()
}

#[test]
fn families_are_those_of_both() {
    let both = [
        Capability::Multiprotocol(IPV4),
        Capability::Multiprotocol(IPV6),
    ];
    let negotiated =
        Negotiated::from_opens(&local(both), &remote([Capability::Multiprotocol(IPV6)])).unwrap();
    assert_eq!(negotiated.families(), only(IPV6));
}

#[test]
fn a_speaker_that_names_no_family_has_ipv4_unicast() {
    let both = [
        Capability::Multiprotocol(IPV4),
        Capability::Multiprotocol(IPV6),
    ];
    let negotiated = Negotiated::from_opens(&local(both), &remote([])).unwrap();
    assert_eq!(negotiated.families(), only(IPV4));
}

#[test]
fn the_lower_hold_time_wins_and_zero_is_the_lowest() {
    let mut peer = remote([]);
    for (seconds, expected) in [
        (180, HoldTime::DEFAULT),
        (9, HoldTime::from_secs(9).unwrap()),
        (0, HoldTime::ZERO),
    ] {
        peer.hold_time = HoldTime::from_secs(seconds).unwrap();
        assert_eq!(
            Negotiated::from_opens(&local([]), &peer)
                .unwrap()
                .hold_time(),
            expected
        );
    }
}

#[test]
fn as_numbers_have_four_octets_where_both_can() {
    let mut old = remote([]);
    old.capabilities
        .retain(|capability| capability.code() != CapabilityCode::FOUR_OCTET_AS);
    let negotiated = Negotiated::from_opens(&local([]), &old).unwrap();
    assert_eq!(negotiated.context().asn_width, AsnWidth::Two);
    assert_eq!(negotiated.peer_as(), Asn(65001));
    let wide = open(70000, "192.0.2.2", []);
    assert_eq!(wide.my_autonomous_system, 23456);
    let negotiated = Negotiated::from_opens(&local([]), &wide).unwrap();
    assert_eq!(
        (negotiated.context().asn_width, negotiated.peer_as()),
        (AsnWidth::Four, Asn(70000))
    );
}

#[test]
fn the_kind_of_peer_follows_from_the_as_numbers_unless_it_is_given() {
    let kind = |asn| {
        *Negotiated::from_opens(&local([]), &open(asn, "192.0.2.2", []))
            .unwrap()
            .context()
    };
    assert_eq!(kind(65000).peer, PeerKind::Ibgp);
    assert_eq!(kind(65001).peer, PeerKind::Ebgp);
    let mut requirements = OpenRequirements::default();
    requirements.peer_kind = Some(PeerKind::Confederation);
    let negotiated = Negotiated::with_requirements(&local([]), &remote([]), &requirements).unwrap();
    assert_eq!(negotiated.context().peer, PeerKind::Confederation);
}

#[test]
fn what_may_be_sent_is_what_the_receiver_said_it_takes() {
    // RFC 8654 §4, RFC 8950 §4: each is the receiver's own.
    let next_hop = Capability::ExtendedNextHop(vec![ExtendedNextHop::IPV4_UNICAST]);
    let negotiated =
        Negotiated::from_opens(&local([Capability::ExtendedMessage]), &remote([next_hop])).unwrap();
    let cx = negotiated.context();
    assert_eq!(
        (cx.receive.max_len, cx.send.max_len),
        (MaxLen::Extended, MaxLen::Standard)
    );
    assert_eq!(cx.receive.extended_next_hop, FamilySet::EMPTY);
    assert_eq!(cx.send.extended_next_hop, only(IPV4));
}

#[test]
fn several_paths_need_a_sender_and_a_receiver() {
    // RFC 7911 §4
    let add_path = |send_receive| {
        Capability::AddPath(vec![AddPath {
            family: IPV4,
            send_receive,
        }])
    };
    #[rustfmt::skip]
    let table = [
        (AddPath::BOTH, AddPath::BOTH, (true, true)),
        (AddPath::SEND, AddPath::RECEIVE, (false, true)),
        (AddPath::RECEIVE, AddPath::SEND, (true, false)),
        (AddPath::SEND, AddPath::SEND, (false, false)),
        (AddPath::BOTH, 0, (false, false)),
    ];
    for (ours, theirs, expected) in table {
        let negotiated =
            Negotiated::from_opens(&local([add_path(ours)]), &remote([add_path(theirs)])).unwrap();
        let cx = negotiated.context();
        assert_eq!(
            (
                cx.receive.add_path.contains(IPV4),
                cx.send.add_path.contains(IPV4)
            ),
            expected
        );
    }
}

#[test]
fn enhanced_route_refresh_needs_both() {
    let enhanced = || [Capability::EnhancedRouteRefresh];
    let kind = |ours: &Open, theirs: &Open| {
        Negotiated::from_opens(ours, theirs)
            .unwrap()
            .context()
            .route_refresh
    };
    assert_eq!(
        kind(&local(enhanced()), &remote(enhanced())),
        RouteRefreshKind::Enhanced
    );
    assert_eq!(
        kind(&local(enhanced()), &remote([])),
        RouteRefreshKind::Plain
    );
    let refresh = remote([Capability::RouteRefresh]);
    assert!(
        Negotiated::from_opens(&local([]), &refresh)
            .unwrap()
            .peer_takes_route_refresh()
    );
}

fn restart(flags: RestartFlags, families: &[(AfiSafi, ForwardingState)]) -> Capability {
    let families = families
        .iter()
        .map(|&(family, forwarding)| RestartFamily { family, forwarding });
    Capability::GracefulRestart(
        GracefulRestart::try_new(flags, Duration::from_secs(120), families).unwrap(),
    )
}

#[test]
fn graceful_restart_is_about_families_that_the_session_has() {
    let ours = restart(RestartFlags::NOTIFICATION, &[]);
    let theirs = restart(
        RestartFlags::RESTARTED | RestartFlags::NOTIFICATION,
        &[
            (IPV4, ForwardingState::Preserved),
            (IPV6, ForwardingState::Preserved),
        ],
    );
    let peer = remote([Capability::Multiprotocol(IPV4), theirs]);
    let negotiated =
        Negotiated::from_opens(&local([Capability::Multiprotocol(IPV4), ours]), &peer).unwrap();
    let restart = negotiated.graceful_restart().unwrap();
    assert_eq!(
        (restart.families, restart.preserved),
        (only(IPV4), only(IPV4))
    );
    assert_eq!(restart.peer, PeerRestart::Restarted);
    assert_eq!(restart.restart_time, Duration::from_secs(120));
    assert_eq!(restart.on_notification, NotificationRestart::KeepsRoutes);
    assert_eq!(
        Negotiated::from_opens(&local([]), &peer)
            .unwrap()
            .graceful_restart(),
        None
    );
}

#[test]
fn of_several_graceful_restart_capabilities_the_last_counts() {
    // RFC 4724 §3
    let first = restart(RestartFlags::empty(), &[(IPV4, ForwardingState::Preserved)]);
    let last = restart(RestartFlags::empty(), &[(IPV4, ForwardingState::Lost)]);
    let ours = local([restart(RestartFlags::NOTIFICATION, &[])]);
    let negotiated = Negotiated::from_opens(&ours, &remote([first, last])).unwrap();
    let restart = negotiated.graceful_restart().unwrap();
    assert_eq!(
        (restart.families, restart.preserved),
        (only(IPV4), FamilySet::EMPTY)
    );
    assert_eq!(restart.on_notification, NotificationRestart::EndsRoutes);
}

#[test]
fn a_restart_time_has_twelve_bits() {
    let long = Duration::from_secs(4096);
    let refused = GracefulRestart::try_new(RestartFlags::empty(), long, []).unwrap_err();
    assert_eq!(refused, bgp_wire::EncodeError::RestartTime(4096));
    assert!(
        GracefulRestart::try_new(RestartFlags::empty(), GracefulRestart::MAX_RESTART_TIME, [])
            .is_ok()
    );
}
