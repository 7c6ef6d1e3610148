//! The lines of a document that its fields are on. Only asked where there may be something to report.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::translate::FieldLines;

/// The line, from 1, of every field of a YAML document; none when the document cannot be read.
pub(crate) fn lines(document: &str) -> FieldLines {
    let mut lines = FieldLines::default();
    let options = super::manifest::yaml_options();
    if let Ok(root) = serde_saphyr::from_str_with_options::<Spanned<Located>>(document, options) {
        collect(&root, String::new(), &mut lines);
    }
    lines
}

fn collect(here: &Spanned<Located>, path: String, lines: &mut FieldLines) {
    match &here.value {
        Located::Scalar => {}
        Located::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{path}[{index}]"), lines);
            }
        }
        Located::Map(fields) => {
            for (name, field) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                collect(field, format!("{path}{dot}{name}"), lines);
            }
        }
    }
    lines.insert(path, here.referenced.line());
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
        assert_eq!(lines(DOCUMENT).line_of("kind"), Some(1));
        assert_eq!(lines(DOCUMENT).line_of("spec.addresses[1]"), Some(5));
    }

    #[test]
    fn a_missing_field_is_where_it_would_belong() {
        assert_eq!(lines(DOCUMENT).line_of("spec.autoAssign"), Some(3));
        assert_eq!(lines(DOCUMENT).line_of("metadata.name"), Some(1));
    }

    #[test]
    fn an_unreadable_document_has_no_lines() {
        assert_eq!(lines("a: [").line_of("a"), None);
    }

    #[test]
    fn an_item_of_a_list_has_lines_of_its_own() {
        let list = "items:\n- spec:\n    a: 1\n- spec:\n    b: 2\n";
        let second = lines(list).within("items[1]", 10);
        assert_eq!(second.line_of("spec.b"), Some(15));
        assert_eq!(second.line_of(""), Some(14));
    }
}
