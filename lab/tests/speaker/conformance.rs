//! `docs/conformance.md` is whole and names only tests that there are.

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok()
}

/// The rows of all tables of a text, as their cells; a cell that is empty means that of the row before.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        let Some(cells) = line
            .strip_prefix('|')
            .and_then(|line| line.strip_suffix('|'))
        else {
            continue;
        };
        let mut cells: Vec<String> = cells
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect();
        if ["File", "Area"].contains(&cells[0].as_str()) || cells[0].starts_with("---") {
            continue;
        }
        if cells[0].is_empty() {
            cells[0].clone_from(&rows.last().unwrap()[0]);
        }
        rows.push(cells);
    }
    rows
}

/// What stands under a heading, as in `section(text, "### 8.2")`, up to the next of its rank or a higher one.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(heading).unwrap();
    rest.split_once("\n##").map_or(rest, |(section, _)| section)
}

/// The names of tests in a cell.
fn names(cell: &str) -> Vec<&str> {
    let parts = cell.split('`').enumerate();
    let quoted = parts.filter(|(index, _)| index % 2 == 1);
    quoted.map(|(_, name)| name).collect()
}

/// Whether there is a test of this name: a function of the file that the path leads to.
fn exists(name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else {
        return false;
    };
    let folder = repository()
        .join("lab/tests")
        .join(module.replace("::", "/"));
    let files = [folder.with_extension("rs"), folder.join("mod.rs")];
    let test = format!("#[test]\nfn {function}()");
    let mut texts = files.iter().filter_map(|file| read(file));
    texts.any(|text| text.contains(&test))
}

#[test]
fn every_row_of_the_end_to_end_suite_is_listed_with_a_test_or_what_it_waits_for() {
    let contract = read(&repository().join("compat/metallb.md")).unwrap();
    let listed = rows(&read(&repository().join("docs/conformance.md")).unwrap());
    let wanted =
        ["\n### 8.2", "\n### 8.3", "\n### 8.4"].map(|heading| rows(section(&contract, heading)));
    let wanted: Vec<&[String]> = wanted.iter().flatten().map(|row| &row[..2]).collect();
    let found: Vec<&[String]> = listed.iter().map(|row| &row[..2]).collect();
    assert_eq!(found, wanted);
    assert!(!found.is_empty());
    for row in &listed {
        let cell = row[2].as_str();
        let names = names(cell);
        let is_accounted_for = !names.is_empty()
            || ["open: ", "cannot run ", "does not apply: "]
                .iter()
                .any(|start| cell.starts_with(start));
        assert!(is_accounted_for, "{row:?}");
        let missing: Vec<_> = names.into_iter().filter(|name| !exists(name)).collect();
        assert!(missing.is_empty(), "{row:?}: there is no test {missing:?}");
    }
}
