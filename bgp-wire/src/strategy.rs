//! Strategies for property tests: values that a session could send (feature `proptest`).
//!
//! Every value encodes, in [`context`]'s session or any like it, and decodes to an equal one.

use crate::{
    AddPath, Afi, AfiSafi, Aggregator, AsPath, Asn, AsnWidth, AttrCode, AttrFlags, Capability,
    CapabilityCode, Community, ErrorCode, ExtCommunity, ExtendedNextHop, ForwardingState, Fqdn,
    GracefulRestart, HoldTime, LargeCommunity, Message, MpNextHop, MpNlri, MpReach, MpUnreach,
    NextHop, Nlri, Notification, Open, Origin, PathAttributes, PathId, PeerKind, RestartFamily,
    RestartFlags, RouteRefresh, RouterId, Safi, SegmentType, SessionContext, UnknownAttribute,
    Update,
};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::prelude::*;

/// A session between speakers of one AS, old or new, with path identifiers or without.
pub fn context() -> impl Strategy<Value = SessionContext> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(old, add_path, extended)| {
        let mut cx = SessionContext::new(PeerKind::Ibgp);
        cx.asn_width = if old { AsnWidth::Two } else { AsnWidth::Four };
        for direction in [&mut cx.send, &mut cx.receive] {
            direction.extended_next_hop.insert(AfiSafi::IPV4_UNICAST);
            if add_path {
                direction.add_path.insert(AfiSafi::IPV4_UNICAST);
                direction.add_path.insert(AfiSafi::IPV6_UNICAST);
            }
            if extended {
                direction.max_len = crate::MaxLen::Extended;
            }
        }
        cx
    })
}

/// A message that the session could send.
pub fn message(cx: SessionContext) -> impl Strategy<Value = Message> {
    prop_oneof![
        open().prop_map(Message::Open),
        update(cx).prop_map(Message::Update),
        notification().prop_map(Message::Notification),
        Just(Message::Keepalive),
        route_refresh().prop_map(Message::RouteRefresh),
    ]
}

/// An OPEN.
pub fn open() -> impl Strategy<Value = Open> {
    (asn(), hold_time(), router_id(), vec(capability(), 0..12)).prop_map(
        |(asn, hold_time, id, capabilities)| {
            let mut open = Open::new(asn, hold_time, id);
            open.capabilities.extend(capabilities);
            open
        },
    )
}

/// A capability.
pub fn capability() -> impl Strategy<Value = Capability> {
    let next_hop = (any::<u16>(), any::<u16>(), any::<u16>()).prop_map(|(afi, safi, next_hop)| {
        ExtendedNextHop {
            afi: Afi(afi),
            safi,
            next_hop_afi: Afi(next_hop),
        }
    });
    let add_path = (family(), any::<u8>()).prop_map(|(family, send_receive)| AddPath {
        family,
        send_receive,
    });
    prop_oneof![
        family().prop_map(Capability::Multiprotocol),
        Just(Capability::RouteRefresh),
        vec(next_hop, 0..4).prop_map(Capability::ExtendedNextHop),
        Just(Capability::ExtendedMessage),
        graceful_restart().prop_map(Capability::GracefulRestart),
        vec(add_path, 0..4).prop_map(Capability::AddPath),
        Just(Capability::EnhancedRouteRefresh),
        ("\\PC{0,12}", "\\PC{0,12}")
            .prop_map(|(host, domain)| Capability::Fqdn(Fqdn::new(host, domain))),
        (128..=255_u8, vec(any::<u8>(), 0..80)).prop_map(|(code, value)| Capability::Unknown {
            code: CapabilityCode(code),
            value
        }),
    ]
}

fn graceful_restart() -> impl Strategy<Value = GracefulRestart> {
    let forwarding = prop_oneof![
        Just(ForwardingState::Lost),
        Just(ForwardingState::Preserved)
    ];
    let entry = (family(), forwarding)
        .prop_map(|(family, forwarding)| RestartFamily { family, forwarding });
    (any::<u8>(), 0..4096_u64, vec(entry, 0..4)).prop_filter_map(
        "twelve bits",
        |(flags, seconds, families)| {
            let flags = RestartFlags::from_bits_truncate(flags);
            GracefulRestart::try_new(flags, Duration::from_secs(seconds), families).ok()
        },
    )
}

/// A NOTIFICATION.
pub fn notification() -> impl Strategy<Value = Notification> {
    (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..64)).prop_map(|(code, subcode, data)| {
        Notification::new(ErrorCode(code), subcode).with_data(data)
    })
}

/// A ROUTE-REFRESH.
pub fn route_refresh() -> impl Strategy<Value = RouteRefresh> {
    (family(), any::<u8>()).prop_map(|(family, subtype)| RouteRefresh::new(family, subtype.into()))
}

/// An UPDATE that the session could send.
pub fn update(cx: SessionContext) -> impl Strategy<Value = Update> {
    let ipv4 = || vec(nlri(ipv4_net(), cx, AfiSafi::IPV4_UNICAST), 0..20);
    let announced = (ipv4(), ipv4_host());
    let reach = proptest::option::of(mp_reach(cx));
    let unreach = proptest::option::of(mp_nlri(cx).prop_map(|nlri| MpUnreach { nlri }));
    (ipv4(), unreach, attributes(), reach, announced).prop_map(
        |(withdrawn, mp_unreach, attributes, mp_reach, (announced, host))| {
            // NEXT_HOP goes with the prefixes of the last section and with no others (RFC 4760 §3).
            let next_hop = (!announced.is_empty()).then_some(NextHop::Ipv4(host));
            let attributes = attributes
                .to_builder()
                .next_hop(next_hop)
                .build()
                .unwrap_or_default();
            Update {
                withdrawn,
                mp_unreach,
                attributes,
                mp_reach,
                announced,
            }
        },
    )
}

fn mp_reach(cx: SessionContext) -> impl Strategy<Value = MpReach> {
    let typed = (mp_nlri(cx), ipv4_host(), next_hop_ipv6());
    let opaque = (opaque_nlri(), vec(any::<u8>(), 0..40));
    prop_oneof![
        typed
            .prop_map(|(nlri, ipv4, ipv6)| {
                let next_hop = if nlri.family() == AfiSafi::IPV4_UNICAST {
                    ipv4.into()
                } else {
                    ipv6
                };
                MpReach {
                    next_hop: MpNextHop::Typed(next_hop),
                    nlri,
                }
            })
            .prop_filter("typed families", |reach| !matches!(
                reach.nlri,
                MpNlri::Opaque { .. }
            )),
        opaque.prop_map(|(nlri, octets)| MpReach {
            next_hop: MpNextHop::Opaque(octets.into()),
            nlri
        }),
    ]
}

fn mp_nlri(cx: SessionContext) -> impl Strategy<Value = MpNlri> {
    prop_oneof![
        4 => vec(nlri(ipv4_net(), cx, AfiSafi::IPV4_UNICAST), 0..20).prop_map(MpNlri::Ipv4Unicast),
        4 => vec(nlri(ipv6_net(), cx, AfiSafi::IPV6_UNICAST), 0..20).prop_map(MpNlri::Ipv6Unicast),
        1 => opaque_nlri(),
    ]
}

fn opaque_nlri() -> impl Strategy<Value = MpNlri> {
    let families =
        (3..=255_u16, any::<u8>()).prop_map(|(afi, safi)| AfiSafi::new(Afi(afi), Safi(safi)));
    (families, vec(any::<u8>(), 0..40)).prop_map(|(family, octets)| MpNlri::Opaque {
        family,
        octets: Bytes::from(octets),
    })
}

/// A set of attributes without next hop.
pub fn attributes() -> impl Strategy<Value = PathAttributes> {
    let origin = prop_oneof![
        Just(Origin::Igp),
        Just(Origin::Egp),
        Just(Origin::Incomplete)
    ];
    let numbers = (
        proptest::option::of(any::<u32>()),
        proptest::option::of(any::<u32>()),
        any::<bool>(),
    );
    let aggregator = (asn(), any::<u32>()).prop_map(|(asn, address)| Aggregator {
        asn,
        address: Ipv4Addr::from_bits(address),
    });
    let large = any::<(u32, u32, u32)>().prop_map(|(a, b, c)| LargeCommunity::new(a, b, c));
    let communities = (
        vec(any::<u32>().prop_map(Community), 0..70),
        vec(any::<[u8; 8]>().prop_map(ExtCommunity), 0..4),
        vec(large, 0..4),
    );
    let unknown = vec(unknown_attribute(), 0..3);
    (
        origin,
        as_path(),
        numbers,
        proptest::option::of(aggregator),
        communities,
        unknown,
    )
        .prop_filter_map(
            "attributes build",
            |(
                origin,
                path,
                (med, local_pref, atomic),
                aggregator,
                (communities, ext, large),
                unknown,
            )| {
                PathAttributes::builder()
                    .origin(origin)
                    .as_path(path)
                    .med(med)
                    .local_pref(local_pref)
                    .atomic_aggregate(atomic)
                    .aggregator(aggregator)
                    .communities(communities)
                    .ext_communities(ext)
                    .large_communities(large)
                    .unknown(unknown)
                    .build()
                    .ok()
            },
        )
}

fn unknown_attribute() -> impl Strategy<Value = UnknownAttribute> {
    (any::<u8>(), 100..=255_u8, vec(any::<u8>(), 0..300)).prop_map(|(flags, code, value)| {
        let flags = AttrFlags::from_bits_truncate(flags).union(AttrFlags::OPTIONAL);
        UnknownAttribute::new(flags, AttrCode(code), value)
    })
}

/// An AS path. Confederation segments are in front, as RFC 5065 §4 makes them, and of two-octet numbers: an old speaker
/// has no place for others in AS4_PATH (RFC 6793 §4.2.2).
pub fn as_path() -> impl Strategy<Value = AsPath> {
    let confederation = prop_oneof![
        Just(SegmentType::AsConfedSequence),
        Just(SegmentType::AsConfedSet)
    ];
    let plain = prop_oneof![3 => Just(SegmentType::AsSequence), 1 => Just(SegmentType::AsSet)];
    let member = asn().prop_filter("two octets", |asn| asn.is_two_octet());
    let front = vec((confederation, vec(member, 1..4)), 0..2);
    let back = vec((plain, vec(asn(), 1..6)), 0..3);
    (front, back).prop_map(|(front, back)| {
        let mut path = AsPath::empty();
        let mut last = None;
        for (kind, asns) in front.into_iter().chain(back) {
            // Two sequences that touch are one: an old speaker in between would join them.
            if last != Some(SegmentType::AsSequence) || kind != SegmentType::AsSequence {
                path.push(kind, asns);
                last = Some(kind);
            }
        }
        path
    })
}

fn nlri<P: core::fmt::Debug>(
    prefix: impl Strategy<Value = P>,
    cx: SessionContext,
    family: AfiSafi,
) -> impl Strategy<Value = Nlri<P>> {
    let add_path = cx.send.add_path.contains(family);
    (prefix, any::<u32>()).prop_map(move |(prefix, path_id)| Nlri {
        path_id: add_path.then_some(PathId(path_id)),
        prefix,
    })
}

/// A prefix of either family.
pub fn ip_net() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        ipv4_net().prop_map(IpNet::V4),
        ipv6_net().prop_map(IpNet::V6)
    ]
}

/// An IPv4 prefix without bits behind its length.
pub fn ipv4_net() -> impl Strategy<Value = Ipv4Net> {
    (any::<u32>(), 0..=32_u8)
        .prop_map(|(bits, len)| Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), len).trunc())
}

/// An IPv6 prefix without bits behind its length.
pub fn ipv6_net() -> impl Strategy<Value = Ipv6Net> {
    (any::<u128>(), 0..=128_u8)
        .prop_map(|(bits, len)| Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), len).trunc())
}

fn ipv4_host() -> impl Strategy<Value = Ipv4Addr> {
    (1..0xe000_0000_u32).prop_map(Ipv4Addr::from_bits)
}

fn next_hop_ipv6() -> impl Strategy<Value = NextHop> {
    let global = (1..(0xff_u128 << 120)).prop_map(Ipv6Addr::from_bits);
    let link_local =
        any::<u64>().prop_map(|bits| Ipv6Addr::from_bits((0xfe80 << 112) | u128::from(bits)));
    (global, proptest::option::of(link_local))
        .prop_map(|(global, link_local)| NextHop::Ipv6 { global, link_local })
}

/// An AS number of two octets or four, never zero, never one that stands for another.
pub fn asn() -> impl Strategy<Value = Asn> {
    prop_oneof![1..=0xffff_u32, 0x1_0000..=u32::MAX]
        .prop_filter("AS_TRANS stands for others", |number| {
            Asn(*number) != Asn::AS_TRANS
        })
        .prop_map(Asn)
}

/// A hold time.
pub fn hold_time() -> impl Strategy<Value = HoldTime> {
    any::<u16>().prop_filter_map("one and two are no hold times", |seconds| {
        HoldTime::from_secs(seconds).ok()
    })
}

/// A BGP identifier.
pub fn router_id() -> impl Strategy<Value = RouterId> {
    any::<u32>().prop_filter_map("not zero", |bits| {
        RouterId::try_new(Ipv4Addr::from_bits(bits)).ok()
    })
}

/// Any family, most often a typed one.
pub fn family() -> impl Strategy<Value = AfiSafi> {
    let any_family = any::<(u16, u8)>().prop_map(|(afi, safi)| AfiSafi::new(Afi(afi), Safi(safi)));
    prop_oneof![2 => Just(AfiSafi::IPV4_UNICAST), 2 => Just(AfiSafi::IPV6_UNICAST), 1 => any_family]
}

/// Prefixes in any number that makes sense, for a packer.
pub fn prefixes() -> impl Strategy<Value = (Vec<Ipv4Net>, Vec<Ipv6Net>)> {
    (vec(ipv4_net(), 0..3000), vec(ipv6_net(), 0..1000))
}
