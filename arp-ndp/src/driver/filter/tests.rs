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
            LD_B_ABS | LD_H_ABS | LD_W_ABS => {
                let len = match op.code {
                    LD_B_ABS => 1,
                    LD_H_ABS => 2,
                    _ => 4,
                };
                match load(op.operand, len) {
                    Some(value) => accumulator = value,
                    None => return false,
                }
            }
            JMP_JEQ_K => at += jump(accumulator == op.operand),
            JMP_JGE_K => at += jump(accumulator >= op.operand),
            JMP_JGT_K => at += jump(accumulator > op.operand),
            RET_K => return op.operand as usize >= frame.len(),
            code => panic!("unknown instruction {code:#04x}"),
        }
    }
}

/// A packet about an address in the middle of 203.0.113.0/24.
fn arp_packet(operation: u8) -> [u8; 42] {
    arp_about(operation, Ipv4Addr::new(198, 51, 100, 2), OURS)
}

fn arp_about(operation: u8, sender: Ipv4Addr, target: Ipv4Addr) -> [u8; 42] {
    let mut frame = [0xa5; 42];
    frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, operation]);
    frame[28..32].copy_from_slice(&sender.octets());
    frame[38..42].copy_from_slice(&target.octets());
    frame
}

fn arp_filter() -> Vec<Instruction> {
    arp(&ranges([OURS].into_iter()))
}

const OURS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 128);

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
        assert!(passes(&arp_filter(), TO_EVERYBODY, &arp_packet(operation)));
        assert!(passes(&arp_filter(), TO_US, &arp_packet(operation)));
    }
    let marked = [&arp_packet(1)[..], &[0xa5; 18]].concat();
    assert!(passes(&arp_filter(), TO_EVERYBODY, &marked));
    for operation in [0, 3, 8, 9, 255] {
        assert!(
            !passes(&arp_filter(), TO_EVERYBODY, &arp_packet(operation)),
            "{operation}"
        );
    }
    assert!(!passes(&arp_filter(), TO_EVERYBODY, &icmpv6(135)));
}

#[test]
fn arp_passes_if_its_target_or_its_sender_is_one_of_ours_and_with_few_addresses_only_then() {
    let ours = [1, 2, 3, 7, 200].map(|last| Ipv4Addr::new(203, 0, 113, last));
    let filter = arp(&ranges(ours.into_iter()));
    let elsewhere = Ipv4Addr::new(198, 51, 100, 2);
    for last in 0..=255 {
        let address = Ipv4Addr::new(203, 0, 113, last);
        let is_ours = ours.contains(&address);
        for operation in [1, 2] {
            let question = arp_about(operation, elsewhere, address);
            let claim = arp_about(operation, address, elsewhere);
            assert_eq!(
                passes(&filter, TO_EVERYBODY, &question),
                is_ours,
                "{address}"
            );
            assert_eq!(passes(&filter, TO_EVERYBODY, &claim), is_ours, "{address}");
        }
    }
    let nobody = arp(&ranges([].into_iter()));
    assert!(!passes(&nobody, TO_EVERYBODY, &arp_packet(1)));
}

#[test]
fn many_addresses_are_told_apart_where_they_are_furthest_apart() {
    let pool = |third| (10..20).map(move |last| Ipv4Addr::new(203, 0, third, 2 * last));
    let addresses: Vec<_> = (0..8)
        .flat_map(|pool_number| pool(10 * pool_number))
        .collect();
    let ranges = ranges(addresses.iter().copied());
    let expected: Vec<_> = (0..8)
        .map(|pool| [20, 38].map(|last| Ipv4Addr::new(203, 0, 10 * pool, last)))
        .map(|[low, high]| (low, high))
        .collect();
    assert_eq!(ranges, expected);
    let filter = arp(&ranges);
    for address in addresses {
        let question = arp_about(1, Ipv4Addr::UNSPECIFIED, address);
        assert!(passes(&filter, TO_EVERYBODY, &question), "{address}");
    }
}

#[test]
fn the_ends_of_the_address_space_are_in_range() {
    let ends = [Ipv4Addr::new(0, 0, 0, 1), Ipv4Addr::new(255, 255, 255, 254)];
    let filter = arp(&ranges(ends.into_iter()));
    for address in ends {
        let question = arp_about(1, Ipv4Addr::new(198, 51, 100, 2), address);
        assert!(passes(&filter, TO_EVERYBODY, &question), "{address}");
    }
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
    assert!(!passes(&NEIGHBOR_DISCOVERY, TO_GROUP, &arp_packet(1)));
}

#[test]
fn frames_sent_by_us_or_to_another_station_do_not_pass() {
    for packet_type in [TO_ANOTHER, BY_US] {
        assert!(!passes(&arp_filter(), packet_type, &arp_packet(1)));
        assert!(!passes(&NEIGHBOR_DISCOVERY, packet_type, &icmpv6(135)));
    }
}

#[test]
fn a_frame_that_ends_before_what_decides_does_not_pass() {
    for len in 0..=41 {
        assert!(
            !passes(&arp_filter(), TO_EVERYBODY, &arp_packet(1)[..len]),
            "{len}"
        );
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
    let many = (0..1000).map(|number| Ipv4Addr::from_bits(number * number));
    for program in [arp(&[]), arp(&ranges(many)), NEIGHBOR_DISCOVERY.to_vec()] {
        for (at, op) in program.iter().enumerate() {
            assert!(
                at + 1 + usize::from(op.jump_true.max(op.jump_false)) < program.len()
                    || op.code == RET_K,
                "{at}"
            );
        }
    }
}
