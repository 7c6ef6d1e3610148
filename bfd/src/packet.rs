//! The control packet (RFC 5880 §4.1).

use std::num::NonZeroU8;

use bitflags::bitflags;

use crate::authentication::{AuthType, Authentication};
use crate::diagnostic::Diagnostic;
use crate::error::{DecodeError, EncodeError};
use crate::value::{Discriminator, Interval, State};

/// A BFD control packet.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       My Discriminator                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Your Discriminator                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Desired Min TX Interval                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   Required Min RX Interval                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Required Min Echo RX Interval                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Authentication Section, if A is set ...           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// What is decoded is encoded to the same octets, save octets of the payload after the packet or, inside it, after its
/// last section: they have no meaning and are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ControlPacket {
    /// Why the sender's session last changed its state.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// Poll, Final, Control Plane Independent and Demand. The bit for authentication follows from
    /// [`Self::authentication`]; the multipoint bit is never set.
    pub flags: Flags,
    /// How many packets may be lost before the session goes down.
    pub detect_mult: NonZeroU8,
    /// The sender's number of the session.
    pub my_discriminator: Discriminator,
    /// The receiver's number of the session; `None` (zero) while the sender does not know it.
    pub your_discriminator: Option<Discriminator>,
    /// The least time between packets that the sender would like to send.
    pub desired_min_tx_interval: Interval,
    /// The least time between packets that the sender can receive; zero: it wants none.
    pub required_min_rx_interval: Interval,
    /// The least time between echo packets that the sender can return; zero: it returns none.
    pub required_min_echo_rx_interval: Interval,
    /// The authentication section.
    pub authentication: Option<Authentication>,
}

bitflags! {
    /// The flags of a packet that its sender chooses, at their places in the second octet.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Flags: u8 {
        /// Poll (P): asks for a packet with Final, to confirm a change of parameters (RFC 5880 §6.5).
        const POLL = 0b0010_0000;
        /// Final (F): answers a packet with Poll.
        const FINAL = 0b0001_0000;
        /// Control Plane Independent (C): BFD goes on when the control plane of the sender restarts.
        const CONTROL_PLANE_INDEPENDENT = 0b0000_1000;
        /// Demand (D): the sender asks the receiver to send no periodic packets (§6.6).
        const DEMAND = 0b0000_0010;
    }
}

impl ControlPacket {
    /// A packet with no flags, no diagnostic and all intervals zero, of a sender that does not know the receiver's
    /// discriminator.
    #[must_use]
    pub const fn new(
        state: State,
        detect_mult: NonZeroU8,
        my_discriminator: Discriminator,
    ) -> Self {
        Self {
            diagnostic: Diagnostic::NONE,
            state,
            flags: Flags::empty(),
            detect_mult,
            my_discriminator,
            your_discriminator: None,
            desired_min_tx_interval: Interval::ZERO,
            required_min_rx_interval: Interval::ZERO,
            required_min_echo_rx_interval: Interval::ZERO,
            authentication: None,
        }
    }

    /// Reads the packet at the beginning of a payload, by the rules of RFC 5880 §6.8.6 that need no session, in their
    /// order.
    ///
    /// # Errors
    ///
    /// Why the packet must be discarded.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = payload;
        let mut word = || {
            take_word(&mut rest).ok_or(DecodeError::Truncated {
                payload: payload.len(),
            })
        };
        let [vers_diag, sta_flags, detect_mult, length] = word()?;
        let my_discriminator = Discriminator::try_new(u32::from_be_bytes(word()?));
        let your_discriminator = Discriminator::try_new(u32::from_be_bytes(word()?));
        let mut interval = || word().map(u32::from_be_bytes).map(Interval::from_micros);
        let (desired_min_tx_interval, required_min_rx_interval) = (interval()?, interval()?);
        let required_min_echo_rx_interval = interval()?;

        let version = vers_diag >> 5;
        if version != VERSION {
            return Err(DecodeError::Version { version });
        }
        let has_authentication = sta_flags & AUTHENTICATION_PRESENT != 0;
        let minimum = if has_authentication {
            MIN_LEN_AUTHENTICATED
        } else {
            MIN_LEN
        };
        if length < minimum {
            return Err(DecodeError::LengthTooSmall { length, minimum });
        }
        let sections = rest.get(..usize::from(length - MIN_LEN));
        let sections = sections.ok_or(DecodeError::LengthTooLarge {
            length,
            payload: payload.len(),
        })?;
        let detect_mult = NonZeroU8::new(detect_mult).ok_or(DecodeError::DetectMultZero)?;
        if sta_flags & MULTIPOINT != 0 {
            return Err(DecodeError::Multipoint);
        }
        let my_discriminator = my_discriminator.ok_or(DecodeError::MyDiscriminatorZero)?;
        let state = State::from_high_bits(sta_flags);
        if your_discriminator.is_none() && must_know_receiver(state) {
            return Err(DecodeError::YourDiscriminatorZero { state });
        }
        Ok(Self {
            diagnostic: Diagnostic::from_low_bits(vers_diag),
            state,
            flags: Flags::from_bits_truncate(sta_flags),
            detect_mult,
            my_discriminator,
            your_discriminator,
            desired_min_tx_interval,
            required_min_rx_interval,
            required_min_echo_rx_interval,
            authentication: has_authentication
                .then(|| decode_authentication(sections))
                .transpose()?,
        })
    }

    /// Appends the packet to `out`.
    ///
    /// # Errors
    ///
    /// The other end would have to discard it, or it breaks a rule for senders; `out` is then as before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.your_discriminator.is_none() && must_know_receiver(self.state) {
            return Err(EncodeError::YourDiscriminatorZero { state: self.state });
        }
        if self.flags.contains(Flags::POLL.union(Flags::FINAL)) {
            return Err(EncodeError::PollAndFinal);
        }
        let mut sta_flags = self.state.high_bits() | self.flags.bits();
        let mut length = MIN_LEN;
        if let Some(section) = &self.authentication {
            sta_flags |= AUTHENTICATION_PRESENT;
            length += section.auth_len();
        }
        out.extend([
            VERSION << 5 | self.diagnostic.code(),
            sta_flags,
            self.detect_mult.get(),
            length,
        ]);
        for word in [
            self.my_discriminator.get(),
            self.your_discriminator.map_or(0, Discriminator::get),
            self.desired_min_tx_interval.as_micros(),
            self.required_min_rx_interval.as_micros(),
            self.required_min_echo_rx_interval.as_micros(),
        ] {
            out.extend(word.to_be_bytes());
        }
        if let Some(section) = &self.authentication {
            out.extend([section.auth_type().code(), section.auth_len()]);
            out.extend(section.data());
        }
        Ok(())
    }
}

/// Whether a sender in this state has heard from the receiver and so knows its discriminator.
const fn must_know_receiver(state: State) -> bool {
    matches!(state, State::Init | State::Up)
}

fn decode_authentication(section: &[u8]) -> Result<Authentication, DecodeError> {
    let &[auth_type, auth_len, ref rest @ ..] = section else {
        return Err(DecodeError::AuthLen {
            auth_len: 0,
            available: section.len(),
        });
    };
    let error = DecodeError::AuthLen {
        auth_len,
        available: section.len(),
    };
    let data = usize::from(auth_len)
        .checked_sub(2)
        .and_then(|len| rest.get(..len))
        .ok_or(error)?;
    Authentication::try_new(AuthType::new(auth_type), data).map_err(|_| error)
}

fn take_word(octets: &mut &[u8]) -> Option<[u8; 4]> {
    let (word, rest) = octets.split_first_chunk()?;
    *octets = rest;
    Some(*word)
}

const VERSION: u8 = 1;
const AUTHENTICATION_PRESENT: u8 = 0b0000_0100;
const MULTIPOINT: u8 = 0b0000_0001;
/// The mandatory section.
const MIN_LEN: u8 = 24;
/// The mandatory section and the type and length of the authentication section.
const MIN_LEN_AUTHENTICATED: u8 = 26;
