//! Code, subcode and data of every NOTIFICATION that a faulty message leads to (RFC 4271 §6.1 to §6.3), in the order of
//! the UNH-IOL BGP operations test suite.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use bgp_wire::iana::{HeaderSubcode, OpenSubcode, UpdateSubcode};
use bgp_wire::{
    AfiSafi, Asn, Capability, ErrorCode, HoldTime, HoldTimeFloor, MessageRef, Negotiated,
    Notification, Open, OpenRequirements, PeerAs, PeerKind, RouteRefreshKind, SessionContext,
};

fn message(message_type: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).unwrap();
    [
        &[0xff; 16][..],
        &length.to_be_bytes(),
        &[message_type],
        body,
    ]
    .concat()
}

/// What is sent for a message that cannot be taken.
fn answer(message: &[u8], cx: &SessionContext) -> Notification {
    let error = match MessageRef::decode(message, cx) {
        Ok(MessageRef::Update(update)) => match update.validate(cx) {
            Ok(validated) => validated.findings().worst().expect("a fault").error,
            Err(error) => error,
        },
        Ok(other) => panic!("{other:?} is in order"),
        Err(error) => error,
    };
    error.notification(message)
}

fn ebgp() -> SessionContext {
    SessionContext::new(PeerKind::Ebgp)
}

fn expect(message: &[u8], code: ErrorCode, subcode: u8, data: &[u8]) {
    let answer = answer(message, &ebgp());
    assert_eq!(
        (answer.code, answer.subcode, &answer.data[..]),
        (code, subcode, data),
        "{answer}"
    );
}

#[test]
fn header_errors() {
    let expect = |message: &[u8], subcode: HeaderSubcode, data: &[u8]| {
        expect(message, ErrorCode::MESSAGE_HEADER, subcode.0, data);
    };
    let mut marker = message(4, &[]);
    marker[7] = 0;
    expect(&marker, HeaderSubcode::CONNECTION_NOT_SYNCHRONIZED, &[]);

    for (message_type, length) in [
        (4, 18_u16),
        (4, 20),
        (1, 28),
        (2, 22),
        (3, 20),
        (2, 4097),
        (1, 4097),
    ] {
        let mut octets = message(message_type, &[]);
        octets[16..18].copy_from_slice(&length.to_be_bytes());
        expect(
            &octets,
            HeaderSubcode::BAD_MESSAGE_LENGTH,
            &length.to_be_bytes(),
        );
    }
    expect(&message(0, &[]), HeaderSubcode::BAD_MESSAGE_TYPE, &[0]);
    expect(&message(6, &[1, 2]), HeaderSubcode::BAD_MESSAGE_TYPE, &[6]);
}

/// The body of an OPEN: version, AS, hold time, identifier, parameters.
fn open(
    version: u8,
    my_as: u16,
    hold_time: u16,
    identifier: [u8; 4],
    parameters: &[u8],
) -> Vec<u8> {
    let body = [
        &[version][..],
        &my_as.to_be_bytes(),
        &hold_time.to_be_bytes(),
        &identifier,
        &[u8::try_from(parameters.len()).unwrap()],
        parameters,
    ];
    message(1, &body.concat())
}

#[test]
fn open_errors() {
    let expect = |message: &[u8], subcode: OpenSubcode, data: &[u8]| {
        expect(message, ErrorCode::OPEN_MESSAGE, subcode.0, data);
    };
    let id = [192, 0, 2, 1];
    // The data is the largest version that we take.
    expect(
        &open(3, 65001, 90, id, &[]),
        OpenSubcode::UNSUPPORTED_VERSION_NUMBER,
        &[0, 4],
    );
    expect(
        &open(5, 65001, 90, id, &[]),
        OpenSubcode::UNSUPPORTED_VERSION_NUMBER,
        &[0, 4],
    );
    // RFC 7607 §2
    expect(&open(4, 0, 90, id, &[]), OpenSubcode::BAD_PEER_AS, &[]);
    expect(
        &open(4, 23456, 90, id, &[2, 6, 65, 4, 0, 0, 0, 0]),
        OpenSubcode::BAD_PEER_AS,
        &[],
    );
    // RFC 6286 §2.2
    expect(
        &open(4, 65001, 90, [0; 4], &[]),
        OpenSubcode::BAD_BGP_IDENTIFIER,
        &[],
    );
    expect(
        &open(4, 65001, 1, id, &[]),
        OpenSubcode::UNACCEPTABLE_HOLD_TIME,
        &[],
    );
    expect(
        &open(4, 65001, 2, id, &[]),
        OpenSubcode::UNACCEPTABLE_HOLD_TIME,
        &[],
    );
    // Type 1 was authentication, which RFC 4271 has deprecated.
    expect(
        &open(4, 65001, 90, id, &[1, 1, 0]),
        OpenSubcode::UNSUPPORTED_OPTIONAL_PARAMETER,
        &[],
    );
    let malformed: [&[u8]; 6] = [
        &[2],                    // a parameter without length
        &[2, 3, 1, 4],           // a parameter that runs over
        &[2, 2, 65, 4],          // a capability that runs over
        &[2, 5, 65, 3, 0, 0, 0], // an AS number of three octets
        &[2, 4, 1, 2, 0, 1],     // a family of two octets
        &[2, 3, 64, 1, 0],       // graceful restart of one octet
    ];
    for parameters in malformed {
        expect(
            &open(4, 65001, 90, id, parameters),
            OpenSubcode::UNSPECIFIC,
            &[],
        );
    }
    // RFC 9072 §2: the extended length says more than there is; and octets behind the parameters.
    let mut extended = open(4, 65001, 90, id, &[255, 0, 3, 2, 0, 2]);
    expect(&extended, OpenSubcode::UNSPECIFIC, &[]);
    extended = message(1, &[4, 0xfd, 0xe9, 0, 90, 192, 0, 2, 1, 0, 0]);
    expect(&extended, OpenSubcode::UNSPECIFIC, &[]);
}

#[test]
fn an_open_that_is_in_order_but_not_for_us() {
    let local = Open::new(Asn(65000), HoldTime::DEFAULT, "192.0.2.1".parse().unwrap());
    let remote = |asn, id: &str| Open::new(Asn(asn), HoldTime::MIN, id.parse().unwrap());
    let refusal = |remote: &Open, requirements: &OpenRequirements| {
        let refused = Negotiated::with_requirements(&local, remote, requirements)
            .unwrap_err()
            .notification();
        assert_eq!(refused.code, ErrorCode::OPEN_MESSAGE);
        (OpenSubcode(refused.subcode), refused.data.to_vec())
    };
    let none = OpenRequirements::default();
    let mut requirements = OpenRequirements::default();

    for peer_as in [PeerAs::Exactly(Asn(65002)), PeerAs::Internal] {
        requirements.peer_as = peer_as;
        assert_eq!(
            refusal(&remote(65001, "192.0.2.2"), &requirements),
            (OpenSubcode::BAD_PEER_AS, vec![])
        );
    }
    requirements.peer_as = PeerAs::External;
    assert_eq!(
        refusal(&remote(65000, "192.0.2.2"), &requirements),
        (OpenSubcode::BAD_PEER_AS, vec![])
    );
    // RFC 6793 §4.1: the two AS numbers of one OPEN must agree.
    let mut two_minds = remote(65001, "192.0.2.2");
    two_minds.my_autonomous_system = 65002;
    assert_eq!(
        refusal(&two_minds, &none),
        (OpenSubcode::BAD_PEER_AS, vec![])
    );
    // RFC 6286 §2.2: our identifier within our AS; in another AS it is no matter.
    assert_eq!(
        refusal(&remote(65000, "192.0.2.1"), &none),
        (OpenSubcode::BAD_BGP_IDENTIFIER, vec![])
    );
    assert!(Negotiated::from_opens(&local, &remote(65001, "192.0.2.1")).is_ok());

    let mut requirements = OpenRequirements::default();
    requirements.min_hold_time = HoldTimeFloor::AtLeast(HoldTime::DEFAULT);
    assert_eq!(
        refusal(&remote(65001, "192.0.2.2"), &requirements),
        (OpenSubcode::UNACCEPTABLE_HOLD_TIME, vec![])
    );
    let mut never = remote(65001, "192.0.2.2");
    never.hold_time = HoldTime::ZERO;
    assert!(Negotiated::with_requirements(&local, &never, &requirements).is_ok());

    // RFC 5492 §5: the data is the capability that is missing.
    let mut requirements = OpenRequirements::default();
    requirements.families.insert(AfiSafi::IPV6_UNICAST);
    let without = remote(65001, "192.0.2.2").with_capability(Capability::RouteRefresh);
    let expected = (OpenSubcode::UNSUPPORTED_CAPABILITY, vec![1, 4, 0, 2, 0, 1]);
    assert_eq!(refusal(&without, &requirements), expected);
}

/// The body of an UPDATE with a prefix.
fn update(attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    message(
        2,
        &[&[0, 0], &length[..], attributes, &[24, 203, 0, 113]].concat(),
    )
}

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];

#[test]
fn update_errors() {
    let expect = |message: &[u8], subcode: UpdateSubcode, data: &[u8]| {
        expect(message, ErrorCode::UPDATE_MESSAGE, subcode.0, data);
    };
    // The lengths of the sections do not add up.
    expect(
        &message(2, &[0, 1, 0, 0]),
        UpdateSubcode::MALFORMED_ATTRIBUTE_LIST,
        &[],
    );
    expect(
        &message(2, &[0, 0, 0, 1]),
        UpdateSubcode::MALFORMED_ATTRIBUTE_LIST,
        &[],
    );
    // Everything below: the data is the attribute, or the type that is missing.
    let mut whole = [ORIGIN, AS_PATH, NEXT_HOP];
    let mut one = |position: usize, attribute: &'static [u8]| {
        let right = std::mem::replace(&mut whole[position], attribute);
        let octets = update(&whole.concat());
        whole[position] = right;
        octets
    };
    expect(
        &one(0, &[]),
        UpdateSubcode::MISSING_WELL_KNOWN_ATTRIBUTE,
        &[1],
    );
    expect(
        &one(1, &[]),
        UpdateSubcode::MISSING_WELL_KNOWN_ATTRIBUTE,
        &[2],
    );
    expect(
        &one(2, &[]),
        UpdateSubcode::MISSING_WELL_KNOWN_ATTRIBUTE,
        &[3],
    );
    expect(
        &one(0, &[0xc0, 1, 1, 0]),
        UpdateSubcode::ATTRIBUTE_FLAGS,
        &[0xc0, 1, 1, 0],
    );
    expect(
        &one(0, &[0x40, 1, 2, 0, 0]),
        UpdateSubcode::ATTRIBUTE_LENGTH,
        &[0x40, 1, 2, 0, 0],
    );
    expect(
        &one(0, &[0x40, 1, 1, 3]),
        UpdateSubcode::INVALID_ORIGIN,
        &[0x40, 1, 1, 3],
    );
    expect(
        &one(1, &[0x40, 2, 2, 2, 0]),
        UpdateSubcode::MALFORMED_AS_PATH,
        &[],
    );
    expect(
        &one(2, &[0x50, 3, 0, 4, 0, 0, 0, 0]),
        UpdateSubcode::INVALID_NEXT_HOP,
        &[0x50, 3, 0, 4, 0, 0, 0, 0],
    );
    let with = |attribute: &[u8]| update(&[ORIGIN, AS_PATH, NEXT_HOP, attribute].concat());
    expect(
        &with(&[0x40, 99, 1, 7]),
        UpdateSubcode::UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE,
        &[0x40, 99, 1, 7],
    );
    expect(
        &with(&[0x80, 14, 2, 0, 1]),
        UpdateSubcode::OPTIONAL_ATTRIBUTE,
        &[0x80, 14, 2, 0, 1],
    );
    expect(&with(ORIGIN), UpdateSubcode::MALFORMED_ATTRIBUTE_LIST, &[]);
    expect(
        &with(&[0xc0, 8, 9]),
        UpdateSubcode::MALFORMED_ATTRIBUTE_LIST,
        &[],
    );
    expect(
        &message(2, &[0, 2, 33, 1, 0, 0]),
        UpdateSubcode::INVALID_NETWORK_FIELD,
        &[],
    );
}

#[test]
fn the_data_is_cut_where_the_notification_would_grow_too_long() {
    let mut cx = ebgp();
    cx.receive.max_len = bgp_wire::MaxLen::Extended;
    let attribute = [&[0x50, 99, 0x20, 0][..], &[7; 0x2000]].concat();
    let answer = answer(&update(&attribute), &cx);
    assert_eq!(answer.data.len(), 4096 - 21);
    let mut out = bytes::BytesMut::new();
    answer.encode(bgp_wire::MaxLen::Standard, &mut out).unwrap();
    assert_eq!(out.len(), 4096);
}

#[test]
fn route_refresh_errors() {
    // RFC 7313 §5: a speaker that knows it gets its code and the whole message, any other a wrong length.
    for body in [&[0, 1, 0][..], &[0, 1, 1, 1, 9]] {
        let octets = message(5, body);
        let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
        expect(
            &octets,
            ErrorCode::MESSAGE_HEADER,
            HeaderSubcode::BAD_MESSAGE_LENGTH.0,
            &length,
        );
        let mut cx = ebgp();
        cx.route_refresh = RouteRefreshKind::Enhanced;
        let answer = answer(&octets, &cx);
        assert_eq!(
            (answer.code, answer.subcode),
            (ErrorCode::ROUTE_REFRESH_MESSAGE, 1)
        );
        assert_eq!(&answer.data[..], octets);
    }
}
