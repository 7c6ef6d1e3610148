//! Who a member is, for `foca`.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::name::MemberName;

/// One life of a member: its name stays when it starts anew or comes back, and its incarnation grows.
///
/// `foca` looks through all members for each that it hears of. So what it compares first stands in the list itself, and
/// nothing else, since it is the memory to go through that costs.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    digest: NameDigest,
    life: Arc<Life>,
}

/// What an identity leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) name: MemberName,
    pub(super) address: SocketAddr,
    pub(super) incarnation: u64,
}

/// Half of the SHA-256 of a name: different for different names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NameDigest([u8; 16]);

impl Identity {
    pub(super) fn new(name: MemberName, address: SocketAddr, incarnation: u64) -> Self {
        Self {
            digest: NameDigest::of(&name),
            life: Arc::new(Life {
                name,
                address,
                incarnation,
            }),
        }
    }

    pub(super) const fn digest(&self) -> NameDigest {
        self.digest
    }

    /// Both have the same name.
    pub(super) fn is_namesake(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// The same member in another life.
    pub(super) fn reborn(&self, incarnation: u64) -> Self {
        let life = Life {
            name: self.name.clone(),
            address: self.address,
            incarnation,
        };
        Self {
            digest: self.digest,
            life: Arc::new(life),
        }
    }
}

impl Deref for Identity {
    type Target = Life;

    fn deref(&self) -> &Life {
        &self.life
    }
}

/// By digest, not by name, whose text is elsewhere.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
            && self.incarnation == other.incarnation
            && self.address == other.address
    }
}

impl Eq for Identity {}

impl NameDigest {
    pub(super) fn of(name: &MemberName) -> Self {
        let hash: [u8; 32] = Sha256::digest(name.as_str()).into();
        Self(hash.first_chunk().copied().unwrap_or_default())
    }
}

impl foca::Identity for Identity {
    type Addr = NameDigest;

    /// Called when this member was declared dead: it comes back as its next incarnation.
    fn renew(&self) -> Option<Self> {
        Some(self.reborn(self.incarnation.checked_add(1)?))
    }

    fn addr(&self) -> NameDigest {
        self.digest
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        (self.incarnation, self.address) > (adversary.incarnation, adversary.address)
    }
}
