//! From a fault to the NOTIFICATION that tells the peer (RFC 4271 §6.1 to §6.3).

use crate::cursor::Cursor;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::iana::{ErrorCode, HeaderSubcode, OpenSubcode, RouteRefreshErrorSubcode, UpdateSubcode};
use crate::notification::Notification;
use crate::open::VERSION;
use bytes::Bytes;

impl DecodeError {
    /// The NOTIFICATION for this fault: code, subcode and data.
    ///
    /// `frame` is the whole message that had the fault, for the data that is cut from it; what it does not hold is left
    /// out. Data is cut where the NOTIFICATION would be longer than 4096 octets.
    #[must_use]
    pub fn notification(&self, frame: &[u8]) -> Notification {
        use DecodeErrorKind as Kind;
        match self.kind {
            // RFC 4271 §6.1
            Kind::Marker => header(HeaderSubcode::CONNECTION_NOT_SYNCHRONIZED),
            Kind::MessageLength(length) => {
                header(HeaderSubcode::BAD_MESSAGE_LENGTH).with_data(copied(&length.to_be_bytes()))
            }
            Kind::MessageType(kind) => {
                header(HeaderSubcode::BAD_MESSAGE_TYPE).with_data(copied(&[kind.0]))
            }

            // RFC 4271 §6.2: the data is the largest version we have below the one bid, or else the smallest.
            Kind::UnsupportedVersion(_) => {
                open(OpenSubcode::UNSUPPORTED_VERSION_NUMBER).with_data(copied(&[0, VERSION]))
            }
            // RFC 4271 §6.2, RFC 7607 §2
            Kind::BadPeerAs => open(OpenSubcode::BAD_PEER_AS),
            // RFC 6286 §2.2
            Kind::BadBgpIdentifier => open(OpenSubcode::BAD_BGP_IDENTIFIER),
            // RFC 4271 §6.2
            Kind::UnsupportedOptionalParameter(_) => {
                open(OpenSubcode::UNSUPPORTED_OPTIONAL_PARAMETER)
            }
            Kind::UnacceptableHoldTime(_) => open(OpenSubcode::UNACCEPTABLE_HOLD_TIME),
            // RFC 4271 §6.2: recognized but malformed.
            Kind::MalformedOptionalParameters | Kind::MalformedCapability(_) => {
                open(OpenSubcode::UNSPECIFIC)
            }

            // RFC 4271 §6.3, RFC 7606 §3 (b) and (g), §4
            Kind::MalformedAttributeList
            | Kind::AttributeOverrun(_)
            | Kind::DuplicateAttribute(_) => update(UpdateSubcode::MALFORMED_ATTRIBUTE_LIST),
            // RFC 4271 §6.3: the data is the attribute: type, length and value.
            Kind::UnrecognizedWellKnownAttribute(_) => {
                self.with_attribute(UpdateSubcode::UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, frame)
            }
            // RFC 4271 §6.3: the data is the type code.
            Kind::MissingWellKnownAttribute(code) => {
                update(UpdateSubcode::MISSING_WELL_KNOWN_ATTRIBUTE).with_data(copied(&[code.0]))
            }
            // RFC 4271 §6.3
            Kind::AttributeFlags(_) => self.with_attribute(UpdateSubcode::ATTRIBUTE_FLAGS, frame),
            Kind::AttributeLength(_) => self.with_attribute(UpdateSubcode::ATTRIBUTE_LENGTH, frame),
            Kind::InvalidOrigin => self.with_attribute(UpdateSubcode::INVALID_ORIGIN, frame),
            Kind::InvalidNextHop(_) => self.with_attribute(UpdateSubcode::INVALID_NEXT_HOP, frame),
            // RFC 4271 §6.3, RFC 4760 §7
            Kind::OptionalAttribute(_) | Kind::UnexpectedAttribute(_) => {
                self.with_attribute(UpdateSubcode::OPTIONAL_ATTRIBUTE, frame)
            }
            // RFC 4271 §6.3
            Kind::InvalidNetworkField => update(UpdateSubcode::INVALID_NETWORK_FIELD),
            // RFC 4271 §6.3, RFC 6793 §6
            Kind::MalformedAsPath(_) => update(UpdateSubcode::MALFORMED_AS_PATH),

            // RFC 7313 §5: the data is the whole message.
            Kind::RouteRefreshLength => {
                let subcode = RouteRefreshErrorSubcode::INVALID_MESSAGE_LENGTH.0;
                Notification::new(ErrorCode::ROUTE_REFRESH_MESSAGE, subcode)
                    .with_data(bounded(frame))
            }
        }
    }

    fn with_attribute(&self, subcode: UpdateSubcode, frame: &[u8]) -> Notification {
        update(subcode).with_data(bounded(attribute(frame, self.offset)))
    }
}

/// The attribute whose flags octet is at `offset`, as far as it goes.
fn attribute(frame: &[u8], offset: u16) -> &[u8] {
    let mut cursor = Cursor::new(frame, 0);
    if cursor.take(usize::from(offset)).is_none() {
        return &[];
    }
    let rest = cursor.rest();
    let len = match (cursor.u8(), cursor.u8()) {
        (Some(flags), Some(_)) if flags & 0x10 != 0 => cursor.u16().map(|len| usize::from(len) + 4),
        _ => cursor.u8().map(|len| usize::from(len) + 3),
    };
    len.and_then(|len| rest.get(..len)).unwrap_or(rest)
}

fn bounded(data: &[u8]) -> Bytes {
    copied(data.get(..MAX_DATA).unwrap_or(data))
}

fn copied(data: &[u8]) -> Bytes {
    Bytes::copy_from_slice(data)
}

const fn header(subcode: HeaderSubcode) -> Notification {
    Notification::new(ErrorCode::MESSAGE_HEADER, subcode.0)
}

const fn open(subcode: OpenSubcode) -> Notification {
    Notification::new(ErrorCode::OPEN_MESSAGE, subcode.0)
}

const fn update(subcode: UpdateSubcode) -> Notification {
    Notification::new(ErrorCode::UPDATE_MESSAGE, subcode.0)
}

/// What fits into 4096 octets behind header, code and subcode.
const MAX_DATA: usize = 4096 - 21;
