//! Which speakers are heard of, and what each says of its links.

use std::collections::{BTreeMap, BTreeSet};

use imbl::OrdMap;
use ipnet::IpNet;

use crate::desired::InterfaceSelection;
use crate::names::{Interface, NodeName};

/// The speakers that are alive, by the name of their node: the node that decides among them.
///
/// Who is no member owns nothing by layer 2. BGP does not depend on this. A clone shares everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(OrdMap<NodeName, Member>);

impl Members {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A member is there, and is like this.
    pub fn insert(&mut self, node: NodeName, member: Member) {
        self.0.insert(node, member);
    }

    /// A member is gone.
    pub fn remove(&mut self, node: &NodeName) {
        self.0.remove(node);
    }

    /// What is known of a member; `None` of a node that is none.
    #[must_use]
    pub fn get(&self, node: &NodeName) -> Option<&Member> {
        self.0.get(node)
    }

    /// The members in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeName, &Member)> {
        self.0.iter()
    }

    /// Whose hardware address this is: the member that has a link with it.
    #[must_use]
    pub fn by_mac(&self, mac: [u8; 6]) -> Option<&NodeName> {
        let has = |member: &Member| member.links.values().any(|link| link.macs.contains(&mac));
        let found = self.0.iter().find(|(_, member)| has(member));
        found.map(|(node, _)| node)
    }
}

impl FromIterator<(NodeName, Member)> for Members {
    fn from_iter<T: IntoIterator<Item = (NodeName, Member)>>(members: T) -> Self {
        Self(members.into_iter().collect())
    }
}

/// What a speaker says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// The interfaces that it could answer on. Of a member that names none nothing is known: it counts as able to answer
    /// for any address.
    pub links: BTreeMap<Interface, MemberLink>,
    /// Whether it will leave, and others shall take over what it owns.
    pub is_draining: bool,
}

/// An interface of a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberLink {
    /// Whether frames can be sent and received.
    pub is_up: bool,
    /// The subnets of the addresses that it has; bits of the host part make no difference.
    pub subnets: BTreeSet<IpNet>,
    /// The hardware addresses that it answers with: one, save while it gets another.
    pub macs: BTreeSet<[u8; 6]>,
}

/// What the links of a node are to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    /// It does not say.
    Unknown,
    /// One that is up is on a subnet of the address.
    OnSubnet,
    /// One is up, none is on a subnet of the address.
    Elsewhere,
    /// None is up.
    Down,
}

impl Member {
    /// What the links that are selected are to the addresses that are in these subnets, and in no others that are known.
    pub(crate) fn attachment(
        &self,
        selection: &InterfaceSelection,
        subnets: &BTreeSet<IpNet>,
    ) -> Attachment {
        if self.links.is_empty() {
            return Attachment::Unknown;
        }
        let selected = self.links.iter().filter(|(name, link)| {
            let is_selected = selection.selects(name);
            is_selected && link.is_up
        });
        let mut up = selected.map(|(_, link)| link).peekable();
        if up.peek().is_none() {
            return Attachment::Down;
        }
        let mut own = up.flat_map(|link| &link.subnets);
        if own.any(|subnet| subnets.contains(&subnet.trunc())) {
            Attachment::OnSubnet
        } else {
            Attachment::Elsewhere
        }
    }
}
