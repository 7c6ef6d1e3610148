//! One function a contestant: a whole message in, the number of announced prefixes out, `None` for a refusal.

use bgp_wire::{Ipv4Unicast, Ipv6Unicast, MessageRef, PeerKind, Routes, SessionContext, Validated};
use bytes::Bytes;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;
use std::cell::{LazyCell, RefCell};
use std::hint::black_box;
use std::net::Ipv4Addr;

pub struct Contestant {
    pub name: &'static str,
    /// What is done with a message.
    pub depth: &'static str,
    pub decode: fn(&Bytes) -> Option<usize>,
}

pub const CONTESTANTS: [Contestant; 7] = [
    Contestant {
        name: "bgp-wire",
        depth: "RFC 7606, then every value visited in place",
        decode: bgp_wire_views,
    },
    Contestant {
        name: "bgp-wire, owned",
        depth: "RFC 7606, then copied",
        decode: bgp_wire_owned,
    },
    Contestant {
        name: "netgauze-bgp-pkt 0.13",
        depth: "owned",
        decode: netgauze,
    },
    Contestant {
        name: "rustbgpd-wire 0.27",
        depth: "owned",
        decode: rustbgpd,
    },
    Contestant {
        name: "zettabgp 0.6",
        depth: "owned",
        decode: zettabgp,
    },
    Contestant {
        name: "bgpkit-parser 0.23",
        depth: "owned",
        decode: bgpkit,
    },
    Contestant {
        name: "routecore 0.7",
        depth: "typed attributes, prefixes in place",
        decode: routecore,
    },
];

fn routes(message: &Bytes) -> Option<Routes<'_>> {
    let cx = SessionContext::new(PeerKind::Ebgp);
    let MessageRef::Update(update) = MessageRef::decode(message, &cx).ok()? else {
        return None;
    };
    match update.validate(&cx) {
        Ok(Validated::Routes(routes)) => Some(routes),
        _ => None,
    }
}

fn bgp_wire_views(message: &Bytes) -> Option<usize> {
    let routes = routes(message)?;
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
        .for_each(visit);
    attributes.communities().for_each(visit);
    attributes.ext_communities().for_each(visit);
    attributes.large_communities().for_each(visit);
    let mut count = 0;
    for announcement in routes.announcements() {
        black_box(announcement.next_hop);
        count += announcement
            .nlri
            .iter::<Ipv4Unicast>()
            .inspect(visit_ref)
            .count();
        count += announcement
            .nlri
            .iter::<Ipv6Unicast>()
            .inspect(visit_ref)
            .count();
    }
    Some(count)
}

fn visit<T>(value: T) {
    black_box(value);
}

fn visit_ref<T>(value: &T) {
    black_box(value);
}

fn bgp_wire_owned(message: &Bytes) -> Option<usize> {
    let update = black_box(routes(message)?.to_owned());
    Some(update.announced_prefixes().count())
}

fn netgauze(message: &Bytes) -> Option<usize> {
    use netgauze_bgp_pkt::BgpMessage;
    use netgauze_bgp_pkt::path_attribute::{MpReach, PathAttributeValue};
    use netgauze_bgp_pkt::wire::deserializer::BgpParsingContext;
    thread_local! {
        static CONTEXT: RefCell<BgpParsingContext> = RefCell::default();
    }
    let parsed = CONTEXT
        .with_borrow_mut(|cx| BgpMessage::parse(&mut SliceReader::new(message), cx))
        .ok()?;
    let BgpMessage::Update(update) = black_box(parsed) else {
        return None;
    };
    let reach = update
        .path_attributes()
        .iter()
        .map(|attribute| match attribute.value() {
            PathAttributeValue::MpReach(MpReach::Ipv6Unicast { nlri, .. }) => nlri.len(),
            _ => 0,
        });
    Some(update.nlri().len() + reach.sum::<usize>())
}

fn rustbgpd(message: &Bytes) -> Option<usize> {
    use rustbgpd_wire::{Message, attribute::PathAttribute};
    let Message::Update(update) = rustbgpd_wire::decode_message(&mut message.clone(), 4096).ok()?
    else {
        return None;
    };
    let parsed = black_box(update.parse(true, false, &[]).ok()?);
    let reach = parsed.attributes.iter().map(|attribute| match attribute {
        PathAttribute::MpReachNlri(reach) => reach.announced.len(),
        _ => 0,
    });
    Some(parsed.announced.len() + reach.sum::<usize>())
}

fn zettabgp(message: &Bytes) -> Option<usize> {
    use zettabgp::BgpMessage;
    use zettabgp::message::attributes::BgpAttrItem;
    use zettabgp::message::update::BgpUpdateMessage;
    use zettabgp::{BgpCapability, BgpSessionParams, BgpTransportMode};
    thread_local! {
        static SESSION: LazyCell<BgpSessionParams> = LazyCell::new(|| {
            let as_number = vec![BgpCapability::CapASN32(64500)];
            let mut session = BgpSessionParams::new(64500, 90, BgpTransportMode::IPv4, Ipv4Addr::new(192, 0, 2, 2), as_number);
            session.check_caps();
            session
        });
    }
    let mut update = BgpUpdateMessage::new();
    SESSION.with(|session| update.decode_from(session, message.get(19..)?).ok())?;
    let update = black_box(update);
    let count = |addrs: &zettabgp::afi::BgpAddrs| match addrs {
        zettabgp::afi::BgpAddrs::IPV4U(prefixes) => prefixes.len(),
        zettabgp::afi::BgpAddrs::IPV6U(prefixes) => prefixes.len(),
        _ => 0,
    };
    let reach = update.attrs.iter().map(|attribute| match attribute {
        BgpAttrItem::MPUpdates(reach) => count(&reach.addrs),
        _ => 0,
    });
    Some(count(&update.updates) + reach.sum::<usize>())
}

fn bgpkit(message: &Bytes) -> Option<usize> {
    use bgpkit_parser::models::{AsnLength, BgpMessage};
    let parsed = bgpkit_parser::parser::bgp::parse_bgp_message(
        &mut message.clone(),
        false,
        &AsnLength::Bits32,
    )
    .ok()?;
    let BgpMessage::Update(update) = black_box(parsed) else {
        return None;
    };
    let reach = update
        .attributes
        .get_reachable_nlri()
        .map_or(0, |nlri| nlri.prefixes.len());
    Some(update.announced_prefixes.len() + reach)
}

fn routecore(message: &Bytes) -> Option<usize> {
    use routecore::bgp::message::{SessionConfig, UpdateMessage};
    thread_local! {
        static SESSION: LazyCell<SessionConfig> = LazyCell::new(SessionConfig::modern);
    }
    let update = SESSION
        .with(|session| UpdateMessage::from_octets(message.as_ref(), session))
        .ok()?;
    for attribute in update.path_attributes().ok()? {
        black_box(attribute.ok()?.to_owned().ok()?);
    }
    let mut count = 0;
    for prefix in update.announcements().ok()? {
        black_box(prefix.ok()?);
        count += 1;
    }
    Some(count)
}
