//! Timers over time: hold, keepalive, send hold, retries and damping.

use std::time::Duration;

use bgp_fsm::{ConnId, DownReason, Event, Input, State};
use bgp_wire::{ErrorCode, HoldTime, Notification};

use crate::rig::{
    INCOMING, OUTGOING, PEER_AS, Rig, builder, config, encoded, keepalive, peer_open, routes,
    seconds,
};

#[test]
fn hold_timer_expiry_sends_notification_4() {
    let mut rig = Rig::established();
    let done = rig.pass(seconds(89));
    assert!(done.notification().is_none());
    let done = rig.pass(seconds(1));
    assert_eq!(
        done.notification(),
        Some(&Notification::hold_timer_expired())
    );
    assert_eq!(
        rig.session.last_error(),
        Some(&DownReason::Sent(Notification::hold_timer_expired()))
    );
    assert_eq!(rig.session.state(), State::Idle);
}

#[test]
fn a_peer_that_speaks_in_time_is_kept_for_hours() {
    let mut rig = Rig::established();
    for _ in 0..1000 {
        rig.pass(seconds(60));
        rig.receive(OUTGOING, &keepalive());
    }
    assert_eq!(rig.session.state(), State::Established);
}

#[test]
fn keepalives_are_a_third_of_the_hold_time_apart_less_jitter() {
    let mut rig = Rig::established();
    let mut gaps = Vec::new();
    for _ in 0..200 {
        let gap = rig.deadline().unwrap();
        assert_eq!(rig.pass(gap).summary(), ["KEEPALIVE"]);
        rig.receive(OUTGOING, &keepalive());
        gaps.push(gap);
    }
    let range = Duration::from_millis(22_500)..=seconds(30);
    assert!(gaps.iter().all(|gap| range.contains(gap)));
    assert!(
        gaps.iter()
            .max()
            .unwrap()
            .abs_diff(*gaps.iter().min().unwrap())
            > seconds(6),
        "jitter"
    );
}

#[test]
fn keepalives_are_never_less_than_a_second_apart() {
    // RFC 4271 §4.4, against the jitter of §10.
    let three = HoldTime::from_secs(3).unwrap();
    let mut rig = Rig::in_state(
        builder().hold_time(three).build().unwrap(),
        State::Established,
    );
    for _ in 0..100 {
        let gap = rig.deadline().unwrap();
        assert_eq!(gap, seconds(1));
        rig.pass(gap);
        rig.receive(OUTGOING, &keepalive());
    }
}

#[test]
fn an_early_timeout_changes_nothing() {
    let mut rig = Rig::established();
    let deadline = rig.session.poll_timeout();
    rig.session.handle_timeout(rig.now());
    assert!(rig.session.poll_output().is_none());
    assert_eq!(rig.session.poll_timeout(), deadline);
}

#[test]
fn a_peer_that_reads_nothing_is_dropped_by_the_send_hold_timer() {
    // RFC 9687: its own KEEPALIVEs keep coming, so the hold timer does not help.
    let mut rig = Rig::established();
    rig.stalled = true;
    let mut passed = Duration::ZERO;
    while rig.session.state() == State::Established {
        rig.pass(seconds(30));
        passed += seconds(30);
        rig.receive(OUTGOING, &keepalive());
    }
    let error = rig.session.last_error().cloned();
    assert_eq!(
        error,
        Some(DownReason::Sent(Notification::send_hold_timer_expired()))
    );
    assert!(
        (seconds(480)..=seconds(540)).contains(&passed),
        "{passed:?}"
    );
}

#[test]
fn the_least_write_progress_restarts_the_send_hold_timer() {
    let mut rig = Rig::established();
    rig.stalled = true;
    rig.set_routes(routes(["203.0.113.1/32"]));
    for _ in 0..100 {
        rig.pass(seconds(60));
        rig.receive(OUTGOING, &keepalive());
        rig.input(Input::Drained {
            conn: OUTGOING,
            octets: 1,
        });
    }
    assert_eq!(rig.session.state(), State::Established);
}

#[test]
fn an_attempt_that_nobody_answers_is_repeated_after_connect_retry_time() {
    let mut rig = Rig::in_state(config(), State::Connect);
    let done = rig.pass(seconds(3600));
    let expected = 3600 / 120..=3600 / 90;
    assert!(
        expected.contains(&done.connects.len()),
        "{} attempts",
        done.connects.len()
    );
    assert_eq!(done.closes.len(), done.connects.len());
    assert_eq!(rig.session.last_error(), Some(&DownReason::ConnectTimedOut));
}

#[test]
fn refused_connections_are_tried_again_ever_more_slowly() {
    let config = builder().connect_retry_time(seconds(10)).build().unwrap();
    let mut rig = Rig::in_state(config, State::Connect);
    let mut conn = OUTGOING;
    let mut waits = Vec::new();
    for _ in 0..8 {
        rig.input(Input::ConnectFailed { conn });
        let wait = rig.deadline().unwrap();
        conn = rig.pass(wait).connects[0];
        waits.push(wait.as_secs_f64());
    }
    for (wait, most) in waits
        .iter()
        .zip([1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0])
    {
        assert!((most * 0.75..=most).contains(wait), "{waits:?}");
    }
}

#[test]
fn a_peer_that_ends_every_session_at_once_causes_no_hot_loop() {
    // metallb#780: established, then dropped immediately.
    let mut rig = Rig::new(config());
    let mut conn = rig.input(Input::Start).connects[0];
    let mut attempts = 0;
    let start = rig.now();
    while rig.now() - start < seconds(3600) {
        rig.connect(conn);
        rig.receive(conn, &encoded(peer_open(PEER_AS, 20)));
        rig.receive(conn, &keepalive());
        assert_eq!(rig.session.state(), State::Established);
        rig.receive(conn, &encoded(Notification::new(ErrorCode::CEASE, 5)));
        let wait = rig.deadline().unwrap();
        conn = rig.pass(wait).connects[0];
        attempts += 1;
    }
    assert!(attempts < 90, "{attempts} sessions in an hour");
    assert_eq!(rig.session.stats().connect_retry_counter, attempts);
}

/// What a peer does that ends a session.
const ENDS: [fn(&mut Rig); 2] = [
    |rig| drop(rig.receive(OUTGOING, &encoded(Notification::new(ErrorCode::CEASE, 2)))),
    |rig| drop(rig.input(Input::Closed { conn: OUTGOING })),
];

#[test]
fn a_peer_that_restarts_has_its_session_back_at_once() {
    for end in ENDS {
        let mut rig = Rig::established();
        end(&mut rig);
        let done = rig.connect(INCOMING);
        assert_eq!(done.summary(), ["OPEN"]);
        rig.receive(INCOMING, &encoded(peer_open(PEER_AS, 20)));
        rig.receive(INCOMING, &keepalive());
        assert_eq!(rig.session.state(), State::Established);
    }
}

#[test]
fn a_peer_that_ends_its_sessions_again_and_again_is_refused_for_a_while() {
    for end in ENDS {
        let mut rig = Rig::established();
        end(&mut rig);
        rig.connect(INCOMING);
        rig.receive(INCOMING, &encoded(peer_open(PEER_AS, 20)));
        rig.receive(INCOMING, &keepalive());
        rig.input(Input::Closed { conn: INCOMING });
        assert_eq!(rig.session.state(), State::Idle);
        let another = ConnId::Incoming(2);
        assert_eq!(rig.connect(another).closes, [another]);
    }
}

#[test]
fn a_stopped_session_stays_idle_and_a_start_begins_anew() {
    let mut rig = Rig::established();
    rig.stop();
    let done = rig.pass(seconds(100_000));
    assert!(done.connects.is_empty() && done.events.is_empty());
    let done = rig.input(Input::Start);
    assert_eq!(done.connects.len(), 1);
    assert_eq!(rig.session.stats().connect_retry_counter, 0);
}

#[test]
fn a_late_start_ends_the_wait_after_a_failure() {
    let mut rig = Rig::in_state(config(), State::Connect);
    rig.input(Input::ConnectFailed { conn: OUTGOING });
    assert_eq!(rig.session.state(), State::Idle);
    assert_eq!(rig.input(Input::Start).connects.len(), 1);
    assert_eq!(rig.session.state(), State::Connect);
}

#[test]
fn events_of_a_failed_attempt_name_the_state_and_the_reason() {
    let mut rig = Rig::in_state(config(), State::Connect);
    let done = rig.input(Input::ConnectFailed { conn: OUTGOING });
    let down = |event: &Event| {
        matches!(
            event,
            Event::Down {
                from: State::Connect,
                reason: DownReason::ConnectFailed
            }
        )
    };
    assert!(done.events.iter().any(down), "{:?}", done.events);
}
