//! Waiting for something that another process or the kernel does: always with an end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::LabError;

/// How often [`until`] looks.
const INTERVAL: Duration = Duration::from_millis(10);

/// One for the process, as the signals that set it are.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Calls `look` every 10 ms until it returns something, for `timeout` at most.
///
/// # Errors
/// [`LabError::Timeout`] naming `what`; [`LabError::Interrupted`] after [`interrupt`]; whatever `look` fails with.
pub fn until<T>(
    what: &str,
    timeout: Duration,
    mut look: impl FnMut() -> Result<Option<T>, LabError>,
) -> Result<T, LabError> {
    let start = Instant::now();
    loop {
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(LabError::Interrupted);
        }
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() >= timeout {
            return Err(LabError::Timeout {
                what: what.to_owned(),
                after: timeout,
            });
        }
        thread::sleep(INTERVAL);
    }
}

/// Ends every present and later [`until`] of this process with [`LabError::Interrupted`], so that whatever
/// the lab holds is dropped, and thereby cleaned up, in order.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}
