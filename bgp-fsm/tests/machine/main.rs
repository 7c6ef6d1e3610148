//! The session machine under test: no socket, no clock, no thread.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test fails by panicking"
)]

mod collision;
mod copies;
mod establish;
mod model;
mod notification;
mod rib_out;
mod rig;
mod sim;
mod state_event;
mod timers;
