//! What comes out of an allocation: a decision a holder, with a reason for every "no".

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use crate::addresses::Addresses;
use crate::family::Family;
use crate::names::{PoolName, ReservationName};
use crate::pools::{LookupError, Pools};
use crate::request::{Families, Port};
use crate::usage::Usage;

/// The outcome for all holders.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan<Key> {
    /// One decision for each key that asks for something or holds something; none for foreign holders.
    pub decisions: BTreeMap<Key, Decision<Key>>,
    /// How much of each pool is in use when the plan has been carried out, foreign holders included.
    pub usage: BTreeMap<PoolName, Usage>,
}

/// What shall happen to one holder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision<Key> {
    /// It keeps what it has.
    Keep(Placement),
    /// It keeps what it has and gets an address of the other family after it.
    AddFamily(Placement),
    /// It gets new addresses.
    Assign {
        /// The new addresses.
        placement: Placement,
        /// Why it lost what it had, if it had something.
        released: Option<Release<Key>>,
    },
    /// It asks for addresses and has none.
    Fail {
        /// Why it gets none.
        error: AllocError<Key>,
        /// Why it lost what it had, if it had something.
        released: Option<Release<Key>>,
    },
    /// It loses what it has and gets nothing, since it asks for nothing.
    Release(Release<Key>),
}

impl<Key> Decision<Key> {
    /// Where it is once the decision has been carried out; `None` if nowhere.
    pub const fn placement(&self) -> Option<&Placement> {
        match self {
            Self::Keep(placement) | Self::AddFamily(placement) | Self::Assign { placement, .. } => {
                Some(placement)
            }
            Self::Fail { .. } | Self::Release(_) => None,
        }
    }

    /// Why it lost what it had; `None` if it lost nothing.
    pub const fn released(&self) -> Option<&Release<Key>> {
        match self {
            Self::Assign { released, .. } | Self::Fail { released, .. } => released.as_ref(),
            Self::Release(release) => Some(release),
            Self::Keep(_) | Self::AddFamily(_) => None,
        }
    }
}

/// The addresses of a holder and where they are from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Placement {
    /// The pool.
    pub pool: PoolName,
    /// The addresses: new ones IPv4 before IPv6, held ones in the order in which they were held.
    pub addresses: Addresses,
    /// Why it has one family though it would like both.
    pub missing: Option<Shortage>,
}

impl Placement {
    /// Where usable addresses of one pool are; `None` if they are not that.
    pub(crate) fn of(pools: &Pools, addresses: &[IpAddr]) -> Option<Self> {
        let addresses = Addresses::try_new(addresses).ok()?;
        let pool = pools.pool_for(addresses.iter()).ok()?;
        Some(Self {
            pool: pool.name().clone(),
            addresses,
            missing: None,
        })
    }
}

/// Why a holder loses what it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Release<Key> {
    /// It asks for nothing any more.
    #[error("it is not asked for any more")]
    NotRequested,
    /// Its addresses are not of the families that it asks for.
    #[error("{} cannot be kept, because the request is for {families}", List(held))]
    Families {
        /// What it has.
        held: Vec<IpAddr>,
        /// What it asks for.
        families: Families,
    },
    /// The rules do not allow it these addresses.
    #[error(transparent)]
    Refused(#[from] Refusal<Key>),
    /// It asks for another pool.
    #[error("it is in pool {pool}, but the request is for pool {wanted}")]
    OtherPoolWanted {
        /// The pool it is in.
        pool: PoolName,
        /// The pool it asks for.
        wanted: PoolName,
    },
    /// It asks for other addresses.
    #[error("it has {held}, but the request is for {wanted}")]
    OtherAddressesWanted {
        /// What it has.
        held: Addresses,
        /// What it asks for.
        wanted: Addresses,
    },
}

/// Why a holder may not have certain addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal<Key> {
    /// They are not usable addresses of one pool.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The pool is pinned to others.
    #[error("pool {pool} is reserved by its serviceAllocation, which does not match")]
    NotAdmitted {
        /// The pool.
        pool: PoolName,
    },
    /// The pool hands out nothing new ([`Pool::disabled`](crate::Pool::disabled)).
    #[error("pool {pool} is disabled")]
    Disabled {
        /// The pool.
        pool: PoolName,
    },
    /// One of them is handed out no more ([`Pool::exclude`](crate::Pool::exclude)).
    #[error("{address} is excluded from pool {pool}")]
    Excluded {
        /// The address.
        address: IpAddr,
        /// The pool.
        pool: PoolName,
    },
    /// One of them is kept for others ([`Pools::reserve`]).
    #[error("{address} is kept for others by reservation {reservation}")]
    Reserved {
        /// The address.
        address: IpAddr,
        /// The reservation.
        reservation: ReservationName,
    },
    /// Somebody else has one of them.
    #[error(transparent)]
    Conflict(#[from] Conflict<Key>),
}

/// An address that cannot be shared with who has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is in use by {holder}; {cause}")]
#[non_exhaustive]
pub struct Conflict<Key> {
    /// The address.
    pub address: IpAddr,
    /// Who has it; of several that share it, one with which there is a conflict.
    pub holder: Key,
    /// Why the two cannot share it.
    pub cause: ConflictCause,
}

/// Why an address cannot be shared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConflictCause {
    /// The holder is somebody else's, of whom nothing is known.
    #[error("it is not managed here")]
    Foreign,
    /// Neither has a sharing key.
    #[error("neither has a sharing key")]
    NoKeys,
    /// The request has no sharing key.
    #[error("to share it, ask with the sharing key {holder:?}")]
    RequestHasNoKey {
        /// The holder's key.
        holder: String,
    },
    /// The holder has no sharing key.
    #[error("the holder has no sharing key")]
    HolderHasNoKey,
    /// The sharing keys differ.
    #[error("the sharing keys differ, {holder:?} and {request:?}")]
    DifferentKeys {
        /// The holder's key.
        holder: String,
        /// The request's key.
        request: String,
    },
    /// The keys are equal, but traffic for the two goes to different nodes.
    #[error("the traffic policies or, with policy Local, the selectors differ")]
    DifferentBackends,
    /// Both serve a port.
    #[error("both serve port {port}")]
    Port {
        /// The port.
        port: Port,
    },
}

/// Why a request gets nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocError<Key> {
    /// There are no pools.
    #[error("there are no pools")]
    NoPools,
    /// The pool it asks for does not exist.
    #[error("there is no pool {pool}")]
    UnknownPool {
        /// The pool.
        pool: PoolName,
    },
    /// The addresses it asks for are not of the families that it asks for.
    #[error("the request is for {wanted}, which does not match its families, {families}")]
    WantedFamilies {
        /// The addresses.
        wanted: Addresses,
        /// The families.
        families: Families,
    },
    /// The addresses it asks for are not in the pool that it asks for.
    #[error("the request is for {wanted}, which is in pool {pool}, and for pool {wanted_pool}")]
    WantedOutsidePool {
        /// The addresses.
        wanted: Addresses,
        /// The pool they are in.
        pool: PoolName,
        /// The pool it asks for.
        wanted_pool: PoolName,
    },
    /// The rules do not allow it the addresses or the pool it asks for.
    #[error(transparent)]
    Refused(#[from] Refusal<Key>),
    /// No pool that may be used has what it asks for.
    #[error("no address for {families}{}{}", Clauses(tried), Clauses(passed_over))]
    Exhausted {
        /// The families it asks for.
        families: Families,
        /// What each pool that was tried lacks, in the order in which they were tried.
        tried: Vec<Shortage>,
        /// The other pools, by name.
        passed_over: Vec<PassedOver>,
    },
    /// Its wish allows nothing new ([`Wanted::KeepOnly`](crate::Wanted::KeepOnly)).
    #[error("the request allows nothing new")]
    KeepOnly,
}

/// What a pool lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shortage {
    /// The pool.
    pub pool: PoolName,
    /// The family it has no address of.
    pub family: Family,
    /// Why not.
    pub cause: ShortageCause,
}

/// Why a pool has no address of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ShortageCause {
    /// It has no usable address of the family at all.
    None,
    /// All that it has are excluded.
    Excluded,
    /// All are in use or kept for others, and none can be shared.
    Full {
        /// How many there are, excluded ones left aside.
        usable: u128,
        /// How many of them are kept for others by a reservation, in use or not.
        reserved: u128,
    },
    /// All that are reserved for the request are in use, and none can be shared.
    Reserved {
        /// How many there are.
        usable: u128,
    },
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pool,
            family,
            cause,
        } = self;
        match cause {
            ShortageCause::None => write!(f, "pool {pool} has no {family} addresses"),
            ShortageCause::Excluded => {
                write!(f, "all {family} addresses of pool {pool} are excluded")
            }
            ShortageCause::Full { usable, reserved } if usable == reserved => write!(
                f,
                "all {usable} {family} addresses of pool {pool} are reserved for others"
            ),
            ShortageCause::Full { usable, reserved } => {
                let open = usable - reserved;
                write!(
                    f,
                    "pool {pool} is full, {open} of {usable} {family} addresses are in use"
                )?;
                match reserved {
                    0 => Ok(()),
                    _ => write!(f, " and {reserved} reserved for others"),
                }
            }
            ShortageCause::Reserved { usable } => write!(
                f,
                "the {family} addresses of pool {pool} that are reserved for it are in use, {usable} of {usable}"
            ),
        }
    }
}

/// A pool that was not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassedOver {
    /// The pool.
    pub pool: PoolName,
    /// Why not.
    pub cause: PassedOverCause,
}

/// Why a pool was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PassedOverCause {
    /// It is not assigned automatically; asking for it by name would help.
    NotAutoAssigned,
    /// It is pinned to others.
    NotAdmitted,
    /// It hands out nothing new ([`Pool::disabled`](crate::Pool::disabled)).
    Disabled,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pool = &self.pool;
        match self.cause {
            PassedOverCause::NotAutoAssigned => write!(
                f,
                "pool {pool} has autoAssign off and must be asked for by name"
            ),
            PassedOverCause::NotAdmitted => {
                write!(f, "pool {pool} is reserved by its serviceAllocation")
            }
            PassedOverCause::Disabled => write!(f, "pool {pool} is disabled"),
        }
    }
}

/// Items after a colon or semicolon each.
struct Clauses<'a, Item>(&'a [Item]);

impl<Item: fmt::Display> fmt::Display for Clauses<'_, Item> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|item| write!(f, "; {item}"))
    }
}

/// Items with commas between them.
struct List<'a, Item>(&'a [Item]);

impl<Item: fmt::Display> fmt::Display for List<'_, Item> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
