//! What speakers' ConfigurationStates say of hosts that are no speakers and claim addresses.

use std::collections::BTreeMap;

use planner::announced::Claims;
use planner::names::NodeName;
use planner::status::contested_address;

use super::ClusterObjects;
use crate::crd::ConfigurationState;

/// What the nodes say of claims whose ConfigurationStates are not as they were `before`.
#[must_use]
pub fn claims_changed(now: &ClusterObjects, before: &ClusterObjects) -> BTreeMap<NodeName, Claims> {
    let (now, before) = (&now.configuration_states, &before.configuration_states);
    let changed = now.changed_since(before).filter_map(|name| {
        let node = name.name.strip_prefix(SPEAKER)?;
        let claims = now.get(name).map(|state| claims(state)).unwrap_or_default();
        Some((NodeName::from(node), claims))
    });
    changed.collect()
}

fn claims(state: &ConfigurationState) -> Claims {
    let conditions = state.status.iter().flat_map(|status| &status.conditions);
    let claims = conditions.filter_map(|condition| {
        let address = contested_address(&condition.type_)?;
        Some((address, condition.message.clone()))
    });
    claims.collect()
}

/// How the names of speakers' ConfigurationStates begin, before that of the node.
pub(crate) const SPEAKER: &str = "speaker-";
