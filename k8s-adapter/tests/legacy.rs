//! Configuration of old versions of MetalLB: what it is converted to, and that it counts the same unconverted.
//!
//! `UPDATE_EXPECTED=1 cargo test -p k8s-adapter --test legacy` writes the texts anew; read them before a commit.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_adapter::flags::DEFAULT_NAMESPACE;
use k8s_adapter::legacy::{Documents, convert_manifests};
use k8s_adapter::source::dir;
use k8s_adapter::translate::{TranslateOptions, snapshot};
use planner::snapshot::{Options, Snapshot};

#[test]
fn a_config_map_is_converted() {
    expect("config", &render(&convert("config")));
}

#[test]
fn address_pools_are_converted() {
    expect("address_pools", &render(&convert("address_pools")));
}

#[test]
fn faults_name_the_key() {
    expect("faults", &render(&convert("faults")));
}

#[test]
fn faults_are_the_same_at_run_time() {
    let (_, errors) = at_run_time(&fixture("faults"));
    let mut text = String::new();
    for error in errors {
        writeln!(text, "{error}").unwrap();
    }
    expect("faults.run", &text);
}

#[test]
fn converting_then_translating_equals_reading_the_config_map_at_run_time() {
    let (unconverted, _) = at_run_time(&fixture("config"));
    let (converted, errors) = at_run_time(&yaml(&convert("config")));
    assert_eq!(unconverted.config, converted.config);
    assert_eq!(unconverted.config.peers.len(), 2);
    assert!(
        errors
            .iter()
            .all(|error| error.to_string().contains("not supported yet"))
    );
}

/// What a folder with that text in it comes to.
fn at_run_time(text: &str) -> (Snapshot, Vec<k8s_adapter::translate::ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("all.yaml"), text).unwrap();
    let options = TranslateOptions {
        namespace: DEFAULT_NAMESPACE.into(),
        planner: Options::default(),
    };
    snapshot(&dir::read(folder.path()).unwrap(), &options)
}

fn convert(name: &str) -> Documents {
    convert_manifests(&fixture(name), DEFAULT_NAMESPACE)
}

/// What there is to say, and the objects.
fn render(converted: &Documents) -> String {
    let mut text = String::new();
    for finding in &converted.findings {
        let weight = if finding.is_fault() { "error" } else { "note" };
        writeln!(text, "# {weight}: {finding}").unwrap();
    }
    text + &yaml(converted)
}

fn yaml(converted: &Documents) -> String {
    serde_saphyr::to_string_multiple(&converted.objects).unwrap()
}

fn fixture(name: &str) -> String {
    fs::read_to_string(fixtures().join(name).with_extension("yaml")).unwrap()
}

fn expect(name: &str, text: &str) {
    let path = fixtures().join(format!("{name}.expected"));
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(
        text == expected,
        "{} differs; it is now:\n{text}",
        path.display()
    );
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/legacy")
}
