//! What a speaker is told so that it finds the others and they believe it: what its DaemonSet would tell it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Host, LabError};

/// What the pods of all speakers have. Where there are no pods, they are members all the same.
const LABELS: &str = "app=metallb,component=speaker";

/// What the controller would make at random, in Base64 without padding: 32 octets.
const SECRET: &str = "bGF5ZXIgMiBvZiB0aGUgbGFiIGZhaWxzIG92ZXIuIC4";

/// Tells a speaker on a machine by the environment of its process. The Secret of the members is put into `folder`, as it
/// would be mounted.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn configure(command: &mut Command, host: &Host, folder: &Path) -> Result<(), LabError> {
    let folder = folder.join("memberlist");
    let file = folder.join("secretkey");
    // Once: another speaker may be reading it.
    if !file.exists() {
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, SECRET))
            .map_err(LabError::io("writing the Secret of the members"))?;
    }
    command
        .env("METALLB_ML_BIND_ADDR", host.ipv4.to_string())
        .env("METALLB_ML_LABELS", LABELS)
        .env("METALLB_ML_SECRET_KEY_PATH", folder);
    Ok(())
}
