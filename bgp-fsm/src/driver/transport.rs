//! Facts about the TCP connections of a peer.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;

/// How to reach a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transport {
    /// Address and port of the peer. A link-local address needs its scope, or `device`.
    pub remote: SocketAddr,
    /// The local address to connect from; the kernel chooses if there is none.
    pub source: Option<IpAddr>,
    /// The key of the TCP MD5 signature (RFC 2385).
    pub password: Option<Password>,
    /// How far away the peer may be.
    pub hops: Hops,
    /// The interface (or VRF) that connections are bound to, by name.
    pub device: Option<String>,
}

impl Transport {
    /// Any source address, no password, any distance, no device.
    #[must_use]
    pub const fn new(remote: SocketAddr) -> Self {
        Self {
            remote,
            source: None,
            password: None,
            hops: Hops::Any,
            device: None,
        }
    }

    /// The same from this local address.
    #[must_use]
    pub fn with_source(self, source: IpAddr) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// The same with TCP MD5 signatures.
    #[must_use]
    pub fn with_password(self, password: Password) -> Self {
        Self {
            password: Some(password),
            ..self
        }
    }

    /// The same with this distance.
    #[must_use]
    pub fn with_hops(self, hops: Hops) -> Self {
        Self { hops, ..self }
    }

    /// The same, bound to an interface or VRF.
    #[must_use]
    pub fn with_device(self, device: impl Into<String>) -> Self {
        Self {
            device: Some(device.into()),
            ..self
        }
    }
}

/// How far away a peer may be: what the TTL (hop limit) of packets is set to, and what is asked of the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hops {
    /// As far as the kernel's TTL reaches.
    Any,
    /// On the same link: packets leave with TTL 1. The usual rule for a peer in another AS.
    Single,
    /// At most so many hops away ("eBGP multihop"): packets leave with that TTL.
    Multi(NonZeroU8),
    /// At most so many hops away, and proven to be (GTSM, RFC 5082): packets leave with TTL 255, and those that arrive
    /// with less than 256 minus this are dropped by the kernel. The peer has to do the same.
    Security(NonZeroU8),
}

impl Hops {
    /// The TTL of packets, unless it is the kernel's.
    pub(super) const fn ttl(self) -> Option<u8> {
        match self {
            Self::Any => None,
            Self::Single => Some(1),
            Self::Multi(hops) => Some(hops.get()),
            Self::Security(_) => Some(u8::MAX),
        }
    }

    /// The lowest TTL that packets of the peer may have.
    pub(super) const fn min_ttl(self) -> Option<u8> {
        match self {
            Self::Security(hops) => Some(u8::MAX - (hops.get() - 1)),
            Self::Any | Self::Single | Self::Multi(_) => None,
        }
    }
}

/// A key for TCP MD5 signatures: 1 to 80 octets. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Vec<u8>);

impl Password {
    /// The longest that Linux takes, in octets.
    pub const MAX: usize = 80;

    /// Takes a key.
    ///
    /// # Errors
    /// [`PasswordError`] if it is empty or too long.
    pub fn try_new(password: impl Into<Vec<u8>>) -> Result<Self, PasswordError> {
        let password = password.into();
        match password.len() {
            0 => Err(PasswordError::Empty),
            1..=Self::MAX => Ok(Self(password)),
            length => Err(PasswordError::TooLong(length)),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why something is no key for TCP MD5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// There has to be at least one octet.
    #[error("password is empty")]
    Empty,
    /// Linux takes at most 80 octets.
    #[error("password of {0} octets is longer than 80")]
    TooLong(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_1_to_80_octets_and_is_not_shown() {
        assert_eq!(Password::try_new(""), Err(PasswordError::Empty));
        assert_eq!(Password::try_new([0; 81]), Err(PasswordError::TooLong(81)));
        let password = Password::try_new("s3cret").unwrap();
        assert!(
            !format!(
                "{:?}",
                Transport::new(([192, 0, 2, 1], 179).into()).with_password(password)
            )
            .contains("s3cret")
        );
    }

    #[test]
    fn gtsm_of_one_hop_takes_nothing_below_255() {
        let one = NonZeroU8::MIN;
        assert_eq!(
            (Hops::Security(one).ttl(), Hops::Security(one).min_ttl()),
            (Some(255), Some(255))
        );
        let two = NonZeroU8::new(2).unwrap();
        assert_eq!(
            (Hops::Security(two).ttl(), Hops::Security(two).min_ttl()),
            (Some(255), Some(254))
        );
        assert_eq!(
            (Hops::Multi(two).ttl(), Hops::Multi(two).min_ttl()),
            (Some(2), None)
        );
        assert_eq!(Hops::Single.ttl(), Some(1));
    }
}
