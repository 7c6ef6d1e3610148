//! The session machine under test: no socket, no clock, no thread.

mod collision;
mod establish;
mod notification;
mod rig;
mod state_event;
mod timers;
