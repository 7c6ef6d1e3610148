//! Tests that need more than a compiler say so, and are skipped loudly where it is missing.

use std::env;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;

use crate::cluster::Assets;

/// Something of the machine that a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The rights to make network namespaces.
    Root,
    /// A program in `PATH` or in one of the folders where routing daemons are installed.
    Program(&'static str),
    /// One of the project's own binaries, built beside the test.
    Binary(&'static str),
    /// The programs of a Kubernetes control plane; see [`Assets::find`].
    ControlPlane,
    /// kube-proxy, from where the control plane is from.
    KubeProxy,
}

impl Requirement {
    fn is_met(self) -> bool {
        match self {
            Self::Root => nix::unistd::geteuid().is_root(),
            Self::Program(name) => find_program(name).is_some(),
            Self::Binary(name) => binary(name).is_some(),
            Self::ControlPlane => Assets::find().is_ok(),
            Self::KubeProxy => Assets::find().is_ok_and(|assets| assets.have("kube-proxy")),
        }
    }
}

/// What is needed, and how to get it.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("root, for network namespaces (run it with sudo)"),
            Self::Program(name) => {
                let package = debian_package(name);
                write!(f, "the program {name} (apt-get install {package})")
            }
            Self::Binary(name) => write!(f, "the binary {name} (cargo build --workspace --bins)"),
            Self::ControlPlane => match Assets::find() {
                Ok(_) => f.write_str("a Kubernetes control plane"),
                Err(error) => write!(f, "a Kubernetes control plane ({error})"),
            },
            Self::KubeProxy => {
                f.write_str("kube-proxy (copy one of the same version into KUBEBUILDER_ASSETS)")
            }
        }
    }
}

/// The package that brings a program, where it is not called the same.
fn debian_package(program: &str) -> &str {
    match program {
        "zebra" | "bgpd" | "vtysh" => "frr",
        "bird" | "birdc" => "bird2",
        "ip" | "bridge" => "iproute2",
        "etcd" => "etcd-server",
        "setcap" => "libcap2-bin",
        "setpriv" => "util-linux",
        "nft" => "nftables",
        _ => program,
    }
}

/// Whether all `requirements` are met; if not, the test is to return at once.
///
/// Each requirement that is not met is told in one line on the standard error of the process, which the test
/// harness does not capture, with the test's name and the way to get what is missing:
///
/// ```text
/// SKIPPED bgp::a_speaker_that_stops_tells_both_routers_why: needs the program vtysh (apt-get install frr)
/// ```
///
/// # Panics
/// When the environment has `CI=true` and the line is not listed in `.ci/allowed-skips`, so that a gate
/// cannot pass by skipping.
#[expect(
    clippy::panic,
    reason = "a skip that the gate does not know is a failed test"
)]
pub fn requires(requirements: &[Requirement]) -> bool {
    // The harness names a test's thread after it.
    let thread = thread::current();
    let test = thread.name().unwrap_or("a test");
    let missing: Vec<String> = requirements
        .iter()
        .filter(|requirement| !requirement.is_met())
        .map(|requirement| format!("SKIPPED {test}: needs {requirement}"))
        .collect();
    let strict = env::var("CI").is_ok_and(|value| value == "true");
    for line in &missing {
        // Nobody to tell if standard error is closed.
        let _ = writeln!(io::stderr(), "{line}");
        if strict && !allowed_skips().iter().any(|allowed| allowed == line) {
            panic!("{line}: not listed in .ci/allowed-skips");
        }
    }
    missing.is_empty()
}

fn allowed_skips() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/allowed-skips");
    fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// The path of a program of the machine: in `PATH`, or where Debian keeps routing daemons.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/lib/frr"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The path of one of the project's own binaries, which cargo puts beside the test's or example's folder.
///
/// `None` when it has not been built.
#[must_use]
pub fn binary(name: &str) -> Option<PathBuf> {
    let me = env::current_exe().ok()?;
    me.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_the_path_is_found_and_an_invented_one_is_not() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-of-ferrolb"), None);
    }

    #[test]
    fn a_requirement_says_how_to_get_it() {
        assert_eq!(
            Requirement::Program("vtysh").to_string(),
            "the program vtysh (apt-get install frr)"
        );
        assert_eq!(
            Requirement::Program("arping").to_string(),
            "the program arping (apt-get install arping)"
        );
    }
}
