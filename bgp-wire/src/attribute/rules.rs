//! The table of RFC 7606 §7: what each attribute must be, and what follows where it is not.

use super::aggregator::Aggregator;
use super::as_path::AsPathRef;
use super::mp::{MpReachRef, MpUnreachRef, NextHop, decode_family};
use super::view::is_typed;
use super::{AttrFlags, AttrRef, Origin, encode};
use crate::afi_safi::AfiSafi;
use crate::asn::Asn;
use crate::context::{AsnWidth, PeerKind, SessionContext};
use crate::cursor::Cursor;
use crate::error::DecodeErrorKind as Kind;
use crate::iana::AttrCode;
use crate::update::findings::ErrorAction;
use core::net::Ipv4Addr;

/// What is wrong with an attribute, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) action: ErrorAction,
    /// The family to disable, for that action.
    pub(crate) family: Option<AfiSafi>,
}

impl Fault {
    const fn discard(kind: Kind) -> Self {
        Self {
            kind,
            action: ErrorAction::AttributeDiscard,
            family: None,
        }
    }

    const fn withdraw(kind: Kind) -> Self {
        Self {
            kind,
            action: ErrorAction::TreatAsWithdraw,
            family: None,
        }
    }

    const fn reset(kind: Kind) -> Self {
        Self {
            kind,
            action: ErrorAction::SessionReset,
            family: None,
        }
    }
}

/// Checks who may send the attribute, then its flags, then its value.
#[inline]
pub(crate) fn check(attribute: AttrRef<'_>, cx: &SessionContext) -> Result<(), Fault> {
    let AttrRef { flags, code, value } = attribute;
    if !is_typed(code) {
        // RFC 4271 §6.3: a well-known attribute must be recognized. RFC 7606 leaves that as it is.
        let optional = flags.contains(AttrFlags::OPTIONAL);
        return if optional {
            Ok(())
        } else {
            Err(Fault::reset(Kind::UnrecognizedWellKnownAttribute(code)))
        };
    }
    let unexpected = match code {
        // RFC 7606 §7.5
        AttrCode::LOCAL_PREF => !cx.peer.exchanges_local_pref(),
        // RFC 6793 §4.1 and §6: only an old speaker sends these.
        AttrCode::AS4_PATH | AttrCode::AS4_AGGREGATOR => cx.asn_width == AsnWidth::Four,
        _ => false,
    };
    if unexpected {
        return Err(Fault::discard(Kind::UnexpectedAttribute(code)));
    }
    let value = check_value(code, value, cx);
    // RFC 7606 §3 (c)
    if flags.intersection(AttrFlags::KIND) == encode::flags(code) {
        return value;
    }
    // RFC 7606 §3 (h): the stronger action; of equal ones the flags come first (RFC 4271 §6.3).
    let flags = Fault::withdraw(Kind::AttributeFlags(code));
    match value {
        Err(value) if value.action > flags.action => Err(value),
        _ => Err(flags),
    }
}

/// One arm an attribute: its length, its value, and the action of its RFC.
#[inline]
fn check_value(code: AttrCode, value: &[u8], cx: &SessionContext) -> Result<(), Fault> {
    let length = Kind::AttributeLength(code);
    match code {
        // RFC 7606 §7.1
        AttrCode::ORIGIN => {
            require(value.len() == 1, Fault::withdraw(length))?;
            require(
                Origin::decode(value).is_some(),
                Fault::withdraw(Kind::InvalidOrigin),
            )
        }
        // RFC 7606 §7.2, RFC 7607 §2, RFC 5065 §5
        AttrCode::AS_PATH => {
            let path = AsPathRef::new(value, cx.asn_width);
            require(
                path.is_well_formed(cx.peer),
                Fault::withdraw(Kind::MalformedAsPath(code)),
            )
        }
        // RFC 7606 §7.3; RFC 4271 §6.3 for the address, by RFC 7606 §3 (e)
        AttrCode::NEXT_HOP => {
            let address = <[u8; 4]>::try_from(value).map_err(|_| Fault::withdraw(length))?;
            let host = NextHop::Ipv4(Ipv4Addr::from(address)).is_host();
            require(host, Fault::withdraw(Kind::InvalidNextHop(code)))
        }
        // RFC 7606 §7.4 and §7.5
        AttrCode::MULTI_EXIT_DISC | AttrCode::LOCAL_PREF => {
            require(value.len() == 4, Fault::withdraw(length))
        }
        // RFC 7606 §7.6
        AttrCode::ATOMIC_AGGREGATE => require(value.is_empty(), Fault::discard(length)),
        // RFC 7606 §7.7, RFC 7607 §2
        AttrCode::AGGREGATOR => check_aggregator(code, value, cx.asn_width),
        // RFC 7606 §7.8, RFC 7606 §7.14, RFC 8092 §6
        AttrCode::COMMUNITIES => require(is_list_of(4, value), Fault::withdraw(length)),
        AttrCode::EXTENDED_COMMUNITIES => require(is_list_of(8, value), Fault::withdraw(length)),
        AttrCode::LARGE_COMMUNITY => require(is_list_of(12, value), Fault::withdraw(length)),
        // RFC 6793 §6: the attribute is discarded, whatever is wrong.
        AttrCode::AS4_PATH => {
            let path = AsPathRef::new(value, AsnWidth::Four);
            // Confederation segments are discarded one by one where the path is put together.
            let well_formed = value.len() >= 6 && path.is_well_formed(PeerKind::Confederation);
            require(well_formed, Fault::discard(Kind::MalformedAsPath(code)))
        }
        AttrCode::AS4_AGGREGATOR => check_aggregator(code, value, AsnWidth::Four),
        // RFC 7606 §7.11 and §5.3, RFC 4760 §7
        AttrCode::MP_REACH_NLRI => check_mp_reach(value, cx),
        // RFC 7606 §7.12 and §5.3, RFC 4760 §7
        AttrCode::MP_UNREACH_NLRI => {
            let unreach = MpUnreachRef::decode(value, &cx.receive);
            require(
                unreach.is_some_and(|unreach| unreach.nlri().is_well_formed()),
                mp_fault(code, value),
            )
        }
        _ => Ok(()),
    }
}

fn check_aggregator(code: AttrCode, value: &[u8], width: AsnWidth) -> Result<(), Fault> {
    let aggregator = Aggregator::decode(value, width)
        .ok_or_else(|| Fault::discard(Kind::AttributeLength(code)))?;
    require(
        aggregator.asn != Asn::ZERO,
        Fault::discard(Kind::OptionalAttribute(code)),
    )
}

fn check_mp_reach(value: &[u8], cx: &SessionContext) -> Result<(), Fault> {
    let code = AttrCode::MP_REACH_NLRI;
    let Some(reach) = MpReachRef::decode(value, &cx.receive) else {
        return Err(mp_fault(code, value));
    };
    require(reach.is_well_formed(&cx.receive), mp_fault(code, value))?;
    let host = reach.next_hop().is_none_or(NextHop::is_host);
    require(host, Fault::withdraw(Kind::InvalidNextHop(code)))
}

/// Prefixes that cannot be found cannot be withdrawn: the family is disabled, or the session reset where not even the
/// family is known (RFC 7606 §3 j, §5.3).
fn mp_fault(code: AttrCode, value: &[u8]) -> Fault {
    let kind = Kind::OptionalAttribute(code);
    match decode_family(&mut Cursor::new(value, 0)) {
        Some(family) => Fault {
            kind,
            action: ErrorAction::AfiSafiDisable,
            family: Some(family),
        },
        None => Fault::reset(kind),
    }
}

/// Whether the value holds at least one element, and whole ones only.
const fn is_list_of(len: usize, value: &[u8]) -> bool {
    !value.is_empty() && value.len() % len == 0
}

const fn require(condition: bool, fault: Fault) -> Result<(), Fault> {
    if condition { Ok(()) } else { Err(fault) }
}
