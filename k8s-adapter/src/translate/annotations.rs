//! The annotations of Services and peers: both prefixes are read, the new one wins (compat/metallb.md 2.1).

use std::collections::BTreeMap;

use planner::service::{ANNOTATION_PREFIX, DEPRECATED_ANNOTATION_PREFIX};

/// Annotations as Kubernetes holds them.
pub type Annotations = BTreeMap<String, String>;

/// The pool that a Service's addresses were taken from; written with the new prefix only.
pub const IP_ALLOCATED_FROM_POOL: &str = "metallb.io/ip-allocated-from-pool";
/// The pool that a Service asks for, after the prefix.
pub(super) const ADDRESS_POOL: &str = "address-pool";
/// The addresses that a Service asks for, after the prefix.
pub(super) const LOAD_BALANCER_IPS: &str = "loadBalancerIPs";
/// The key of those who share an address, after the prefix.
pub(super) const ALLOW_SHARED_IP: &str = "allow-shared-ip";
/// Wait for the peer to connect (compat/metallb.md 12 #7).
pub(super) const PASSIVE: &str = "ferrolb.io/passive";

/// The value of an annotation under either prefix, and the key that it was read from when that is the deprecated one.
pub(super) fn read<'a>(
    annotations: &'a Annotations,
    name: &str,
) -> (Option<&'a str>, Option<String>) {
    if let Some(value) = annotations.get(&format!("{ANNOTATION_PREFIX}{name}")) {
        return (Some(value), None);
    }
    let deprecated = format!("{DEPRECATED_ANNOTATION_PREFIX}{name}");
    match annotations.get(&deprecated) {
        Some(value) => (Some(value), Some(deprecated)),
        None => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_prefix_wins_and_only_the_old_one_is_named() {
        let old = (
            "metallb.universe.tf/address-pool".to_owned(),
            "old".to_owned(),
        );
        let new = ("metallb.io/address-pool".to_owned(), "new".to_owned());
        assert_eq!(
            read(&Annotations::from([old.clone(), new]), ADDRESS_POOL),
            (Some("new"), None)
        );
        assert_eq!(
            read(&Annotations::from([old.clone()]), ADDRESS_POOL),
            (Some("old"), Some(old.0))
        );
        assert_eq!(read(&Annotations::new(), ADDRESS_POOL), (None, None));
    }
}
