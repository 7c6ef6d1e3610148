//! What goes into a `Membership` and what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::facts::Facts;
#[cfg(doc)]
use super::key::KEY_OVERLAP;
use super::key::Key;
use super::name::MemberName;

/// Who this member is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by the caller, who must say all of it"
)]
pub struct Local {
    /// Its name, which no other member may have.
    pub name: MemberName,
    /// Where others reach it.
    pub address: SocketAddr,
    /// Grows with each start of this member, such as the microseconds since 1970. When it does not, because a clock was
    /// put back, the others tell what it must exceed.
    pub incarnation: u64,
}

/// One member that is alive, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its name.
    pub name: MemberName,
    /// Where it is reached.
    pub address: SocketAddr,
    /// Which of its lives this is: it grows when the member starts anew, and when it comes back after it was held dead.
    pub incarnation: u64,
    /// What it tells about itself; `None` before it was heard, which takes moments.
    pub facts: Option<Arc<Facts>>,
}

/// All members that are alive, by name.
pub type Members = BTreeMap<MemberName, Arc<Member>>;

/// What a membership is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A datagram was received.
    Datagram {
        /// Who sent it, for the record: nothing is decided by it.
        from: SocketAddr,
        /// What is in it.
        octets: &'a [u8],
    },
    /// Members can be found at these addresses, and at no others. They are called as long as no member is known at them.
    /// The own address may be among them. The same set again changes nothing.
    SetPeers(BTreeSet<SocketAddr>),
    /// This is what the member tells about itself from now on. The same facts again change nothing.
    SetLocal(Facts),
    /// The members shall have this key from now on. They need not get it at the same time, but all within [`KEY_OVERLAP`]:
    /// for so long this member goes on with the key before beside it. The same key again changes nothing.
    SetKey(Key),
    /// The member goes, and says so to everybody at once. Nothing is done after this but to poll the outputs.
    Leave,
}

/// What a membership wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send this datagram.
    Transmit {
        /// To whom.
        to: SocketAddr,
        /// What.
        octets: Vec<u8>,
    },
    /// Something happened that is worth telling.
    Event(Event),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A member is alive that was not, as far as was known.
    Joined(Arc<Member>),
    /// A member has other facts, another address, or started anew so fast that it was never missed.
    Changed(Arc<Member>),
    /// A member has left.
    Left(Arc<Member>),
    /// A member is dead: it answered nobody, nor contradicted. Or nobody speaks to this member.
    Died(Arc<Member>),
    /// One that is not alive here has called, and told how it is. It knows the key; this one may hear it, and not be heard.
    /// The call may be from before this member started.
    Called(Arc<Member>),
    /// A member does not answer this one, which now tells everybody, and holds it dead unless it contradicts.
    Suspected(Arc<Member>),
    /// Others held this member dead, or know a later life of it: it came back as a new incarnation. When this goes on
    /// and on, two members have the same name.
    CameBack {
        /// The new incarnation.
        incarnation: u64,
    },
    /// Nobody spoke to this member for so long that all others are dead, or this member is cut off. They are dead to it,
    /// each with an event of its own, and it has begun a new life.
    Alone,
    /// This member did not run for a time, in which it could neither hear nor answer.
    Away(Duration),
    /// The facts are larger than what can be told, and were not taken.
    FactsTooLarge,
    /// A datagram was not taken in.
    Dropped {
        /// Who sent it.
        from: SocketAddr,
        /// Why.
        reason: DropReason,
    },
}

/// Why a datagram was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// Longer or shorter than any datagram of ours.
    Length,
    /// Of another version of the protocol.
    Version,
    /// Not sealed with our key for our cluster, or changed on the way.
    Unauthenticated,
    /// The message in it cannot be decoded.
    Malformed,
    /// For another member, or for an earlier life of this one.
    OtherReceiver,
    /// Its sender has our own name.
    OwnName,
    /// From an earlier life of its sender.
    OldIncarnation,
    /// It, or many after it, was received before.
    Replayed,
    /// This member has left.
    Left,
}

impl DropReason {
    /// The reason as one word, for labels and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Version => "version",
            Self::Unauthenticated => "unauthenticated",
            Self::Malformed => "malformed",
            Self::OtherReceiver => "other_receiver",
            Self::OwnName => "own_name",
            Self::OldIncarnation => "old_incarnation",
            Self::Replayed => "replayed",
            Self::Left => "left",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was counted since the start, and how the member is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams sent.
    pub sent: u64,
    /// The octets in them.
    pub octets_sent: u64,
    /// Datagrams taken in.
    pub received: u64,
    /// The octets in them.
    pub octets_received: u64,
    /// Datagrams not taken in, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// How often another member was suspected.
    pub suspicions: u64,
    /// How often this member contradicted a suspicion.
    pub contradictions: u64,
    /// How much the member doubts itself, 0 to 3: the more, the longer a suspicion of its takes that few others share.
    pub self_doubt: u32,
}
