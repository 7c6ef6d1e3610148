//! The line of a document that a field is on. Only asked when there is something to report.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// The line, from 1, on which `field` (such as `spec.addresses[0]`) of a YAML document is, or the nearest field around
/// it that is there; `None` when the document cannot be read.
pub(crate) fn line_of(document: &str, field: &str) -> Option<u64> {
    let root: Spanned<Located> =
        serde_saphyr::from_str_with_options(document, super::manifest::yaml_options()).ok()?;
    let mut here = &root;
    for segment in segments(field) {
        let next = match (&here.value, segment) {
            (Located::Map(fields), Segment::Name(name)) => fields.get(name),
            (Located::List(items), Segment::Index(index)) => items.get(index),
            _ => None,
        };
        let Some(next) = next else { break };
        here = next;
    }
    Some(here.referenced.line()).filter(|line| *line > 0)
}

enum Segment<'a> {
    Name(&'a str),
    Index(usize),
}

fn segments(field: &str) -> impl Iterator<Item = Segment<'_>> {
    field
        .split(['.', '['])
        .filter(|text| !text.is_empty())
        .map(
            |text| match text.strip_suffix(']').and_then(|index| index.parse().ok()) {
                Some(index) => Segment::Index(index),
                None => Segment::Name(text),
            },
        )
}

/// A document with the place of every value.
enum Located {
    Scalar,
    List(Vec<Spanned<Self>>),
    Map(BTreeMap<String, Spanned<Self>>),
}

impl<'de> Deserialize<'de> for Located {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LocatedVisitor)
    }
}

struct LocatedVisitor;

impl<'de> Visitor<'de> for LocatedVisitor {
    type Value = Located;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Located, E> {
        Ok(Located::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Located, E> {
        Ok(Located::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Located, E> {
        Ok(Located::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Located, E> {
        Ok(Located::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Located, E> {
        Ok(Located::Scalar)
    }

    fn visit_unit<E>(self) -> Result<Located, E> {
        Ok(Located::Scalar)
    }

    fn visit_none<E>(self) -> Result<Located, E> {
        Ok(Located::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Located, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Located::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Located, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((name, value)) = fields.next_entry()? {
            map.insert(name, value);
        }
        Ok(Located::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        "kind: IPAddressPool\nspec:\n  addresses:\n  - 198.51.100.0/24\n  - wrong\n";

    #[test]
    fn a_field_is_found_by_its_path() {
        assert_eq!(line_of(DOCUMENT, "kind"), Some(1));
        assert_eq!(line_of(DOCUMENT, "spec.addresses[1]"), Some(5));
    }

    #[test]
    fn a_missing_field_is_where_it_would_belong() {
        assert_eq!(line_of(DOCUMENT, "spec.autoAssign"), Some(3));
        assert_eq!(line_of(DOCUMENT, "metadata.name"), Some(1));
    }

    #[test]
    fn an_unreadable_document_has_no_lines() {
        assert_eq!(line_of("a: [", "a"), None);
    }
}
