//! Where a lab keeps its files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use crate::LabError;

/// Makes a folder for logs, sockets and configurations that is removed when dropped. Others than its owner
/// may look for files in it, as routing daemons that drop their rights have to.
///
/// # Errors
/// When there is no room for temporary files.
pub fn folder() -> Result<TempDir, LabError> {
    let io = || LabError::io("making a temporary folder");
    let folder = tempfile::Builder::new()
        .prefix("ferrolb-lab-")
        .tempdir()
        .map_err(io())?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).map_err(io())?;
    Ok(folder)
}
