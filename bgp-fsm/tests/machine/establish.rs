//! From Idle to Established: what the OPENs say and what follows from them.

use bgp_fsm::{Event, FsmEvent, Input, PeerAs, PeerConfig, State};
use bgp_wire::{AfiSafi, Asn, Capability, FamilySet, HoldTime, MaxLen, Message, Open, PeerKind};

use crate::rig::{
    INCOMING, LOCAL_AS, OUTGOING, PEER_AS, Rig, builder, config, encoded, keepalive, peer_open,
    router_id,
};

fn sent_open(rig: &mut Rig) -> Open {
    let done = rig.connect(OUTGOING);
    match &done.messages[..] {
        [(OUTGOING, Message::Open(open))] => open.clone(),
        other => panic!("not an OPEN: {other:?}"),
    }
}

/// What a session with these settings answers to this OPEN.
fn answer(config: PeerConfig, open: Open) -> Vec<String> {
    Rig::in_state(config, State::OpenSent)
        .receive(OUTGOING, &encoded(open))
        .summary()
}

#[test]
fn the_open_says_what_the_configuration_does() {
    let mut rig = Rig::in_state(
        builder().extended_next_hop().build().unwrap(),
        State::Connect,
    );
    let open = sent_open(&mut rig);
    assert_eq!((open.asn(), open.bgp_identifier), (LOCAL_AS, router_id(10)));
    assert_eq!(open.hold_time, HoldTime::DEFAULT);
    for capability in [
        Capability::FourOctetAs(LOCAL_AS),
        Capability::RouteRefresh,
        Capability::ExtendedMessage,
        Capability::Multiprotocol(AfiSafi::IPV4_UNICAST),
        Capability::Multiprotocol(AfiSafi::IPV6_UNICAST),
        Capability::ExtendedNextHop([bgp_wire::ExtendedNextHop::IPV4_UNICAST].into()),
    ] {
        assert!(open.capabilities.contains(&capability), "{capability:?}");
    }
    assert_eq!(open.capabilities.len(), 6);
}

#[test]
fn an_as_number_of_four_octets_is_as_trans_in_the_field_of_two() {
    let config = PeerConfig::builder(Asn(4_200_000_000), PeerAs::Any, router_id(1));
    let open = sent_open(&mut Rig::in_state(config.build().unwrap(), State::Connect));
    assert_eq!(open.my_autonomous_system, 23456);
    assert_eq!(open.asn(), Asn(4_200_000_000));
}

#[test]
fn each_step_is_reported_with_its_cause() {
    let mut rig = Rig::new(config());
    let mut events = rig.input(Input::Start).events;
    events.extend(rig.connect(OUTGOING).events);
    events.extend(
        rig.receive(OUTGOING, &encoded(peer_open(PEER_AS, 20)))
            .events,
    );
    events.extend(rig.receive(OUTGOING, &keepalive()).events);
    let steps: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::StateChanged { from, to, cause } => Some((*from, *to, cause.number())),
            _ => None,
        })
        .collect();
    let expected = [
        (State::Idle, State::Connect, FsmEvent::ManualStart.number()),
        (State::Connect, State::OpenSent, Some(16)),
        (State::OpenSent, State::OpenConfirm, Some(19)),
        (State::OpenConfirm, State::Established, Some(26)),
    ];
    assert_eq!(steps, expected);
    assert!(matches!(events.last(), Some(Event::Established(_))));
    assert_eq!(rig.session.stats().established_transitions, 1);
}

#[test]
fn the_lower_hold_time_is_used_and_zero_stops_the_timers() {
    let open = |seconds| {
        let mut open = peer_open(PEER_AS, 20);
        open.hold_time = HoldTime::from_secs(seconds).unwrap();
        encoded(open)
    };
    let mut rig = Rig::in_state(config(), State::OpenSent);
    rig.receive(OUTGOING, &open(30));
    rig.receive(OUTGOING, &keepalive());
    assert_eq!(rig.session.negotiated().unwrap().hold_time().as_secs(), 30);

    let mut rig = Rig::in_state(config(), State::OpenSent);
    rig.receive(OUTGOING, &open(0));
    rig.receive(OUTGOING, &keepalive());
    assert_eq!(rig.session.state(), State::Established);
    assert_eq!(
        rig.deadline(),
        None,
        "neither hold nor keepalive nor send hold"
    );
}

#[test]
fn an_open_that_does_not_fit_is_refused_with_its_subcode() {
    // RFC 4271 §6.2, RFC 5492 §5.
    let with_floor = builder()
        .min_hold_time(HoldTime::from_secs(60).unwrap())
        .build()
        .unwrap();
    let mut short_hold = peer_open(PEER_AS, 20);
    short_hold.hold_time = HoldTime::from_secs(30).unwrap();
    let only_v4: FamilySet = [AfiSafi::IPV4_UNICAST].into_iter().collect();
    let only_v6 = Open::new(PEER_AS, HoldTime::DEFAULT, router_id(20))
        .with_capability(Capability::Multiprotocol(AfiSafi::IPV6_UNICAST));
    assert_eq!(
        answer(config(), peer_open(Asn(64999), 20)),
        ["NOTIFICATION 2/2"]
    );
    assert_eq!(answer(with_floor, short_hold), ["NOTIFICATION 2/6"]);
    assert_eq!(
        answer(builder().families(only_v4).build().unwrap(), only_v6),
        ["NOTIFICATION 2/7"]
    );
}

#[test]
fn an_internal_peer_is_one_of_our_as_and_an_external_one_is_not() {
    let with = |peer_as| {
        PeerConfig::builder(LOCAL_AS, peer_as, router_id(10))
            .build()
            .unwrap()
    };
    assert_eq!(
        answer(with(PeerAs::Internal), peer_open(LOCAL_AS, 20)),
        ["KEEPALIVE"]
    );
    assert_eq!(
        answer(with(PeerAs::Internal), peer_open(PEER_AS, 20)),
        ["NOTIFICATION 2/2"]
    );
    assert_eq!(
        answer(with(PeerAs::External), peer_open(PEER_AS, 20)),
        ["KEEPALIVE"]
    );
    assert_eq!(
        answer(with(PeerAs::External), peer_open(LOCAL_AS, 20)),
        ["NOTIFICATION 2/2"]
    );
}

#[test]
fn equal_identifiers_are_refused_within_one_as_and_taken_between_two() {
    // RFC 6286 §2.2.
    let internal = PeerConfig::builder(LOCAL_AS, PeerAs::Internal, router_id(10))
        .build()
        .unwrap();
    assert_eq!(
        answer(internal, peer_open(LOCAL_AS, 10)),
        ["NOTIFICATION 2/3"]
    );
    assert_eq!(answer(config(), peer_open(PEER_AS, 10)), ["KEEPALIVE"]);
}

#[test]
fn a_peer_without_capabilities_gets_ipv4_and_two_octet_as_numbers() {
    let mut plain = peer_open(PEER_AS, 20);
    plain.capabilities.clear();
    let mut rig = Rig::in_state(config(), State::OpenSent);
    rig.receive(OUTGOING, &encoded(plain));
    rig.receive(OUTGOING, &keepalive());
    let context = *rig.session.negotiated().unwrap().context();
    assert_eq!(
        context.families,
        [AfiSafi::IPV4_UNICAST].into_iter().collect()
    );
    assert_eq!(
        (context.asn_width.octets(), context.peer),
        (2, PeerKind::Ebgp)
    );
    assert_eq!(context.send.max_len, MaxLen::Standard);
}

#[test]
fn an_unknown_capability_is_no_reason_to_refuse() {
    let code = bgp_wire::CapabilityCode(250);
    let open = peer_open(PEER_AS, 20).with_capability(Capability::Unknown {
        code,
        value: vec![0xa5; 200],
    });
    assert_eq!(answer(config(), open), ["KEEPALIVE"]);
}

#[test]
fn messages_in_pieces_and_messages_in_one_go_are_the_same() {
    let octets = [&encoded(peer_open(PEER_AS, 20))[..], &keepalive()].concat();
    let mut whole = Rig::in_state(config(), State::OpenSent);
    whole.receive(OUTGOING, &octets);
    let mut pieces = Rig::in_state(config(), State::OpenSent);
    for octet in octets.chunks(1) {
        pieces.receive(OUTGOING, octet);
    }
    assert_eq!(whole.session.state(), State::Established);
    assert_eq!(pieces.session.state(), State::Established);
}

#[test]
fn a_passive_session_waits_for_the_peer() {
    let mut rig = Rig::new(builder().passive().build().unwrap());
    let done = rig.input(Input::Start);
    assert!(done.connects.is_empty());
    rig.connect(INCOMING);
    rig.receive(INCOMING, &encoded(peer_open(PEER_AS, 20)));
    rig.receive(INCOMING, &keepalive());
    assert_eq!(rig.session.state(), State::Established);
}
