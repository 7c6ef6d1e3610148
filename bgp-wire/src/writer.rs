//! The one way octets are written: appends to the caller's buffer, back-patches lengths, never truncates a value.

use crate::error::EncodeError;
use crate::header::{MARKER, MaxLen};
use crate::iana::MessageType;
use bytes::BytesMut;

/// Appends big-endian values to a buffer.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut BytesMut,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }

    /// Writes one message: header, then what `body` writes, then the length.
    ///
    /// After an error `out` holds what it held before.
    pub(crate) fn message(
        out: &mut BytesMut,
        message_type: MessageType,
        limit: MaxLen,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let written = write_message(out, message_type, limit, body);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    #[inline]
    pub(crate) fn u8(&mut self, value: u8) {
        self.out.extend_from_slice(&[value]);
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn slice(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// Where the next octet goes.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.out.len()
    }

    /// Writes what `body` writes, behind its length in one octet.
    pub(crate) fn length_u8(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let at = self.position();
        self.u8(0);
        body(self)?;
        let len = self.position().saturating_sub(at + 1);
        let len = u8::try_from(len).map_err(|_| EncodeError::FieldTooLong { len, max: 0xff })?;
        self.patch(at, &[len]);
        Ok(())
    }

    /// Writes what `body` writes, behind its length in two octets.
    pub(crate) fn length_u16(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let at = self.position();
        self.u16(0);
        body(self)?;
        let len = self.position().saturating_sub(at + 2);
        let len = u16::try_from(len).map_err(|_| EncodeError::FieldTooLong { len, max: 0xffff })?;
        self.patch(at, &len.to_be_bytes());
        Ok(())
    }

    /// Writes the first `len` octets.
    #[inline]
    pub(crate) fn prefix(&mut self, octets: &[u8], len: usize) {
        // A copy of fixed size and a cut take less time than a copy of just so many octets.
        let end = self.position() + len;
        self.out.extend_from_slice(octets);
        self.out.truncate(end);
    }

    /// Overwrites octets that were written before.
    fn patch(&mut self, at: usize, octets: &[u8]) {
        let target = self
            .out
            .get_mut(at..)
            .and_then(|tail| tail.get_mut(..octets.len()));
        debug_assert!(target.is_some(), "a patch lies within what was written");
        if let Some(target) = target {
            target.copy_from_slice(octets);
        }
    }
}

fn write_message(
    out: &mut BytesMut,
    message_type: MessageType,
    limit: MaxLen,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let mut writer = Writer::new(out);
    writer.slice(&MARKER);
    writer.u16(0);
    writer.u8(message_type.0);
    body(&mut writer)?;
    let len = writer.position().saturating_sub(start);
    let max = limit.for_type(message_type);
    match u16::try_from(len) {
        Ok(length) if length <= max => writer.patch(start + MARKER.len(), &length.to_be_bytes()),
        _ => {
            return Err(EncodeError::MessageTooLong {
                len,
                max: usize::from(max),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_patched_over_what_follows_it() {
        let mut out = BytesMut::from(&[0xa5][..]);
        let mut writer = Writer::new(&mut out);
        writer
            .length_u16(|w| {
                w.u8(1);
                w.length_u8(|w| {
                    w.u32(2);
                    Ok(())
                })
            })
            .unwrap();
        assert_eq!(&out[..], &[0xa5, 0, 6, 1, 4, 0, 0, 0, 2]);
    }

    #[test]
    fn a_field_that_is_too_long_for_its_length_is_an_error() {
        let mut out = BytesMut::new();
        let written = Writer::new(&mut out).length_u8(|w| {
            w.slice(&[0; 256]);
            Ok(())
        });
        assert_eq!(
            written,
            Err(EncodeError::FieldTooLong { len: 256, max: 255 })
        );
    }

    #[test]
    fn a_message_that_is_too_long_leaves_the_buffer_as_it_was() {
        let mut out = BytesMut::from(&[0xa5][..]);
        let written = Writer::message(&mut out, MessageType::UPDATE, MaxLen::Standard, |w| {
            w.slice(&[0; 4096 - 19 + 1]);
            Ok(())
        });
        assert_eq!(
            written,
            Err(EncodeError::MessageTooLong {
                len: 4097,
                max: 4096
            })
        );
        assert_eq!(&out[..], &[0xa5]);
    }
}
