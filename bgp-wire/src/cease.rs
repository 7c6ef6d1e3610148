//! The shutdown communication of a Cease (RFC 9003).

use crate::cursor::Cursor;
use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;

/// A text for the operator of the other side: UTF-8, at most 255 octets (RFC 9003 §2).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Length    |           Shutdown Communication (variable)   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShutdownCommunication(String);

impl ShutdownCommunication {
    /// The longest text, in octets.
    pub const MAX: usize = 255;

    /// Takes a text and cuts what is too long at the end of a character.
    #[must_use]
    pub fn truncated(text: &str) -> Self {
        let mut end = text.len().min(Self::MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self(text.get(..end).unwrap_or_default().to_owned())
    }

    /// Takes a text as it is.
    ///
    /// # Errors
    /// [`ShutdownCommunicationError::TooLong`] for more than 255 octets.
    pub fn try_new(text: &str) -> Result<Self, ShutdownCommunicationError> {
        if text.len() > Self::MAX {
            return Err(ShutdownCommunicationError::TooLong(text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the data of a Cease: nothing, or a length and so many octets of text.
    pub(crate) fn decode(data: &[u8]) -> Result<Option<Self>, ShutdownCommunicationError> {
        let mut cursor = Cursor::new(data, 0);
        let Some(len) = cursor.u8() else {
            return Ok(None);
        };
        let text = cursor
            .take(usize::from(len))
            .ok_or(ShutdownCommunicationError::CutOff)?;
        if text.is_empty() {
            return Ok(None);
        }
        let text = core::str::from_utf8(text).map_err(|_| ShutdownCommunicationError::NotUtf8)?;
        Ok(Some(Self(text.to_owned())))
    }

    pub(crate) fn octet_len(&self) -> u8 {
        debug_assert!(
            self.0.len() <= Self::MAX,
            "every constructor bounds the length"
        );
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }
}

impl Deref for ShutdownCommunication {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShutdownCommunication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why something is no shutdown communication. Never a reason to answer: the connection closes anyway (RFC 9003 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownCommunicationError {
    /// More than 255 octets.
    #[error("shutdown communication of {0} octets is longer than 255")]
    TooLong(usize),
    /// The length says more than there is.
    #[error("shutdown communication is cut off")]
    CutOff,
    /// The octets are no UTF-8.
    #[error("shutdown communication is not UTF-8")]
    NotUtf8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_the_end_of_a_character() {
        let text = "ü".repeat(200);
        let cut = ShutdownCommunication::truncated(&text);
        assert_eq!(cut.as_str(), "ü".repeat(127));
        assert_eq!(
            ShutdownCommunication::try_new(&text),
            Err(ShutdownCommunicationError::TooLong(400))
        );
        assert_eq!(
            ShutdownCommunication::truncated("maintenance").as_str(),
            "maintenance"
        );
    }

    #[test]
    fn octets_that_are_no_text_are_told_apart() {
        assert_eq!(ShutdownCommunication::decode(&[]), Ok(None));
        assert_eq!(ShutdownCommunication::decode(&[0]), Ok(None));
        assert_eq!(
            ShutdownCommunication::decode(&[2, b'a']),
            Err(ShutdownCommunicationError::CutOff)
        );
        assert_eq!(
            ShutdownCommunication::decode(&[1, 0xff]),
            Err(ShutdownCommunicationError::NotUtf8)
        );
        assert_eq!(
            ShutdownCommunication::decode(&[1, b'a', b'b'])
                .unwrap()
                .unwrap()
                .as_str(),
            "a"
        );
    }
}
