//! The stage that the tests share, one after the other.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use lab::failover::Stage;
use lab::{Contender, LabError, requires, start_guard};

/// The stage; `None` where a program is missing. The first that asks for it starts it. Since nothing drops it, a guard ends
/// it after the process.
pub(crate) fn stage() -> Option<MutexGuard<'static, Stage>> {
    static STAGE: OnceLock<Result<Mutex<Stage>, String>> = OnceLock::new();
    if !requires(&Stage::requirements()) {
        return None;
    }
    match STAGE.get_or_init(|| start().map_err(|error| format!("{error:?}"))) {
        Ok(stage) => Some(stage.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(error) => panic!("no stage: {error}"),
    }
}

fn start() -> Result<Mutex<Stage>, LabError> {
    start_guard()?;
    Stage::build(Contender::FerroLb).map(Mutex::new)
}
