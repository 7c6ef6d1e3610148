//! Bodies of the fuzz targets. Tests run them over the vectors and random octets, so no nightly compiler is needed.
//!
//! Not part of the API.

use crate::{
    AfiSafi, AsnWidth, DecodeError, Framer, Ipv4Encoding, Ipv4Unicast, Ipv6Unicast, MaxLen,
    Message, MessageRef, NextHop, PathAttributes, PathAttributesRef, PeerKind, SessionContext,
    UpdatePacker, UpdateRef, Validated,
};
use alloc::vec::Vec;
use bytes::{BufMut, BytesMut};
use core::net::{Ipv4Addr, Ipv6Addr};
use ipnet::{Ipv4Net, Ipv6Net};

/// A session (first octet) and a message of it: reads it, walks everything in it, copies it and sends the copy.
pub fn message(data: &[u8]) {
    let Some((&selector, message)) = data.split_first() else {
        return;
    };
    let cx = context(selector);
    match MessageRef::decode(message, &cx) {
        Ok(MessageRef::Update(update)) => walk_update(&update, message, &cx),
        Ok(MessageRef::Open(open)) => round_trip(open.to_owned().into(), &cx),
        Ok(MessageRef::Notification(notification)) => {
            // For people only: any text will do.
            let _ = alloc::format!("{notification}");
            round_trip(notification.to_owned().into(), &cx);
        }
        Ok(MessageRef::RouteRefresh(refresh)) => round_trip(refresh.to_owned().into(), &cx),
        Ok(MessageRef::Keepalive) => round_trip(Message::Keepalive, &cx),
        Err(error) => answer(error, message),
    }
}

/// A session (first octet) and the body of an UPDATE, so that a fuzzer need not find out about headers.
pub fn update(data: &[u8]) {
    let Some((&selector, body)) = data.split_first() else {
        return;
    };
    let Ok(length) = u16::try_from(body.len().saturating_add(19)) else {
        return;
    };
    let mut message_of_body = Vec::with_capacity(body.len() + 20);
    message_of_body.put_u8(selector);
    message_of_body.put_bytes(0xff, 16);
    message_of_body.put_u16(length);
    message_of_body.put_u8(2);
    message_of_body.put_slice(body);
    message(&message_of_body);
}

/// Octets in pieces of a size (first octet): the messages that come out are the octets that went in.
pub fn framer(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else {
        return;
    };
    let mut framer = Framer::new();
    if size & 0x80 != 0 {
        framer.set_max_len(MaxLen::Extended);
    }
    let mut left = stream;
    for piece in stream.chunks(usize::from(size & 0x7f).max(1)) {
        framer.push(piece);
        loop {
            match framer.next() {
                Ok(Some(message)) => {
                    let (begin, rest) = left.split_at_checked(message.len()).unwrap_or_default();
                    assert_eq!(begin, message, "messages are cut from the stream");
                    left = rest;
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.next(), Err(error), "an error stays");
                    return;
                }
            }
        }
    }
    assert_eq!(left.len(), framer.buffered(), "nothing is lost");
}

/// Prefixes packed into messages: all arrive, and no message is too long.
pub fn packer(data: &[u8]) {
    let Some((&selector, octets)) = data.split_first() else {
        return;
    };
    let cx = context(selector);
    let ipv4: Vec<Ipv4Net> = octets.chunks_exact(5).filter_map(ipv4_prefix).collect();
    let ipv6: Vec<Ipv6Net> = octets.chunks_exact(17).filter_map(ipv6_prefix).collect();
    let attributes = PathAttributes::builder()
        .origin(crate::Origin::Igp)
        .as_path(crate::AsPath::empty())
        .build();
    let Ok(attributes) = attributes else { return };
    for encoding in [Ipv4Encoding::Classic, Ipv4Encoding::Multiprotocol] {
        let packer = UpdatePacker::new(cx).with_ipv4_encoding(encoding);
        let mut out = BytesMut::new();
        let next_hop = NextHop::Ipv4(Ipv4Addr::new(192, 0, 2, 1));
        let announced =
            packer.announce::<Ipv4Unicast>(&attributes, next_hop, ipv4.iter().copied(), &mut out);
        assert!(announced.is_ok(), "attributes of seven octets leave room");
        let next_hop = NextHop::from(Ipv6Addr::LOCALHOST);
        let announced =
            packer.announce::<Ipv6Unicast>(&attributes, next_hop, ipv6.iter().copied(), &mut out);
        assert!(announced.is_ok(), "attributes of seven octets leave room");
        assert_eq!(
            count_announced(&out, &cx),
            ipv4.len() + ipv6.len(),
            "every prefix arrives"
        );
    }
}

fn count_announced(octets: &[u8], cx: &SessionContext) -> usize {
    let mut framer = Framer::new();
    framer.set_max_len(cx.send.max_len);
    framer.push(octets);
    let mut count = 0;
    while let Ok(Some(message)) = framer.next() {
        if let Ok(MessageRef::Update(update)) = MessageRef::decode(&message, cx) {
            if let Ok(Validated::Routes(routes)) = update.validate(cx) {
                count += routes.announced::<Ipv4Unicast>().count()
                    + routes.announced::<Ipv6Unicast>().count();
            }
        }
    }
    assert_eq!(framer.buffered(), 0, "whole messages only");
    count
}

fn walk_update(update: &UpdateRef<'_>, message: &[u8], cx: &SessionContext) {
    walk_attributes(update.attributes());
    let _ = update.end_of_rib();
    match update.validate(cx) {
        Ok(Validated::Routes(routes)) => {
            walk_attributes(routes.attributes());
            let owned = routes.to_owned();
            let announced = routes.announced::<Ipv4Unicast>().count()
                + routes.announced::<Ipv6Unicast>().count();
            assert_eq!(
                owned.announced_prefixes().count(),
                announced,
                "the copy has every prefix"
            );
            round_trip(owned.into(), cx);
        }
        Ok(Validated::Withdraw(withdrawn) | Validated::DisableFamily(_, withdrawn)) => {
            let prefixes = withdrawn.prefixes().count();
            assert!(prefixes <= message.len(), "a prefix has an octet at least");
            withdrawn
                .findings()
                .iter()
                .for_each(|finding| answer(finding.error, message));
        }
        Err(error) => answer(error, message),
    }
}

/// Touches every value, in order or not.
fn walk_attributes(attributes: &PathAttributesRef<'_>) {
    let _ = (
        attributes.origin(),
        attributes.next_hop(),
        attributes.med(),
        attributes.local_pref(),
    );
    let _ = (
        attributes.atomic_aggregate(),
        attributes.aggregator(),
        attributes.full_as_path(),
    );
    if let Some(path) = attributes.as_path() {
        let _ = (
            path.path_len(),
            path.origin_as(),
            path.first_as(),
            alloc::format!("{path}"),
        );
    }
    let communities = attributes.communities().count() + attributes.large_communities().count();
    let all = communities + attributes.ext_communities().count() + attributes.iter().count();
    assert!(
        all <= attributes.octets.len(),
        "an element has an octet at least"
    );
    attributes
        .unknown()
        .for_each(|attribute| assert_eq!(attributes.get(attribute.code), Some(attribute)));
    let _ = attributes.to_owned();
}

/// Sends a message and takes it back.
fn round_trip(message: Message, cx: &SessionContext) {
    let mut out = BytesMut::new();
    // A message may grow in canonical form, and a session may have less room for sending than for receiving.
    if message.encode(cx, &mut out).is_err() {
        assert!(out.is_empty(), "an error writes nothing");
        return;
    }
    let back = match MessageRef::decode(&out, cx) {
        Ok(MessageRef::Update(update)) => match update.validate(cx) {
            Ok(Validated::Routes(routes)) => Some(routes.to_owned().into()),
            _ => None,
        },
        Ok(MessageRef::Open(open)) => Some(open.to_owned().into()),
        Ok(MessageRef::Notification(notification)) => Some(notification.to_owned().into()),
        Ok(MessageRef::RouteRefresh(refresh)) => Some(refresh.to_owned().into()),
        Ok(MessageRef::Keepalive) => Some(Message::Keepalive),
        Err(_) => None,
    };
    assert_eq!(back, Some(message), "what is sent is what arrives");
}

fn answer(error: DecodeError, message: &[u8]) {
    let mut out = BytesMut::new();
    let encoded = error
        .notification(message)
        .encode(MaxLen::Standard, &mut out);
    assert!(encoded.is_ok(), "every NOTIFICATION fits");
    let _ = alloc::format!("{error}");
}

fn context(selector: u8) -> SessionContext {
    let bit = |position: u8| selector & (1 << position) != 0;
    let mut cx = SessionContext::new(match selector & 3 {
        0 => PeerKind::Ebgp,
        1 => PeerKind::Ibgp,
        2 => PeerKind::Confederation,
        _ => PeerKind::OneAdministrativeDomain,
    });
    cx.asn_width = if bit(2) {
        AsnWidth::Two
    } else {
        AsnWidth::Four
    };
    for direction in [&mut cx.send, &mut cx.receive] {
        if bit(3) {
            direction.add_path.insert(AfiSafi::IPV4_UNICAST);
            direction.add_path.insert(AfiSafi::IPV6_UNICAST);
        }
        if bit(4) {
            direction.extended_next_hop.insert(AfiSafi::IPV4_UNICAST);
        }
        if bit(5) {
            direction.max_len = MaxLen::Extended;
        }
    }
    cx
}

fn ipv4_prefix(octets: &[u8]) -> Option<Ipv4Net> {
    let (&[len], &address) = octets
        .split_first_chunk::<1>()
        .and_then(|(len, rest)| Some((len, rest.first_chunk::<4>()?)))?;
    Ipv4Net::new(Ipv4Addr::from(address), len % 33).ok()
}

fn ipv6_prefix(octets: &[u8]) -> Option<Ipv6Net> {
    let (&[len], &address) = octets
        .split_first_chunk::<1>()
        .and_then(|(len, rest)| Some((len, rest.first_chunk::<16>()?)))?;
    Ipv6Net::new(Ipv6Addr::from(address), len % 129).ok()
}
