//! Which of several replicas decides: the one that holds a Lease (`coordination.k8s.io/v1`).
//!
//! | part | what it is |
//! |---|---|
//! | [`Candidate`] | the machine: when to take, renew and give up the Lease |
//! | [`Elector`] | the driver: the machine over a Kubernetes API |
//! | [`Leadership`] | what the rest of the process sees |
//!
//! * The holder renews. Whoever has seen no change of the Lease for as long as it is granted may take it.
//! * No clock is compared with another machine's: all that counts is how long ago, by the own monotonic clock, a change
//!   was seen or a renewal was sent. The times in the Lease are for people.
//! * Every write names the version that it is based on, so that of two who take the Lease at once one is refused, and a
//!   stale view does no harm.
//! * While the API server is slow, the Lease is asked for longer, four times what an answer takes, up to 16 s. It says so
//!   itself, so that everybody waits for as long.
//! * A holder's leadership ends a margin before the earliest moment at which another may take the Lease, counted from when
//!   the renewal was *sent*, whether the process runs then or not.

mod driver;
mod leadership;
mod machine;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use self::driver::{Elector, LeaseName};
pub use self::leadership::{Leadership, Standing};
pub use self::machine::{Candidate, Input, Lease, Output, Timing, Write};
