//! What a process tells about itself over HTTP: metrics, whether it lives, whether it is ready.

mod flags;
mod readiness;

pub use self::flags::AdminFlags;
pub use self::readiness::Readiness;
