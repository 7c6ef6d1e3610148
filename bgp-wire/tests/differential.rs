//! Our decoder against a second one that is as plain as can be: the same on everything that is in order.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use bgp_wire::{
    AfiSafi, Ipv4Unicast, Ipv6Unicast, MessageRef, NextHop, Nlri, PathId, Routes, SessionContext,
    Update, Validated, strategy,
};
use bytes::BytesMut;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an UPDATE says, in the types of the standard library.
#[derive(Debug, Default, PartialEq)]
struct Plain {
    withdrawn: Vec<Prefix>,
    announced: Vec<Prefix>,
    next_hops: Vec<Vec<u8>>,
    attributes: BTreeMap<u8, Vec<u8>>,
    as_path: Vec<(u8, Vec<u32>)>,
    communities: Vec<u32>,
}

#[derive(Debug, PartialEq)]
struct Prefix {
    path_id: Option<u32>,
    address: IpAddr,
    len: u8,
}

/// The second decoder: panics on whatever is not in order.
fn naive(message: &[u8], cx: &SessionContext) -> Plain {
    let u16_at = |at: usize| usize::from(message[at]) << 8 | usize::from(message[at + 1]);
    assert_eq!((u16_at(16), message[18]), (message.len(), 2));
    let withdrawn_end = 21 + u16_at(19);
    let attributes_end = withdrawn_end + 2 + u16_at(withdrawn_end);
    let mut plain = Plain {
        withdrawn: prefixes(&message[21..withdrawn_end], 1, cx),
        ..Plain::default()
    };
    let mut reach = vec![];
    let mut at = withdrawn_end + 2;
    while at < attributes_end {
        let (flags, code) = (message[at], message[at + 1]);
        let (len, value_at) = if flags & 0x10 != 0 {
            (u16_at(at + 2), at + 4)
        } else {
            (usize::from(message[at + 2]), at + 3)
        };
        let value = &message[value_at..value_at + len];
        match code {
            2 => plain.as_path = as_path(value, if cx.asn_width.octets() == 4 { 4 } else { 2 }),
            8 => {
                plain.communities = value
                    .chunks(4)
                    .map(|c| u32::from_be_bytes(c.try_into().unwrap()))
                    .collect()
            }
            14 => {
                let next_hop_end = 4 + usize::from(value[3]);
                if value[2] == 1 && value[1] <= 2 && value[0] == 0 {
                    reach = prefixes(&value[next_hop_end + 1..], value[1], cx);
                }
                plain.next_hops.push(value[4..next_hop_end].to_vec());
            }
            15 if value[2] == 1 && value[1] <= 2 && value[0] == 0 => {
                plain.withdrawn.extend(prefixes(&value[3..], value[1], cx));
            }
            _ => {}
        }
        assert_eq!(
            plain.attributes.insert(code, value.to_vec()),
            None,
            "no attribute occurs twice"
        );
        at = value_at + len;
    }
    plain.announced = prefixes(&message[attributes_end..], 1, cx);
    plain.announced.append(&mut reach);
    plain
}

fn prefixes(mut octets: &[u8], afi: u8, cx: &SessionContext) -> Vec<Prefix> {
    let family = if afi == 1 {
        AfiSafi::IPV4_UNICAST
    } else {
        AfiSafi::IPV6_UNICAST
    };
    let mut prefixes = vec![];
    while !octets.is_empty() {
        let mut path_id = None;
        if cx.receive.add_path.contains(family) {
            path_id = Some(u32::from_be_bytes(octets[..4].try_into().unwrap()));
            octets = &octets[4..];
        }
        let len = octets[0];
        let size = usize::from(len).div_ceil(8);
        let mut address = [0; 16];
        address[..size].copy_from_slice(&octets[1..=size]);
        let address = if afi == 1 {
            IpAddr::V4(Ipv4Addr::new(
                address[0], address[1], address[2], address[3],
            ))
        } else {
            IpAddr::V6(Ipv6Addr::from(address))
        };
        prefixes.push(Prefix {
            path_id,
            address,
            len,
        });
        octets = &octets[1 + size..];
    }
    prefixes
}

fn as_path(mut octets: &[u8], width: usize) -> Vec<(u8, Vec<u32>)> {
    let mut segments = vec![];
    while !octets.is_empty() {
        let end = 2 + usize::from(octets[1]) * width;
        let asns = octets[2..end]
            .chunks(width)
            .map(|asn| asn.iter().fold(0, |n, octet| n << 8 | u32::from(*octet)));
        segments.push((octets[0], asns.collect()));
        octets = &octets[end..];
    }
    segments
}

/// The same from our own decoder.
fn ours(routes: &Routes<'_>) -> Plain {
    fn plain<P: Into<ipnet::IpNet>>(nlri: Nlri<P>) -> Prefix {
        let net: ipnet::IpNet = nlri.prefix.into();
        Prefix {
            path_id: nlri.path_id.map(|PathId(id)| id),
            address: net.addr(),
            len: net.prefix_len(),
        }
    }
    let mut found = Plain::default();
    for field in routes.withdrawals() {
        found
            .withdrawn
            .extend(field.paths::<Ipv4Unicast>().map(plain));
        found
            .withdrawn
            .extend(field.paths::<Ipv6Unicast>().map(plain));
    }
    for announcement in routes.announcements() {
        found
            .announced
            .extend(announcement.nlri.paths::<Ipv4Unicast>().map(plain));
        found
            .announced
            .extend(announcement.nlri.paths::<Ipv6Unicast>().map(plain));
    }
    let attributes = routes.attributes();
    found.attributes = attributes
        .iter()
        .map(|attribute| (attribute.code.0, attribute.value.to_vec()))
        .collect();
    for segment in attributes
        .as_path()
        .into_iter()
        .flat_map(|path| path.segments())
    {
        found.as_path.push((
            segment.kind() as u8,
            segment.asns().map(|asn| asn.0).collect(),
        ));
    }
    found.communities = attributes
        .communities()
        .map(|community| community.0)
        .collect();
    found
}

fn octets(next_hop: NextHop) -> Vec<u8> {
    match next_hop {
        NextHop::Ipv4(address) => address.octets().to_vec(),
        NextHop::Ipv6 { global, link_local } => {
            let link_local = link_local.map(|address| address.octets().to_vec());
            [global.octets().to_vec(), link_local.unwrap_or_default()].concat()
        }
        other => panic!("{other:?}"),
    }
}

fn with_update() -> impl Strategy<Value = (SessionContext, Update)> {
    strategy::context().prop_flat_map(|cx| (Just(cx), strategy::update(cx)))
}

proptest! {
    #[test]
    fn two_decoders_say_the_same((cx, update) in with_update()) {
        let mut message = BytesMut::new();
        update.encode(&cx, &mut message).unwrap();
        let MessageRef::Update(view) = MessageRef::decode(&message, &cx).unwrap() else { panic!("an UPDATE") };
        let Validated::Routes(routes) = view.validate(&cx).unwrap() else { panic!("it is in order") };
        let (mut theirs, ours) = (naive(&message, &cx), ours(&routes));
        if let Some(next_hop) = view.mp_reach().and_then(|reach| reach.next_hop()) {
            prop_assert_eq!(theirs.next_hops.pop(), Some(octets(next_hop)));
        }
        theirs.next_hops.clear();
        prop_assert_eq!(theirs, ours);
    }
}
