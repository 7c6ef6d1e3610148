//! The text of the ConfigMap `config` to what it says.
//!
//! It is read strictly, as the versions of MetalLB that knew it did: a key that there is not is a typing error. Texts
//! may be written without quotes, whatever they look like: `password: 0123` is the text `0123`.

use serde::Deserialize;
use serde_saphyr::{Error, UserMessageFormatter};

use super::{Fault, LegacyConfig};
use crate::translate::Reason;

impl LegacyConfig {
    /// Reads the text of the ConfigMap's key `config`.
    ///
    /// # Errors
    ///
    /// All keys that the format does not have; or the first place at which the text is no YAML, a value is not of its
    /// key's type, or a key is missing.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let mut unknown = Vec::new();
        let mut reached = None;
        let parsed = serde_saphyr::with_deserializer_from_str_with_options(
            text,
            serde_saphyr::options! { with_snippet: false },
            |yaml| {
                let mut on_unknown = |path: serde_ignored::Path<'_>| unknown.push(key_path(&path));
                let mut track = serde_path_to_error::Track::new();
                let yaml = serde_path_to_error::Deserializer::new(yaml, &mut track);
                let yaml = serde_ignored::Deserializer::new(yaml, &mut on_unknown);
                // A text of comments alone is a configuration of nothing.
                Option::<Self>::deserialize(yaml)
                    .inspect_err(|_| reached = Some(track.path().to_string()))
            },
        );
        match parsed {
            Ok(config) if unknown.is_empty() => Ok(config.unwrap_or_default()),
            Ok(_) => {
                let unknown = unknown.into_iter();
                Err(unknown
                    .map(|key| Fault::new(key, Reason::UnknownField))
                    .collect())
            }
            Err(error) => Err(vec![fault(reached.as_deref(), error.without_snippet())]),
        }
    }
}

/// What is wrong with a text that could be read up to the key `reached`.
fn fault(reached: Option<&str>, error: &Error) -> Fault {
    let key = reached.filter(|path| *path != ".").unwrap_or_default();
    let invalid = |detail: String| Fault::new(key, Reason::Invalid(detail));
    match error {
        Error::SerdeMissingField { field, .. } => {
            let dot = if key.is_empty() { "" } else { "." };
            Fault::new(format!("{key}{dot}{field}"), Reason::Missing)
        }
        Error::NullIntoString { .. } => Fault::new(key, Reason::Missing),
        Error::InvalidScalar { ty, .. } => invalid(format!("must be {}", scalar(ty))),
        Error::Unexpected { expected, .. } => invalid(format!("must be {}", node(expected))),
        Error::SerdeUnknownVariant { expected, .. } => {
            invalid(format!("must be {}", expected.join(" or ")))
        }
        error => {
            let detail = error.render_with_formatter(&UserMessageFormatter);
            Fault::new("", Reason::Unreadable(detail))
        }
    }
}

/// A scalar of a type of Rust's, in the words of whoever writes YAML.
fn scalar(ty: &str) -> &str {
    match ty {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "i32" => "a whole number",
        "boolean" => "true or false",
        other => other,
    }
}

/// What the parser waited for, in the words of whoever writes YAML.
fn node(expected: &str) -> &str {
    match expected {
        "sequence start" => "a list",
        "mapping start" => "a mapping of keys to values",
        "scalar" | "string scalar" => "a single value",
        other => other,
    }
}

/// A path as it is written everywhere else: `peers[0].my-asn`.
fn key_path(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", key_path(parent)),
        Path::Map { parent, key } => match key_path(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => key_path(parent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a text, as `key: reason`.
    fn faults(text: &str) -> Vec<String> {
        let faults = LegacyConfig::parse(text).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_text_that_says_nothing_is_a_configuration_of_nothing() {
        for text in ["", "# later\n", "peers:\n", "{}"] {
            assert_eq!(
                LegacyConfig::parse(text).map(|config| config.peers.unwrap_or_default()),
                Ok(Vec::new())
            );
        }
    }

    #[test]
    fn texts_need_no_quotes() {
        let text = "peers:\n- my-asn: 64500\n  peer-asn: 64510\n  peer-address: 198.51.100.1\n  password: 0123\n  \
                    node-selectors:\n  - match-labels: {rack: 010, version: 1.10, edge: true}\n";
        let config = LegacyConfig::parse(text).unwrap();
        let peer = &config.peers.unwrap()[0];
        assert_eq!(peer.password.as_deref(), Some("0123"));
        let labels = peer.node_selectors.as_ref().unwrap()[0]
            .match_labels
            .clone();
        let labels: Vec<String> = labels.unwrap().into_values().collect();
        assert_eq!(labels, ["true", "010", "1.10"]);
    }

    #[test]
    fn switches_may_be_yes_and_no() {
        let text = "address-pools:\n- name: a\n  protocol: layer2\n  auto-assign: no\n";
        let config = LegacyConfig::parse(text).unwrap();
        assert_eq!(config.address_pools.unwrap()[0].auto_assign, Some(false));
    }

    #[test]
    fn every_key_that_there_is_not_is_named() {
        let text = "peers:\n- my-asn: 1\n  peer-asn: 2\n  peer-address: 198.51.100.1\n  holdtime: 9s\n  \
                    node-selectors:\n  - matchLabels: {}\nextra: 1\n";
        assert_eq!(
            faults(text),
            [
                "peers[0].holdtime: unknown field",
                "peers[0].node-selectors[0].matchLabels: unknown field",
                "extra: unknown field",
            ]
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let text = "peers:\n- my-asn: 1\n  peer-asn: 2\n";
        assert_eq!(faults(text), ["peers[0].peer-address: must be set"]);
        let null = "peers:\n- my-asn: 1\n  peer-asn: 2\n  peer-address: ~\n";
        assert_eq!(faults(null), ["peers[0].peer-address: must be set"]);
    }

    #[test]
    fn a_value_of_another_type_is_told_in_plain_words() {
        let cases = [
            (
                "peers:\n- my-asn: -1\n",
                "peers[0].my-asn: must be a whole number from 0 to 4294967295",
            ),
            ("peers: {}\n", "peers: must be a list"),
            ("text", "must be a mapping of keys to values"),
            (
                "address-pools:\n- name: [a]\n",
                "address-pools[0].name: must be a single value",
            ),
            (
                "address-pools:\n- name: a\n  protocol: arp\n",
                "address-pools[0].protocol: must be bgp or layer2",
            ),
            (
                "address-pools:\n- name: a\n  auto-assign: maybe\n",
                "address-pools[0].auto-assign: must be true or false",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(faults(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_line() {
        assert_eq!(
            faults("peers:\n- [\n"),
            ["unclosed bracket '[' at line 2, column 3"]
        );
        assert_eq!(
            faults("peers: []\npeers: []\n"),
            ["duplicate mapping key: peers not allowed here at line 2, column 1"]
        );
    }
}
