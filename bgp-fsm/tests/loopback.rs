//! The driver on 127.0.0.0/8: real sockets, no privileges, no other program.
#![cfg(feature = "tokio")]
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bgp_fsm::driver::{Hops, Listener, Password, Peer, Status, Transport};
use bgp_fsm::{Advertised, Event, PeerAs, PeerConfig, PeerConfigBuilder, Routes, State};
use bgp_wire::{
    AfiSafi, Asn, Cease, HoldTime, MessageType, Open, PathAttributes, RouterId, Validated,
};
use bytes::BytesMut;
use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

const V4: AfiSafi = AfiSafi::IPV4_UNICAST;

/// Far more than anything takes.
const LONG: Duration = Duration::from_secs(60);

fn router_id(last: u8) -> RouterId {
    RouterId::try_new(Ipv4Addr::new(192, 0, 2, last)).unwrap()
}

fn config(local_as: u32) -> PeerConfigBuilder {
    PeerConfig::builder(
        Asn(local_as),
        PeerAs::External,
        router_id((local_as % 256) as u8),
    )
    .idle_hold_time(Duration::from_millis(100))
    .connect_retry_time(Duration::from_secs(1))
}

fn loopback(last: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, last])
}

fn routes(prefixes: &[&str]) -> Routes {
    let attributes = Arc::new(PathAttributes::default());
    prefixes
        .iter()
        .map(|prefix| (prefix.parse().unwrap(), Arc::clone(&attributes)))
        .collect()
}

async fn until(
    status: &mut watch::Receiver<Status>,
    what: &str,
    mut is: impl FnMut(&Status) -> bool,
) -> Status {
    let waited = timeout(LONG, status.wait_for(|status| is(status))).await;
    match waited {
        Ok(Ok(status)) => status.clone(),
        Ok(Err(_)) => panic!("the session ended before {what}"),
        Err(_) => panic!("{what}: not within {LONG:?}"),
    }
}

async fn established(peer: &Peer) -> Status {
    until(&mut peer.status(), "Established", |status| {
        status.state == State::Established
    })
    .await
}

/// A listener on 127.0.0.`last` with a passive peer for connections from 127.0.0.`from`.
fn passive(
    last: u8,
    from: u8,
    builder: PeerConfigBuilder,
    transport: impl FnOnce(Transport) -> Transport,
) -> (Listener, Peer) {
    let listener = Listener::bind(SocketAddr::new(loopback(last), 0)).unwrap();
    let transport = transport(Transport::new(SocketAddr::new(loopback(from), 179)));
    let peer = Peer::spawn(builder.passive().build().unwrap(), transport, 1);
    listener.add(peer.acceptor()).unwrap();
    (listener, peer)
}

/// A peer at 127.0.0.`from` that connects to the listener.
fn active(
    listener: &Listener,
    from: u8,
    builder: PeerConfigBuilder,
    transport: impl FnOnce(Transport) -> Transport,
) -> Peer {
    let to = Transport::new(listener.local_addr().unwrap()).with_source(loopback(from));
    Peer::spawn(builder.build().unwrap(), transport(to), 2)
}

const fn plain(transport: Transport) -> Transport {
    transport
}

#[tokio::test]
async fn two_peers_exchange_routes_and_a_shutdown_is_heard_with_its_text() {
    let (listener, server) = passive(1, 2, config(64500), plain);
    let mut events = server.events();
    let client = active(&listener, 2, config(64501), plain);
    client.set_routes(routes(&["203.0.113.1/32", "203.0.113.2/32"]));
    let status = established(&client).await;
    assert_eq!(status.local.unwrap().ip(), loopback(2));
    assert_eq!(status.negotiated.unwrap().peer_as(), Asn(64500));
    established(&server).await;

    let mut learnt = Vec::<IpNet>::new();
    while learnt.len() < 2 {
        if let Some(Event::Update(update)) = events.recv().await
            && let Validated::Routes(routes) = update.validate().unwrap()
        {
            let next_hop = routes
                .announcements()
                .next()
                .and_then(|announcement| announcement.next_hop);
            assert_eq!(
                next_hop,
                Some(Ipv4Addr::new(127, 0, 0, 2).into()),
                "its own address"
            );
            learnt.extend(routes.to_owned().announced_prefixes());
        }
    }
    let mut watched = client.status();
    let status = until(&mut watched, "two routes", |status| {
        status.advertised[&V4]
            .routes()
            .is_some_and(|routes| routes.count() == 2 && routes.pending() == 0)
    })
    .await;
    let prefix = "203.0.113.1/32".parse().unwrap();
    assert!(status.advertised[&V4].routes().unwrap().contains(&prefix));
    assert!(
        matches!(
            status.advertised[&AfiSafi::IPV6_UNICAST],
            Advertised::NoNextHop
        ),
        "nobody else reaches ::1"
    );

    let begin = Instant::now();
    client
        .shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "power saving")
        .await;
    assert!(begin.elapsed() < Duration::from_secs(3));
    let status = until(&mut server.status(), "Idle", |status| {
        status.state != State::Established
    })
    .await;
    let words = status.last_error.unwrap();
    assert!(
        words.contains("power saving") && words.contains("Administrative Shutdown"),
        "{words}"
    );
}

#[tokio::test]
async fn a_peer_that_is_dropped_ends_its_session_in_the_background() {
    let (listener, server) = passive(3, 4, config(64500), plain);
    let client = active(&listener, 4, config(64501), plain);
    established(&server).await;
    drop(client);
    let status = until(&mut server.status(), "the end", |status| {
        status.state != State::Established
    })
    .await;
    assert!(
        status
            .last_error
            .unwrap()
            .contains("Administrative Shutdown")
    );
}

#[tokio::test]
async fn a_peer_that_a_listener_knows_ends_when_it_is_dropped_too() {
    let (listener, server) = passive(23, 24, config(64500), plain);
    let client = active(&listener, 24, config(64501), plain);
    established(&client).await;
    drop(server);
    let ended = |status: &Status| status.state != State::Established;
    let status = until(&mut client.status(), "the end", ended).await;
    assert!(
        status
            .last_error
            .unwrap()
            .contains("Administrative Shutdown")
    );
}

#[tokio::test]
async fn a_new_setting_of_the_open_starts_the_session_anew() {
    let (listener, server) = passive(5, 6, config(64500), plain);
    let client = active(&listener, 6, config(64501), plain);
    established(&server).await;
    let hold_time = HoldTime::from_secs(30).unwrap();
    client.set_config(config(64501).hold_time(hold_time).build().unwrap());
    until(&mut server.status(), "the new hold time", |status| {
        status
            .negotiated
            .as_ref()
            .is_some_and(|negotiated| negotiated.hold_time() == hold_time)
    })
    .await;
    assert_eq!(server.status().borrow().stats.established_transitions, 2);
}

#[tokio::test]
async fn the_right_password_connects_and_the_wrong_one_does_not() {
    let with = |password: &str| {
        let password = Password::try_new(password).unwrap();
        move |transport: Transport| transport.with_password(password)
    };
    let (listener, server) = passive(7, 8, config(64500), with("right"));
    let wrong = active(&listener, 8, config(64501), with("wrong"));
    let mut status = wrong.status();
    until(&mut status, "an attempt that fails", |status| {
        status.last_error.is_some()
    })
    .await;
    assert_eq!(
        server.status().borrow().state,
        State::Active,
        "the kernel drops what is not signed right"
    );
    wrong.shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "").await;

    let right = active(&listener, 8, config(64501), with("right"));
    established(&right).await;
    right.shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "").await;

    let none = active(&listener, 8, config(64501), plain);
    until(&mut none.status(), "an attempt that fails", |status| {
        status.last_error.is_some()
    })
    .await;
}

#[tokio::test]
async fn both_sides_with_gtsm_reach_each_other() {
    let one = std::num::NonZeroU8::MIN;
    let secure = move |transport: Transport| transport.with_hops(Hops::Security(one));
    let (listener, _server) = passive(9, 10, config(64500), secure);
    let client = active(&listener, 10, config(64501), secure);
    established(&client).await;
}

#[tokio::test]
async fn packets_from_too_far_away_are_dropped_with_gtsm() {
    let one = std::num::NonZeroU8::MIN;
    let (listener, server) = passive(11, 12, config(64500), move |transport| {
        transport.with_hops(Hops::Security(one))
    });
    let client = active(&listener, 12, config(64501), |transport| {
        transport.with_hops(Hops::Single)
    });
    // The TCP handshake is the listening socket's, which knows all peers; what follows is not taken.
    until(&mut client.status(), "an OPEN with TTL 255", |status| {
        status.stats.received.open == 1
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_ne!(server.status().borrow().state, State::Established);
    assert_eq!(server.status().borrow().stats.received.open, 0);
}

#[tokio::test]
async fn an_unknown_peer_is_refused_unless_one_is_minted_for_it() {
    let (minted, mut peers) = tokio::sync::mpsc::unbounded_channel();
    let mint = move |remote: SocketAddr| {
        if remote.ip() != loopback(14) {
            return None;
        }
        let peer = Peer::spawn(
            config(64500).passive().build().unwrap(),
            Transport::new(remote),
            3,
        );
        let acceptor = peer.acceptor();
        minted.send(peer).ok()?;
        Some(acceptor)
    };
    let listener = Listener::bind_with(SocketAddr::new(loopback(13), 0), mint).unwrap();
    let client = active(&listener, 14, config(64501), plain);
    established(&client).await;
    established(&peers.recv().await.unwrap()).await;

    let stranger = active(&listener, 15, config(64502), plain);
    until(&mut stranger.status(), "a refusal", |status| {
        status.last_error.is_some()
    })
    .await;
    assert_eq!(stranger.status().borrow().stats.received.open, 0);
}

#[tokio::test]
async fn nobody_who_answers_is_told_in_plain_words() {
    let nobody = SocketAddr::new(loopback(16), 9);
    let peer = Peer::spawn(config(64500).build().unwrap(), Transport::new(nobody), 4);
    let status = until(&mut peer.status(), "an error", |status| {
        status.last_error.is_some()
    })
    .await;
    let words = status.last_error.unwrap();
    assert!(words.contains("Connection refused"), "{words}");

    let elsewhere = Transport::new(nobody).with_source(IpAddr::from([203, 0, 113, 1]));
    let peer = Peer::spawn(config(64500).build().unwrap(), elsewhere, 5);
    let status = until(&mut peer.status(), "an error", |status| {
        status.last_error.is_some()
    })
    .await;
    let words = status.last_error.unwrap();
    assert!(words.contains("Cannot assign requested address"), "{words}");
}

#[tokio::test]
async fn two_active_peers_with_listeners_settle_on_one_connection() {
    let port = free_port().await;
    let listen = |last| Listener::bind(SocketAddr::new(loopback(last), port)).unwrap();
    let (at_17, at_18) = (listen(17), listen(18));
    let spawn = |from: u8, to: u8, local_as, seed| {
        let transport =
            Transport::new(SocketAddr::new(loopback(to), port)).with_source(loopback(from));
        Peer::spawn(config(local_as).build().unwrap(), transport, seed)
    };
    let (a, b) = (spawn(17, 18, 64500, 6), spawn(18, 17, 64501, 7));
    at_17.add(a.acceptor()).unwrap();
    at_18.add(b.acceptor()).unwrap();
    // Each may have one of its own for a moment.
    let begin = Instant::now();
    loop {
        let (of_a, of_b) = (established(&a).await, established(&b).await);
        if (of_a.local, of_a.remote) == (of_b.remote, of_b.local) {
            break;
        }
        let took = begin.elapsed();
        assert!(took < LONG, "two connections: {of_a:?} and {of_b:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn free_port() -> u16 {
    let socket = TcpListener::bind((loopback(17), 0)).await.unwrap();
    socket.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_peer_that_never_reads_stops_the_encoding_and_meets_the_send_hold_timer() {
    let route = |n: u32| {
        (
            IpNet::new(Ipv4Addr::from(0x0a00_0000 + n).into(), 32).unwrap(),
            Arc::default(),
        )
    };
    // Made before the session, which does not wait for it: the test is the other end.
    let routes: Routes = (0..1_500_000).map(route).collect();
    let socket = TcpListener::bind((loopback(19), 0)).await.unwrap();
    // So that little of what is written disappears into its buffer.
    socket2::SockRef::from(&socket)
        .set_recv_buffer_size(16 * 1024)
        .unwrap();
    let to = Transport::new(socket.local_addr().unwrap());
    // The hold time is as short as it may be, so that the send hold time may be, too.
    let three = HoldTime::from_secs(3).unwrap();
    let builder = config(64500)
        .hold_time(three)
        .send_hold_time(Duration::from_secs(3));
    let peer = Peer::spawn(builder.build().unwrap(), to, 8);
    let (mut stream, _) = socket.accept().await.unwrap();
    let mut hello = BytesMut::new();
    Open::new(Asn(64501), three, router_id(1))
        .encode(&mut hello)
        .unwrap();
    bgp_wire::encode_keepalive(&mut hello);
    stream.write_all(&hello).await.unwrap();
    established(&peer).await;

    peer.set_routes(routes);
    let mut keepalive = BytesMut::new();
    bgp_wire::encode_keepalive(&mut keepalive);
    let mut status = peer.status();
    let begin = Instant::now();
    while peer.status().borrow().state == State::Established {
        assert!(
            begin.elapsed() < LONG,
            "the send hold timer does not expire"
        );
        let _ = stream.write_all(&keepalive).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let status = until(&mut status, "the end", |status| status.last_error.is_some()).await;
    let words = status.last_error.unwrap();
    assert!(words.contains("Send Hold Timer Expired"), "{words}");
    assert!(
        status.stats.sent_octets < 6_000_000,
        "{} octets were encoded of 7.5 million",
        status.stats.sent_octets
    );
    peer.shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "").await;
}

#[tokio::test]
async fn events_that_nobody_reads_stop_the_reading_and_lose_nothing() {
    let (listener, server) = passive(20, 21, config(64500), plain);
    let mut events = server.events();
    let client = active(&listener, 21, config(64501), plain);
    // Each route has attributes of its own, so each is an event.
    let route = |n: u32| {
        let attributes = PathAttributes::builder().med(n).build().unwrap();
        (
            IpNet::new(Ipv4Addr::from(0x0a00_0000 + n).into(), 32).unwrap(),
            Arc::new(attributes),
        )
    };
    client.set_routes((0..20_000).map(route).collect::<Routes>());
    established(&server).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let updates = server.status().borrow().stats.received.update;
    assert!(updates < 10_000, "{updates} UPDATEs are held in memory");
    let mut learnt = 0;
    while learnt < 20_000 {
        if let Some(Event::Update(_)) = timeout(LONG, events.recv()).await.unwrap() {
            learnt += 1;
        }
    }
    assert_eq!(server.status().borrow().state, State::Established);
}

#[tokio::test]
async fn a_connection_that_breaks_at_once_is_reported() {
    let socket = TcpListener::bind((loopback(22), 0)).await.unwrap();
    let to = Transport::new(socket.local_addr().unwrap());
    let peer = Peer::spawn(config(64500).build().unwrap(), to, 9);
    let (mut stream, _) = socket.accept().await.unwrap();
    let mut header = [0; 19];
    stream.read_exact(&mut header).await.unwrap();
    assert_eq!(header[18], MessageType::OPEN.0);
    drop(stream);
    let status = until(&mut peer.status(), "an error", |status| {
        status.last_error.is_some()
    })
    .await;
    assert!(
        status
            .last_error
            .unwrap()
            .contains("without a NOTIFICATION")
    );
}
