//! OPEN: the first message of a session (RFC 4271 §4.2, RFC 5492, RFC 9072).

use crate::asn::Asn;
use crate::capability::{
    Capability, CapabilityIter, PARAMETER_CAPABILITIES, ParameterFormat, ParameterIter, capability,
};
use crate::cursor::Cursor;
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::header::{Frame, MaxLen};
use crate::hold_time::HoldTime;
use crate::iana::{CapabilityCode, MessageType};
use crate::router_id::RouterId;
use crate::writer::Writer;
use alloc::vec::Vec;
use bytes::BytesMut;
use core::net::Ipv4Addr;

/// An OPEN: who the speaker is and what it can do.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+
/// |    Version    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     My Autonomous System      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Hold Time           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         BGP Identifier                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Opt Parm Len  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Optional Parameters (variable)                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Canonicalised on encoding: all capabilities go into one optional parameter (RFC 5492 §4), in the extended format of
/// RFC 9072 only where they do not fit otherwise; reserved bits are zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Open {
    /// The two octets of "My Autonomous System": AS_TRANS where the number does not fit.
    pub my_autonomous_system: u16,
    /// The hold time that the speaker proposes.
    pub hold_time: HoldTime,
    /// Who the speaker is.
    pub bgp_identifier: RouterId,
    /// What the speaker can do, in the order of the wire.
    pub capabilities: Vec<Capability>,
}

impl Open {
    /// An OPEN of a speaker with four-octet AS numbers: holds that capability and no other (RFC 6793 §4.1).
    #[must_use]
    pub fn new(my_as: Asn, hold_time: HoldTime, bgp_identifier: RouterId) -> Self {
        Self {
            my_autonomous_system: my_as.to_two_octet(),
            hold_time,
            bgp_identifier,
            capabilities: [Capability::FourOctetAs(my_as)].into(),
        }
    }

    /// The same OPEN with one more capability.
    #[must_use]
    pub fn with_capability(mut self, capability: Capability) -> Self {
        self.capabilities.push(capability);
        self
    }

    /// The AS number of the speaker: that of the four-octet capability, else the two octets (RFC 6793 §4.1).
    #[must_use]
    pub fn asn(&self) -> Asn {
        self.four_octet_as()
            .unwrap_or_else(|| Asn::from(self.my_autonomous_system))
    }

    /// The AS number of the four-octet capability.
    #[must_use]
    pub fn four_octet_as(&self) -> Option<Asn> {
        self.capabilities
            .iter()
            .find_map(|capability| match capability {
                Capability::FourOctetAs(asn) => Some(*asn),
                _ => None,
            })
    }

    /// Whether the speaker advertised a capability with this code.
    #[must_use]
    pub fn has(&self, code: CapabilityCode) -> bool {
        self.capabilities
            .iter()
            .any(|capability| capability.code() == code)
    }

    /// Appends the message to `out`.
    ///
    /// # Errors
    /// [`EncodeError::FieldTooLong`] for a capability of more than 255 octets, [`EncodeError::MessageTooLong`] for more
    /// of them than 4096 octets hold.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let mut capabilities = BytesMut::new();
        let mut w = Writer::new(&mut capabilities);
        for capability in &self.capabilities {
            capability.encode(&mut w)?;
        }
        Writer::message(out, MessageType::OPEN, MaxLen::Standard, |w| {
            w.u8(VERSION);
            w.u16(self.my_autonomous_system);
            w.u16(self.hold_time.as_secs());
            w.u32(self.bgp_identifier.to_bits());
            write_parameters(w, &capabilities)
        })
    }
}

/// Writes the optional parameters: none, one in the standard format, or one in the extended format (RFC 9072 §2).
fn write_parameters(w: &mut Writer<'_>, capabilities: &[u8]) -> Result<(), EncodeError> {
    let parameter = |w: &mut Writer<'_>| {
        w.slice(capabilities);
        Ok(())
    };
    match capabilities.len() {
        0 => {
            w.u8(0);
            Ok(())
        }
        // Type and length of the parameter are two of the 255 octets; 255 itself announces the extended format.
        1..=252 => w.length_u8(|w| {
            w.u8(PARAMETER_CAPABILITIES);
            w.length_u8(parameter)
        }),
        _ => {
            w.u8(EXTENDED_LENGTH);
            w.u8(EXTENDED_LENGTH);
            w.length_u16(|w| {
                w.u8(PARAMETER_CAPABILITIES);
                w.length_u16(parameter)
            })
        }
    }
}

/// An OPEN in the octets it arrived in. Every parameter and capability has been checked.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OpenRef<'a> {
    /// The two octets of "My Autonomous System": AS_TRANS where the number does not fit.
    pub my_autonomous_system: u16,
    /// The hold time that the speaker proposes.
    pub hold_time: HoldTime,
    /// Who the speaker is.
    pub bgp_identifier: RouterId,
    parameters: Cursor<'a>,
    format: ParameterFormat,
}

impl<'a> OpenRef<'a> {
    /// Reads and checks an OPEN, in the order of RFC 4271 §6.2.
    ///
    /// What only the receiver's own settings can decide (is this the AS number I expect?) is left to
    /// [`Negotiated::from_opens`](crate::Negotiated::from_opens).
    ///
    /// # Errors
    /// The errors of RFC 4271 §6.2, with the zero AS of RFC 7607 and the zero identifier of RFC 6286.
    pub fn decode(frame: Frame<'a>) -> Result<Self, DecodeError> {
        let mut cursor = frame.cursor();
        let fixed = fixed_part(&mut cursor);
        let Some((version, my_as, hold_time, identifier)) = fixed else {
            return Err(DecodeError::new(
                DecodeErrorKind::MalformedOptionalParameters,
                cursor.offset(),
            ));
        };
        if version != VERSION {
            return Err(DecodeError::new(
                DecodeErrorKind::UnsupportedVersion(version),
                19,
            ));
        }
        if my_as == 0 {
            return Err(DecodeError::new(DecodeErrorKind::BadPeerAs, 20));
        }
        let bgp_identifier = RouterId::try_new(Ipv4Addr::from_bits(identifier))
            .map_err(|_| DecodeError::new(DecodeErrorKind::BadBgpIdentifier, 24))?;
        let hold_time = HoldTime::from_secs(hold_time)
            .map_err(|_| DecodeError::new(DecodeErrorKind::UnacceptableHoldTime(hold_time), 22))?;
        let (parameters, format) = parameters(&mut cursor)
            .ok_or_else(|| DecodeError::new(DecodeErrorKind::MalformedOptionalParameters, 28))?;
        let open = Self {
            my_autonomous_system: my_as,
            hold_time,
            bgp_identifier,
            parameters,
            format,
        };
        open.check_parameters()?;
        Ok(open)
    }

    /// The capabilities of all optional parameters, in the order of the wire.
    #[must_use]
    pub fn capabilities(&self) -> CapabilityIter<'a> {
        CapabilityIter::new(self.parameters())
    }

    /// Copies the OPEN.
    #[must_use]
    pub fn to_owned(&self) -> Open {
        Open {
            my_autonomous_system: self.my_autonomous_system,
            hold_time: self.hold_time,
            bgp_identifier: self.bgp_identifier,
            // `decode` has found each of them to be in order.
            capabilities: self
                .capabilities()
                .filter_map(|capability| capability.decode().ok())
                .collect(),
        }
    }

    const fn parameters(&self) -> ParameterIter<'a> {
        ParameterIter {
            cursor: self.parameters,
            format: self.format,
        }
    }

    fn check_parameters(&self) -> Result<(), DecodeError> {
        for parameter in self.parameters() {
            let mut parameter =
                parameter.map_err(|kind| DecodeError::new(kind, self.parameters.offset()))?;
            if parameter.kind != PARAMETER_CAPABILITIES {
                let kind = DecodeErrorKind::UnsupportedOptionalParameter(parameter.kind);
                return Err(DecodeError::new(kind, parameter.offset));
            }
            while !parameter.value.is_empty() {
                let offset = parameter.value.offset();
                let checked = match capability(&mut parameter.value) {
                    Some(capability) => capability.decode(),
                    None => Err(DecodeErrorKind::MalformedOptionalParameters),
                };
                match checked {
                    // AS 0 is no AS number here either (RFC 7607 §2).
                    Ok(Capability::FourOctetAs(Asn::ZERO)) => {
                        return Err(DecodeError::new(DecodeErrorKind::BadPeerAs, offset));
                    }
                    Ok(_) => {}
                    Err(kind) => return Err(DecodeError::new(kind, offset)),
                }
            }
        }
        Ok(())
    }
}

fn fixed_part(cursor: &mut Cursor<'_>) -> Option<(u8, u16, u16, u32)> {
    Some((cursor.u8()?, cursor.u16()?, cursor.u16()?, cursor.u32()?))
}

/// Reads the length of the optional parameters and cuts them off; nothing may follow them.
fn parameters<'a>(cursor: &mut Cursor<'a>) -> Option<(Cursor<'a>, ParameterFormat)> {
    let len = cursor.u8()?;
    let mut ahead = *cursor;
    // RFC 9072 §2: the extended format is told by the type that follows, whatever the length says. A length of zero
    // means that there are no parameters.
    let (parameters, format) = if len != 0 && ahead.u8() == Some(EXTENDED_LENGTH) {
        let len = ahead.u16()?;
        let parameters = ahead.sub(usize::from(len))?;
        *cursor = ahead;
        (parameters, ParameterFormat::Extended)
    } else {
        (cursor.sub(usize::from(len))?, ParameterFormat::Standard)
    };
    cursor.is_empty().then_some((parameters, format))
}

/// The only version there is (RFC 4271 §4.2).
pub(crate) const VERSION: u8 = 4;
/// Length and type of the parameter that announces the extended format (RFC 9072 §2).
const EXTENDED_LENGTH: u8 = 255;
