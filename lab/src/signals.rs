//! Ctrl-C and friends end a lab in order.

use std::io;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::interrupt;

/// Lets SIGINT and SIGTERM end every wait of this process from now on; see [`interrupt`].
///
/// # Errors
/// When the system does not let them be caught.
pub fn interrupt_on_signals() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut ctrl_c, mut terminate) = runtime.block_on(async {
        Ok::<_, io::Error>((
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ))
    })?;
    // Ends with the process; it holds nothing.
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = ctrl_c.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        interrupt();
    });
    Ok(())
}
