//! Where a lab keeps its files.

use std::env;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process;

use nix::unistd::Pid;
use tempfile::TempDir;

use crate::LabError;
use crate::process::is_gone;

/// What the names begin with; the process id follows.
const PREFIX: &str = "ferrolb-lab-";

/// Makes a folder for logs, sockets and configurations that is removed when dropped, and removes those of processes
/// that were killed. Others than its owner may look for files in it, as routing daemons that drop their rights have to.
///
/// # Errors
/// When there is no room for temporary files.
pub fn folder() -> Result<TempDir, LabError> {
    let failed = || LabError::io("making a temporary folder");
    remove_folders_where(is_gone)?;
    let prefix = format!("{PREFIX}{}-", process::id());
    let folder = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir()
        .map_err(failed())?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).map_err(failed())?;
    Ok(folder)
}

/// Makes the folder of a lab that is left standing, without what an earlier one has left there.
pub(crate) fn create_anew(folder: &Path) -> Result<(), LabError> {
    remove(folder)?;
    fs::create_dir(folder).map_err(LabError::io(format!("making {}", folder.display())))
}

/// Removes a folder with all that is in it, if there is one.
pub(crate) fn remove(folder: &Path) -> Result<(), LabError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LabError::io(format!(
            "removing {}",
            folder.display()
        ))(error)),
        _ => Ok(()),
    }
}

/// Removes the folders of one process.
///
/// # Errors
/// When the folder of temporary files cannot be read.
pub(crate) fn remove_folders_of(pid: u32) -> Result<(), LabError> {
    remove_folders_where(|owner| owner.as_raw() == pid.cast_signed())
}

fn remove_folders_where(is_meant: impl Fn(Pid) -> bool) -> Result<(), LabError> {
    let entries =
        fs::read_dir(env::temp_dir()).map_err(LabError::io("looking for temporary folders"))?;
    for entry in entries.flatten() {
        if entry
            .file_name()
            .to_str()
            .and_then(owner)
            .is_some_and(&is_meant)
        {
            // Another process may be doing the same; what it took is gone all the same.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// The process that a folder's name names.
fn owner(name: &str) -> Option<Pid> {
    let (pid, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    pid.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_process_that_is_gone_is_removed_and_that_of_a_live_one_kept() {
        let mut ended = process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let left = env::temp_dir().join(format!("{PREFIX}{}-left", ended.id()));
        fs::create_dir(&left).unwrap();
        let (first, second) = (folder().unwrap(), folder().unwrap());
        assert!(!left.exists());
        assert!(first.path().exists() && second.path().exists());
    }
}
