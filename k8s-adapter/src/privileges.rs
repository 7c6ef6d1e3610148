//! Giving up what a process may do and does not need.

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// Gives up all capabilities but those `needed`, for good: neither this process nor a program that it starts gets them
/// back. Must be called before there are threads, since each has capabilities of its own.
///
/// Returns those needed that the process does not have.
///
/// # Errors
/// The system does not allow it.
pub fn keep_only(needed: CapabilitySet) -> Result<CapabilitySet, PrivilegesError> {
    set_no_new_privs(true)?;
    let held = capabilities(None)?.permitted;
    if held.contains(CapabilitySet::SETPCAP) {
        bound_to(needed)?;
    }
    // Older kernels have none to clear.
    match clear_ambient_capability_set() {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let kept = held.intersection(needed);
    set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(needed.difference(kept))
}

fn bound_to(needed: CapabilitySet) -> Result<(), Errno> {
    for bit in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        if needed.contains(capability) {
            continue;
        }
        match remove_capability_from_bounding_set(capability) {
            // The kernel knows of no more.
            Err(Errno::INVAL) => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

/// The system does not let privileges be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("privileges cannot be given up")]
pub struct PrivilegesError(#[from] Errno);
