//! Capabilities (RFC 5492).

pub(crate) mod add_path;
pub(crate) mod extended_next_hop;
pub(crate) mod fqdn;
pub(crate) mod graceful_restart;

use crate::afi_safi::{Afi, AfiSafi, Safi};
use crate::asn::Asn;
use crate::cursor::Cursor;
use crate::error::{DecodeErrorKind, EncodeError};
use crate::iana::CapabilityCode;
use crate::writer::Writer;
use add_path::AddPath;
use alloc::vec::Vec;
use core::iter::FusedIterator;
use extended_next_hop::ExtendedNextHop;
use fqdn::Fqdn;
use graceful_restart::GracefulRestart;

/// A capability that a speaker advertises in its OPEN.
///
/// ```text
/// +------------------------------+
/// | Capability Code (1 octet)    |
/// +------------------------------+
/// | Capability Length (1 octet)  |
/// +------------------------------+
/// | Capability Value (variable)  |
/// ~                              ~
/// +------------------------------+
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Routes of a family (RFC 4760 §8).
    Multiprotocol(AfiSafi),
    /// Answers ROUTE-REFRESH (RFC 2918 §2).
    RouteRefresh,
    /// Takes next hops of IPv6 for routes of IPv4 (RFC 8950 §4).
    ExtendedNextHop(Vec<ExtendedNextHop>),
    /// Takes messages of more than 4096 octets (RFC 8654 §3).
    ExtendedMessage,
    /// Restarts without losing forwarding, or helps others to (RFC 4724 §3, RFC 8538 §2).
    GracefulRestart(GracefulRestart),
    /// Has AS numbers of four octets, this being its own (RFC 6793 §3).
    FourOctetAs(Asn),
    /// Sends or takes several paths for a prefix (RFC 7911 §4).
    AddPath(Vec<AddPath>),
    /// Marks begin and end of a route refresh (RFC 7313 §3.1).
    EnhancedRouteRefresh,
    /// Its host and domain name (draft-walton-bgp-hostname-capability).
    Fqdn(Fqdn),
    /// Any other, kept as it is.
    Unknown {
        /// Code of the capability.
        code: CapabilityCode,
        /// Its value, at most 255 octets.
        value: Vec<u8>,
    },
}

impl Capability {
    /// Code of the capability.
    #[must_use]
    pub const fn code(&self) -> CapabilityCode {
        match self {
            Self::Multiprotocol(_) => CapabilityCode::MULTIPROTOCOL,
            Self::RouteRefresh => CapabilityCode::ROUTE_REFRESH,
            Self::ExtendedNextHop(_) => CapabilityCode::EXTENDED_NEXT_HOP,
            Self::ExtendedMessage => CapabilityCode::EXTENDED_MESSAGE,
            Self::GracefulRestart(_) => CapabilityCode::GRACEFUL_RESTART,
            Self::FourOctetAs(_) => CapabilityCode::FOUR_OCTET_AS,
            Self::AddPath(_) => CapabilityCode::ADD_PATH,
            Self::EnhancedRouteRefresh => CapabilityCode::ENHANCED_ROUTE_REFRESH,
            Self::Fqdn(_) => CapabilityCode::FQDN,
            Self::Unknown { code, .. } => *code,
        }
    }

    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(self.code().0);
        w.length_u8(|w| {
            match self {
                Self::Multiprotocol(family) => {
                    w.u16(family.afi.0);
                    w.u8(0);
                    w.u8(family.safi.0);
                }
                Self::RouteRefresh | Self::ExtendedMessage | Self::EnhancedRouteRefresh => {}
                Self::ExtendedNextHop(entries) => entries.iter().for_each(|entry| entry.encode(w)),
                Self::GracefulRestart(restart) => restart.encode(w),
                Self::FourOctetAs(asn) => w.u32(asn.0),
                Self::AddPath(entries) => entries.iter().for_each(|entry| entry.encode(w)),
                Self::Fqdn(fqdn) => fqdn.encode(w)?,
                Self::Unknown { value, .. } => w.slice(value),
            }
            Ok(())
        })
    }
}

/// A capability in the octets it arrived in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct CapabilityRef<'a> {
    /// Code of the capability.
    pub code: CapabilityCode,
    /// Its value.
    pub value: &'a [u8],
}

impl CapabilityRef<'_> {
    /// Reads the value.
    ///
    /// # Errors
    /// [`DecodeErrorKind::MalformedCapability`] where a known capability has a value that cannot be its own.
    pub fn decode(self) -> Result<Capability, DecodeErrorKind> {
        let mut value = Cursor::new(self.value, 0);
        let known = match self.code {
            CapabilityCode::MULTIPROTOCOL => multiprotocol(&mut value),
            CapabilityCode::ROUTE_REFRESH => Some(Capability::RouteRefresh),
            CapabilityCode::EXTENDED_NEXT_HOP => {
                entries(&mut value, ExtendedNextHop::decode).map(Capability::ExtendedNextHop)
            }
            CapabilityCode::EXTENDED_MESSAGE => Some(Capability::ExtendedMessage),
            CapabilityCode::GRACEFUL_RESTART => {
                GracefulRestart::decode(&mut value).map(Capability::GracefulRestart)
            }
            CapabilityCode::FOUR_OCTET_AS => {
                value.u32().map(|asn| Capability::FourOctetAs(Asn(asn)))
            }
            CapabilityCode::ADD_PATH => {
                entries(&mut value, AddPath::decode).map(Capability::AddPath)
            }
            CapabilityCode::ENHANCED_ROUTE_REFRESH => Some(Capability::EnhancedRouteRefresh),
            // A name is for people only, so one that is no text is kept and ends no session.
            CapabilityCode::FQDN => match Fqdn::decode(&mut value).filter(|_| value.is_empty()) {
                Some(fqdn) => return Ok(Capability::Fqdn(fqdn)),
                None => return Ok(self.to_unknown()),
            },
            _ => return Ok(self.to_unknown()),
        };
        known
            .filter(|_| value.is_empty())
            .ok_or(DecodeErrorKind::MalformedCapability(self.code))
    }

    fn to_unknown(self) -> Capability {
        Capability::Unknown {
            code: self.code,
            value: self.value.to_vec(),
        }
    }
}

/// The capabilities of an OPEN, in the order of the wire.
#[derive(Clone, Debug)]
pub struct CapabilityIter<'a> {
    parameters: ParameterIter<'a>,
    capabilities: Cursor<'a>,
}

impl<'a> CapabilityIter<'a> {
    pub(crate) const fn new(parameters: ParameterIter<'a>) -> Self {
        Self {
            parameters,
            capabilities: Cursor::new(&[], 0),
        }
    }
}

impl<'a> Iterator for CapabilityIter<'a> {
    type Item = CapabilityRef<'a>;

    fn next(&mut self) -> Option<CapabilityRef<'a>> {
        while self.capabilities.is_empty() {
            let parameter = self.parameters.next()?.ok()?;
            if parameter.kind == PARAMETER_CAPABILITIES {
                self.capabilities = parameter.value;
            }
        }
        capability(&mut self.capabilities)
    }
}

impl FusedIterator for CapabilityIter<'_> {}

/// Reads one capability.
pub(crate) fn capability<'a>(cursor: &mut Cursor<'a>) -> Option<CapabilityRef<'a>> {
    let code = CapabilityCode(cursor.u8()?);
    let len = cursor.u8()?;
    let value = cursor.take(usize::from(len))?;
    Some(CapabilityRef { code, value })
}

/// The optional parameters of an OPEN; the length of each has two octets in the extended format (RFC 9072 §2).
#[derive(Clone, Debug)]
pub(crate) struct ParameterIter<'a> {
    pub(crate) cursor: Cursor<'a>,
    pub(crate) format: ParameterFormat,
}

/// How the length of an optional parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ParameterFormat {
    /// One octet (RFC 4271 §4.2).
    Standard,
    /// Two octets (RFC 9072 §2).
    Extended,
}

/// One optional parameter.
#[derive(Clone, Debug)]
pub(crate) struct Parameter<'a> {
    pub(crate) kind: u8,
    pub(crate) offset: u16,
    pub(crate) value: Cursor<'a>,
}

impl<'a> Iterator for ParameterIter<'a> {
    type Item = Result<Parameter<'a>, DecodeErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.cursor.is_empty() {
            return None;
        }
        let parameter = self
            .parameter()
            .ok_or(DecodeErrorKind::MalformedOptionalParameters);
        if parameter.is_err() {
            self.cursor = Cursor::new(&[], 0);
        }
        Some(parameter)
    }
}

impl<'a> ParameterIter<'a> {
    fn parameter(&mut self) -> Option<Parameter<'a>> {
        let offset = self.cursor.offset();
        let kind = self.cursor.u8()?;
        let len = match self.format {
            ParameterFormat::Standard => usize::from(self.cursor.u8()?),
            ParameterFormat::Extended => usize::from(self.cursor.u16()?),
        };
        let value = self.cursor.sub(len)?;
        Some(Parameter {
            kind,
            offset,
            value,
        })
    }
}

fn multiprotocol(value: &mut Cursor<'_>) -> Option<Capability> {
    let afi = Afi(value.u16()?);
    let _reserved = value.u8()?;
    let safi = Safi(value.u8()?);
    Some(Capability::Multiprotocol(AfiSafi::new(afi, safi)))
}

/// Reads entries of a fixed size up to the end of the value.
fn entries<'a, T>(
    value: &mut Cursor<'a>,
    decode: impl Fn(&mut Cursor<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut entries = Vec::new();
    while !value.is_empty() {
        entries.push(decode(value)?);
    }
    Some(entries)
}

/// The only optional parameter there is (RFC 5492 §4).
pub(crate) const PARAMETER_CAPABILITIES: u8 = 2;
