//! Host and domain name of the speaker (draft-walton-bgp-hostname-capability).

use crate::cursor::Cursor;
use crate::error::EncodeError;
use crate::writer::Writer;
use alloc::borrow::ToOwned;
use alloc::string::String;

/// The name of the speaker, for people who look at its peers.
///
/// ```text
/// +--------------------------------+
/// | Hostname Length (1 octet)      |
/// +--------------------------------+
/// | Hostname (variable)            |
/// +--------------------------------+
/// | Domain Name Length (1 octet)   |
/// +--------------------------------+
/// | Domain Name (variable)         |
/// +--------------------------------+
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Fqdn {
    /// First label.
    pub hostname: String,
    /// The labels behind it; often empty.
    pub domain: String,
}

impl Fqdn {
    /// Makes the name.
    #[must_use]
    pub fn new(hostname: impl Into<String>, domain: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            domain: domain.into(),
        }
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Option<Self> {
        let hostname = text(cursor)?;
        let domain = text(cursor)?;
        Some(Self { hostname, domain })
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        for part in [&self.hostname, &self.domain] {
            w.length_u8(|w| {
                w.slice(part.as_bytes());
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn text(cursor: &mut Cursor<'_>) -> Option<String> {
    let len = cursor.u8()?;
    let octets = cursor.take(usize::from(len))?;
    core::str::from_utf8(octets).ok().map(ToOwned::to_owned)
}
