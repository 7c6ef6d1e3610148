//! Addresses on the link that move from one node to another, and what a client sees of it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod watch;
