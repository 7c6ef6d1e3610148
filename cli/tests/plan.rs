//! `ferrolb plan` on the folders beside this file, compared with what it is known to print.
//!
//! With `BLESS=1` in the environment the files are written anew; look at the difference before you commit it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn a_cluster_is_shown_with_addresses_routes_owners_and_rankings() {
    expect("cluster.txt", 0, &plan(&["-f", "cluster"]));
    expect("cluster.json", 0, &plan(&["-f", "cluster", "-o", "json"]));
}

#[test]
fn one_node_is_shown_alone_and_elections_still_count_all_nodes() {
    expect(
        "cluster-node-b.txt",
        0,
        &plan(&["-f", "cluster", "--node", "node-b"]),
    );
}

#[test]
fn a_service_without_an_address_is_told_what_would_help() {
    expect("waiting.txt", 0, &plan(&["-f", "waiting"]));
    expect("waiting.json", 0, &plan(&["-f", "waiting", "-o", "json"]));
}

#[test]
fn reservations_are_shown_with_what_they_keep_and_what_is_in_the_way() {
    expect("reserved.txt", 0, &plan(&["-f", "reserved"]));
    expect("reserved.json", 0, &plan(&["-f", "reserved", "-o", "json"]));
}

#[test]
fn policies_are_shown_by_what_they_make_of_routes() {
    expect("policies.txt", 0, &plan(&["-f", "policies"]));
    expect("policies.json", 0, &plan(&["-f", "policies", "-o", "json"]));
}

#[test]
fn addresses_that_the_status_shows_are_kept() {
    expect("kept.txt", 0, &plan(&["-f", "kept"]));
}

#[test]
fn objects_in_error_are_shown_with_file_and_field_and_the_status_is_1() {
    expect("broken.txt", 1, &plan(&["-f", "broken"]));
    expect("broken.json", 1, &plan(&["-f", "broken", "-o", "json"]));
}

#[test]
fn lines_are_at_most_100_characters_and_carry_no_escape_codes() {
    for folder in ["cluster", "waiting", "broken", "reserved"] {
        let text = String::from_utf8(plan(&["-f", folder]).stdout).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
            assert!(!line.contains('\u{1b}'), "{line}");
            assert_eq!(line, line.trim_end());
        }
    }
}

#[test]
fn nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        fixtures().join("waiting/all.yaml"),
        folder.path().join("all.yaml"),
    )
    .unwrap();
    let output = plan(&["-f", folder.path().to_str().unwrap()]);
    assert!(output.status.success());
    let files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["all.yaml"]);
}

#[test]
fn what_cannot_be_planned_ends_with_status_2() {
    for (arguments, complaint) in [
        (&["-f", "no-such-folder"][..], "cannot read no-such-folder"),
        (
            &["-f", "cluster", "--node", "node-x"],
            "no Node node-x in cluster; there is node-a, node-b, node-c",
        ),
        (&[], "--folder"),
        (&["-f", "cluster", "-o", "xml"], "xml"),
    ] {
        let output = plan(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(complaint), "{errors}");
        assert!(output.stdout.is_empty());
    }
}

fn plan(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
    command.current_dir(fixtures()).arg("plan").args(arguments);
    for variable in ["METALLB_NAMESPACE", "METALLB_BGP_TYPE"] {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

fn expect(file: &str, status: i32, output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    let path = fixtures().join(file);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &output.stdout).unwrap();
    }
    let known = fs::read_to_string(&path).unwrap();
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(
        printed == known,
        "{} differs; it prints now:\n{printed}",
        path.display()
    );
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan")
}
