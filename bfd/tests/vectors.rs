//! Packets of BIRD 2.0.12 and FRR 8.4.4, captured on a veth pair, and every reason to discard one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test may panic"
)]

use std::num::NonZeroU8;
use std::time::Duration;

use bfd::{
    AuthType, Authentication, ControlPacket, DecodeError, Diagnostic, Discriminator, EncodeError,
    Flags, Interval, State,
};
use proptest::prelude::*;

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// What a vector decodes to, having been encoded to the same octets.
fn decoded(hex: &str) -> ControlPacket {
    let octets = octets(hex);
    let packet = ControlPacket::decode(&octets).unwrap();
    let mut encoded = vec![0xa5];
    packet.encode(&mut encoded).unwrap();
    assert_eq!(encoded[1..], octets);
    packet
}

fn discriminator(number: u32) -> Discriminator {
    Discriminator::try_new(number).unwrap()
}

const MULT: NonZeroU8 = NonZeroU8::new(3).unwrap();
const BIRD_INIT: &str = "20800318 fd9bb711 33efa4bc 000f4240 000493e0 00000000";

#[test]
fn bird_up_with_final() {
    let mut expected = ControlPacket::new(State::Up, MULT, discriminator(0xfd9b_b711));
    expected.flags = Flags::FINAL;
    expected.your_discriminator = Some(discriminator(0x33ef_a4bc));
    expected.desired_min_tx_interval = Interval::from_micros(300_000);
    expected.required_min_rx_interval = Interval::from_micros(300_000);
    assert_eq!(
        decoded("20d00318 fd9bb711 33efa4bc 000493e0 000493e0 00000000"),
        expected
    );
}

#[test]
fn bird_init_asks_for_its_slow_interval() {
    let packet = decoded(BIRD_INIT);
    assert_eq!((packet.state, packet.flags), (State::Init, Flags::empty()));
    assert_eq!(
        Duration::from(packet.desired_min_tx_interval),
        Duration::from_secs(1)
    );
}

#[test]
fn bird_up_with_a_simple_password() {
    let packet =
        decoded("20c40321 43a32068 493eb544 000493e0 000493e0 00000000 0109 01 736563726574");
    let section = packet.authentication.unwrap();
    assert_eq!(
        (section.auth_type(), section.data()),
        (AuthType::SIMPLE_PASSWORD, &b"\x01secret"[..])
    );
    assert!(
        !format!("{section:?}").contains("115"),
        "the password is not shown"
    );
}

#[test]
fn bird_up_with_poll_and_meticulous_keyed_sha1() {
    let packet = decoded(
        "20e40334 15f3818c 6cb27e53 000493e0 000493e0 00000000 \
         051c0100 399b2af5 416cb411 4299636d 13539779 5cf9c3a0 2002af94",
    );
    assert_eq!((packet.state, packet.flags), (State::Up, Flags::POLL));
    let section = packet.authentication.unwrap();
    assert_eq!(
        (section.auth_type(), section.data().len()),
        (AuthType::METICULOUS_KEYED_SHA1, 26)
    );
}

#[test]
fn frr_up_with_echo() {
    let packet = decoded("20c00318 4570c080 31d35243 000493e0 000493e0 0000c350");
    assert_eq!(packet.state, State::Up);
    assert_eq!(
        Duration::from(packet.required_min_echo_rx_interval),
        Duration::from_millis(50)
    );
}

#[test]
fn frr_shut_down_by_its_operator() {
    let packet = decoded("20000318 4570c080 31d35243 000493e0 000493e0 0000c350");
    assert_eq!(
        (packet.state, packet.diagnostic),
        (State::AdminDown, Diagnostic::NONE)
    );
}

/// The state and flags, length, detect mult and both discriminators of BIRD's packet replaced.
fn with(offset: usize, replacement: &[u8]) -> Vec<u8> {
    let mut octets = octets(BIRD_INIT);
    octets[offset..offset + replacement.len()].copy_from_slice(replacement);
    octets
}

/// RFC 5880 §6.8.6, the rules that need no session, each at the octet at fault.
#[test]
fn a_packet_that_must_be_discarded_is_refused_with_the_reason_and_the_offset() {
    use DecodeError::*;
    let authenticated = |section: &[u8]| {
        let mut octets = with(1, &[0x84, 3, 24 + u8::try_from(section.len()).unwrap()]);
        octets.extend(section);
        octets
    };
    for (octets, expected, offset) in [
        (
            Vec::new(),
            "the payload has 0 octets, a packet has at least 24",
            0,
        ),
        (
            octets(BIRD_INIT)[..23].to_vec(),
            "the payload has 23 octets, a packet has at least 24",
            23,
        ),
        (with(0, &[0x00]), "version 0 is not 1", 0),
        (with(0, &[0x40]), "version 2 is not 1", 0),
        (with(3, &[23]), "length 23 is less than 24", 3),
        (with(1, &[0x84, 3, 25]), "length 25 is less than 26", 3),
        (
            with(3, &[25]),
            "length 25 is more than the 24 octets of the payload",
            3,
        ),
        (with(2, &[0]), "the detection time multiplier is zero", 2),
        (with(1, &[0x81]), "the multipoint bit is set", 1),
        (with(4, &[0; 4]), "my discriminator is zero", 4),
        (
            with(8, &[0; 4]),
            "your discriminator is zero in state Init",
            8,
        ),
        (
            authenticated(&[1, 1]),
            "authentication length 1 is not between 2 and 2",
            25,
        ),
        (
            authenticated(&[1, 4, 9]),
            "authentication length 4 is not between 2 and 3",
            25,
        ),
    ] {
        let error: DecodeError = ControlPacket::decode(&octets).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.offset()),
            (expected, offset)
        );
    }
    let refused = ControlPacket::decode(&with(0, &[0x60]));
    assert_eq!(refused, Err(Version { version: 3 }));
}

/// RFC 5880 §6.8.6: the receiver is not known yet in Down and AdminDown.
#[test]
fn a_zero_discriminator_is_accepted_from_one_who_has_heard_nothing() {
    for (sta, state) in [(0x00, State::AdminDown), (0x40, State::Down)] {
        let mut octets = with(8, &[0; 4]);
        octets[1] = sta;
        let packet = ControlPacket::decode(&octets).unwrap();
        assert_eq!((packet.state, packet.your_discriminator), (state, None));
    }
}

#[test]
fn octets_after_the_packet_and_after_its_last_section_are_dropped() {
    let plain = decoded(BIRD_INIT);
    let mut padded = with(3, &[26]);
    padded.extend([0xa5; 40]);
    assert_eq!(ControlPacket::decode(&padded), Ok(plain));
}

#[test]
fn what_the_other_end_would_have_to_discard_is_not_sent() {
    let mut out = vec![0xa5];
    let mut packet = ControlPacket::new(State::Up, MULT, discriminator(1));
    let expected = EncodeError::YourDiscriminatorZero { state: State::Up };
    assert_eq!(packet.encode(&mut out), Err(expected));
    packet.your_discriminator = Some(discriminator(2));
    packet.flags = Flags::POLL | Flags::FINAL;
    assert_eq!(packet.encode(&mut out), Err(EncodeError::PollAndFinal));
    assert_eq!(out, [0xa5]);
}

#[test]
fn an_authentication_section_is_limited_by_the_length_field() {
    let longest = Authentication::try_new(AuthType::new(200), vec![7; 229]).unwrap();
    let mut packet = ControlPacket::new(State::Down, MULT, discriminator(1));
    packet.authentication = Some(longest);
    let mut out = Vec::new();
    packet.encode(&mut out).unwrap();
    assert_eq!((out.len(), out[3], out[25]), (255, 255, 231));
    assert_eq!(ControlPacket::decode(&out), Ok(packet));
    assert!(Authentication::try_new(AuthType::new(200), vec![7; 230]).is_err());
}

#[test]
fn intervals_have_whole_microseconds_and_32_bits() {
    let most = Duration::from_micros(u64::from(u32::MAX));
    assert_eq!(
        Interval::try_from(most),
        Ok(Interval::from_micros(u32::MAX))
    );
    assert!(Interval::try_from(most + Duration::from_micros(1)).is_err());
    assert_eq!(
        Interval::try_from(Duration::from_nanos(1_999)),
        Ok(Interval::from_micros(1))
    );
    assert_eq!(Interval::from_micros(300_000).to_string(), "300ms");
}

fn packet() -> impl Strategy<Value = ControlPacket> {
    let state = prop::sample::select(vec![State::AdminDown, State::Down, State::Init, State::Up]);
    let flags = (any::<u8>(), any::<bool>()).prop_map(|(bits, poll)| {
        Flags::from_bits_truncate(bits) - if poll { Flags::FINAL } else { Flags::POLL }
    });
    let section = prop::option::of((any::<u8>(), prop::collection::vec(any::<u8>(), 0..=229)));
    let values = (
        0..32_u8,
        1..=u8::MAX,
        1..=u32::MAX,
        any::<u32>(),
        any::<[u32; 3]>(),
    );
    (state, flags, section, values).prop_map(|(state, flags, section, values)| {
        let (diagnostic, detect_mult, my, your, [tx, rx, echo_rx]) = values;
        let mut packet = ControlPacket::new(
            state,
            NonZeroU8::new(detect_mult).unwrap(),
            discriminator(my),
        );
        packet.diagnostic = Diagnostic::try_new(diagnostic).unwrap();
        packet.flags = flags;
        packet.your_discriminator = match state {
            State::AdminDown | State::Down => Discriminator::try_new(your),
            State::Init | State::Up => Some(discriminator(your.max(1))),
        };
        packet.desired_min_tx_interval = Interval::from_micros(tx);
        packet.required_min_rx_interval = Interval::from_micros(rx);
        packet.required_min_echo_rx_interval = Interval::from_micros(echo_rx);
        packet.authentication =
            section.map(|(code, data)| Authentication::try_new(AuthType::new(code), data).unwrap());
        packet
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(packet in packet()) {
        let mut octets = Vec::new();
        packet.encode(&mut octets).unwrap();
        prop_assert_eq!(usize::from(octets[3]), octets.len());
        prop_assert_eq!(ControlPacket::decode(&octets), Ok(packet));
    }
}
