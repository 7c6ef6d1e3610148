//! Names of pools and BFD profiles, made names that Kubernetes takes.

/// The name that an object gets for an entry of the ConfigMap, as MetalLB's converter chooses it: lower case, `_` as
/// `-`, beginning with the first letter, at most 63 characters. `None` where nothing is left, or something that
/// Kubernetes does not take either.
pub(super) fn object_name(name: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase().replace('_', "-");
    let from = lower.find(|character: char| character.is_ascii_lowercase())?;
    let name: String = lower.get(from..)?.chars().take(MAX_LENGTH).collect();
    let name = name.trim_end_matches(['-', '.']);
    name.split('.').all(is_label).then(|| name.to_owned())
}

/// One part of a DNS name (RFC 1123 §2.1).
fn is_label(part: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !part.is_empty()
        && part.bytes().all(is_allowed)
        && !part.starts_with('-')
        && !part.ends_with('-')
}

const MAX_LENGTH: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_those_that_kubernetes_takes() {
        let cases = [
            ("default", Some("default")),
            ("Production_Public", Some("production-public")),
            ("01-numbered", Some("numbered")),
            ("10.0.0.0-lab", Some("lab")),
            ("pool_", Some("pool")),
            ("a.b", Some("a.b")),
            ("", None),
            ("198-51-100", None),
            ("two words", None),
            ("gr\u{fc}n", None),
            ("\u{fc}ber", Some("ber")),
            ("a..b", None),
        ];
        for (name, expected) in cases {
            assert_eq!(object_name(name).as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        let name = object_name(&format!("{}-{}", "a".repeat(62), "b".repeat(9)));
        assert_eq!(name, Some("a".repeat(62)));
    }
}
