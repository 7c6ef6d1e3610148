//! The body of the fuzz target, which `cargo test` runs over the corpus. Not an interface.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::LegacyConfig;
use super::names::object_name;

/// Any text is a configuration or a fault, and what it is converted to are objects of different names that Kubernetes
/// takes.
pub fn legacy_config(text: &[u8]) {
    let Ok(text) = str::from_utf8(text) else {
        return;
    };
    let config = match LegacyConfig::parse(text) {
        Ok(config) => config,
        Err(faults) => {
            assert!(!faults.is_empty());
            return;
        }
    };
    let converted = config.convert(&ObjectMeta::default());
    let ids: Vec<_> = converted
        .objects
        .iter()
        .map(|converted| converted.object.id())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for id in ids {
        assert_eq!(object_name(&id.name.name).as_deref(), Some(&*id.name.name));
    }
}
