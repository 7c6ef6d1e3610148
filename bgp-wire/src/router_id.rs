//! The BGP identifier (RFC 4271 §4.2, RFC 6286).

use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

/// A BGP identifier: four octets, not zero, unique within the AS (RFC 6286 §2.1).
///
/// Ordered as the unsigned integer that RFC 4271 §6.8 compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId(Ipv4Addr);

impl RouterId {
    /// Takes the identifier written as an IPv4 address.
    ///
    /// # Errors
    /// [`RouterIdError::Zero`] for `0.0.0.0` (RFC 6286 §2.1).
    pub const fn try_new(address: Ipv4Addr) -> Result<Self, RouterIdError> {
        if address.is_unspecified() {
            Err(RouterIdError::Zero)
        } else {
            Ok(Self(address))
        }
    }

    /// The identifier written as an IPv4 address.
    #[must_use]
    pub const fn address(self) -> Ipv4Addr {
        self.0
    }

    /// The unsigned integer that collision resolution compares (RFC 4271 §6.8).
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0.to_bits()
    }
}

impl fmt::Display for RouterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl TryFrom<Ipv4Addr> for RouterId {
    type Error = RouterIdError;

    fn try_from(address: Ipv4Addr) -> Result<Self, RouterIdError> {
        Self::try_new(address)
    }
}

impl FromStr for RouterId {
    type Err = RouterIdError;

    fn from_str(text: &str) -> Result<Self, RouterIdError> {
        Self::try_new(text.parse().map_err(|_| RouterIdError::Syntax)?)
    }
}

/// Why something is no BGP identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouterIdError {
    /// The identifier is zero (RFC 6286 §2.1).
    #[error("a BGP identifier must not be 0.0.0.0")]
    Zero,
    /// The text is not dotted decimal.
    #[error("a BGP identifier is written like an IPv4 address")]
    Syntax,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_refused() {
        assert_eq!("0.0.0.0".parse::<RouterId>(), Err(RouterIdError::Zero));
        assert_eq!("router".parse::<RouterId>(), Err(RouterIdError::Syntax));
    }

    #[test]
    fn the_order_is_that_of_the_unsigned_integer() {
        let low: RouterId = "9.255.255.255".parse().unwrap();
        let high: RouterId = "10.0.0.0".parse().unwrap();
        assert!(low < high);
        assert!(low.to_bits() < high.to_bits());
    }
}
