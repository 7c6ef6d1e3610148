//! Folders of manifests in, errors and what is in force out, compared with a text beside them.
//!
//! `UPDATE_EXPECTED=1 cargo test -p k8s-adapter --test translate` writes the texts anew; read them before a commit.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_adapter::source::dir;
use k8s_adapter::translate::{TranslateOptions, Translator, snapshot};
use planner::names::NamespaceName;
use planner::snapshot::{Options, Snapshot};

fn options() -> TranslateOptions {
    TranslateOptions {
        namespace: "metallb-system".into(),
        planner: Options::default(),
    }
}

/// What there is to compare, one line each.
fn render(folder: &Path) -> String {
    let objects = dir::read(folder).unwrap();
    let (snapshot, errors) = snapshot(&objects, &options());
    let mut text = String::new();
    for error in errors {
        writeln!(
            text,
            "{}: {error}",
            if error.is_fault() { "error" } else { "warning" }
        )
        .unwrap();
    }
    render_config(&mut text, &snapshot);
    for (key, service) in &snapshot.services {
        writeln!(text, "service {key}: {service:?}").unwrap();
    }
    for (key, endpoints) in &snapshot.endpoints {
        let nodes: Vec<_> = endpoints.usable_nodes().collect();
        writeln!(
            text,
            "endpoints of {key}: {}, on {nodes:?}",
            endpoints.total()
        )
        .unwrap();
    }
    for (name, node) in &snapshot.nodes {
        writeln!(text, "node {name}: {node:?}").unwrap();
    }
    text
}

fn render_config(text: &mut String, snapshot: &Snapshot) {
    let config = &snapshot.config;
    for (name, policy) in config.pools.policies() {
        let pool = config.pools.addresses().get(name).unwrap();
        let ranges: Vec<String> = pool.ranges().iter().map(ToString::to_string).collect();
        let (auto, avoid) = (pool.auto_assign, pool.avoid_buggy_ips);
        let ranges = ranges.join(" ");
        writeln!(
            text,
            "pool {name}: {ranges}, auto_assign {auto}, avoid_buggy_ips {avoid}, {policy:?}"
        )
        .unwrap();
        if pool.disabled || !pool.excluded().is_empty() {
            let excluded: Vec<String> = pool.excluded().iter().map(ToString::to_string).collect();
            writeln!(
                text,
                "  disabled {}, excluded {}",
                pool.disabled,
                excluded.join(" ")
            )
            .unwrap();
        }
    }
    for (name, reservation) in config.reservations.iter() {
        writeln!(text, "reservation {name}: {reservation:?}").unwrap();
    }
    for (name, status) in &snapshot.reported_reservations {
        writeln!(text, "status of reservation {name}: {status:?}").unwrap();
    }
    for (name, ranges) in &snapshot.service_ranges {
        writeln!(text, "service ranges {name}: {ranges:?}").unwrap();
    }
    for (name, peer) in &config.peers {
        writeln!(text, "peer {name}: {peer:?}").unwrap();
    }
    for (name, advertisement) in &config.bgp_advertisements {
        writeln!(text, "bgp advertisement {name}: {advertisement:?}").unwrap();
    }
    for (name, policy) in &config.bgp_policies {
        writeln!(text, "bgp policy {name}: {policy:?}").unwrap();
    }
    for (name, advertisement) in &config.l2_advertisements {
        writeln!(text, "l2 advertisement {name}: {advertisement:?}").unwrap();
    }
}

fn compare(case: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/translate")
        .join(case);
    let expected = folder.join("expected.txt");
    let found = render(&folder);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&expected, &found).unwrap();
    }
    let expected = fs::read_to_string(&expected).unwrap_or_default();
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(
            found,
            expected,
            "line {} of {case}/expected.txt",
            number + 1
        );
    }
    assert_eq!(
        found.lines().count(),
        expected.lines().count(),
        "lines of {case}/expected.txt"
    );
}

#[test]
fn pools_are_in_force_or_in_error_as_expected() {
    compare("pools");
}

#[test]
fn reservations_drained_pools_and_overlaps_are_read_as_expected() {
    compare("reservations");
}

#[test]
fn peers_are_in_force_or_in_error_as_expected() {
    compare("peers");
}

#[test]
fn advertisements_are_in_force_or_in_error_as_expected() {
    compare("advertisements");
}

#[test]
fn policies_are_in_force_or_in_error_as_expected() {
    compare("policies");
}

#[test]
fn services_nodes_and_endpoints_are_read_as_expected() {
    compare("services");
}

#[test]
fn no_password_is_shown() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/translate/peers");
    assert!(!render(&folder).contains("hunter2"));
    let objects = dir::read(&folder).unwrap();
    for peer in objects.bgp_peers.values() {
        assert!(!format!("{peer:?}").contains("hunter2"));
    }
    // As text, and as the octets of a Secret.
    let all = format!("{objects:?}");
    let octets = format!("{:?}", b"hunter2").replace(['[', ']'], "");
    assert!(all.contains("wrong-secret") && !all.contains("hunter2") && !all.contains(&octets));
}

/// A folder with one file that is written again and again, translated by one translator.
struct Edited {
    folder: tempfile::TempDir,
    translator: Translator,
}

impl Edited {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            translator: Translator::new(options()),
        }
    }

    fn translate(&mut self, text: &str) -> (Snapshot, Vec<String>) {
        fs::write(self.folder.path().join("all.yaml"), text).unwrap();
        let objects = dir::read(self.folder.path()).unwrap();
        self.translator.update(&objects);
        let errors = self.translator.errors().iter();
        (
            self.translator.snapshot().clone(),
            errors.map(ToString::to_string).collect(),
        )
    }
}

fn pool(name: &str, created: &str, range: &str) -> String {
    format!(
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: {name}\n  namespace: metallb-system\n  \
         creationTimestamp: {created}\nspec:\n  addresses:\n  - {range}\n---\n"
    )
}

fn ranges(snapshot: &Snapshot) -> Vec<String> {
    let pools = snapshot.config.pools.addresses().iter();
    pools
        .map(|pool| format!("{} {}", pool.name(), pool.ranges()[0]))
        .collect()
}

const OLD: &str = "2026-01-01T00:00:00Z";
const NEW: &str = "2026-02-01T00:00:00Z";

#[test]
fn the_last_good_version_of_an_object_stays_in_force() {
    let mut edited = Edited::new();
    let (snapshot, errors) = edited.translate(&pool("a", OLD, "192.0.2.0/24"));
    assert_eq!(
        (ranges(&snapshot), errors),
        (vec!["a 192.0.2.0/24".to_owned()], vec![])
    );

    let (snapshot, errors) = edited.translate(&pool("a", OLD, "192.0.2.0/240"));
    assert_eq!(ranges(&snapshot), ["a 192.0.2.0/24"]);
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains(": IPAddressPool metallb-system/a: spec.addresses[0]: "),
        "{}",
        errors[0]
    );
    assert!(
        errors[0].ends_with("; its last good version stays in force"),
        "{}",
        errors[0]
    );

    let (snapshot, errors) = edited.translate(&pool("a", OLD, "198.51.100.0/24"));
    assert_eq!(
        (ranges(&snapshot), errors),
        (vec!["a 198.51.100.0/24".to_owned()], vec![])
    );
}

#[test]
fn an_object_that_is_deleted_has_no_last_good_version() {
    let mut edited = Edited::new();
    edited.translate(&pool("a", OLD, "192.0.2.0/24"));
    let (snapshot, _) = edited.translate("");
    assert_eq!(ranges(&snapshot), Vec::<String>::new());
    let (snapshot, errors) = edited.translate(&pool("a", OLD, "wrong"));
    assert_eq!(ranges(&snapshot), Vec::<String>::new());
    assert!(errors[0].ends_with("; not in force"), "{}", errors[0]);
}

#[test]
fn of_two_objects_in_conflict_the_newer_one_is_at_fault() {
    let mut edited = Edited::new();
    let newer = pool("a", NEW, "192.0.2.0/25");
    let older = pool("b", OLD, "192.0.2.0/24");
    let (snapshot, errors) = edited.translate(&format!("{newer}{older}"));
    assert_eq!(ranges(&snapshot), ["b 192.0.2.0/24"]);
    assert!(
        errors[0].contains("IPAddressPool metallb-system/a: spec.addresses[0]"),
        "{}",
        errors[0]
    );
    assert!(
        errors[0].contains("IPAddressPool metallb-system/b, which is older"),
        "{}",
        errors[0]
    );

    let (snapshot, errors) = edited.translate(&newer);
    assert_eq!(
        (ranges(&snapshot), errors),
        (vec!["a 192.0.2.0/25".to_owned()], vec![])
    );
}

#[test]
fn a_conflict_made_by_an_edit_keeps_the_last_good_version_of_the_newer_object() {
    let mut edited = Edited::new();
    let older = pool("b", OLD, "192.0.2.0/24");
    edited.translate(&format!("{}{older}", pool("a", NEW, "198.51.100.0/24")));
    let (snapshot, errors) =
        edited.translate(&format!("{}{older}", pool("a", NEW, "192.0.2.128/25")));
    assert_eq!(ranges(&snapshot), ["a 198.51.100.0/24", "b 192.0.2.0/24"]);
    assert_eq!(errors.len(), 1);
}

#[test]
fn a_peer_keeps_its_password_when_its_secret_is_deleted() {
    let peer = "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata:\n  name: router\n  namespace: metallb-system\n\
                spec:\n  myASN: 64500\n  peerASN: 64510\n  peerAddress: 198.51.100.1\n  passwordSecret:\n    name: md5\n";
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: md5\n  namespace: metallb-system\n\
                  type: kubernetes.io/basic-auth\nstringData:\n  password: hunter2\n";
    let mut edited = Edited::new();
    let (before, errors) = edited.translate(&format!("{peer}{secret}"));
    assert_eq!(errors, Vec::<String>::new());
    let (after, errors) = edited.translate(peer);
    assert_eq!(after.config.peers, before.config.peers);
    assert!(
        errors[0].contains("Secret metallb-system/md5 does not exist"),
        "{}",
        errors[0]
    );
}

#[test]
fn namespace_selectors_that_match_nothing_mean_no_namespace() {
    let mut edited = Edited::new();
    let pool = format!(
        "{}  serviceAllocation:\n    namespaceSelectors:\n    - matchLabels: {{team: web}}\n",
        pool("a", OLD, "192.0.2.0/24").trim_end_matches("---\n")
    );
    let (snapshot, errors) = edited.translate(&pool);
    assert_eq!(errors, Vec::<String>::new());
    let (_, policy) = snapshot.config.pools.policies().next().unwrap();
    let namespaces = &policy.allocation.as_ref().unwrap().namespaces;
    assert!(!namespaces.admits(&NamespaceName::from("shop")));

    let namespace =
        "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {team: web}\n";
    let (snapshot, _) = edited.translate(&format!("{pool}{namespace}"));
    let (_, policy) = snapshot.config.pools.policies().next().unwrap();
    assert!(
        policy
            .allocation
            .as_ref()
            .unwrap()
            .namespaces
            .admits(&NamespaceName::from("shop"))
    );
}
