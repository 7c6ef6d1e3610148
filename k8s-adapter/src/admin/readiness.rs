//! Whether a process does its work, and if not, what it waits for.

use std::borrow::Cow;

/// What `/readyz` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The process does its work, or would at once if it had to.
    Ready,
    /// It does not yet, and this is why.
    Waiting(Cow<'static, str>),
}
