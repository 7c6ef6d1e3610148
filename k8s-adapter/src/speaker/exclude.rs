//! Interfaces that never carry an announcement, by name: the ConfigMap `metallb-excludel2`, or the file that stands for it.

use std::sync::LazyLock;

use regex::RegexSet;
use serde::Deserialize;

use crate::telemetry::chain;
use crate::translate::{
    ClusterObjects, ConfigError, ErrorEffect, Kind, ObjectName, ObjectRef, Reason,
};

/// Brings `last_good` to what the ConfigMap says, or to the default where there is none. One that cannot be used leaves
/// it as it is, and is returned as an error.
pub(super) fn exclusions(
    objects: &ClusterObjects,
    namespace: &str,
    last_good: &mut Exclusions,
) -> Option<ConfigError> {
    let name = ObjectName::new(namespace, CONFIG_MAP);
    let entry = objects.config_maps.entry(&name);
    let Some((entry, yaml)) =
        entry.and_then(|entry| Some((entry, entry.value.data.as_ref()?.get(KEY)?)))
    else {
        *last_good = Exclusions::default();
        return None;
    };
    match Exclusions::from_yaml(yaml) {
        Ok(exclusions) => {
            *last_good = exclusions;
            None
        }
        Err(error) => Some(ConfigError {
            object: Some(ObjectRef::new(Kind::ConfigMap, name)),
            field: format!("data[{KEY}]"),
            reason: Reason::Invalid(chain(&error)),
            origin: entry.origin.clone(),
            effect: ErrorEffect::LastGoodInForce,
        }),
    }
}

/// The names that are left out, as unanchored regular expressions.
#[derive(Debug, Clone)]
pub(super) struct Exclusions(RegexSet);

/// Why an `excludel2.yaml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExclusionsError {
    /// It is not YAML, or not of the expected shape.
    #[error("cannot be read")]
    Syntax(#[source] serde_saphyr::Error),
    /// One of its expressions is not one.
    #[error("not a regular expression")]
    Pattern(#[source] regex::Error),
}

impl Exclusions {
    /// Reads the content of `excludel2.yaml`.
    ///
    /// # Errors
    /// When it is not YAML with a list `announcedInterfacesToExclude` of regular expressions.
    pub(super) fn from_yaml(yaml: &str) -> Result<Self, ExclusionsError> {
        let file: File = serde_saphyr::from_str(yaml).map_err(ExclusionsError::Syntax)?;
        let set = RegexSet::new(file.announced_interfaces_to_exclude)
            .map_err(ExclusionsError::Pattern)?;
        Ok(Self(set))
    }

    /// Whether `name` is left out.
    #[must_use]
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// Expressions are compared as they are written.
impl PartialEq for Exclusions {
    fn eq(&self, other: &Self) -> bool {
        self.0.patterns() == other.0.patterns()
    }
}

impl Default for Exclusions {
    /// MetalLB's own list: bridges, tunnels and pod interfaces of the usual network plugins.
    fn default() -> Self {
        Self(DEFAULT_SET.clone())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    announced_interfaces_to_exclude: Vec<String>,
}

/// The name of the ConfigMap.
pub(super) const CONFIG_MAP: &str = "metallb-excludel2";
/// Its key, after which the file is called too.
pub(super) const KEY: &str = "excludel2.yaml";
const DEFAULT: [&str; 14] = [
    "^docker.*",
    "^cbr.*",
    "^dummy.*",
    "^virbr.*",
    "^lxcbr.*",
    "^veth.*",
    "^lo$",
    "^cali.*",
    "^tunl.*",
    "^flannel.*",
    "^kube-ipvs.*",
    "^cni.*",
    "^nodelocaldns.*",
    "^lxc.*",
];

/// Compiled once: that takes time and memory, and a copy shares both.
static DEFAULT_SET: LazyLock<RegexSet> =
    LazyLock::new(|| RegexSet::new(DEFAULT).unwrap_or_else(|_| RegexSet::empty()));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_list_is_that_of_metallb() {
        let exclusions = Exclusions::default();
        for name in [
            "docker0",
            "veth1a2b",
            "lo",
            "cali0",
            "kube-ipvs0",
            "cni0",
            "lxc1",
        ] {
            assert!(exclusions.contains(name), "{name}");
        }
        for name in ["eth0", "bond0", "lo1", "br0", "my-veth", "enp1s0"] {
            assert!(!exclusions.contains(name), "{name}");
        }
    }

    #[test]
    fn a_given_list_replaces_the_default_one_and_is_unanchored() {
        let exclusions =
            Exclusions::from_yaml("announcedInterfacesToExclude: [\"1\", \"^wl.*\"]\n").unwrap();
        assert!(exclusions.contains("eth1"));
        assert!(exclusions.contains("wlan0"));
        assert!(!exclusions.contains("veth0"));
    }

    #[test]
    fn a_broken_expression_is_an_error() {
        let error = Exclusions::from_yaml("announcedInterfacesToExclude: [\"(\"]\n").unwrap_err();
        assert!(matches!(error, ExclusionsError::Pattern(_)));
        assert!(matches!(
            Exclusions::from_yaml("a: [").unwrap_err(),
            ExclusionsError::Syntax(_)
        ));
    }
}
