//! Why a session last changed its state.

use std::fmt;

/// A diagnostic code: why the sender's session last left Up (RFC 5880 §4.1, Diag). Five bits; codes without a name here
/// are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Diagnostic(u8);

impl Diagnostic {
    /// No Diagnostic.
    pub const NONE: Self = Self(0);
    /// Control Detection Time Expired.
    pub const CONTROL_DETECTION_TIME_EXPIRED: Self = Self(1);
    /// Echo Function Failed.
    pub const ECHO_FUNCTION_FAILED: Self = Self(2);
    /// Neighbor Signaled Session Down.
    pub const NEIGHBOR_SIGNALED_SESSION_DOWN: Self = Self(3);
    /// Forwarding Plane Reset.
    pub const FORWARDING_PLANE_RESET: Self = Self(4);
    /// Path Down.
    pub const PATH_DOWN: Self = Self(5);
    /// Concatenated Path Down.
    pub const CONCATENATED_PATH_DOWN: Self = Self(6);
    /// Administratively Down.
    pub const ADMINISTRATIVELY_DOWN: Self = Self(7);
    /// Reverse Concatenated Path Down.
    pub const REVERSE_CONCATENATED_PATH_DOWN: Self = Self(8);

    /// A code; `None` if it has more than five bits.
    #[must_use]
    pub const fn try_new(code: u8) -> Option<Self> {
        if code <= Self::MASK {
            Some(Self(code))
        } else {
            None
        }
    }

    /// The code, at most 31.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The code of the five bits on the right of an octet, as they stand in the packet.
    pub(crate) const fn from_low_bits(octet: u8) -> Self {
        Self(octet & Self::MASK)
    }

    const MASK: u8 = 0x1f;
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::NONE => "No Diagnostic",
            Self::CONTROL_DETECTION_TIME_EXPIRED => "Control Detection Time Expired",
            Self::ECHO_FUNCTION_FAILED => "Echo Function Failed",
            Self::NEIGHBOR_SIGNALED_SESSION_DOWN => "Neighbor Signaled Session Down",
            Self::FORWARDING_PLANE_RESET => "Forwarding Plane Reset",
            Self::PATH_DOWN => "Path Down",
            Self::CONCATENATED_PATH_DOWN => "Concatenated Path Down",
            Self::ADMINISTRATIVELY_DOWN => "Administratively Down",
            Self::REVERSE_CONCATENATED_PATH_DOWN => "Reverse Concatenated Path Down",
            Self(code) => return write!(f, "Diagnostic {code}"),
        })
    }
}
