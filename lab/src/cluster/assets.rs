//! Where the programs of a Kubernetes control plane come from.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::process::output;
use crate::{LabError, find_program};

/// The programs that one binary of ours is, by the name it is called with.
const COMPONENTS: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kubectl",
];

/// The version of the module's k8s.io/kubernetes, as the server is to tell it.
const LINK: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4 \
    -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35";

/// How long the API server's sources may take to download and compile.
const BUILD_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How long unpacking may take.
const UNPACK_TIMEOUT: Duration = Duration::from_secs(60);

/// A folder with kube-apiserver, kube-controller-manager, kubectl and perhaps kube-proxy, and an etcd.
#[derive(Clone, Debug)]
pub struct Assets {
    folder: PathBuf,
    etcd: PathBuf,
}

impl Assets {
    /// Looks, once for the process, at these places in this order:
    ///
    /// 1. `KUBEBUILDER_ASSETS`, a folder as `setup-envtest` fills it;
    /// 2. `../shared/envtest/unpack.sh` beside the repository, unpacked into cargo's target folder;
    /// 3. the Go module `lab/kubetest`, built into cargo's target folder where `go` is installed. That takes
    ///    minutes, once.
    ///
    /// etcd is taken from the same folder, or is a program of the machine.
    ///
    /// # Errors
    /// When there is none of the three, or no etcd.
    pub fn find() -> Result<&'static Self, LabError> {
        static FOUND: OnceLock<Result<Assets, String>> = OnceLock::new();
        FOUND
            .get_or_init(|| look().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| LabError::Unexpected(error.clone()))
    }

    /// Whether there is a program of that name. `setup-envtest` brings no kube-proxy.
    #[must_use]
    pub fn have(&self, name: &str) -> bool {
        self.folder.join(name).is_file()
    }

    /// Where they are, save perhaps etcd.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A command that runs one of the programs.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.folder.join(name))
    }

    /// A command that runs etcd.
    #[must_use]
    pub fn etcd(&self) -> Command {
        Command::new(&self.etcd)
    }
}

fn look() -> Result<Assets, LabError> {
    let folder = match env::var_os("KUBEBUILDER_ASSETS") {
        Some(folder) => PathBuf::from(folder),
        None => made_here()?,
    };
    if !folder.join("kube-apiserver").is_file() {
        let folder = folder.display();
        return Err(LabError::Unexpected(format!(
            "no kube-apiserver in {folder}"
        )));
    }
    let own_etcd = Some(folder.join("etcd")).filter(|file| file.is_file());
    let etcd = own_etcd
        .or_else(|| find_program("etcd"))
        .ok_or_else(|| LabError::Unexpected("no etcd (apt-get install etcd-server)".to_owned()))?;
    Ok(Assets { folder, etcd })
}

fn made_here() -> Result<PathBuf, LabError> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let unpack = repository.join("../shared/envtest/unpack.sh");
    let go = find_program("go");
    if !unpack.is_file() && go.is_none() {
        return Err(LabError::Unexpected(
            "neither KUBEBUILDER_ASSETS nor go".to_owned(),
        ));
    }
    let folder = target_folder()?.join("kubetest");
    fs::create_dir_all(&folder).map_err(LabError::io(format!("making {}", folder.display())))?;
    // One test binary makes them, the others wait for it. Closing the file gives it free.
    let lock = File::create(folder.join("lock")).map_err(LabError::io("making a lock file"))?;
    lock.lock().map_err(LabError::io("waiting for a lock"))?;
    match go {
        _ if folder.join("kube-apiserver").is_file() => {}
        _ if unpack.is_file() => {
            let mut command = Command::new("bash");
            command.arg(unpack).arg(&folder);
            output(command, UNPACK_TIMEOUT)?;
        }
        Some(go) => build(&go, &repository.join("lab/kubetest"), &folder)?,
        None => {}
    }
    Ok(folder)
}

/// Compiles the module into `folder`; the names come last, so that an aborted build is not taken for a whole one.
fn build(go: &Path, module: &Path, folder: &Path) -> Result<(), LabError> {
    let mut command = Command::new(go);
    command
        .current_dir(module)
        .env("CGO_ENABLED", "0")
        .args(["build", "-trimpath", "-ldflags", LINK, "-o"])
        .arg(folder.join("kubetest"))
        .arg(".");
    output(command, BUILD_TIMEOUT)?;
    for name in COMPONENTS {
        symlink("kubetest", folder.join(name)).map_err(LabError::io(format!("linking {name}")))?;
    }
    Ok(())
}

/// Where cargo put this program, which it marks as a cache.
fn target_folder() -> Result<PathBuf, LabError> {
    let me = env::current_exe().map_err(LabError::io("looking for this program"))?;
    me.ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map(Path::to_owned)
        .ok_or_else(|| LabError::Unexpected("not run from cargo's target folder".to_owned()))
}
