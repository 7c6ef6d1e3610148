//! Octet streams cut into messages.

mod hex;

use bgp_wire::{DecodeErrorKind, Framer, MaxLen, MessageHeader, MessageType};

fn header(length: u16, message_type: u8) -> Vec<u8> {
    [&[0xff; 16][..], &length.to_be_bytes(), &[message_type]].concat()
}

fn stream() -> Vec<u8> {
    hex::vectors()
        .into_iter()
        .flat_map(|(_, octets)| octets)
        .collect()
}

#[test]
fn messages_come_out_whole_whatever_the_pieces_they_arrive_in() {
    let stream = stream();
    for size in [1, 2, 7, 19, 20, 1000, stream.len()] {
        let mut framer = Framer::new();
        let mut messages = vec![];
        for piece in stream.chunks(size) {
            framer.push(piece);
            while let Some(message) = framer.next().unwrap() {
                messages.push(message);
            }
        }
        let expected: Vec<_> = hex::vectors()
            .into_iter()
            .map(|(_, octets)| octets)
            .collect();
        assert_eq!(messages, expected, "pieces of {size}");
        assert_eq!(framer.buffered(), 0);
    }
}

#[test]
fn an_incomplete_message_waits() {
    let mut framer = Framer::new();
    framer.push(&header(23, 2));
    assert_eq!(framer.next(), Ok(None));
    framer.push(&[0, 0, 0]);
    assert_eq!(framer.next(), Ok(None));
    assert_eq!(framer.buffered(), 22);
    framer.push(&[0]);
    assert_eq!(framer.next().unwrap().unwrap().len(), 23);
}

#[test]
fn an_error_stays() {
    let mut framer = Framer::new();
    framer.push(&header(18, 4));
    let error = framer.next().unwrap_err();
    assert_eq!(
        (error.kind, error.offset),
        (DecodeErrorKind::MessageLength(18), 16)
    );
    framer.push(&header(19, 4));
    assert_eq!(framer.next(), Err(error));
}

#[test]
fn the_limit_grows_for_all_messages_but_open_and_keepalive() {
    // RFC 8654 §4
    let mut framer = Framer::new();
    framer.set_max_len(MaxLen::Extended);
    framer.push(&header(4097, 2));
    assert_eq!(framer.next(), Ok(None));
    let refused = MessageHeader::peek(&header(4097, 1), MaxLen::Extended).unwrap_err();
    assert_eq!(refused.kind, DecodeErrorKind::MessageLength(4097));
    let standard = MessageHeader::peek(&header(4097, 2), MaxLen::Standard).unwrap_err();
    assert_eq!(standard.kind, DecodeErrorKind::MessageLength(4097));
}

#[test]
fn a_type_that_nobody_knows_is_framed_like_any_other() {
    let peeked = MessageHeader::peek(&header(19, 6), MaxLen::Standard)
        .unwrap()
        .unwrap();
    assert_eq!(peeked.message_type, MessageType(6));
}
