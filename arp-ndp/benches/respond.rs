//! What a question or a claim costs, among many addresses; and what it costs to be told a large set.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Instant;

use arp_ndp::{
    AnswerLimits, Arp, ArpOperation, Config, EtherType, EthernetHeader, Frame, Input, Link,
    MacAddr, NeighborSolicitation, Responder, Role, multicast_mac, solicited_node_group,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const OURS: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
const OTHER: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0b]);
const COUNT: u32 = 10_000;

/// Half IPv4 from 198.18.0.0 on, half IPv6 from 2001:db8:: on.
fn addresses() -> BTreeMap<IpAddr, Role> {
    let v4 = (1..=COUNT / 2).map(|n| IpAddr::V4(ipv4(n)));
    let v6 = (1..=COUNT / 2).map(|n| IpAddr::V6(ipv6(n)));
    v4.chain(v6).map(|address| (address, Role::Owner)).collect()
}

fn ipv4(n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0xc612_0000 + n)
}

fn ipv6(n: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(n))
}

fn who_has(target: Ipv4Addr) -> Frame {
    request(Ipv4Addr::new(198, 51, 100, 2), target)
}

/// Another station announces one of the addresses.
fn claim(address: Ipv4Addr) -> Frame {
    request(address, address)
}

fn request(sender: Ipv4Addr, target: Ipv4Addr) -> Frame {
    let mut frame = Frame::new();
    EthernetHeader {
        destination: MacAddr::BROADCAST,
        source: OTHER,
        vlan: None,
        ether_type: EtherType::ARP,
    }
    .encode(&mut frame);
    let request = Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: OTHER,
        sender_protocol_address: sender,
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address: target,
    };
    request.encode(&mut frame);
    frame
}

fn solicitation(target: Ipv6Addr) -> Frame {
    let destination = solicited_node_group(target);
    let mut frame = Frame::new();
    EthernetHeader {
        destination: multicast_mac(destination),
        source: OTHER,
        vlan: None,
        ether_type: EtherType::IPV6,
    }
    .encode(&mut frame);
    let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
    NeighborSolicitation {
        source,
        destination,
        target,
        source_link_layer: Some(OTHER),
    }
    .encode(&mut frame);
    frame
}

fn responder(now: Instant) -> Responder {
    // Time stands still here, so limits are kept track of, and never reached.
    let unlimited = AnswerLimits {
        per_asker: NonZeroU32::MAX,
        in_all: NonZeroU32::MAX,
    };
    let config = Config::default().with_answer_limits(unlimited);
    let mut responder = Responder::new(Link::new(OURS), config, 0);
    responder.handle_input(now, Input::SetAddresses(addresses()));
    while responder.poll_output().is_some() {}
    responder
}

fn questions(c: &mut Criterion) {
    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way; no time passes here"
    )]
    let now = Instant::now();
    let cases = [
        (
            "arp_answered",
            (1..=COUNT / 2)
                .map(|n| who_has(ipv4(n)))
                .collect::<Vec<_>>(),
        ),
        (
            "arp_not_ours",
            (1..=COUNT / 2).map(|n| who_has(ipv4(n + COUNT))).collect(),
        ),
        (
            "arp_claimed",
            (1..=COUNT / 2).map(|n| claim(ipv4(n))).collect(),
        ),
        (
            "ndp_answered",
            (1..=COUNT / 2).map(|n| solicitation(ipv6(n))).collect(),
        ),
        (
            "ndp_not_ours",
            (1..=COUNT / 2)
                .map(|n| solicitation(ipv6(n + COUNT)))
                .collect(),
        ),
    ];
    let mut group = c.benchmark_group("frame_among_10000_addresses");
    group.throughput(Throughput::Elements(1));
    for (name, frames) in cases {
        let mut responder = responder(now);
        let mut frames = frames.iter().cycle();
        group.bench_function(name, |b| {
            b.iter(|| {
                let frame = frames.next().map_or(&[][..], AsRef::as_ref);
                responder.handle_input(now, Input::Frame(black_box(frame)));
                while let Some(output) = responder.poll_output() {
                    black_box(output);
                }
            });
        });
    }
    group.finish();
}

fn same_addresses(c: &mut Criterion) {
    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way; no time passes here"
    )]
    let now = Instant::now();
    let mut responder = responder(now);
    c.bench_function("same_10000_addresses_again", |b| {
        b.iter_batched(
            addresses,
            |addresses| responder.handle_input(now, Input::SetAddresses(addresses)),
            criterion::BatchSize::LargeInput,
        );
    });
}

criterion_group!(benches, questions, same_addresses);
criterion_main!(benches);
