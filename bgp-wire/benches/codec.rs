//! The codec on UPDATEs with the shape of a table feed, and on packed ones. One element is one message, or one prefix
//! where the name says so.
//!
//! Work depth: *validate* finds out by RFC 7606 what may be used; *materialise* also touches every attribute and every
//! prefix as a typed value, in place; *owned* copies both.
#![expect(clippy::expect_used, reason = "a benchmark may panic")]

use bgp_wire::{
    AsPath, Asn, Community, Framer, Ipv4Unicast, Ipv6Unicast, Message, MessageRef, MpNextHop,
    MpNlri, MpReach, NextHop, Nlri, Origin, PathAttributes, PeerKind, Routes, SessionContext,
    Update, UpdatePacker, Validated,
};
use bytes::{Bytes, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ipnet::{Ipv4Net, Ipv6Net};
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};

const MESSAGES: u32 = 4096;
const PREFIXES: u32 = 100_000;

/// A table feed: 96 octets and three prefixes a message on average, one message in eight of IPv6.
fn feed() -> Vec<Update> {
    let attributes = |n: u32| {
        let path = (0..3 + n % 3).map(|hop| Asn(64_500 + (n * 7 + hop * 13) % 2_000_000));
        let builder = PathAttributes::builder()
            .origin(Origin::Igp)
            .as_path(AsPath::sequence(path));
        let builder = if n % 2 == 0 { builder.med(n) } else { builder };
        builder.communities((0..n % 6).map(|c| Community(0xfbf4_0000 + n + c)))
    };
    let update = |n: u32| {
        let mut update = Update::default();
        if n % 8 == 0 {
            let prefix = |k| {
                Ipv6Net::new_assert(
                    Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(n + k) << 80),
                    48,
                )
            };
            let nlri = (0..1 + n % 3)
                .map(|k| Nlri::from(prefix(k).trunc()))
                .collect();
            let next_hop = MpNextHop::Typed(NextHop::from(Ipv6Addr::LOCALHOST));
            update.attributes = attributes(n).build().expect("attributes are in order");
            update.mp_reach = Some(MpReach {
                next_hop,
                nlri: MpNlri::Ipv6Unicast(nlri),
            });
        } else {
            let next_hop = NextHop::Ipv4(Ipv4Addr::new(192, 0, 2, 1));
            update.attributes = attributes(n)
                .next_hop(next_hop)
                .build()
                .expect("attributes are in order");
            update.announced = (0..1 + n % 6)
                .map(|k| Nlri::from(ipv4(n * 8 + k, 24)))
                .collect();
        }
        update
    };
    (0..MESSAGES).map(update).collect()
}

fn ipv4(n: u32, len: u8) -> Ipv4Net {
    Ipv4Net::new_assert(
        Ipv4Addr::from_bits(0x0a00_0000_u32.wrapping_add(n << 8)),
        len,
    )
    .trunc()
}

fn session() -> SessionContext {
    SessionContext::new(PeerKind::Ebgp)
}

fn encode(updates: &[Update], out: &mut BytesMut) {
    out.clear();
    for update in updates {
        update
            .encode(&session(), out)
            .expect("every message is short");
    }
}

fn messages(stream: &[u8]) -> Vec<Bytes> {
    let mut framer = Framer::new();
    framer.push(stream);
    std::iter::from_fn(|| framer.next().expect("the stream is in order")).collect()
}

fn routes<'a>(message: &'a [u8], cx: &SessionContext) -> Routes<'a> {
    let Ok(MessageRef::Update(update)) = MessageRef::decode(message, cx) else {
        panic!("an UPDATE")
    };
    let Ok(Validated::Routes(routes)) = update.validate(cx) else {
        panic!("in order")
    };
    routes
}

/// Keeps the compiler from leaving a value out.
fn touch<T>(value: T) {
    black_box(value);
}

/// Touches every value.
fn materialise(routes: &Routes<'_>) {
    let attributes = routes.attributes();
    black_box((
        attributes.origin(),
        attributes.next_hop(),
        attributes.med(),
        attributes.local_pref(),
    ));
    black_box((attributes.atomic_aggregate(), attributes.aggregator()));
    attributes
        .as_path()
        .into_iter()
        .flat_map(|path| path.asns())
        .for_each(touch);
    attributes.communities().for_each(touch);
    attributes.large_communities().for_each(touch);
    for announcement in routes.announcements() {
        black_box(announcement.next_hop);
        announcement.nlri.iter::<Ipv4Unicast>().for_each(touch);
        announcement.nlri.iter::<Ipv6Unicast>().for_each(touch);
    }
}

fn decode_benches(c: &mut Criterion) {
    let cx = session();
    let mut stream = BytesMut::new();
    encode(&feed(), &mut stream);
    let messages = messages(&stream);
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.bench_function("validate", |b| {
        b.iter(|| {
            messages
                .iter()
                .for_each(|message| touch(routes(message, &cx)))
        });
    });
    group.bench_function("materialise", |b| {
        b.iter(|| {
            messages
                .iter()
                .for_each(|message| materialise(&routes(message, &cx)))
        });
    });
    group.bench_function("owned", |b| {
        b.iter(|| {
            messages
                .iter()
                .for_each(|message| touch(routes(message, &cx).to_owned()))
        });
    });
    group.finish();
}

fn encode_benches(c: &mut Criterion) {
    let updates: Vec<Message> = feed().into_iter().map(Message::Update).collect();
    let cx = session();
    let mut out = BytesMut::with_capacity(1 << 20);
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.bench_function("owned", |b| {
        b.iter(|| {
            out.clear();
            updates.iter().for_each(|update| {
                update
                    .encode(&cx, &mut out)
                    .expect("every message is short")
            });
        });
    });
    group.finish();
}

fn packed_benches(c: &mut Criterion) {
    let cx = session();
    let packer = UpdatePacker::new(cx);
    let attributes = PathAttributes::builder()
        .origin(Origin::Igp)
        .as_path(AsPath::sequence([Asn(64500)]));
    let attributes = attributes.build().expect("attributes are in order");
    let prefixes: Vec<Ipv4Net> = (0..PREFIXES).map(|n| ipv4(n, 24)).collect();
    let next_hop = NextHop::Ipv4(Ipv4Addr::new(192, 0, 2, 1));
    let mut out = BytesMut::with_capacity(1 << 20);
    let mut pack = || {
        out.clear();
        packer
            .announce::<Ipv4Unicast>(&attributes, next_hop, prefixes.iter().copied(), &mut out)
            .expect("the attributes are short")
    };
    let mut group = c.benchmark_group("packed prefixes");
    group.throughput(Throughput::Elements(u64::from(PREFIXES)));
    group.bench_function("pack", |b| b.iter(&mut pack));
    // Packed here too, for a run of the next one alone.
    pack();
    let messages = messages(&out);
    group.bench_function("materialise", |b| {
        b.iter(|| {
            messages
                .iter()
                .for_each(|message| materialise(&routes(message, &cx)))
        });
    });
    group.finish();
}

criterion_group!(benches, decode_benches, encode_benches, packed_benches);
criterion_main!(benches);
