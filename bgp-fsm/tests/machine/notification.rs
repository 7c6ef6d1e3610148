//! What the peer is told when a session ends, and what is made of what it tells.

use bgp_fsm::{DownReason, Input, PeerAs, PeerConfig, State};
use bgp_wire::{Cease, ErrorCode, HoldTime, MessageType, Notification, ShutdownCommunication};

use crate::rig::{LOCAL_AS, OUTGOING, Rig, builder, config, encoded, raw, router_id};

/// The NOTIFICATION that answers these octets in a state: code, subcode, data.
fn answer(state: State, octets: &[u8]) -> (u8, u8, Vec<u8>) {
    let mut rig = Rig::in_state(config(), state);
    let done = rig.receive(OUTGOING, octets);
    let notification = done.notification().expect("an error is answered");
    assert_eq!(done.closes, [OUTGOING]);
    (
        notification.code.0,
        notification.subcode,
        notification.data.to_vec(),
    )
}

#[test]
fn header_errors_are_answered_with_code_1() {
    // RFC 4271 §6.1.
    for state in [State::OpenSent, State::OpenConfirm, State::Established] {
        assert_eq!(answer(state, &[0; 19]), (1, 1, vec![]));
        let mut short = raw(MessageType::KEEPALIVE, &[]);
        short[17] = 18;
        assert_eq!(answer(state, &short), (1, 2, vec![0, 18]));
        let long_keepalive = raw(MessageType::KEEPALIVE, &[0]);
        assert_eq!(answer(state, &long_keepalive), (1, 2, vec![0, 20]));
        assert_eq!(answer(state, &raw(MessageType(9), &[])), (1, 3, vec![9]));
    }
}

#[test]
fn open_errors_are_answered_with_code_2() {
    // RFC 4271 §6.2: version, AS 0 (RFC 7607), hold time of one second, identifier zero (RFC 6286), unknown parameter.
    let open = |body: &[u8]| answer(State::OpenSent, &raw(MessageType::OPEN, body));
    assert_eq!(
        open(&[3, 0xfb, 0xf5, 0, 90, 192, 0, 2, 20, 0]),
        (2, 1, vec![0, 4])
    );
    assert_eq!(open(&[4, 0, 0, 0, 90, 192, 0, 2, 20, 0]), (2, 2, vec![]));
    assert_eq!(
        open(&[4, 0xfb, 0xf5, 0, 1, 192, 0, 2, 20, 0]),
        (2, 6, vec![])
    );
    assert_eq!(open(&[4, 0xfb, 0xf5, 0, 90, 0, 0, 0, 0, 0]), (2, 3, vec![]));
    assert_eq!(
        open(&[4, 0xfb, 0xf5, 0, 90, 192, 0, 2, 20, 2, 1, 0]),
        (2, 4, vec![])
    );
}

#[test]
fn an_unexpected_message_is_named_in_the_data() {
    // RFC 6608 §4.
    let keepalive = raw(MessageType::KEEPALIVE, &[]);
    let update = raw(MessageType::UPDATE, &[0, 0, 0, 0]);
    let open = raw(MessageType::OPEN, &[4, 0xfb, 0xf5, 0, 90, 192, 0, 2, 20, 0]);
    assert_eq!(answer(State::OpenSent, &keepalive), (5, 1, vec![4]));
    assert_eq!(answer(State::OpenConfirm, &update), (5, 2, vec![2]));
    assert_eq!(answer(State::Established, &open), (5, 3, vec![1]));
}

#[test]
fn what_follows_an_error_is_not_looked_at() {
    let mut rig = Rig::established();
    let octets = [raw(MessageType(9), &[]), raw(MessageType(10), &[])].concat();
    let done = rig.receive(OUTGOING, &octets);
    assert_eq!(done.summary(), ["NOTIFICATION 1/3"]);
    assert!(
        rig.receive(OUTGOING, &octets).messages.is_empty(),
        "the connection is gone"
    );
}

#[test]
fn stopping_says_so_with_the_operators_text() {
    // RFC 9003 §2.
    let mut rig = Rig::established();
    let done = rig.stop();
    let notification = done.notification().unwrap();
    assert_eq!(
        (notification.code, notification.subcode),
        (ErrorCode::CEASE, 2)
    );
    let text = notification.as_ref().shutdown_communication().unwrap();
    assert_eq!(text.as_deref(), Some("maintenance"));
}

#[test]
fn a_received_notification_is_kept_in_words_and_never_answered() {
    let text = ShutdownCommunication::truncated("see you on Monday");
    let cease = Notification::cease_with_text(Cease::ADMINISTRATIVE_SHUTDOWN, &text);
    for state in [State::OpenSent, State::OpenConfirm, State::Established] {
        let mut rig = Rig::in_state(config(), state);
        let done = rig.receive(OUTGOING, &encoded(cease.clone()));
        assert!(done.messages.is_empty(), "{:?}", done.messages);
        assert_eq!(
            rig.session.last_error(),
            Some(&DownReason::Received(cease.clone()))
        );
        let words = rig.session.last_error().unwrap().to_string();
        assert!(words.contains("Administrative Shutdown"), "{words}");
        assert!(words.contains("see you on Monday"), "{words}");
    }
}

#[test]
fn a_malformed_update_ends_the_session_with_code_3() {
    // RFC 4271 §6.3, RFC 7606 §3 b: the attributes are said to be longer than the message.
    let update = raw(MessageType::UPDATE, &[0, 0, 0, 9, 0, 0]);
    assert_eq!(answer(State::Established, &update), (3, 1, vec![]));
}

#[test]
fn a_setting_of_the_open_resets_with_cease_6_and_another_one_does_not() {
    let mut rig = Rig::established();
    let live = builder()
        .connect_retry_time(std::time::Duration::from_secs(5))
        .build()
        .unwrap();
    let done = rig.input(Input::SetConfig(live));
    assert!(done.messages.is_empty() && done.events.is_empty());
    assert_eq!(rig.session.state(), State::Established);

    let hold_time = HoldTime::from_secs(30).unwrap();
    let done = rig.input(Input::SetConfig(
        builder().hold_time(hold_time).build().unwrap(),
    ));
    assert_eq!(done.summary(), ["NOTIFICATION 6/6"]);
    let wait = rig.deadline().unwrap();
    let conn = rig.pass(wait).connects[0];
    rig.connect(conn);
    assert_eq!(rig.session.config().hold_time(), hold_time);
    assert_eq!(
        rig.session.stats().connect_retry_counter,
        0,
        "it was no failure"
    );
}

#[test]
fn settings_that_the_peer_would_have_agreed_to_likewise_reset_nothing() {
    let only_v4: bgp_wire::FamilySet = [bgp_wire::AfiSafi::IPV4_UNICAST].into_iter().collect();
    let dynamic = PeerConfig::builder(LOCAL_AS, PeerAs::External, router_id(10));
    let longer = HoldTime::from_secs(180).unwrap();
    for likewise in [dynamic, builder().hold_time(longer)] {
        let mut rig = Rig::established();
        let done = rig.input(Input::SetConfig(likewise.build().unwrap()));
        assert!(done.messages.is_empty(), "{:?}", done.summary());
        assert_eq!(rig.session.state(), State::Established);
    }
    let internal = PeerConfig::builder(LOCAL_AS, PeerAs::Internal, router_id(10));
    let picky = builder().min_hold_time(longer);
    for otherwise in [internal, picky, builder().families(only_v4)] {
        let mut rig = Rig::established();
        let done = rig.input(Input::SetConfig(otherwise.build().unwrap()));
        assert_eq!(done.summary(), ["NOTIFICATION 6/6"]);
    }
}

#[test]
fn a_setting_that_went_on_with_the_session_is_in_its_next_open() {
    let mut rig = Rig::established();
    let longer = HoldTime::from_secs(180).unwrap();
    rig.input(Input::SetConfig(
        builder().hold_time(longer).build().unwrap(),
    ));
    rig.input(Input::Closed { conn: OUTGOING });
    let wait = rig.deadline().unwrap();
    let conn = rig.pass(wait).connects[0];
    let done = rig.connect(conn);
    assert!(
        matches!(&done.messages[..], [(_, bgp_wire::Message::Open(open))] if open.hold_time == longer)
    );
}

#[test]
fn a_new_local_as_is_what_the_next_open_says() {
    let mut rig = Rig::established();
    let other = PeerConfig::builder(bgp_wire::Asn(65010), PeerAs::Any, router_id(10));
    assert_ne!(LOCAL_AS, bgp_wire::Asn(65010));
    rig.input(Input::SetConfig(other.build().unwrap()));
    let wait = rig.deadline().unwrap();
    let conn = rig.pass(wait).connects[0];
    let done = rig.connect(conn);
    match &done.messages[..] {
        [(_, bgp_wire::Message::Open(open))] => assert_eq!(open.asn(), bgp_wire::Asn(65010)),
        other => panic!("not an OPEN: {other:?}"),
    }
}
