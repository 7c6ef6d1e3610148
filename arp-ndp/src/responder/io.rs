//! What goes into a [`Responder`](crate::Responder) and what comes out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use crate::frame::Frame;
use crate::mac::MacAddr;
use crate::mark::Mark;
use crate::responder::{DropReason, Link, Marker};

/// What a responder is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A frame was received on the interface: from the Ethernet destination address on, without frame check sequence.
    Frame(&'a [u8]),
    /// These, and no others, are the addresses to care for, each in its role. The same map again changes nothing.
    SetAddresses(BTreeMap<IpAddr, Role>),
    /// The interface is now like this. The same link again changes nothing.
    SetLink(Link),
    /// These are the hardware addresses of this machine's other interfaces: what they claim is no other station's. The
    /// same set again changes nothing.
    SetSiblings(BTreeSet<MacAddr>),
    /// This marks announcements from now on; nobody marks them with `None`, as at first. Nothing is announced for it.
    SetMarker(Option<Marker>),
    /// What to do about the claim of another station ([`Event::Claimed`], [`Event::Conflict`]). It may also come unasked,
    /// when whoever decides knows better than the wire: that a station is gone, or that it has to be made way for.
    Settle {
        /// The address.
        address: IpAddr,
        /// The other station.
        by: MacAddr,
        /// Who keeps it.
        verdict: Verdict,
    },
    /// Ask one station for an address that is held. If it has the address as well, that is told ([`Event::Claimed`]); if
    /// not, it is silent. For whoever holds an address that another may have taken while the two could not hear each other.
    Ask {
        /// The address.
        address: IpAddr,
        /// The station.
        station: MacAddr,
    },
    /// Announce every address that is held anew, as often as one that is new: somebody may be listening who was not
    /// before.
    Refresh,
    /// Announce one of the addresses that are held once more, ahead of its refresh: the next one each time. For whoever
    /// wants to be heard as soon as a link is whole again that is not known to be cut.
    Remind,
}

/// What an address is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Ours: announced and answered for from now on.
    Owner,
    /// Ours, but never used before: first looked for on the link (RFC 5227 §2.1, RFC 4862 §5.4). When a station has it,
    /// that is told as [`Event::Conflict`] and the address is held back for as long as that station answers for it.
    NewOwner,
    /// Ours if nobody has it: looked for like that of a new owner, but in half the time, since it is another responder that
    /// may have it, and who has it is told as [`Event::Claimed`], to be settled.
    IfFree,
    /// About to be another station's: answered for until that one claims it or [`Config::hand_over`] is over, and
    /// announced no more.
    ///
    /// [`Config::hand_over`]: crate::Config::hand_over
    Leaving,
}

/// Who keeps an address that two stations claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one keeps it or the other does")]
pub enum Verdict {
    /// We do: it is announced at once, though no more often than [`Config::defend_interval`] allows, and taken if it was
    /// not ours yet.
    ///
    /// [`Config::defend_interval`]: crate::Config::defend_interval
    Defend,
    /// The other one does: from now on nothing is answered, and the other station is watched. When it falls silent, the
    /// address is claimed again ([`Event::Reclaimed`]).
    Yield,
}

/// Where an address stands on this link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tenure {
    /// It is looked for, and not answered for yet.
    Probing,
    /// It is announced and answered for.
    Held,
    /// It is answered for until another station claims it or time is up.
    Leaving,
    /// It was handed over, and is not answered for any more.
    HandedOver,
    /// It was left to another station, which is watched.
    Yielded {
        /// The other station.
        to: MacAddr,
    },
}

/// What a responder wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send this frame on the interface.
    Transmit(Frame),
    /// Become a member of this multicast group on the interface.
    JoinGroup(Ipv6Addr),
    /// Stop being a member of this multicast group on the interface.
    LeaveGroup(Ipv6Addr),
    /// Something happened that is worth telling.
    Event(Event),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A question for one of the addresses was answered.
    Answered {
        /// The address asked for.
        address: IpAddr,
        /// Who asked: the protocol address, unspecified in a probe or in Duplicate Address Detection.
        asker: IpAddr,
        /// Who asked: the hardware address.
        asker_mac: MacAddr,
    },
    /// An address was announced to the whole link.
    Announced {
        /// The address.
        address: IpAddr,
        /// Why.
        announcement: Announcement,
    },
    /// Another station says that it has one of our addresses: the old owner does not know yet, or there are two. Nothing
    /// changes until the caller settles it ([`Input::Settle`]). The same address is told of every
    /// [`Config::defend_interval`] at most.
    ///
    /// [`Config::defend_interval`]: crate::Config::defend_interval
    Claimed {
        /// The address.
        address: IpAddr,
        /// The other station.
        by: MacAddr,
        /// The mark that it said so with: the last one, if it said so several times since this was told before.
        mark: Option<Mark>,
    },
    /// Another station has, or wants, the address of a [`Role::NewOwner`]. It is held back and looked for again every
    /// few seconds, unless the caller settles it otherwise.
    Conflict {
        /// The address.
        address: IpAddr,
        /// The other station.
        by: MacAddr,
        /// The mark that it said so with.
        mark: Option<Mark>,
    },
    /// A station that an address was left to does not answer for it any more: it is ours, and announced.
    Reclaimed {
        /// The address.
        address: IpAddr,
        /// The other station.
        from: MacAddr,
    },
    /// An address in [`Role::Leaving`] is not answered for any more.
    HandedOver {
        /// The address.
        address: IpAddr,
        /// The station that has claimed it; `None` when nobody did in time.
        to: Option<MacAddr>,
    },
    /// An address is not answered for, since no single host can have it: unspecified, multicast, limited broadcast or
    /// IPv4-mapped.
    Refused {
        /// The address.
        address: IpAddr,
    },
    /// A frame was not answered.
    Dropped(DropReason),
}

/// Why an address was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Announcement {
    /// The address, or the link, is new.
    Takeover {
        /// Which announcement of the burst, counted from 1.
        round: u32,
    },
    /// The periodic reminder.
    Refresh,
    /// Another station claimed it ([`Verdict::Defend`]).
    Defence,
}

/// An address on this link: where it stands, and what was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressStatus {
    /// Where it stands.
    pub tenure: Tenure,
    /// What was counted.
    pub counters: AddressCounters,
}

/// What was counted for one address since it was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressCounters {
    /// Requests and solicitations for the address that deserved an answer.
    pub requests_received: u64,
    /// Answers to them.
    pub responses_sent: u64,
    /// Frames that announced the address: two a round with ARP, one with Neighbor Discovery.
    pub gratuitous_sent: u64,
}
