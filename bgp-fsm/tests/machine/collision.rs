//! Two connections at once (RFC 4271 §6.8, RFC 6286 §2.3).

use bgp_fsm::{ConnId, Event, Input, PeerAs, PeerConfig, State};
use bgp_wire::Asn;

use crate::rig::{
    Done, INCOMING, LOCAL_AS, OUTGOING, PEER_AS, Rig, config, encoded, keepalive, peer_open,
    router_id, routes, seconds,
};

/// Both connections are open: ours in OpenSent, and the peer's too.
fn both_open(config: PeerConfig) -> Rig {
    let mut rig = Rig::in_state(config, State::Connect);
    assert_eq!(rig.connect(INCOMING).summary(), ["OPEN"]);
    assert_eq!(rig.connect(OUTGOING).summary(), ["OPEN"]);
    rig
}

fn open_on(rig: &mut Rig, conn: ConnId, id: u8) -> Done {
    rig.receive(conn, &encoded(peer_open(PEER_AS, id)))
}

/// Of the two, in whichever order the OPENs arrive, this one survives and the other is told Cease/7.
fn survivor(peer_id: u8, first: ConnId, second: ConnId) -> ConnId {
    let mut rig = both_open(config());
    open_on(&mut rig, first, peer_id);
    let done = open_on(&mut rig, second, peer_id);
    let loser = done.closes[0];
    assert!(done.messages.iter().any(|(conn, message)| {
        *conn == loser && crate::rig::summary(message) == "NOTIFICATION 6/7"
    }));
    assert!(
        !done
            .events
            .iter()
            .any(|event| matches!(event, Event::Down { .. })),
        "no news"
    );
    let winner = if loser == first { second } else { first };
    rig.receive(winner, &keepalive());
    assert_eq!(rig.session.established_connection(), Some(winner));
    winner
}

#[test]
fn the_connection_of_the_higher_identifier_survives() {
    // Ours is 192.0.2.10.
    assert_eq!(survivor(20, OUTGOING, INCOMING), INCOMING);
    assert_eq!(survivor(20, INCOMING, OUTGOING), INCOMING);
    assert_eq!(survivor(5, OUTGOING, INCOMING), OUTGOING);
    assert_eq!(survivor(5, INCOMING, OUTGOING), OUTGOING);
}

#[test]
fn with_equal_identifiers_the_connection_of_the_higher_as_survives() {
    // RFC 6286 §2.3: theirs is 64501, ours 64500.
    assert_eq!(survivor(10, OUTGOING, INCOMING), INCOMING);
    assert_eq!(survivor(10, INCOMING, OUTGOING), INCOMING);
}

#[test]
fn established_wins_whatever_the_identifiers_are() {
    for peer_id in [5, 20] {
        let mut rig = Rig::established();
        rig.connect(INCOMING);
        let done = open_on(&mut rig, INCOMING, peer_id);
        assert_eq!(done.summary(), ["NOTIFICATION 6/7"]);
        assert_eq!(done.closes, [INCOMING]);
        assert_eq!(rig.session.established_connection(), Some(OUTGOING));
    }
}

#[test]
fn a_connection_that_received_no_open_is_never_promoted() {
    // The peer's higher identifier speaks for its own connection, but nothing has come over that one.
    let mut rig = both_open(config());
    open_on(&mut rig, OUTGOING, 20);
    rig.receive(OUTGOING, &keepalive());
    assert_eq!(rig.session.established_connection(), Some(OUTGOING));
    rig.input(Input::Closed { conn: INCOMING });
    assert_eq!(rig.session.state(), State::Established);
}

#[test]
fn the_other_connection_takes_over_when_the_first_one_breaks() {
    let mut rig = both_open(config());
    rig.input(Input::Closed { conn: OUTGOING });
    assert_eq!(rig.session.state(), State::OpenSent);
    open_on(&mut rig, INCOMING, 20);
    rig.receive(INCOMING, &keepalive());
    assert_eq!(rig.session.established_connection(), Some(INCOMING));
}

#[test]
fn a_second_connection_that_stays_silent_is_given_up_and_the_first_goes_on() {
    let mut rig = Rig::established();
    rig.connect(INCOMING);
    for _ in 0..10 {
        rig.pass(seconds(30));
        rig.receive(OUTGOING, &keepalive());
    }
    assert_eq!(rig.session.state(), State::Established);
    let refused = rig.connect(ConnId::Incoming(2));
    assert_eq!(refused.summary(), ["OPEN"], "there is room for it again");
}

#[test]
fn a_third_connection_is_closed_at_once() {
    let mut rig = both_open(config());
    let third = ConnId::Incoming(2);
    let done = rig.connect(third);
    assert_eq!(done.closes, [third]);
    assert!(done.messages.is_empty());
}

#[test]
fn of_two_connections_of_the_peer_the_newer_one_survives() {
    // It would not have opened a second one if it still had the first.
    let passive = PeerConfig::builder(LOCAL_AS, PeerAs::Exactly(PEER_AS), router_id(10)).passive();
    let mut rig = Rig::new(passive.build().unwrap());
    rig.input(Input::Start);
    let newer = ConnId::Incoming(2);
    rig.connect(INCOMING);
    rig.connect(newer);
    open_on(&mut rig, INCOMING, 20);
    let done = open_on(&mut rig, newer, 20);
    assert_eq!(done.closes, [INCOMING]);
}

#[test]
fn stopping_ends_both_connections() {
    let mut rig = both_open(config());
    let done = rig.stop();
    assert_eq!(done.summary(), ["NOTIFICATION 6/2", "NOTIFICATION 6/2"]);
    assert_eq!(done.closes.len(), 2);
    assert_eq!((rig.session.state(), rig.deadline()), (State::Idle, None));
}

#[test]
fn an_attempt_that_is_under_way_is_dropped_when_the_peers_connection_is_established() {
    let mut rig = Rig::in_state(config(), State::Connect);
    rig.connect(INCOMING);
    open_on(&mut rig, INCOMING, 5);
    let done = rig.receive(INCOMING, &keepalive());
    assert_eq!(done.closes, [OUTGOING]);
    assert!(rig.connect(OUTGOING).messages.is_empty(), "too late");
}

#[test]
fn routes_survive_the_loss_of_a_second_connection() {
    let mut rig = Rig::established();
    rig.set_routes(routes(["203.0.113.1/32"]));
    rig.connect(INCOMING);
    let done = rig.receive(INCOMING, &encoded(peer_open(Asn(64999), 20)));
    assert_eq!(done.summary(), ["NOTIFICATION 2/2"]);
    assert_eq!(rig.session.state(), State::Established);
    assert_eq!(rig.set_routes(routes([])).changes(), ["-203.0.113.1/32"]);
}
