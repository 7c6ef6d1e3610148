//! Each event in each state, side by side with RFC 4271 §8.2.2: the next state, what is sent, and the next deadline.
//!
//! Events that cannot reach a state are not in the table: in Idle, Connect and Active there is no connection on which a
//! message could arrive, and a timer that does not run cannot expire.

use crate::rig::{
    Done, INCOMING, OUTGOING, PEER_AS, Rig, builder, config, empty_update, encoded, keepalive,
    peer_open, raw, seconds,
};
use bgp_fsm::{Input, State};
use bgp_wire::iana::{OpenSubcode, RouteRefreshSubtype};
use bgp_wire::{AfiSafi, Asn, ErrorCode, HoldTime, MessageType, Notification, RouteRefresh};
use std::ops::RangeInclusive;
use std::time::Duration;

/// An event, by the name of RFC 4271 §8.1.
#[derive(Debug, Clone, Copy)]
#[expect(non_camel_case_types, reason = "the names are those of the RFC")]
enum On {
    ManualStart,
    ManualStop,
    /// A setting of the OPEN changed.
    AutomaticStop,
    /// PassiveTcpEstablishment was switched.
    PassiveSwitched,
    ConnectRetryTimer_Expires,
    HoldTimer_Expires,
    KeepaliveTimer_Expires,
    IdleHoldTimer_Expires,
    SendHoldTimer_Expires,
    Tcp_CR_Acked,
    TcpConnectionConfirmed,
    TcpConnectionFails,
    BGPOpen,
    BGPHeaderErr,
    BGPOpenMsgErr,
    NotifMsgVerErr,
    NotifMsg,
    KeepAliveMsg,
    UpdateMsg,
    UpdateMsgErr,
    RouteRefreshMsg,
    UnknownMessageType,
}

/// When the next timer expires after the event.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// No timer runs.
    Never,
    /// The ConnectRetryTimer: 120 s less jitter.
    ConnectRetry,
    /// The IdleHoldTimer, or the ConnectRetryTimer after a failure: 1 s less jitter.
    Retry,
    /// The HoldTimer at its large value.
    LargeHold,
    /// The KeepaliveTimer: 30 s less jitter.
    Keepalive,
}

impl Next {
    fn range(self) -> Option<RangeInclusive<Duration>> {
        Some(match self {
            Self::Never => return None,
            Self::ConnectRetry => seconds(90)..=seconds(120),
            Self::Retry => Duration::from_millis(750)..=seconds(1),
            Self::LargeHold => seconds(240)..=seconds(240),
            Self::Keepalive => Duration::from_millis(22_500)..=seconds(30),
        })
    }
}

#[rustfmt::skip]
const TABLE: &[(State, On, State, &[&str], Next)] = {
    use Next::{ConnectRetry, Keepalive, LargeHold, Never, Retry};
    use State::{Active, Connect, Established, Idle, OpenConfirm, OpenSent};
    &[
        (Idle, On::ManualStart,                      Connect,     &["connect"],                        ConnectRetry),
        (Idle, On::ManualStop,                       Idle,        &[],                                 Never),
        (Idle, On::AutomaticStop,                    Idle,        &[],                                 Never),
        (Idle, On::IdleHoldTimer_Expires,            Connect,     &["connect"],                        ConnectRetry),
        (Idle, On::TcpConnectionConfirmed,           Idle,        &["close"],                          Never),
        (Idle, On::PassiveSwitched,                  Idle,        &[],                                 Never),

        (Connect, On::ManualStart,                   Connect,     &[],                                 ConnectRetry),
        (Connect, On::ManualStop,                    Idle,        &["close"],                          Never),
        (Connect, On::AutomaticStop,                 Connect,     &[],                                 ConnectRetry),
        (Connect, On::PassiveSwitched,               Active,      &["close"],                          Never),
        (Connect, On::ConnectRetryTimer_Expires,     Connect,     &["close", "connect"],               ConnectRetry),
        (Connect, On::Tcp_CR_Acked,                  OpenSent,    &["OPEN"],                           LargeHold),
        (Connect, On::TcpConnectionConfirmed,        OpenSent,    &["OPEN"],                           LargeHold),
        (Connect, On::TcpConnectionFails,            Idle,        &[],                                 Retry),

        (Active, On::ManualStart,                    Active,      &[],                                 Never),
        (Active, On::ManualStop,                     Idle,        &[],                                 Never),
        (Active, On::AutomaticStop,                  Active,      &[],                                 Never),
        (Active, On::PassiveSwitched,                Connect,     &["connect"],                        ConnectRetry),
        (Active, On::TcpConnectionConfirmed,         OpenSent,    &["OPEN"],                           LargeHold),

        (OpenSent, On::ManualStart,                  OpenSent,    &[],                                 LargeHold),
        (OpenSent, On::ManualStop,                   Idle,        &["NOTIFICATION 6/2", "close"],      Never),
        (OpenSent, On::AutomaticStop,                Idle,        &["NOTIFICATION 6/6", "close"],      Retry),
        (OpenSent, On::PassiveSwitched,              OpenSent,    &[],                                 LargeHold),
        (OpenSent, On::HoldTimer_Expires,            Idle,        &["NOTIFICATION 4/0", "close"],      Retry),
        (OpenSent, On::TcpConnectionConfirmed,       OpenSent,    &["OPEN"],                           LargeHold),
        (OpenSent, On::TcpConnectionFails,           Active,      &["close"],                          Retry),
        (OpenSent, On::BGPOpen,                      OpenConfirm, &["KEEPALIVE"],                      Keepalive),
        (OpenSent, On::BGPHeaderErr,                 Idle,        &["NOTIFICATION 1/1", "close"],      Retry),
        (OpenSent, On::BGPOpenMsgErr,                Idle,        &["NOTIFICATION 2/2", "close"],      Retry),
        (OpenSent, On::NotifMsgVerErr,               Idle,        &["close"],                          Retry),
        (OpenSent, On::NotifMsg,                     Idle,        &["close"],                          Retry),
        (OpenSent, On::KeepAliveMsg,                 Idle,        &["NOTIFICATION 5/1", "close"],      Retry),
        (OpenSent, On::UpdateMsg,                    Idle,        &["NOTIFICATION 5/1", "close"],      Retry),
        (OpenSent, On::RouteRefreshMsg,              Idle,        &["NOTIFICATION 5/1", "close"],      Retry),
        (OpenSent, On::UnknownMessageType,           Idle,        &["NOTIFICATION 1/3", "close"],      Retry),

        (OpenConfirm, On::ManualStart,               OpenConfirm, &[],                                 Keepalive),
        (OpenConfirm, On::ManualStop,                Idle,        &["NOTIFICATION 6/2", "close"],      Never),
        (OpenConfirm, On::AutomaticStop,             Idle,        &["NOTIFICATION 6/6", "close"],      Retry),
        (OpenConfirm, On::PassiveSwitched,           OpenConfirm, &[],                                 Keepalive),
        (OpenConfirm, On::HoldTimer_Expires,         Idle,        &["NOTIFICATION 4/0", "close"],      Retry),
        (OpenConfirm, On::KeepaliveTimer_Expires,    OpenConfirm, &["KEEPALIVE"],                      Keepalive),
        (OpenConfirm, On::TcpConnectionConfirmed,    OpenConfirm, &["OPEN"],                           Keepalive),
        (OpenConfirm, On::TcpConnectionFails,        Idle,        &["close"],                          Retry),
        (OpenConfirm, On::BGPOpen,                   Idle,        &["NOTIFICATION 5/2", "close"],      Retry),
        (OpenConfirm, On::BGPHeaderErr,              Idle,        &["NOTIFICATION 1/1", "close"],      Retry),
        (OpenConfirm, On::NotifMsgVerErr,            Idle,        &["close"],                          Retry),
        (OpenConfirm, On::NotifMsg,                  Idle,        &["close"],                          Retry),
        (OpenConfirm, On::KeepAliveMsg,              Established, &["UPDATE", "UPDATE", "UPDATE"],     Keepalive),
        (OpenConfirm, On::UpdateMsg,                 Idle,        &["NOTIFICATION 5/2", "close"],      Retry),
        (OpenConfirm, On::RouteRefreshMsg,           Idle,        &["NOTIFICATION 5/2", "close"],      Retry),
        (OpenConfirm, On::UnknownMessageType,        Idle,        &["NOTIFICATION 1/3", "close"],      Retry),

        (Established, On::ManualStart,               Established, &[],                                 Keepalive),
        (Established, On::ManualStop,                Idle,        &["NOTIFICATION 6/2", "close"],      Never),
        (Established, On::AutomaticStop,             Idle,        &["NOTIFICATION 6/6", "close"],      Retry),
        (Established, On::PassiveSwitched,           Established, &[],                                 Keepalive),
        (Established, On::HoldTimer_Expires,         Idle,        &["NOTIFICATION 4/0", "close"],      Retry),
        (Established, On::KeepaliveTimer_Expires,    Established, &["KEEPALIVE"],                      Keepalive),
        (Established, On::SendHoldTimer_Expires,     Idle,        &["NOTIFICATION 8/0", "close"],      Retry),
        (Established, On::TcpConnectionConfirmed,    Established, &["OPEN"],                           Keepalive),
        (Established, On::TcpConnectionFails,        Active,      &["close"],                          Retry),
        (Established, On::BGPOpen,                   Idle,        &["NOTIFICATION 5/3", "close"],      Retry),
        (Established, On::BGPHeaderErr,              Idle,        &["NOTIFICATION 1/1", "close"],      Retry),
        (Established, On::NotifMsgVerErr,            Active,      &["close"],                          Retry),
        (Established, On::NotifMsg,                  Active,      &["close"],                          Retry),
        (Established, On::KeepAliveMsg,              Established, &[],                                 Keepalive),
        (Established, On::UpdateMsg,                 Established, &[],                                 Keepalive),
        (Established, On::UpdateMsgErr,              Idle,        &["NOTIFICATION 3/1", "close"],      Retry),
        (Established, On::RouteRefreshMsg,           Established, &["UPDATE"],                         Keepalive),
        (Established, On::UnknownMessageType,        Idle,        &["NOTIFICATION 1/3", "close"],      Retry),
    ]
};

#[test]
fn each_event_in_each_state_has_the_effect_of_the_rfc() {
    for (state, on, next_state, outputs, next) in TABLE {
        let mut rig = rig_for(*state, *on);
        let done = happen(&mut rig, *on);
        let case = format!("{on:?} in {state}");
        assert_eq!(rig.session.state(), *next_state, "{case}");
        assert_eq!(in_short(&done), *outputs, "{case}");
        match (next.range(), rig.deadline()) {
            (None, None) => {}
            (Some(range), Some(deadline)) if range.contains(&deadline) => {}
            (_, deadline) => panic!("{case}: next deadline in {deadline:?}, not {next:?}"),
        }
    }
}

/// One announced route, and a send hold time that can expire before the hold time does.
fn rig_for(state: State, on: On) -> Rig {
    let config = match on {
        On::SendHoldTimer_Expires => builder().send_hold_time(seconds(100)).build().unwrap(),
        _ => config(),
    };
    let mut rig = Rig::in_state(config, state);
    rig.set_routes(crate::rig::routes(["203.0.113.1/32"]));
    rig
}

fn happen(rig: &mut Rig, on: On) -> Done {
    let version_error = Notification::new(
        ErrorCode::OPEN_MESSAGE,
        OpenSubcode::UNSUPPORTED_VERSION_NUMBER.0,
    );
    match on {
        On::ManualStart => rig.input(Input::Start),
        On::ManualStop => rig.stop(),
        On::AutomaticStop => {
            let hold_time = HoldTime::from_secs(60).unwrap();
            let mut changed = builder().hold_time(hold_time);
            if rig.session.state() == State::Active {
                changed = changed.passive();
            }
            rig.input(Input::SetConfig(changed.build().unwrap()))
        }
        On::PassiveSwitched => {
            let passive = rig.session.state() == State::Active;
            let switched = if passive {
                builder()
            } else {
                builder().passive()
            };
            rig.input(Input::SetConfig(switched.build().unwrap()))
        }
        On::IdleHoldTimer_Expires => {
            rig.input(Input::Start);
            rig.input(Input::ConnectFailed { conn: OUTGOING });
            expire(rig)
        }
        On::ConnectRetryTimer_Expires | On::KeepaliveTimer_Expires => expire(rig),
        // KEEPALIVEs go out while nothing comes in.
        On::HoldTimer_Expires => without_keepalives(expire_until_idle(rig)),
        On::SendHoldTimer_Expires => {
            rig.stalled = true;
            rig.set_routes(crate::rig::routes(["203.0.113.2/32"]));
            rig.pass(seconds(60));
            rig.receive(OUTGOING, &keepalive());
            without_keepalives(expire_until_idle(rig))
        }
        On::Tcp_CR_Acked => rig.connect(OUTGOING),
        On::TcpConnectionConfirmed => rig.connect(INCOMING),
        On::TcpConnectionFails if rig.session.state() == State::Connect => {
            rig.input(Input::ConnectFailed { conn: OUTGOING })
        }
        On::TcpConnectionFails => rig.input(Input::Closed { conn: OUTGOING }),
        On::BGPOpen => rig.receive(OUTGOING, &encoded(peer_open(PEER_AS, 20))),
        On::BGPHeaderErr => rig.receive(OUTGOING, &[0xa5; 19]),
        On::BGPOpenMsgErr => rig.receive(OUTGOING, &encoded(peer_open(Asn(64666), 20))),
        On::NotifMsgVerErr => rig.receive(OUTGOING, &encoded(version_error)),
        On::NotifMsg => rig.receive(OUTGOING, &encoded(Notification::hold_timer_expired())),
        On::KeepAliveMsg => rig.receive(OUTGOING, &keepalive()),
        On::UpdateMsg => rig.receive(OUTGOING, &empty_update()),
        // The attributes are said to be longer than the message.
        On::UpdateMsgErr => rig.receive(OUTGOING, &raw(MessageType::UPDATE, &[0, 0, 0, 9, 0, 0])),
        On::RouteRefreshMsg => {
            let request = RouteRefresh::new(AfiSafi::IPV4_UNICAST, RouteRefreshSubtype::REQUEST);
            rig.receive(OUTGOING, &encoded(request))
        }
        On::UnknownMessageType => rig.receive(OUTGOING, &raw(MessageType(77), &[])),
    }
}

/// Passes time to the next deadline.
fn expire(rig: &mut Rig) -> Done {
    let deadline = rig.deadline().expect("a timer runs");
    rig.pass(deadline)
}

fn expire_until_idle(rig: &mut Rig) -> Done {
    for _ in 0..100 {
        let done = expire(rig);
        if rig.session.state() == State::Idle {
            return done;
        }
    }
    panic!("the session does not end");
}

fn without_keepalives(mut done: Done) -> Done {
    done.messages
        .retain(|(_, message)| crate::rig::summary(message) != "KEEPALIVE");
    done
}

/// Messages, then what happened to connections.
fn in_short(done: &Done) -> Vec<String> {
    let mut short = done.summary();
    short.extend(done.closes.iter().map(|_| "close".to_owned()));
    short.extend(done.connects.iter().map(|_| "connect".to_owned()));
    short
}
