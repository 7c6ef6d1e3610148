//! A session up to where the benchmarks begin, and a table of routes.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use bgp_fsm::{ConnId, Input, NextHops, Output, PeerAs, PeerConfig, Routes, Session};
use bgp_wire::{Asn, Community, HoldTime, Open, PathAttributes, RouterId};
use bytes::BytesMut;
use ipnet::IpNet;

/// How many routes the table has.
pub(crate) const ROUTES: u32 = 1_000_000;
pub(crate) const CONN: ConnId = ConnId::Outgoing(1);

fn router_id(n: u32) -> RouterId {
    RouterId::try_new(Ipv4Addr::from(0x0a00_0000 + n)).unwrap()
}

pub(crate) fn config(asn: u32) -> PeerConfig {
    PeerConfig::builder(Asn(asn), PeerAs::External, router_id(asn))
        .build()
        .unwrap()
}

/// A million /32s, a thousand in a row with the same attributes.
pub(crate) fn routes() -> Routes {
    let attributes: Vec<_> = (0..ROUTES / 1000)
        .map(|set| {
            PathAttributes::builder()
                .communities([Community(set)])
                .build()
                .map(Arc::new)
                .unwrap()
        })
        .collect();
    let route = |n: u32| {
        let index = usize::try_from(n / 1000).unwrap();
        (
            IpNet::new(Ipv4Addr::from(0x0b00_0000 + n).into(), 32).unwrap(),
            Arc::clone(attributes.get(index).unwrap()),
        )
    };
    (0..ROUTES).map(route).collect()
}

/// A session that waits for the KEEPALIVE that makes it Established.
pub(crate) fn open_confirm(now: Instant) -> Session {
    let mut session = Session::new(config(64500), 1);
    session.handle_input(now, Input::Start);
    let (local, remote) = (
        "10.0.0.1:179".parse().unwrap(),
        "10.0.0.2:179".parse().unwrap(),
    );
    let next_hops = NextHops::new(Some(Ipv4Addr::new(10, 0, 0, 1)), None);
    session.handle_input(
        now,
        Input::Connected {
            conn: CONN,
            local,
            remote,
            next_hops,
        },
    );
    let mut open = BytesMut::new();
    Open::new(Asn(64501), HoldTime::DEFAULT, router_id(2))
        .encode(&mut open)
        .unwrap();
    session.handle_input(
        now,
        Input::Received {
            conn: CONN,
            octets: &open,
        },
    );
    session
}

/// Takes everything that is to be transmitted, and returns how many octets that was.
pub(crate) fn sink(session: &mut Session, now: Instant) -> usize {
    let mut total = 0;
    while let Some(output) = session.poll_output() {
        if let Output::Transmit { conn, octets } = output {
            total += octets.len();
            let octets = black_box(octets).len();
            session.handle_input(now, Input::Drained { conn, octets });
        }
    }
    total
}

pub(crate) fn keepalive() -> BytesMut {
    let mut octets = BytesMut::new();
    bgp_wire::encode_keepalive(&mut octets);
    octets
}
