//! The body of the fuzz target, which `cargo test` runs over the corpus. Not an interface.

use crate::packet::{ControlPacket, Flags};

/// Any payload is decoded without panic, and what is decoded is encoded to the octets that had a meaning.
pub fn bfd_packet(payload: &[u8]) {
    let Ok(packet) = ControlPacket::decode(payload) else {
        return;
    };
    let mut octets = Vec::new();
    match packet.encode(&mut octets) {
        // The only thing that may be received and not sent.
        Err(error) => assert!(packet.flags.contains(Flags::POLL | Flags::FINAL), "{error}"),
        Ok(()) => {
            assert_eq!(ControlPacket::decode(&octets).as_ref(), Ok(&packet));
            let same = payload
                .iter()
                .zip(&octets)
                .enumerate()
                .all(|(at, (a, b))| at == LENGTH || a == b);
            assert!(same, "{payload:02x?} became {octets:02x?}");
        }
    }
}

/// The offset of the length field, which shrinks when octets without a meaning are dropped.
const LENGTH: usize = 3;
