//! Which nodes may announce.

use std::fmt;

use crate::endpoints::EndpointCount;
use crate::node::{DRAIN, EXCLUDE_LABEL, Network, Node};
use crate::snapshot::{ExcludeLabel, Options};
use crate::verdict::Reason;

/// Why a node is no candidate for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// No advertisement that applies selects it.
    NotAdvertised,
    /// Its condition `NetworkUnavailable` is true.
    NetworkUnavailable,
    /// It carries [`EXCLUDE_LABEL`].
    LabeledExclude,
    /// Its speaker is not among the members that are alive.
    NotAlive,
    /// None of its links that advertisements name is up, and such a one is on another node.
    LinkDown,
    /// Its links are on other subnets than the address, and one of another node is on a subnet of it.
    NotOnSubnet,
    /// It is asked to let go of what it announces ([`DRAIN`]), and other nodes can take over.
    Draining,
    /// Its speaker says that it leaves, and other nodes can take over.
    Leaving,
    /// Traffic policy Local, and no usable endpoint on it.
    NoLocalEndpoints(EndpointCount),
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdvertised => f.write_str("no advertisement selects it"),
            Self::NetworkUnavailable => f.write_str("its condition NetworkUnavailable is true"),
            Self::LabeledExclude => write!(f, "it has the label {EXCLUDE_LABEL}"),
            Self::NotAlive => f.write_str("its speaker is not heard of"),
            Self::LinkDown => f.write_str("no link of it that could answer is up"),
            Self::NotOnSubnet => f.write_str("its links are on other subnets than the address"),
            Self::Draining => write!(f, "it has the annotation {DRAIN}"),
            Self::Leaving => f.write_str("its speaker says that it leaves"),
            Self::NoLocalEndpoints(count) => {
                write!(f, "externalTrafficPolicy is Local and it has {count}")
            }
        }
    }
}

impl From<Unfit> for Exclusion {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::NetworkUnavailable => Self::NetworkUnavailable,
            Unfit::LabeledExclude => Self::LabeledExclude,
        }
    }
}

/// Why a node announces nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    NetworkUnavailable,
    LabeledExclude,
}

impl From<Unfit> for Reason {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::NetworkUnavailable => Self::NodeNetworkUnavailable,
            Unfit::LabeledExclude => Self::NodeLabeledExcludeBalancers,
        }
    }
}

/// Whether a node may announce anything at all. Readiness, cordons and taints are not looked at: a node that runs no
/// new pods still forwards.
pub(crate) fn fitness(node: &Node, options: &Options) -> Result<(), Unfit> {
    if node.network == Network::Unavailable {
        return Err(Unfit::NetworkUnavailable);
    }
    if options.exclude_label == ExcludeLabel::Respected && node.is_labeled_exclude() {
        return Err(Unfit::LabeledExclude);
    }
    Ok(())
}
