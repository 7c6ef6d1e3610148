//! The election of a Service's owner.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use election::Candidate;

use super::electorate::{Claimant, Electorate};
use super::tier::Tier;
use crate::desired::InterfaceSelection;
use crate::names::NodeName;
use crate::service::TrafficPolicy;
use crate::subject::Subject;
use crate::verdict::{NotOwner, Reason};

/// The election of a Service's owner.
#[derive(Clone, Debug)]
pub(crate) struct Contest {
    created: Duration,
    /// In the order of the status. Never empty.
    addresses: Vec<IpAddr>,
    electorate: Arc<Electorate>,
    /// With traffic policy Local the nodes with a usable endpoint: no other may own it.
    local: Option<Vec<NodeName>>,
    pub(super) owner: Option<NodeName>,
    /// Whether all of the electorate could have won, since the Service shares no address.
    pub(super) is_open: bool,
}

impl Contest {
    /// Nobody is elected yet.
    pub(super) fn new(subject: &Subject<'_>, electorate: Arc<Electorate>) -> Self {
        let local = match subject.service.traffic_policy {
            TrafficPolicy::Cluster => None,
            TrafficPolicy::Local => Some(subject.endpoints.usable_nodes().cloned().collect()),
        };
        Self {
            created: subject.service.created,
            addresses: subject.addresses.clone(),
            electorate,
            local,
            owner: None,
            is_open: false,
        }
    }

    /// The interfaces to answer on if `me` is the `owner`, else why it is not.
    pub(super) fn ask(
        &self,
        me: &NodeName,
        owner: Option<&NodeName>,
    ) -> Result<&InterfaceSelection, Reason> {
        let interfaces = self.electorate.covers(me)?;
        let not_owner = match owner {
            None => NotOwner::NoCandidate,
            Some(owner) if self.candidate(owner.as_str()).is_none() => NotOwner::OwnerCannotServe {
                owner: owner.clone(),
            },
            Some(owner) if owner != me => NotOwner::Elected {
                owner: owner.clone(),
            },
            Some(_) => return Ok(interfaces),
        };
        Err(Reason::NotOwner(not_owner))
    }

    /// When the Service was created: the older has precedence.
    pub(super) fn created(&self) -> Duration {
        self.created
    }

    /// The addresses in the order of the status.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// The address that decides: the first of the status.
    pub(super) fn first_address(&self) -> Option<IpAddr> {
        self.addresses.first().copied()
    }

    /// Who may take part.
    pub(super) fn electorate(&self) -> &Arc<Electorate> {
        &self.electorate
    }

    /// The electorate has changed, and nothing that this depends on.
    pub(super) fn move_to(&mut self, electorate: &Arc<Electorate>) {
        self.electorate = Arc::clone(electorate);
    }

    /// The same with an electorate that has changed.
    pub(super) fn with_electorate(&self, electorate: Arc<Electorate>) -> Self {
        Self {
            electorate,
            ..self.clone()
        }
    }

    /// The owner where the Service shares no address.
    pub(super) fn elect_alone(&self) -> Option<NodeName> {
        let key = self.election_key();
        let elected = match &self.local {
            None => election::elect(self.electorate.eligible(), &key),
            Some(_) => {
                let mut tiers = self.electorate.tiers();
                tiers.find_map(|tier| election::elect(self.candidates(tier), &key))
            }
        };
        elected.map(|candidate| candidate.name().into())
    }

    /// The same with this owner, who was elected from the whole electorate.
    pub(super) fn elected(mut self, owner: NodeName) -> Self {
        self.owner = Some(owner);
        self.is_open = true;
        self
    }

    /// Whether an election would come to the same: nothing that it depends on is different.
    pub(super) fn is_same_race(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.electorate, &other.electorate)
            && self.has_same_terms(other)
            && self.created == other.created
    }

    /// Whether the two are for the same addresses, and open to the same nodes of their electorates.
    pub(super) fn has_same_terms(&self, other: &Self) -> bool {
        self.addresses == other.addresses && self.local == other.local
    }

    /// The candidates of a tier.
    pub(super) fn candidates(&self, tier: Tier) -> Box<dyn Iterator<Item = &Candidate> + '_> {
        match &self.local {
            None => Box::new(self.electorate.candidates(tier).iter()),
            Some(nodes) => Box::new(
                nodes
                    .iter()
                    .filter_map(move |node| self.electorate.candidate(tier, node.as_str())),
            ),
        }
    }

    /// Whether anybody may own it.
    pub(super) fn has_candidates(&self) -> bool {
        let mut tiers = self.electorate.tiers();
        tiers.any(|tier| self.candidates(tier).next().is_some())
    }

    /// Whether anybody could own it, if alive.
    pub(super) fn has_claimants(&self) -> bool {
        match &self.local {
            None => self.electorate.has_claimants(),
            Some(nodes) => {
                let mut nodes = nodes.iter();
                nodes.any(|node| self.electorate.claimant(node).is_some())
            }
        }
    }

    /// Whether anybody else than `node` may own it.
    pub(super) fn has_candidate_but(&self, node: &NodeName) -> bool {
        let mut tiers = self.electorate.tiers();
        tiers.any(|tier| {
            let mut names = self.candidates(tier).map(Candidate::name);
            names.any(|name| name != node.as_str())
        })
    }

    /// Whether every node of the electorate may own it.
    pub(super) fn is_for_all(&self) -> bool {
        self.local.is_none()
    }

    /// `node` as a candidate, whatever its tier.
    pub(super) fn candidate(&self, node: &str) -> Option<&Candidate> {
        if !self.is_for(node) {
            return None;
        }
        let mut tiers = self.electorate.tiers();
        tiers.find_map(|tier| self.electorate.candidate(tier, node))
    }

    /// `node`, if it would be a candidate if it were alive.
    pub(super) fn claimant(&self, node: &NodeName) -> Option<&Claimant> {
        let claimant = self.electorate.claimant(node)?;
        self.is_for(node.as_str()).then_some(claimant)
    }

    /// Whether traffic policy and endpoints leave it to `node`.
    pub(super) fn is_for(&self, node: &str) -> bool {
        let has_endpoint = |nodes: &Vec<NodeName>| {
            let found = nodes.binary_search_by(|name| name.as_str().cmp(node));
            found.is_ok()
        };
        self.local.as_ref().is_none_or(has_endpoint)
    }

    /// With traffic policy Local, the nodes that may own it.
    pub(super) fn local(&self) -> Option<&[NodeName]> {
        self.local.as_deref()
    }

    /// What is hashed with the names of the nodes. MetalLB's: the first address of the status decides for both families.
    pub(super) fn election_key(&self) -> String {
        self.first_address()
            .map(|address| address.to_string())
            .unwrap_or_default()
    }
}
