//! The stage that the tests share, one after the other.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use lab::failover::Stage;
use lab::{Contender, requires, start_guard};

/// Since nothing drops it, a guard ends it after the process.
static STAGE: Mutex<Option<Stage>> = Mutex::new(None);

/// The stage for one test alone, which leaves it as it was.
pub(crate) struct Alone(MutexGuard<'static, Option<Stage>>);

/// The stage; `None` where a program is missing. The first that asks for it starts it.
pub(crate) fn stage() -> Option<Alone> {
    if !requires(&Stage::requirements()) {
        return None;
    }
    start_guard().unwrap();
    let mut stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    if stage.is_none() {
        *stage = Some(Stage::build(Contender::FerroLb).unwrap());
    }
    Some(Alone(stage))
}

impl Deref for Alone {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        self.0.as_ref().unwrap()
    }
}

impl DerefMut for Alone {
    fn deref_mut(&mut self) -> &mut Stage {
        self.0.as_mut().unwrap()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // A test that fails leaves something broken: the next one has a new stage.
        if thread::panicking() {
            *self.0 = None;
        }
    }
}
