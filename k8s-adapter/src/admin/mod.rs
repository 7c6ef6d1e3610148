//! What a process tells about itself over HTTP: metrics, whether it lives, whether it is ready.

mod flags;

pub use self::flags::AdminFlags;
