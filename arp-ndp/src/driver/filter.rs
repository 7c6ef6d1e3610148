//! Kernel filters in classic BPF, as data: only questions and claims wake the driver.
//!
//! A frame passes when it was sent to us, to everybody or to a group (not by us, nor to another station, nor to a VLAN
//! without an interface, which the kernel marks as another station's) and asks a question or says where an address is.
//! What it asks or says, and whether it is well-formed, is the responder's business: it counts what it drops.

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

/// Passes ARP requests and replies: both ask or claim, and no other operation does (RFC 5227 §2.4).
pub(super) const ARP: [Instruction; 9] = [
    load_octet(PACKET_TYPE),
    jump_if_greater(PACKET_MULTICAST, 6, 0),
    load_half(ETHER_TYPE),
    jump_if_equal(0x0806, 0, 4),
    load_half(ARP_OPERATION),
    jump_if_equal(1, 1, 0),
    jump_if_equal(2, 0, 1),
    accept(),
    reject(),
];

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
const LD_H_ABS: u16 = 0x28;
const LD_B_ABS: u16 = 0x30;
const JMP_JEQ_K: u16 = 0x15;
const JMP_JGT_K: u16 = 0x25;
const RET_K: u16 = 0x06;

/// Not in the frame: the kernel's `SKF_AD_OFF + SKF_AD_PKTTYPE`, whom the frame was for.
const PACKET_TYPE: u32 = 0xffff_f000 + 4;
/// Below it are "to us" and "to everybody", above it "to another station" and "by us" (`linux/if_packet.h`).
const PACKET_MULTICAST: u32 = 2;

const ETHER_TYPE: u32 = 12;
const ARP_OPERATION: u32 = 14 + 6;
const IPV6_NEXT_HEADER: u32 = 14 + 6;
const ICMPV6_TYPE: u32 = 14 + 40;

#[cfg(test)]
mod tests;
