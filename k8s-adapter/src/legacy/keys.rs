//! From a field of an object back to the key of the ConfigMap that it comes from.

use super::ConfigObject;

/// The key that `field` of an object comes from, which as a whole is made from the entry at `entry`:
/// `spec.peerAddress` of the BGPPeer for `peers[0]` is `peers[0].peer-address`.
pub(super) fn key_of(object: &ConfigObject, entry: &str, field: &str) -> String {
    let mut key = entry.to_owned();
    let Some(inside) = field.strip_prefix("spec.") else {
        return key;
    };
    if let ConfigObject::Community(community) = object {
        let index = inside.strip_prefix("communities[");
        let index = index.and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
        let alias = index.and_then(|index| community.spec.communities.get(index));
        if let Some(alias) = alias {
            key.push('.');
            key.push_str(&alias.name);
        }
        return key;
    }
    for segment in inside.split('.') {
        let (name, item) = segment.split_at(segment.find('[').unwrap_or(segment.len()));
        // What the ConfigMap has no key for is not the entry's own, such as the pool that an advertisement is for.
        let Some((_, legacy)) = KEYS.iter().find(|(field, _)| *field == name) else {
            break;
        };
        key.push('.');
        key.push_str(legacy);
        key.push_str(item);
    }
    key
}

/// Fields and the keys that they come from.
const KEYS: [(&str, &str); 30] = [
    ("addresses", "addresses"),
    ("aggregationLength", "aggregation-length"),
    ("aggregationLengthV6", "aggregation-length-v6"),
    ("autoAssign", "auto-assign"),
    ("avoidBuggyIPs", "avoid-buggy-ips"),
    ("bfdProfile", "bfd-profile"),
    ("communities", "communities"),
    ("detectMultiplier", "detect-multiplier"),
    ("ebgpMultiHop", "ebgp-multihop"),
    ("echoInterval", "echo-interval"),
    ("echoMode", "echo-mode"),
    ("holdTime", "hold-time"),
    ("keepaliveTime", "keepalive-time"),
    ("key", "key"),
    ("localPref", "localpref"),
    ("matchExpressions", "match-expressions"),
    ("matchLabels", "match-labels"),
    ("minimumTtl", "minimum-ttl"),
    ("myASN", "my-asn"),
    ("nodeSelectors", "node-selectors"),
    ("operator", "operator"),
    ("passiveMode", "passive-mode"),
    ("password", "password"),
    ("peerASN", "peer-asn"),
    ("peerAddress", "peer-address"),
    ("peerPort", "peer-port"),
    ("receiveInterval", "receive-interval"),
    ("routerID", "router-id"),
    ("sourceAddress", "source-address"),
    ("values", "values"),
];
