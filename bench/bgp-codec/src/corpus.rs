//! UPDATEs made by us, as octets.

use bgp_wire::{
    AsPath, Asn, Community, Framer, Ipv4Unicast, MpNextHop, MpNlri, MpReach, NextHop, Nlri, Origin,
    PathAttributes, PeerKind, SessionContext, Update, UpdatePacker,
};
use bytes::{Bytes, BytesMut};
use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

pub struct Corpus {
    pub name: &'static str,
    pub messages: Vec<Bytes>,
    pub prefixes: usize,
}

impl Corpus {
    pub fn mean_octets(&self) -> usize {
        self.messages.iter().map(Bytes::len).sum::<usize>() / self.messages.len()
    }
}

pub fn all() -> [Corpus; 2] {
    [feed(), packed()]
}

/// The shape of a table feed: three prefixes a message, one message in eight of IPv6.
fn feed() -> Corpus {
    let mut stream = BytesMut::new();
    let mut prefixes = 0;
    for n in 0..10_000 {
        let update = if n % 8 == 0 { ipv6(n) } else { ipv4(n) };
        prefixes += update.announced_prefixes().count();
        update
            .encode(&cx(), &mut stream)
            .expect("every message is short");
    }
    Corpus {
        name: "feed",
        messages: cut(&stream),
        prefixes,
    }
}

/// As many prefixes as messages of 4096 octets hold.
fn packed() -> Corpus {
    let attributes = PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(AsPath::sequence([Asn(64500)]))
        .build();
    let attributes = attributes.expect("attributes are in order");
    let mut stream = BytesMut::new();
    UpdatePacker::new(cx())
        .announce::<Ipv4Unicast>(
            &attributes,
            next_hop(),
            (0..100_000).map(prefix),
            &mut stream,
        )
        .expect("attributes are short");
    Corpus {
        name: "packed",
        messages: cut(&stream),
        prefixes: 100_000,
    }
}

fn ipv4(n: u32) -> Update {
    let mut update = Update::default();
    update.attributes = attributes(n, Some(next_hop()));
    update.announced = (0..1 + n % 6)
        .map(|k| Nlri::from(prefix(n * 8 + k)))
        .collect();
    update
}

fn ipv6(n: u32) -> Update {
    let prefix = |k| {
        Ipv6Net::new_assert(
            Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(n + k) << 80),
            48,
        )
    };
    let nlri = (0..1 + n % 3)
        .map(|k| Nlri::from(prefix(k).trunc()))
        .collect();
    let next_hop = MpNextHop::Typed(NextHop::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) | 1)));
    let mut update = Update::default();
    update.attributes = attributes(n, None);
    update.mp_reach = Some(MpReach {
        next_hop,
        nlri: MpNlri::Ipv6Unicast(nlri),
    });
    update
}

fn attributes(n: u32, next_hop: Option<NextHop>) -> PathAttributes {
    let path = (0..3 + n % 3).map(|hop| Asn(64_500 + (n * 7 + hop * 13) % 2_000_000));
    PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(AsPath::sequence(path))
        .next_hop(next_hop)
        .med((n % 2 == 0).then_some(n))
        .communities((0..n % 6).map(|c| Community(0xfbf4_0000 + n + c)))
        .build()
        .expect("attributes are in order")
}

fn prefix(n: u32) -> Ipv4Net {
    Ipv4Net::new_assert(
        Ipv4Addr::from_bits(0x0a00_0000_u32.wrapping_add(n << 8)),
        24,
    )
    .trunc()
}

fn next_hop() -> NextHop {
    NextHop::Ipv4(Ipv4Addr::new(192, 0, 2, 1))
}

fn cx() -> SessionContext {
    SessionContext::new(PeerKind::Ebgp)
}

fn cut(stream: &[u8]) -> Vec<Bytes> {
    let mut framer = Framer::new();
    framer.push(stream);
    // Each message in an allocation of its own, as a socket would leave it.
    std::iter::from_fn(|| framer.next().expect("the stream is in order"))
        .map(|m| Bytes::copy_from_slice(&m))
        .collect()
}
