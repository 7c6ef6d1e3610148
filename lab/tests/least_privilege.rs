//! What a speaker may do: with one capability, and without root, it answers for its addresses and holds a session with a
//! password.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::router::{Config, Kind, Neighbour, Router};
use lab::topology::{NODE_ASN, ROUTER_ASN};
use lab::{Host, Manifests, Process, Requirement, Size, Topology, output, requires};
use tempfile::TempDir;

/// `CAP_NET_RAW`, as `/proc/PID/status` writes a set.
const NET_RAW: &str = "0000000000002000";
const NOTHING: &str = "0000000000000000";

/// The user of the shipped manifest.
const NOBODY: &str = "65534";

#[test]
fn a_pod_of_root_needs_net_raw_alone() {
    let Some(stage) = Stage::build() else { return };
    let mut speaker = stage.start(&[
        "setpriv",
        "--bounding-set=-all,+net_raw",
        "--inh-caps=-all",
        "--no-new-privs",
    ]);
    expect_only_net_raw(&mut speaker, "0");
    stage.expect_everything_works();
}

/// What a container runtime gives a user who is not root stays with him over an `exec` only as far as the file says so.
#[test]
fn a_pod_of_another_user_needs_the_capability_on_the_file_too() {
    let Some(stage) = Stage::build() else { return };
    let file = stage.speaker().display().to_string();
    let mut setcap = Command::new("setcap");
    setcap.args(["cap_net_raw=p", &file]);
    output(setcap, TIMEOUT).unwrap();
    let mut speaker = stage.start(
        &[
            &AS_NOBODY[..],
            &[
                "--",
                "setpriv",
                "--ambient-caps=-all",
                "--inh-caps=-all",
                "--no-new-privs",
            ],
        ]
        .concat(),
    );
    expect_only_net_raw(&mut speaker, NOBODY);
    stage.expect_everything_works();
}

/// As systemd starts it.
#[test]
fn a_user_who_is_not_root_takes_the_capability_along_where_it_is_ambient() {
    let Some(stage) = Stage::build() else { return };
    let mut speaker = stage.start(&[&AS_NOBODY[..], &["--no-new-privs"]].concat());
    expect_only_net_raw(&mut speaker, NOBODY);
    stage.expect_everything_works();
}

#[test]
fn what_root_may_do_beyond_is_given_up() {
    let Some(stage) = Stage::build() else { return };
    let mut speaker = stage.start(&["setpriv", "--inh-caps=-all"]);
    expect_only_net_raw(&mut speaker, "0");
    stage.expect_everything_works();
}

#[test]
fn without_the_capability_it_says_so_and_sessions_work() {
    let Some(stage) = Stage::build() else { return };
    let mut speaker = stage.start(&[
        "setpriv",
        "--bounding-set=-all",
        "--inh-caps=-all",
        "--no-new-privs",
    ]);
    let line = speaker.wait_for_line("CAP_NET_RAW", TIMEOUT).unwrap();
    assert!(line.contains("layer 2 stays silent"), "{line}");
    stage.router.wait_until_established(TIMEOUT).unwrap();
}

/// Each thread has capabilities of its own, so each is looked at. Fails unless they are these of `user`.
fn expect_only_net_raw(speaker: &mut Process, user: &str) {
    speaker.wait_for_line("speaker started", TIMEOUT).unwrap();
    let tasks = fs::read_dir(format!("/proc/{}/task", speaker.id())).unwrap();
    let mut threads = 0;
    for task in tasks {
        // A thread that has ended meanwhile may do nothing.
        let Ok(status) = fs::read_to_string(task.unwrap().path().join("status")) else {
            continue;
        };
        let is = |field: &str, expected: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(field));
            let value = value.map(|value| value.split_whitespace().next().unwrap_or_default());
            assert_eq!(value, Some(expected), "{field} in\n{status}");
        };
        is("Uid:", user);
        is("CapEff:", NET_RAW);
        is("CapPrm:", NET_RAW);
        is("CapBnd:", NET_RAW);
        is("CapInh:", NOTHING);
        is("CapAmb:", NOTHING);
        is("NoNewPrivs:", "1");
        threads += 1;
    }
    assert!(threads > 1, "{threads} thread");
}

/// A node, a router, a client, and what the node shall announce. Fields are dropped in this order.
struct Stage {
    router: Router,
    manifests: Manifests,
    topology: Topology,
    folder: TempDir,
}

impl Stage {
    /// `None` where a program is missing.
    fn build() -> Option<Self> {
        let programs = ["setpriv", "setcap"].map(Requirement::Program);
        let needed = [
            &Kind::Frr.requirements()[..],
            &programs,
            &[Requirement::Binary("speaker")],
        ];
        if !requires(&needed.concat()) {
            return None;
        }
        let folder = lab::folder().unwrap();
        let topology = Topology::build(&Size::new(1, 1)).unwrap();
        let host = topology.router().unwrap();
        let node = topology.node("node1").unwrap();
        let config = Config {
            asn: ROUTER_ASN,
            router_id: host.ipv4,
            neighbours: vec![Neighbour::new(node.ipv4, NODE_ASN).with_password("sesame")],
        };
        let router = Router::start(Kind::Frr, host, &folder.path().join("frr"), &config).unwrap();
        let manifests = Manifests::create(folder.path().join("manifests")).unwrap();
        let shop = include_str!("shop.yaml");
        for (file, text) in [("shop.yaml", shop), ("bgp.yaml", BGP)] {
            manifests.write(file, text).unwrap();
        }
        let stage = Self {
            router,
            manifests,
            topology,
            folder,
        };
        stage.open_to_everybody();
        Some(stage)
    }

    /// The folder can be entered by any user, the manifests are those of [`NOBODY`], and the speaker is a file of its
    /// own, which can be given capabilities.
    fn open_to_everybody(&self) {
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.folder.path(), everybody).unwrap();
        // Not by this process: what a test beside starts would hold the file open for writing until it runs, and what is
        // open for writing cannot be started.
        let mut copy = Command::new("cp");
        copy.arg(lab::binary("speaker").unwrap())
            .arg(self.speaker());
        output(copy, TIMEOUT).unwrap();
        let (uid, gid) = (NOBODY.parse().ok(), NOBODY.parse().ok());
        let folder = self.manifests.path();
        std::os::unix::fs::chown(folder, uid, gid).unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            std::os::unix::fs::chown(entry.unwrap().path(), uid, gid).unwrap();
        }
    }

    fn speaker(&self) -> std::path::PathBuf {
        self.folder.path().join("speaker")
    }

    /// Starts the speaker of the node by the words of a command that come before it.
    fn start(&self, before: &[&str]) -> Process {
        let (program, arguments) = before.split_first().unwrap();
        let mut command = Command::new(program);
        let source = format!("dir:{}", self.manifests.path().display());
        let speaker: &Path = &self.speaker();
        let own = ["--source", &source, "--node-name=node1"].map(OsStr::new);
        command.args(arguments).arg("--").arg(speaker).args(own);
        let namespace = &self.node().namespace;
        namespace
            .spawn("speaker-node1", command, self.folder.path())
            .unwrap()
    }

    fn node(&self) -> &Host {
        self.topology.node("node1").unwrap()
    }

    /// ARP, NDP, and a session with a password that has a route.
    fn expect_everything_works(&self) {
        let mac = self.node().mac().unwrap();
        for address in ADDRESSES {
            let client = &self.topology.client;
            let answered = client.until_answers("eth0", address.parse().unwrap(), &[&mac], TIMEOUT);
            answered.unwrap();
        }
        let prefix = "198.51.100.200/32".parse().unwrap();
        self.router.wait_for_paths(prefix, 1, TIMEOUT).unwrap();
    }
}

const TIMEOUT: Duration = Duration::from_secs(60);

const ADDRESSES: [&str; 2] = ["198.51.100.200", "2001:db8:1:0:f::1"];

/// A user who has one capability, by a way that outlives `exec`.
const AS_NOBODY: [&str; 7] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--bounding-set=-all,+net_raw",
    "--inh-caps=-all,+net_raw",
    "--ambient-caps=-all,+net_raw",
];

const BGP: &str = "\
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: one, namespace: metallb-system}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec: {myASN: 64500, peerASN: 64512, peerAddress: 198.51.100.1, password: sesame, connectTime: 1s}
";
