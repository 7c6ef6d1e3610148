//! Addresses on the link that move from one node to another, and what a client sees of it. `make bench-failover` measures the
//! same more often; here the bounds are ten times as wide, for machines that compile meanwhile.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod harness;
mod split;
mod trials;
mod watch;
