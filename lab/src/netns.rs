//! Network namespaces: made, entered, removed.
//!
//! Everything of a lab is inside namespaces whose names carry the process id, `flb<pid>-<n>-<label>`: two
//! labs never meet, and what a killed process left behind is recognised and removed by [`sweep`].

use std::ffi::OsStr;
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::path::Path;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::runtime::{Builder, Runtime};

use crate::LabError;
use crate::process::{Process, is_gone, output};

/// Where iproute2 keeps the names.
const FOLDER: &str = "/run/netns";

/// How long a command of iproute2 may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes names unique within the process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A network namespace, with its loopback up. Dropping it ends the processes in it and removes it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    file: File,
    on_drop: OnDrop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    Remove,
    Keep,
}

impl Namespace {
    /// Makes a namespace named after this process and `label`.
    ///
    /// # Errors
    /// Without the rights to make one, or without iproute2.
    pub fn create(label: &str) -> Result<Self, LabError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::create_as(format!("flb{}-{number}-{label}", process::id()))
    }

    /// Makes a namespace with this very name: for a lab that outlives the process.
    ///
    /// # Errors
    /// As [`Namespace::create`], and when the name exists.
    pub fn create_as(name: String) -> Result<Self, LabError> {
        ip(["netns", "add", &name])?;
        let namespace = Self::open(name, OnDrop::Remove)?;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// A namespace that exists; it is left in place on drop.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn attach(name: String) -> Result<Self, LabError> {
        Self::open(name, OnDrop::Keep)
    }

    fn open(name: String, on_drop: OnDrop) -> Result<Self, LabError> {
        let path = Path::new(FOLDER).join(&name);
        let file =
            File::open(&path).map_err(LabError::io(format!("opening {}", path.display())))?;
        Ok(Self {
            name,
            file,
            on_drop,
        })
    }

    /// Leaves the namespace, and the processes in it, in place when this value is dropped.
    pub fn keep(&mut self) {
        self.on_drop = OnDrop::Keep;
    }

    /// Its name, as `ip netns` lists it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `f` on a thread inside the namespace and returns what it returned. Sockets that it opens, threads
    /// and processes that it starts belong to the namespace for good.
    ///
    /// # Errors
    /// When the thread cannot enter the namespace.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        let inside = || {
            setns(&self.file, CloneFlags::CLONE_NEWNET)
                .map_err(|errno| LabError::io(format!("entering {}", self.name))(errno.into()))?;
            Ok(f())
        };
        match thread::scope(|scope| scope.spawn(inside).join()) {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// A runtime whose worker is inside the namespace: so are the sockets that its tasks open. What is run by
    /// its `block_on` is not, since that is done by the calling thread.
    ///
    /// # Errors
    /// When the namespace cannot be entered or the runtime not be built.
    pub fn runtime(&self) -> Result<Runtime, LabError> {
        // Threads begin in the namespace of the one that starts them.
        let build = || {
            Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
        };
        self.run(build)?.map_err(LabError::io("building a runtime"))
    }

    /// Runs an asynchronous function to its end on a runtime whose threads are all inside the namespace.
    ///
    /// # Errors
    /// When the namespace cannot be entered or the runtime not be built.
    pub fn block_on<F, T>(&self, f: impl FnOnce() -> F + Send) -> Result<T, LabError>
    where
        F: Future<Output = T>,
        T: Send,
    {
        self.run(|| {
            let runtime = Builder::new_current_thread().enable_all().build();
            Ok(runtime
                .map_err(LabError::io("building a runtime"))?
                .block_on(f()))
        })?
    }

    /// Runs a program inside the namespace to its end, for 10 s at most, and returns its standard output.
    ///
    /// # Errors
    /// When it cannot be started, ends with a status other than 0, or not in time.
    pub fn exec<S: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Result<String, LabError> {
        let mut command = Command::new(program);
        command.args(args);
        self.run(|| output(command, COMMAND_TIMEOUT))?
    }

    /// Starts a program inside the namespace; its output goes to the file `<log_folder>/<name>.log`.
    ///
    /// # Errors
    /// When it cannot be started or the file not be made.
    pub fn spawn(
        &self,
        name: &str,
        command: Command,
        log_folder: &Path,
    ) -> Result<Process, LabError> {
        self.run(|| Process::spawn(name, command, log_folder))?
    }

    /// Runs one command of iproute2 inside the namespace, as in `ip("addr add 198.51.100.1/24 dev eth0")`.
    ///
    /// # Errors
    /// As [`Namespace::exec`].
    pub fn ip(&self, arguments: &str) -> Result<String, LabError> {
        ip(["-n", &self.name]
            .into_iter()
            .chain(arguments.split_whitespace()))
    }

    /// Sets a variable below `/proc/sys/net`, as in `sysctl("ipv4/ip_forward", "1")`.
    ///
    /// # Errors
    /// When there is no such variable.
    pub fn sysctl(&self, variable: &str, value: &str) -> Result<(), LabError> {
        // The kernel shows each thread the variables of the namespace that the thread is in.
        let path = Path::new("/proc/sys/net").join(variable);
        self.run(|| fs::write(&path, value))?
            .map_err(LabError::io(format!("setting {variable} in {}", self.name)))
    }

    /// The MAC address of one of its links, in lower case with colons.
    ///
    /// # Errors
    /// When there is no such link.
    pub fn mac(&self, link: &str) -> Result<String, LabError> {
        let text = self.ip(&format!("-o link show dev {link}"))?;
        let mut words = text
            .split_whitespace()
            .skip_while(|word| *word != "link/ether");
        words
            .nth(1)
            .map(str::to_owned)
            .ok_or_else(|| LabError::Unexpected(format!("no MAC address: {text}")))
    }

    /// Joins two namespaces by a veth pair that is never seen in any other; both ends are set up.
    ///
    /// # Errors
    /// When one of the names is taken.
    pub fn link(&self, name: &str, other: &Self, other_name: &str) -> Result<(), LabError> {
        self.ip(&format!(
            "link add {name} type veth peer name {other_name} netns {}",
            other.name
        ))?;
        self.ip(&format!("link set {name} up"))?;
        other.ip(&format!("link set {other_name} up"))?;
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if self.on_drop == OnDrop::Remove {
            // Nothing better to do about a failure than the next sweep.
            let _ = remove(&self.name);
        }
    }
}

/// Removes what labs of processes that no longer exist left behind, and the processes in it.
///
/// # Errors
/// When the list of namespaces cannot be read.
pub fn sweep() -> Result<(), LabError> {
    remove_where(|name| owner(name).is_some_and(is_gone))
}

/// Removes every namespace whose name begins with `prefix`, and the processes in it.
///
/// # Errors
/// When the list of namespaces cannot be read.
pub fn remove_all(prefix: &str) -> Result<(), LabError> {
    remove_where(|name| name.starts_with(prefix))
}

/// The namespaces whose name begins with `prefix`.
///
/// # Errors
/// When the list of namespaces cannot be read.
pub fn remaining(prefix: &str) -> Result<Vec<String>, LabError> {
    let mut names = names()?;
    names.retain(|name| name.starts_with(prefix));
    Ok(names)
}

fn remove_where(is_meant: impl Fn(&str) -> bool) -> Result<(), LabError> {
    for name in names()?.iter().filter(|name| is_meant(name)) {
        // Another process may be sweeping too; what it took is gone all the same.
        let _ = remove(name);
    }
    Ok(())
}

fn names() -> Result<Vec<String>, LabError> {
    match fs::read_dir(FOLDER) {
        Ok(entries) => {
            let names = entries
                .flatten()
                .map(|entry| entry.file_name().into_string());
            Ok(names.flatten().collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(LabError::io(format!("reading {FOLDER}"))(error)),
    }
}

/// The process that a namespace's name names.
fn owner(name: &str) -> Option<Pid> {
    let (pid, _) = name.strip_prefix("flb")?.split_once('-')?;
    pid.parse().ok().map(Pid::from_raw)
}

fn remove(name: &str) -> Result<(), LabError> {
    for pid in ip(["netns", "pids", name])?
        .lines()
        .filter_map(|line| line.trim().parse().ok())
    {
        // A process that ended by itself meanwhile is as good.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    ip(["netns", "del", name]).map(drop)
}

fn ip<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<String, LabError> {
    let mut command = Command::new("ip");
    command.args(arguments);
    output(command, COMMAND_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_process_id_have_an_owner() {
        assert_eq!(owner("flb4711-0-node1"), Some(Pid::from_raw(4711)));
        assert_eq!(owner("flb-lab-node1"), None);
        assert_eq!(owner("cni-1234"), None);
    }
}
