//! Bidirectional Forwarding Detection (RFC 5880): the control packet.
//!
//! [`ControlPacket`] is the packet of RFC 5880 §4.1 with its authentication section (§4.2–4.4), from and to octets.
//! [`ControlPacket::decode`] applies every rule of §6.8.6 that needs no session, so that what it returns may be given to
//! the session that the packet belongs to.
//!
//! The session itself (state machine, timers, authentication) and the UDP driver (RFC 5881, RFC 5883) are **not** here
//! yet.
//!
//! ```
//! use bfd::{ControlPacket, Discriminator, Interval, State};
//! use std::num::NonZeroU8;
//!
//! let detect_mult = NonZeroU8::new(3).ok_or("zero")?;
//! let mut packet = ControlPacket::new(State::Down, detect_mult, Discriminator::try_new(7).ok_or("zero")?);
//! packet.desired_min_tx_interval = Interval::from_micros(300_000);
//! let mut octets = Vec::new();
//! packet.encode(&mut octets)?;
//! assert_eq!(ControlPacket::decode(&octets)?, packet);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod authentication;
mod diagnostic;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod packet;
mod value;

pub use authentication::{AuthType, Authentication, AuthenticationTooLong};
pub use diagnostic::Diagnostic;
pub use error::{DecodeError, EncodeError};
pub use packet::{ControlPacket, Flags};
pub use value::{Discriminator, Interval, IntervalTooLong, State};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
