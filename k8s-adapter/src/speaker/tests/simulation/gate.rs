//! Whether a process runs: its tasks stand still while it does not, as they do without processor time.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// Lets the tasks of a process run, or not.
#[derive(Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    is_shut: bool,
    /// Those who came while it was shut.
    waiting: Vec<Waker>,
}

impl Gate {
    /// From now on nothing runs.
    pub(super) fn shut(&self) {
        self.0.lock().unwrap().is_shut = true;
    }

    /// From now on everything runs, what has had reason to in the meantime at once.
    pub(super) fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.is_shut = false;
        state.waiting.drain(..).for_each(Waker::wake);
    }

    /// A task that runs while the gate is open.
    pub(super) fn keep<F: Future>(self: Arc<Self>, task: F) -> impl Future<Output = F::Output> {
        let mut task = Box::pin(task);
        poll_fn(move |context| {
            let mut state = self.0.lock().unwrap();
            if state.is_shut {
                state.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
            drop(state);
            task.as_mut().poll(context)
        })
    }
}
