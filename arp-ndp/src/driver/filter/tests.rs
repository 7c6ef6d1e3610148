//! The filters, run by a small interpreter that does as the kernel does: a load past the end rejects.

use super::*;

/// What a frame was when it was received (`linux/if_packet.h`).
const TO_US: u32 = 0;
const TO_EVERYBODY: u32 = 1;
const TO_GROUP: u32 = 2;
const TO_ANOTHER: u32 = 3;
const BY_US: u32 = 4;

fn passes(program: &[Instruction], packet_type: u32, frame: &[u8]) -> bool {
    let load = |offset: u32, len: usize| -> Option<u32> {
        if offset == PACKET_TYPE {
            return Some(packet_type);
        }
        let octets = frame.get(offset as usize..offset as usize + len)?;
        Some(
            octets
                .iter()
                .fold(0, |value, octet| value << 8 | u32::from(*octet)),
        )
    };
    let mut accumulator = 0;
    let mut at = 0;
    loop {
        let op = program[at];
        at += 1;
        let jump = |holds| usize::from(if holds { op.jump_true } else { op.jump_false });
        match op.code {
            LD_B_ABS | LD_H_ABS => {
                match load(op.operand, if op.code == LD_B_ABS { 1 } else { 2 }) {
                    Some(value) => accumulator = value,
                    None => return false,
                }
            }
            JMP_JEQ_K => at += jump(accumulator == op.operand),
            JMP_JGT_K => at += jump(accumulator > op.operand),
            RET_K => return op.operand as usize >= frame.len(),
            code => panic!("unknown instruction {code:#04x}"),
        }
    }
}

fn arp(operation: u8) -> [u8; 42] {
    let mut frame = [0xa5; 42];
    frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation]);
    frame
}

fn icmpv6(message_type: u8) -> [u8; 86] {
    let mut frame = [0xa5; 86];
    frame[12..14].copy_from_slice(&[0x86, 0xdd]);
    frame[20] = 58;
    frame[54] = message_type;
    frame
}

#[test]
fn only_requests_and_replies_pass_the_arp_filter() {
    for operation in [1, 2] {
        assert!(passes(&ARP, TO_EVERYBODY, &arp(operation)));
        assert!(passes(&ARP, TO_US, &arp(operation)));
    }
    for operation in [0, 3, 8, 9, 255] {
        assert!(!passes(&ARP, TO_EVERYBODY, &arp(operation)), "{operation}");
    }
    assert!(!passes(&ARP, TO_EVERYBODY, &icmpv6(135)));
}

#[test]
fn only_solicitations_and_advertisements_pass_the_ndp_filter() {
    for message_type in [135, 136] {
        assert!(passes(&NEIGHBOR_DISCOVERY, TO_GROUP, &icmpv6(message_type)));
        assert!(passes(&NEIGHBOR_DISCOVERY, TO_US, &icmpv6(message_type)));
    }
    for message_type in [128, 133, 134, 137] {
        assert!(
            !passes(&NEIGHBOR_DISCOVERY, TO_GROUP, &icmpv6(message_type)),
            "{message_type}"
        );
    }
    let mut udp = icmpv6(135);
    udp[20] = 17;
    assert!(!passes(&NEIGHBOR_DISCOVERY, TO_GROUP, &udp));
    assert!(!passes(&NEIGHBOR_DISCOVERY, TO_GROUP, &arp(1)));
}

#[test]
fn frames_sent_by_us_or_to_another_station_do_not_pass() {
    for packet_type in [TO_ANOTHER, BY_US] {
        assert!(!passes(&ARP, packet_type, &arp(1)));
        assert!(!passes(&NEIGHBOR_DISCOVERY, packet_type, &icmpv6(135)));
    }
}

#[test]
fn a_frame_that_ends_before_what_decides_does_not_pass() {
    for len in 0..=21 {
        assert!(!passes(&ARP, TO_EVERYBODY, &arp(1)[..len]), "{len}");
    }
    for len in 0..=54 {
        assert!(
            !passes(&NEIGHBOR_DISCOVERY, TO_GROUP, &icmpv6(135)[..len]),
            "{len}"
        );
    }
}

/// The kernel refuses a program that may run past its end.
#[test]
fn every_jump_stays_within_its_program() {
    for program in [ARP.as_slice(), &NEIGHBOR_DISCOVERY] {
        for (at, op) in program.iter().enumerate() {
            assert!(
                at + 1 + usize::from(op.jump_true.max(op.jump_false)) < program.len()
                    || op.code == RET_K,
                "{at}"
            );
        }
    }
}
