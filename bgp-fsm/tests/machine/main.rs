//! The session machine under test: no socket, no clock, no thread.

mod collision;
mod establish;
mod model;
mod notification;
mod rib_out;
mod rig;
mod sim;
mod state_event;
mod timers;
