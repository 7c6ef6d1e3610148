//! What a process of the lab leaves behind is removed when it ends, however it ends.

use std::io::{self, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::folder::remove_folders_of;
use crate::topology::own_binary;
use crate::{LabError, remove_all};

/// Starts, once for this process, another one that waits for its end and then removes all its namespaces, what runs in
/// them, and its folders: for what a `static` holds, which is never dropped.
///
/// # Errors
/// When `ferrolb-lab` is not built or cannot be started.
pub fn start_guard() -> Result<(), LabError> {
    static GUARD: Mutex<Option<ChildStdin>> = Mutex::new(None);
    let mut guard = GUARD.lock().unwrap_or_else(PoisonError::into_inner);
    if guard.is_some() {
        return Ok(());
    }
    // Its standard input ends when this process does: nobody else has the other end of the pipe.
    let mut child = Command::new(own_binary("ferrolb-lab")?)
        .args(["guard", &process::id().to_string()])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(LabError::io("starting the guard"))?;
    *guard = child.stdin.take();
    Ok(())
}

/// Is that other process: waits for the end of standard input, then removes everything of the process `pid`.
///
/// # Errors
/// When something cannot be removed.
pub fn guard(pid: u32) -> Result<(), LabError> {
    let mut input = io::stdin().lock();
    input
        .read_to_end(&mut Vec::new())
        .map_err(LabError::io("waiting for the end of the lab"))?;
    remove_all(&format!("flb{pid}-"))?;
    remove_folders_of(pid)
}
