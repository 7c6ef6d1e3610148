//! The authentication section, kept as it stands.

use std::fmt;

/// The authentication section of a packet (RFC 5880 §4.2–4.4). Whether it proves anything is for the session to decide
/// (§6.7): the data are kept, not interpreted.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Auth Type   |   Auth Len    |    Authentication Data...     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Authentication {
    auth_type: AuthType,
    // Invariant: at most `MAX_DATA` octets.
    data: Vec<u8>,
}

impl Authentication {
    /// A section.
    ///
    /// # Errors
    ///
    /// The packet would have more octets than its length field can say.
    pub fn try_new(
        auth_type: AuthType,
        data: impl Into<Vec<u8>>,
    ) -> Result<Self, AuthenticationTooLong> {
        let data = data.into();
        if data.len() > MAX_DATA {
            return Err(AuthenticationTooLong { len: data.len() });
        }
        Ok(Self { auth_type, data })
    }

    /// What kind of section it is.
    #[must_use]
    pub const fn auth_type(&self) -> AuthType {
        self.auth_type
    }

    /// The length of the whole section, as it stands in the packet.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the invariant leaves room for the type and the length"
    )]
    pub(crate) fn auth_len(&self) -> u8 {
        self.data.len() as u8 + 2
    }

    /// What follows the type and the length.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// Shows the length of the data in place of the data, which may be a password.
impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("auth_type", &self.auth_type)
            .field("data", &format_args!("{} octets", self.data.len()))
            .finish()
    }
}

/// What kind of authentication section it is (RFC 5880 §4.1, Auth Type). Types without a name here are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthType(u8);

impl AuthType {
    /// Simple Password.
    pub const SIMPLE_PASSWORD: Self = Self(1);
    /// Keyed MD5.
    pub const KEYED_MD5: Self = Self(2);
    /// Meticulous Keyed MD5.
    pub const METICULOUS_KEYED_MD5: Self = Self(3);
    /// Keyed SHA1.
    pub const KEYED_SHA1: Self = Self(4);
    /// Meticulous Keyed SHA1.
    pub const METICULOUS_KEYED_SHA1: Self = Self(5);

    /// A type.
    #[must_use]
    pub const fn new(code: u8) -> Self {
        Self(code)
    }

    /// Its code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::SIMPLE_PASSWORD => "Simple Password",
            Self::KEYED_MD5 => "Keyed MD5",
            Self::METICULOUS_KEYED_MD5 => "Meticulous Keyed MD5",
            Self::KEYED_SHA1 => "Keyed SHA1",
            Self::METICULOUS_KEYED_SHA1 => "Meticulous Keyed SHA1",
            Self(code) => return write!(f, "Auth Type {code}"),
        })
    }
}

/// Authentication data for which a packet has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{len} octets of authentication data are more than the {MAX_DATA} that a packet can hold")]
#[non_exhaustive]
pub struct AuthenticationTooLong {
    /// How many octets there are.
    pub len: usize,
}

/// What the length field of one octet leaves after the mandatory section, the type and the length.
const MAX_DATA: usize = u8::MAX as usize - 24 - 2;
