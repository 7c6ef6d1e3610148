//! What the engine is given. Nothing listens where these sessions would connect to.

use std::time::Duration;

use bgp_fsm::driver::Listener;
use bgp_wire::HoldTime;
use ipnet::IpNet;
use planner::observed::SessionState;

use super::*;

#[test]
fn settings_reach_the_engine() {
    let config = peer_config(&settings(), router_id("192.0.2.1")).unwrap();
    assert_eq!(config.local_as(), Asn(64500));
    assert_eq!(config.peer_as(), PeerAs::External);
    assert_eq!(config.router_id(), router_id("192.0.2.1"));
    assert_eq!(config.hold_time(), HoldTime::DEFAULT);
    assert_eq!(config.families(), FamilySet::UNICAST);
    for (families, family) in [
        (Families::Ipv4, AfiSafi::IPV4_UNICAST),
        (Families::Ipv6, AfiSafi::IPV6_UNICAST),
    ] {
        let settings = PeerSession {
            families,
            ..settings()
        };
        let offered = peer_config(&settings, router_id("192.0.2.1"))
            .unwrap()
            .families();
        assert_eq!(offered, [family].into_iter().collect());
    }
}

#[test]
fn facts_about_the_connection_reach_the_engine() {
    let settings = PeerSession {
        source: Some("127.0.0.2".parse().unwrap()),
        password: Some(config::Password::new("sesame")),
        ..settings()
    };
    let transport = transport(&settings).unwrap();
    assert_eq!(transport.remote, "127.0.0.1:9".parse().unwrap());
    assert_eq!(transport.source, settings.source);
    assert_eq!(
        transport.password,
        Some(Password::try_new("sesame").unwrap())
    );
    for (ttl, hops) in [
        (Ttl::System, Hops::Any),
        (Ttl::SingleHop, Hops::Single),
        (Ttl::MultiHop, Hops::Multi(NonZeroU8::MAX)),
    ] {
        assert_eq!(
            super::transport(&PeerSession {
                ttl,
                ..settings.clone()
            })
            .unwrap()
            .hops,
            hops
        );
    }
}

#[test]
fn a_password_that_is_no_key_is_refused() {
    let settings = PeerSession {
        password: Some(config::Password::new("x".repeat(81))),
        ..settings()
    };
    assert!(matches!(
        transport(&settings),
        Err(SessionError::Password(_))
    ));
}

#[tokio::test]
async fn only_what_concerns_the_connection_needs_a_restart() {
    let (_links, links_rx) = watch::channel(Arc::default());
    let mut sessions = BgpSessions::new("node-a".into(), links_rx, Listeners::default(), 1);
    let mut session = sessions.start(&"tor".into(), &settings()).unwrap();
    let mut outcome = |settings: &PeerSession| session.reconfigure(settings).unwrap();
    let slower = PeerSession {
        connect_time: Some(Duration::from_secs(5)),
        ..settings()
    };
    assert_eq!(outcome(&slower), Reconfigured::Applied);
    assert_eq!(
        outcome(&PeerSession {
            families: Families::Ipv4,
            ..slower.clone()
        }),
        Reconfigured::Applied
    );
    let secret = PeerSession {
        password: Some(config::Password::new("sesame")),
        ..slower.clone()
    };
    assert_eq!(outcome(&secret), Reconfigured::NeedsRestart);
    assert_eq!(
        outcome(&PeerSession {
            ttl: Ttl::MultiHop,
            ..slower.clone()
        }),
        Reconfigured::NeedsRestart
    );
    assert_eq!(
        outcome(&PeerSession {
            local_as: Asn(64511),
            ..slower.clone()
        }),
        Reconfigured::NeedsRestart,
        "or prepended routes would show the AS of before"
    );
    assert_eq!(
        outcome(&PeerSession { port: 10, ..slower }),
        Reconfigured::NeedsRestart
    );
    session.stop(Cease::PEER_DECONFIGURED, String::new()).await;
}

#[tokio::test]
async fn a_session_is_observed_from_its_first_route_to_its_end() {
    let listener = Listener::bind("127.0.0.31:0".parse().unwrap()).unwrap();
    let here = Transport::new("127.0.0.32:179".parse().unwrap());
    let config = PeerConfig::builder(Asn(64501), PeerAs::External, router_id("192.0.2.9"));
    let router = Peer::spawn(config.passive().build().unwrap(), here, 1);
    listener.add(router.acceptor()).unwrap();
    let (_links, links_rx) = watch::channel(Arc::default());
    let mut sessions = BgpSessions::new("node-a".into(), links_rx, Listeners::default(), 1);
    let settings = PeerSession {
        address: "127.0.0.31".parse().unwrap(),
        source: Some("127.0.0.32".parse().unwrap()),
        port: listener.local_addr().unwrap().port(),
        ..settings()
    };
    let mut session = sessions.start(&"tor".into(), &settings).unwrap();
    assert!(session.has_told(), "there is nobody to tell");

    let prefix: IpNet = "203.0.113.1/32".parse().unwrap();
    let attributes = Arc::default();
    session.update_routes([(prefix, Some(&attributes))].into_iter());
    let is_told =
        |session: &BgpSession| session.has_told() && session.observed().sent.contains(&prefix);
    until(&mut session, is_told).await;
    let up = session.observed().clone();
    assert_eq!(up.state, SessionState::Established);
    assert_eq!(up.remote.unwrap().ip(), settings.address);
    assert_eq!(up.local.unwrap().ip(), settings.source.unwrap());
    let negotiated = up.negotiated.unwrap();
    assert_eq!(negotiated.peer_as, Asn(64501));
    assert_eq!(negotiated.router_id, router_id("192.0.2.9"));
    assert_eq!(negotiated.hold_time, HoldTime::DEFAULT);
    assert_eq!(negotiated.keepalive_time, settings.keepalive_time);
    assert_eq!(negotiated.families, Some(Families::Both));

    session.update_routes([(prefix, None)].into_iter());
    assert!(!session.has_told(), "the task has not taken it up");
    until(&mut session, BgpSession::has_told).await;
    assert!(session.observed().sent.is_empty());

    session.update_routes([(prefix, Some(&attributes))].into_iter());
    until(&mut session, is_told).await;
    router
        .shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "see you")
        .await;
    until(&mut session, |session| session.observed().sent.is_empty()).await;
    let down = session.observed().clone();
    assert_eq!((down.remote, down.negotiated), (None, None));
    assert!(down.last_error.unwrap().contains("see you"));
    assert!(down.since >= up.since);
    session.stop(Cease::PEER_DECONFIGURED, String::new()).await;
}

/// Waits for the session to be so, for a bounded time.
async fn until(session: &mut BgpSession, is: impl Fn(&BgpSession) -> bool) {
    let so = async {
        while !is(session) {
            session.changed().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), so)
        .await
        .unwrap();
}

#[tokio::test]
async fn who_waits_for_a_router_needs_somebody_to_listen() {
    let (_links, links_rx) = watch::channel(Arc::default());
    let mut sessions = BgpSessions::new("node-a".into(), links_rx.clone(), Listeners::default(), 1);
    let passive = PeerSession {
        establishment: Establishment::Passive,
        ..settings()
    };
    let refusal = sessions.start(&"tor".into(), &passive).unwrap_err();
    assert!(matches!(refusal, SessionError::NobodyListens));
    let mut active = sessions.start(&"tor".into(), &settings()).unwrap();
    let refusal = active.reconfigure(&passive).unwrap_err();
    assert!(matches!(refusal, SessionError::NobodyListens));

    let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let mut sessions = BgpSessions::new("node-a".into(), links_rx, listeners, 1);
    let first = sessions.start(&"tor".into(), &passive).unwrap();
    let refusal = sessions.start(&"rival".into(), &passive).unwrap_err();
    assert!(matches!(refusal, SessionError::AddressTaken(_)));
    let mut third = sessions.start(&"third".into(), &settings()).unwrap();
    let refusal = third.reconfigure(&passive).unwrap_err();
    assert!(matches!(refusal, SessionError::AddressTaken(_)));
    first.stop(Cease::PEER_DECONFIGURED, String::new()).await;
    assert_eq!(
        third.reconfigure(&passive).unwrap(),
        Reconfigured::Applied,
        "the address is free"
    );
    let refusal = sessions.start(&"rival".into(), &passive).unwrap_err();
    assert!(matches!(refusal, SessionError::AddressTaken(_)));
}

fn settings() -> PeerSession {
    PeerSession {
        local_as: Asn(64500),
        peer_as: config::PeerAs::External,
        address: "127.0.0.1".parse().unwrap(),
        port: 9,
        source: None,
        router_id: None,
        hold_time: HoldTime::DEFAULT,
        keepalive_time: Some(Duration::from_secs(30)),
        connect_time: None,
        families: Families::Both,
        ttl: Ttl::System,
        password: None,
        establishment: Establishment::Active,
    }
}

fn router_id(text: &str) -> RouterId {
    text.parse().unwrap()
}
