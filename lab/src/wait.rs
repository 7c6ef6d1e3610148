//! Waiting for something that another process or the kernel does: always with an end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::LabError;

/// How often it is looked, for whatever is waited for and for an interruption.
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
        expect_no_interruption()?;
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

/// Does nothing for so long.
///
/// # Errors
/// [`LabError::Interrupted`] after [`interrupt`].
pub(crate) fn pause(duration: Duration) -> Result<(), LabError> {
    let start = Instant::now();
    loop {
        expect_no_interruption()?;
        let left = duration.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(INTERVAL));
    }
}

/// The next thing that another thread sends; `None` when nothing comes until `deadline`, or nobody sends any more.
///
/// # Errors
/// [`LabError::Interrupted`] after [`interrupt`].
pub(crate) fn receive<T>(news: &Receiver<T>, deadline: Instant) -> Result<Option<T>, LabError> {
    loop {
        expect_no_interruption()?;
        let left = deadline.saturating_duration_since(Instant::now());
        match news.recv_timeout(left.min(INTERVAL)) {
            Ok(news) => return Ok(Some(news)),
            Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
            Err(_) => return Ok(None),
        }
    }
}

/// Whether whoever does something step by step is to take the next step.
///
/// # Errors
/// [`LabError::Interrupted`] after [`interrupt`].
pub(crate) fn expect_no_interruption() -> Result<(), LabError> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        return Err(LabError::Interrupted);
    }
    Ok(())
}

/// Ends every present and later wait of this process, as [`until`], with [`LabError::Interrupted`], so that whatever the
/// lab holds is dropped, and thereby cleaned up, in order.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}
