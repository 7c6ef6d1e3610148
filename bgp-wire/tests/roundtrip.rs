//! What encodes, decodes to the same; what decodes, encodes to the same or to its canonical form.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bgp_wire::{
    Ipv4Encoding, Ipv4Unicast, Ipv6Unicast, MaxLen, Message, MessageHeader, MessageRef, NextHop,
    PathAttributes, SessionContext, UpdatePacker, Validated, strategy,
};
use bytes::BytesMut;
use ipnet::{Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

fn decode(octets: &[u8], cx: &SessionContext) -> Message {
    match MessageRef::decode(octets, cx).unwrap() {
        MessageRef::Open(open) => open.to_owned().into(),
        MessageRef::Update(update) => match update.validate(cx).unwrap() {
            Validated::Routes(routes) => routes.to_owned().into(),
            malformed => panic!("{malformed:?}"),
        },
        MessageRef::Notification(notification) => notification.to_owned().into(),
        MessageRef::RouteRefresh(refresh) => refresh.to_owned().into(),
        MessageRef::Keepalive => Message::Keepalive,
        other => panic!("{other:?}"),
    }
}

fn with_message() -> impl Strategy<Value = (SessionContext, Message)> {
    strategy::context().prop_flat_map(|cx| (Just(cx), strategy::message(cx)))
}

/// The messages of a stream.
fn messages(mut octets: &[u8], limit: MaxLen) -> Vec<&[u8]> {
    let mut messages = vec![];
    while let Some(header) = MessageHeader::peek(octets, limit).unwrap() {
        let (message, rest) = octets.split_at(usize::from(header.length));
        messages.push(message);
        octets = rest;
    }
    messages
}

proptest! {
    #[test]
    fn what_is_sent_is_what_arrives((cx, message) in with_message()) {
        let mut out = BytesMut::new();
        message.encode(&cx, &mut out).unwrap();
        prop_assert_eq!(decode(&out, &cx), message);
    }

    #[test]
    fn attributes_are_equal_exactly_where_their_octets_are(
        one in strategy::attributes(),
        two in strategy::attributes(),
    ) {
        prop_assert_eq!(one.to_builder().build(), Ok(one.clone()));
        prop_assert_eq!(one == two, one.octets() == two.octets());
        prop_assert_eq!(one.cmp(&two), two.cmp(&one).reverse());
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn packed_prefixes_arrive_all_once_and_in_order(
        cx in strategy::context(),
        attributes in strategy::attributes(),
        (ipv4, ipv6) in strategy::prefixes(),
        multiprotocol in any::<bool>(),
    ) {
        let encoding = if multiprotocol { Ipv4Encoding::Multiprotocol } else { Ipv4Encoding::Classic };
        let packer = UpdatePacker::new(cx).with_ipv4_encoding(encoding);
        let received = announce(&packer, &attributes, &cx, &ipv4, &ipv6);
        prop_assert_eq!(&received, &(ipv4.clone(), ipv6.clone()));
        let mut out = BytesMut::new();
        packer.withdraw::<Ipv4Unicast>(ipv4.iter().copied(), &mut out).unwrap();
        packer.withdraw::<Ipv6Unicast>(ipv6.iter().copied(), &mut out).unwrap();
        let mut withdrawn = (vec![], vec![]);
        for message in messages(&out, cx.send.max_len) {
            let Message::Update(update) = decode(message, &cx) else { panic!("not an UPDATE") };
            prop_assert_eq!(update.announced_prefixes().count(), 0);
            for prefix in update.withdrawn_prefixes() {
                match prefix {
                    ipnet::IpNet::V4(prefix) => withdrawn.0.push(prefix),
                    ipnet::IpNet::V6(prefix) => withdrawn.1.push(prefix),
                }
            }
        }
        prop_assert_eq!(withdrawn, (ipv4, ipv6));
    }
}

/// Packs announcements and reads them back: no message is too long, none but the last could hold one prefix more.
fn announce(
    packer: &UpdatePacker,
    attributes: &PathAttributes,
    cx: &SessionContext,
    ipv4: &[Ipv4Net],
    ipv6: &[Ipv6Net],
) -> (Vec<Ipv4Net>, Vec<Ipv6Net>) {
    let next_hops = (
        NextHop::Ipv4(Ipv4Addr::new(192, 0, 2, 1)),
        NextHop::from(Ipv6Addr::LOCALHOST),
    );
    let limit = usize::from(cx.send.max_len.octets());
    let mut received = (vec![], vec![]);
    let mut check = |out: &BytesMut, count: usize, longest: usize| {
        let messages = messages(out, cx.send.max_len);
        assert_eq!(messages.len(), count);
        for (position, message) in messages.into_iter().enumerate() {
            assert!(message.len() <= limit);
            assert!(
                position + 1 == count || message.len() + longest > limit,
                "room was left"
            );
            let Message::Update(update) = decode(message, cx) else {
                panic!("not an UPDATE")
            };
            assert_eq!(update.attributes.octets(), attributes.octets());
            for prefix in update.announced_prefixes() {
                match prefix {
                    ipnet::IpNet::V4(prefix) => received.0.push(prefix),
                    ipnet::IpNet::V6(prefix) => received.1.push(prefix),
                }
            }
        }
    };
    let mut out = BytesMut::new();
    let count = packer
        .announce::<Ipv4Unicast>(attributes, next_hops.0, ipv4.iter().copied(), &mut out)
        .unwrap();
    check(&out, count, 9);
    out.clear();
    let count = packer
        .announce::<Ipv6Unicast>(attributes, next_hops.1, ipv6.iter().copied(), &mut out)
        .unwrap();
    check(&out, count, 21);
    received
}
