//! Kernel filters in classic BPF, as data: only questions about our addresses, and claims to them, wake the driver.
//!
//! A frame passes when it was sent to us, to everybody or to a group (not by us, nor to another station, nor to a VLAN
//! without an interface, which the kernel marks as another station's) and asks a question or says where an address is.
//! ARP is for everybody on the link, so it has to be about an address near ours, too; Neighbor Discovery comes to the
//! groups of our addresses. What is well-formed is the responder's business: it counts what it drops.

use std::net::Ipv4Addr;

/// One instruction: `struct sock_filter` of the kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instruction {
    pub(super) code: u16,
    /// How many instructions to skip when the comparison holds.
    pub(super) jump_true: u8,
    /// How many instructions to skip when it does not.
    pub(super) jump_false: u8,
    pub(super) operand: u32,
}

/// A span of IPv4 addresses, both ends included.
pub(super) type Range = (Ipv4Addr, Ipv4Addr);

/// The addresses, which come in order, in few ranges: those that are furthest apart are told apart.
pub(super) fn ranges(addresses: impl Iterator<Item = Ipv4Addr>) -> Vec<Range> {
    let addresses: Vec<_> = addresses.collect();
    let mut gaps: Vec<_> = addresses
        .iter()
        .zip(addresses.iter().skip(1))
        .filter(|(low, high)| high.to_bits() - low.to_bits() > 1)
        .collect();
    gaps.sort_by_key(|(low, high)| std::cmp::Reverse(high.to_bits() - low.to_bits()));
    gaps.truncate(MOST_RANGES - 1);
    gaps.sort_unstable();
    let starts = addresses
        .first()
        .into_iter()
        .chain(gaps.iter().map(|(_, high)| *high));
    let ends = gaps.iter().map(|(low, _)| *low).chain(addresses.last());
    starts.copied().zip(ends.copied()).collect()
}

/// Passes ARP requests and replies, which ask or claim as no other operation does (RFC 5227 §2.4), if their target or
/// their sender is within one of the ranges, of which there are as few as [`ranges`] makes.
pub(super) fn arp(ranges: &[Range]) -> Vec<Instruction> {
    let len = ARP_HEAD + 2 * (1 + 2 * ranges.len()) + 2;
    let (reject_at, accept_at) = (len - 2, len - 1);
    // No program is so long that a jump would not fit.
    let skip = |from: usize, to: usize| u8::try_from(to - from - 1).unwrap_or(u8::MAX);
    let mut program = vec![
        load_octet(PACKET_TYPE),
        jump_if_greater(PACKET_MULTICAST, skip(1, reject_at), 0),
        load_half(ETHER_TYPE),
        jump_if_equal(0x0806, 0, skip(3, reject_at)),
        load_half(ARP_OPERATION),
        jump_if_equal(1, 1, 0),
        jump_if_equal(2, 0, skip(6, reject_at)),
    ];
    for field in [ARP_TARGET, ARP_SENDER] {
        program.push(load_word(field));
        for (low, high) in ranges {
            program.push(jump_if_at_least(low.to_bits(), 0, 1));
            let to_accept = skip(program.len(), accept_at);
            program.push(jump_if_greater(high.to_bits(), 0, to_accept));
        }
    }
    program.extend([reject(), accept()]);
    program
}

/// Passes neighbor solicitations and advertisements (ICMPv6 types 135 and 136 right behind the IPv6 header).
pub(super) const NEIGHBOR_DISCOVERY: [Instruction; 11] = [
    load_octet(PACKET_TYPE),
    jump_if_greater(PACKET_MULTICAST, 8, 0),
    load_half(ETHER_TYPE),
    jump_if_equal(0x86dd, 0, 6),
    load_octet(IPV6_NEXT_HEADER),
    jump_if_equal(58, 0, 4),
    load_octet(ICMPV6_TYPE),
    jump_if_equal(135, 1, 0),
    jump_if_equal(136, 0, 1),
    accept(),
    reject(),
];

const fn load_word(offset: u32) -> Instruction {
    Instruction {
        code: LD_W_ABS,
        jump_true: 0,
        jump_false: 0,
        operand: offset,
    }
}

const fn load_octet(offset: u32) -> Instruction {
    Instruction {
        code: LD_B_ABS,
        jump_true: 0,
        jump_false: 0,
        operand: offset,
    }
}

const fn load_half(offset: u32) -> Instruction {
    Instruction {
        code: LD_H_ABS,
        jump_true: 0,
        jump_false: 0,
        operand: offset,
    }
}

const fn jump_if_equal(operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction {
        code: JMP_JEQ_K,
        jump_true,
        jump_false,
        operand,
    }
}

const fn jump_if_greater(operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction {
        code: JMP_JGT_K,
        jump_true,
        jump_false,
        operand,
    }
}

const fn jump_if_at_least(operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction {
        code: JMP_JGE_K,
        jump_true,
        jump_false,
        operand,
    }
}

/// Returns how many octets of the frame to hand over: more than any frame has.
const fn accept() -> Instruction {
    Instruction {
        code: RET_K,
        jump_true: 0,
        jump_false: 0,
        operand: u32::MAX,
    }
}

const fn reject() -> Instruction {
    Instruction {
        code: RET_K,
        jump_true: 0,
        jump_false: 0,
        operand: 0,
    }
}

// The few operations used, from `linux/bpf_common.h`: class, size and mode, or class and comparison.
const LD_W_ABS: u16 = 0x20;
const LD_H_ABS: u16 = 0x28;
const LD_B_ABS: u16 = 0x30;
const JMP_JEQ_K: u16 = 0x15;
const JMP_JGT_K: u16 = 0x25;
const JMP_JGE_K: u16 = 0x35;
const RET_K: u16 = 0x06;

/// Not in the frame: the kernel's `SKF_AD_OFF + SKF_AD_PKTTYPE`, whom the frame was for.
const PACKET_TYPE: u32 = 0xffff_f000 + 4;
/// Below it are "to us" and "to everybody", above it "to another station" and "by us" (`linux/if_packet.h`).
const PACKET_MULTICAST: u32 = 2;

const ETHER_TYPE: u32 = 12;
const ARP_OPERATION: u32 = 14 + 6;
const ARP_SENDER: u32 = 14 + 14;
const ARP_TARGET: u32 = 14 + 24;
const IPV6_NEXT_HEADER: u32 = 14 + 6;
const ICMPV6_TYPE: u32 = 14 + 40;

/// How many instructions of the filter for ARP come before the ranges.
const ARP_HEAD: usize = 7;
/// More than pools of addresses mostly are, and few enough to be passed in no time.
const MOST_RANGES: usize = 8;

#[cfg(test)]
mod tests;
