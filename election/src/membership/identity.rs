//! Who a member is, for `foca`.

use std::net::SocketAddr;

use super::name::MemberName;

/// One life of a member: its name stays when it starts anew or comes back, and its incarnation grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: MemberName,
    pub(super) address: SocketAddr,
    pub(super) incarnation: u64,
}

impl foca::Identity for Identity {
    type Addr = MemberName;

    /// Called when this member was declared dead: it comes back as its next incarnation.
    fn renew(&self) -> Option<Self> {
        let incarnation = self.incarnation.checked_add(1)?;
        Some(Self {
            incarnation,
            ..self.clone()
        })
    }

    fn addr(&self) -> MemberName {
        self.name.clone()
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        (self.incarnation, self.address) > (adversary.incarnation, adversary.address)
    }
}
