//! What a holder has and what it asks for.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;
use core::time::Duration;

use crate::addresses::Addresses;
use crate::family::Family;
use crate::names::{PoolName, ReservationName};

/// What a holder has now, as recorded outside; nothing is assumed about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assignment {
    /// Its addresses in their recorded order. Empty means that it has none.
    pub addresses: Vec<IpAddr>,
    /// Who decides about them.
    pub holder: Holder,
}

impl Assignment {
    /// Addresses that this allocator decides about.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            holder: Holder::Ours,
        }
    }

    /// Addresses that somebody else decides about.
    pub fn foreign(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            holder: Holder::Foreign,
        }
    }
}

/// Who decides about an assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Holder {
    /// This allocator.
    Ours,
    /// Another one, such as the controller of another load balancer class. Its addresses are taken for all newcomers,
    /// and are never released, moved or shared. No decision is made about its key, and a request of that key is
    /// ignored.
    Foreign,
}

/// What a holder asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The address families.
    pub families: Families,
    /// When the holder was created, as time since the Unix epoch: the older is served first, equal ones by key.
    pub created: Duration,
    /// The addresses it insists on.
    pub wanted: Wanted,
    /// The only pool it wants. May be one without automatic assignment.
    pub pool: Option<PoolName>,
    /// The pinned pools that admit it: of these it may get addresses, and does before open pools are tried. Names of
    /// pools that are not pinned, or that do not exist, mean nothing here. Who is admitted (namespaces, labels) is the
    /// caller's to evaluate.
    pub admitted_to: BTreeSet<PoolName>,
    /// The reservations whose addresses are kept for it: of these it gets one before any other, from any pool that serves
    /// it and hands out anything, be it assigned automatically or not. Names of reservations that do not exist mean
    /// nothing. Whom a reservation is for is the caller's to evaluate.
    pub reservations: BTreeSet<ReservationName>,
    /// The ports it serves; two that share an address must not have one in common.
    pub ports: BTreeSet<Port>,
    /// With whom it shares an address. `None`: with nobody.
    pub sharing: Option<Sharing>,
}

impl Request {
    /// Any addresses of these families, shared with nobody, as old as can be.
    #[must_use]
    pub const fn new(families: Families) -> Self {
        Self {
            families,
            created: Duration::ZERO,
            wanted: Wanted::Any,
            pool: None,
            admitted_to: BTreeSet::new(),
            reservations: BTreeSet::new(),
            ports: BTreeSet::new(),
            sharing: None,
        }
    }
}

/// Which families a request must, or would like to, get.
#[expect(
    clippy::exhaustive_enums,
    reason = "the cases of the Kubernetes field ipFamilyPolicy"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Families {
    /// One address of this family.
    Single(Family),
    /// One address of each family, from one pool, or none at all.
    RequireDual,
    /// One address of each family from one pool where there is such a pool, else one address.
    PreferDual {
        /// The family to prefer when there is only one.
        primary: Family,
    },
}

impl Families {
    /// Whether a holder of these addresses has what it must have.
    #[must_use]
    pub fn allow(self, held: &Addresses) -> bool {
        match self {
            Self::Single(family) => !held.is_dual() && held.of(family).is_some(),
            Self::RequireDual => held.is_dual(),
            Self::PreferDual { .. } => true,
        }
    }

    /// Whether addresses of a family are asked for.
    pub(crate) fn include(self, family: Family) -> bool {
        match self {
            Self::Single(only) => only == family,
            Self::RequireDual | Self::PreferDual { .. } => true,
        }
    }

    /// Whether a request for just these addresses makes sense: preferring two families means naming one of each.
    pub(crate) fn allow_wanted(self, wanted: &Addresses) -> bool {
        match self {
            Self::Single(_) => self.allow(wanted),
            Self::RequireDual | Self::PreferDual { .. } => wanted.is_dual(),
        }
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(family) => family.fmt(f),
            Self::RequireDual => f.write_str("IPv4 and IPv6"),
            Self::PreferDual { primary } => write!(f, "IPv4 and IPv6, or else {primary}"),
        }
    }
}

/// The addresses that a request insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wanted {
    /// None in particular.
    Any,
    /// Exactly these.
    Addresses(Addresses),
    /// Nothing new: what is held stays as long as the other rules allow it. For a request whose wish could not be
    /// understood, so that a mistake in it takes nothing away.
    KeepOnly,
}

/// A port that a holder serves.
#[expect(
    clippy::exhaustive_structs,
    reason = "a port is a transport protocol and a number"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The transport protocol.
    pub protocol: Protocol,
    /// The number.
    pub number: u16,
}

impl Port {
    /// The first in the order of ports.
    pub(crate) const MIN: Self = Self::new(Protocol::Tcp, 0);

    /// A port.
    #[must_use]
    pub const fn new(protocol: Protocol, number: u16) -> Self {
        Self { protocol, number }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.protocol, self.number)
    }
}

/// A transport protocol of a Kubernetes Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}

impl FromStr for Protocol {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        match text {
            "TCP" => Ok(Self::Tcp),
            "UDP" => Ok(Self::Udp),
            "SCTP" => Ok(Self::Sctp),
            _ => Err(ProtocolError {
                text: text.to_string(),
            }),
        }
    }
}

/// A text that is not the name of a transport protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not TCP, UDP or SCTP")]
#[non_exhaustive]
pub struct ProtocolError {
    /// The text.
    pub text: String,
}

/// With whom a holder shares its addresses: with those that have an equal one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sharing {
    key: Arc<str>,
    backend: Arc<str>,
}

impl Sharing {
    /// Sharing under `key`, with those that send traffic to the same `backend`. The backend is empty for a Service that
    /// every node can serve (external traffic policy Cluster) and stands for the selected pods for one that only the
    /// nodes with its pods can (Local). `None` if the key is empty, which is a Service that does not share.
    pub fn try_new(key: impl Into<Arc<str>>, backend: impl Into<Arc<str>>) -> Option<Self> {
        let key = key.into();
        (!key.is_empty()).then(|| Self {
            key,
            backend: backend.into(),
        })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &str {
        &self.backend
    }
}
