//! The table of RFC 7606: each attribute × each malformation × each kind of peer, with the action and its clause.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bgp_wire::{
    AfiSafi, AsnWidth, AttrCode, DecodeError, DecodeErrorKind, ErrorAction, Frame, Ipv4Unicast,
    MaxLen, PeerKind, SessionContext, UpdateRef, Validated,
};

const WELL_KNOWN: u8 = 0x40;
const OPTIONAL: u8 = 0x80;
const OPTIONAL_TRANSITIVE: u8 = 0xc0;

const ALL: &[PeerKind] = &[
    PeerKind::Ebgp,
    PeerKind::Ibgp,
    PeerKind::Confederation,
    PeerKind::OneAdministrativeDomain,
];
const OUTSIDE: &[PeerKind] = &[PeerKind::Ebgp, PeerKind::OneAdministrativeDomain];
const INSIDE: &[PeerKind] = &[PeerKind::Ibgp, PeerKind::Confederation];

/// Clause, attribute, peers, outcome.
type Row<'a> = (&'a str, Attribute<'a>, &'a [PeerKind], Outcome);

/// What becomes of the UPDATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Clean,
    Discard,
    Withdraw,
    Disable(AfiSafi),
    Reset,
}
use Outcome::{Clean, Disable, Discard, Reset, Withdraw};

/// One attribute: flags, type, value.
type Attribute<'a> = (u8, u8, &'a [u8]);

const ORIGIN: Attribute<'static> = (WELL_KNOWN, 1, &[0]);
const AS_PATH: Attribute<'static> = (WELL_KNOWN, 2, &[2, 1, 0, 0, 0xfd, 0xe9]);
const NEXT_HOP: Attribute<'static> = (WELL_KNOWN, 3, &[192, 0, 2, 1]);
const PREFIX: &[u8] = &[24, 203, 0, 113];

fn message(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Vec<u8> {
    let mut message = vec![0xff; 16];
    let length = 23 + withdrawn.len() + attributes.len() + nlri.len();
    message.extend(u16::try_from(length).unwrap().to_be_bytes());
    message.push(2);
    for field in [withdrawn, attributes] {
        message.extend(u16::try_from(field.len()).unwrap().to_be_bytes());
        message.extend(field);
    }
    message.extend(nlri);
    message
}

fn list(attributes: &[Attribute<'_>]) -> Vec<u8> {
    let octets = attributes.iter().flat_map(|(flags, code, value)| {
        [&[*flags, *code, u8::try_from(value.len()).unwrap()], *value].concat()
    });
    octets.collect()
}

fn validate<'a>(message: &'a [u8], cx: &SessionContext) -> Result<Validated<'a>, DecodeError> {
    let (frame, _) = Frame::split(message, MaxLen::Standard).unwrap().unwrap();
    UpdateRef::decode(frame, cx)?.validate(cx)
}

fn outcome(message: &[u8], cx: &SessionContext) -> Outcome {
    match validate(message, cx) {
        Ok(Validated::Routes(routes)) if routes.findings().is_empty() => Clean,
        Ok(Validated::Routes(_)) => Discard,
        Ok(Validated::Withdraw(withdrawn)) => {
            let worst = withdrawn.findings().worst().unwrap();
            assert_eq!(worst.action, ErrorAction::TreatAsWithdraw);
            Withdraw
        }
        Ok(Validated::DisableFamily(family, _)) => Disable(family),
        Err(_) => Reset,
    }
}

/// A route that is in order but for one attribute, which stands in for the right one or is added.
fn with_attribute(attribute: Attribute<'_>) -> Vec<u8> {
    let mut attributes = vec![ORIGIN, AS_PATH, NEXT_HOP];
    attributes.retain(|(_, code, _)| *code != attribute.1);
    attributes.push(attribute);
    message(&[], &list(&attributes), PREFIX)
}

#[test]
fn every_attribute_has_its_rule() {
    // Clause, attribute, peers, outcome. AS numbers have four octets here.
    #[rustfmt::skip]
    let table: &[Row<'_>] = &[
        ("7.1 ORIGIN igp",               ORIGIN,                                   ALL, Clean),
        ("7.1 ORIGIN incomplete",        (WELL_KNOWN, 1, &[2]),                    ALL, Clean),
        ("7.1 undefined value",          (WELL_KNOWN, 1, &[3]),                    ALL, Withdraw),
        ("7.1 length 0",                 (WELL_KNOWN, 1, &[]),                     ALL, Withdraw),
        ("7.1 length 2",                 (WELL_KNOWN, 1, &[0, 0]),                 ALL, Withdraw),
        ("3c flags of ORIGIN",           (OPTIONAL_TRANSITIVE, 1, &[0]),           ALL, Withdraw),
        ("3c flags of ORIGIN",           (0x00, 1, &[0]),                          ALL, Withdraw),
        ("4271 4.3 partial is no matter", (0x60, 1, &[0]),                         ALL, Clean),
        ("4271 4.3 reserved bits",       (0x4f, 1, &[0]),                          ALL, Clean),

        ("7.2 empty path",               (WELL_KNOWN, 2, &[]),                     ALL, Clean),
        ("7.2 unknown segment type",     (WELL_KNOWN, 2, &[5, 1, 0, 0, 0, 1]),     ALL, Withdraw),
        ("7.2 segment overrun",          (WELL_KNOWN, 2, &[2, 2, 0, 0, 0, 1]),     ALL, Withdraw),
        ("7.2 segment underrun",         (WELL_KNOWN, 2, &[2, 1, 0, 0, 0, 1, 2]),  ALL, Withdraw),
        ("7.2 empty segment",            (WELL_KNOWN, 2, &[2, 0]),                 ALL, Withdraw),
        ("3c flags of AS_PATH",          (OPTIONAL, 2, &[]),                       ALL, Withdraw),
        ("7607 2 AS 0",                  (WELL_KNOWN, 2, &[2, 1, 0, 0, 0, 0]),     ALL, Withdraw),
        ("5065 5 confederation",         (WELL_KNOWN, 2, &[3, 1, 0, 0, 0, 1]),     OUTSIDE, Withdraw),
        ("5065 5 confederation",         (WELL_KNOWN, 2, &[3, 1, 0, 0, 0, 1]),     INSIDE, Clean),

        ("7.3 length 3",                 (WELL_KNOWN, 3, &[192, 0, 2]),            ALL, Withdraw),
        ("7.3 length 16",                (WELL_KNOWN, 3, &[1; 16]),                ALL, Withdraw),
        ("4271 6.3 no host",             (WELL_KNOWN, 3, &[0, 0, 0, 0]),           ALL, Withdraw),
        ("4271 6.3 multicast",           (WELL_KNOWN, 3, &[224, 0, 0, 1]),         ALL, Withdraw),
        ("3c flags of NEXT_HOP",         (OPTIONAL, 3, &[192, 0, 2, 1]),           ALL, Withdraw),

        ("7.4 MULTI_EXIT_DISC",          (OPTIONAL, 4, &[0, 0, 0, 1]),             ALL, Clean),
        ("7.4 length 3",                 (OPTIONAL, 4, &[0, 0, 1]),                ALL, Withdraw),
        ("3c flags of MULTI_EXIT_DISC",  (OPTIONAL_TRANSITIVE, 4, &[0, 0, 0, 1]),  ALL, Withdraw),

        ("7.5 LOCAL_PREF from outside",  (WELL_KNOWN, 5, &[0, 0, 0, 100]),         OUTSIDE, Discard),
        ("7.5 malformed from outside",   (WELL_KNOWN, 5, &[0]),                    OUTSIDE, Discard),
        ("7.5 LOCAL_PREF from inside",   (WELL_KNOWN, 5, &[0, 0, 0, 100]),         INSIDE, Clean),
        ("7.5 length 1 from inside",     (WELL_KNOWN, 5, &[0]),                    INSIDE, Withdraw),
        ("3c flags of LOCAL_PREF",       (OPTIONAL, 5, &[0, 0, 0, 100]),           INSIDE, Withdraw),

        ("7.6 ATOMIC_AGGREGATE",         (WELL_KNOWN, 6, &[]),                     ALL, Clean),
        ("7.6 length 1",                 (WELL_KNOWN, 6, &[0]),                    ALL, Discard),
        ("3c flags of ATOMIC_AGGREGATE", (OPTIONAL, 6, &[]),                       ALL, Withdraw),
        ("3h flags win over length",     (OPTIONAL, 6, &[0]),                      ALL, Withdraw),

        ("7.7 AGGREGATOR",               (OPTIONAL_TRANSITIVE, 7, &[0, 0, 0, 1, 1, 1, 1, 1]), ALL, Clean),
        ("7.7 length 6 of a new speaker", (OPTIONAL_TRANSITIVE, 7, &[0, 1, 1, 1, 1, 1]),      ALL, Discard),
        ("7607 2 AS 0",                  (OPTIONAL_TRANSITIVE, 7, &[0, 0, 0, 0, 1, 1, 1, 1]), ALL, Discard),
        ("3c flags of AGGREGATOR",       (WELL_KNOWN, 7, &[0, 0, 0, 1, 1, 1, 1, 1]),          ALL, Withdraw),

        ("7.8 COMMUNITIES",              (OPTIONAL_TRANSITIVE, 8, &[0; 8]),        ALL, Clean),
        ("7.8 length 0",                 (OPTIONAL_TRANSITIVE, 8, &[]),            ALL, Withdraw),
        ("7.8 length 6",                 (OPTIONAL_TRANSITIVE, 8, &[0; 6]),        ALL, Withdraw),
        ("3c flags of COMMUNITIES",      (OPTIONAL, 8, &[0; 4]),                   ALL, Withdraw),

        ("7.14 EXTENDED COMMUNITIES",    (OPTIONAL_TRANSITIVE, 16, &[0; 16]),      ALL, Clean),
        ("7.14 length 0",                (OPTIONAL_TRANSITIVE, 16, &[]),           ALL, Withdraw),
        ("7.14 length 12",               (OPTIONAL_TRANSITIVE, 16, &[0; 12]),      ALL, Withdraw),

        ("8092 6 LARGE_COMMUNITY",       (OPTIONAL_TRANSITIVE, 32, &[0; 24]),      ALL, Clean),
        ("8092 6 length 0",              (OPTIONAL_TRANSITIVE, 32, &[]),           ALL, Withdraw),
        ("8092 6 length 16",             (OPTIONAL_TRANSITIVE, 32, &[0; 16]),      ALL, Withdraw),

        ("6793 6 AS4_PATH of a new speaker", (OPTIONAL_TRANSITIVE, 17, &[2, 1, 0, 0, 0, 1]),  ALL, Discard),
        ("6793 6 AS4_AGGREGATOR of a new speaker", (OPTIONAL_TRANSITIVE, 18, &[1; 8]),        ALL, Discard),

        ("4271 5 unknown optional",      (OPTIONAL_TRANSITIVE, 99, &[1, 2, 3]),    ALL, Clean),
        ("4271 5 unknown and empty",     (OPTIONAL, 99, &[]),                      ALL, Clean),
        ("4271 6.3 unknown well-known",  (WELL_KNOWN, 99, &[1]),                   ALL, Reset),

        ("7.11 MP_REACH_NLRI",           (OPTIONAL, 14, &[0, 2, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]), ALL, Clean),
        ("7.11 next hop of 4 octets",    (OPTIONAL, 14, &[0, 2, 1, 4, 192, 0, 2, 1, 0, 0]),   ALL, Disable(AfiSafi::IPV6_UNICAST)),
        ("7.11 next hop overrun",        (OPTIONAL, 14, &[0, 2, 1, 16, 1]),        ALL, Disable(AfiSafi::IPV6_UNICAST)),
        ("7.11 shorter than a family",   (OPTIONAL, 14, &[0, 2]),                  ALL, Reset),
        ("5.3 prefix too long",          (OPTIONAL, 14, &[0, 1, 1, 4, 192, 0, 2, 1, 0, 33, 1, 2, 3, 4, 5]), ALL, Disable(AfiSafi::IPV4_UNICAST)),
        ("8950 4 not agreed on",         (OPTIONAL, 14, &[0, 1, 1, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]), ALL, Disable(AfiSafi::IPV4_UNICAST)),
        ("4271 6.3 no host",             (OPTIONAL, 14, &[0, 1, 1, 4, 0, 0, 0, 0, 0, 24, 203, 0, 113]),     ALL, Withdraw),
        ("3c flags of MP_REACH_NLRI",    (OPTIONAL_TRANSITIVE, 14, &[0, 1, 1, 4, 192, 0, 2, 1, 0, 24, 203, 0, 113]), ALL, Withdraw),
        ("3h disabling wins over flags", (OPTIONAL_TRANSITIVE, 14, &[0, 2, 1, 4]), ALL, Disable(AfiSafi::IPV6_UNICAST)),

        ("7.12 MP_UNREACH_NLRI",         (OPTIONAL, 15, &[0, 2, 1, 0]),            ALL, Clean),
        ("7.12 shorter than a family",   (OPTIONAL, 15, &[0, 2]),                  ALL, Reset),
        ("5.3 prefix too long",          (OPTIONAL, 15, &[0, 2, 1, 129]),          ALL, Disable(AfiSafi::IPV6_UNICAST)),
        ("5.3 prefix overrun",           (OPTIONAL, 15, &[0, 2, 1, 32, 0x20, 1]),  ALL, Disable(AfiSafi::IPV6_UNICAST)),
    ];
    for (clause, attribute, peers, expected) in table {
        for peer in *peers {
            let message = with_attribute(*attribute);
            let found = outcome(&message, &SessionContext::new(*peer));
            assert_eq!(
                found,
                *expected,
                "RFC 7606 §{clause}, {:?}, {peer:?}",
                AttrCode(attribute.1)
            );
        }
    }
}

#[test]
fn an_old_speaker_has_rules_of_its_own() {
    #[rustfmt::skip]
    let table: &[(&str, Attribute<'_>, Outcome)] = &[
        ("7.2 two octets",               (WELL_KNOWN, 2, &[2, 1, 0xfd, 0xe9]),                 Clean),
        ("7.2 segment overrun",          (WELL_KNOWN, 2, &[2, 2, 0xfd, 0xe9]),                 Withdraw),
        ("7.7 length 6",                 (OPTIONAL_TRANSITIVE, 7, &[0, 1, 1, 1, 1, 1]),        Clean),
        ("7.7 length 8",                 (OPTIONAL_TRANSITIVE, 7, &[0, 0, 0, 1, 1, 1, 1, 1]),  Discard),
        ("6793 6 AS4_PATH",              (OPTIONAL_TRANSITIVE, 17, &[2, 1, 0, 0, 0, 1]),       Clean),
        ("6793 6 confederation segment", (OPTIONAL_TRANSITIVE, 17, &[3, 1, 0, 0, 0, 1]),       Clean),
        ("6793 6 shorter than 6",        (OPTIONAL_TRANSITIVE, 17, &[]),                       Discard),
        ("6793 6 segment overrun",       (OPTIONAL_TRANSITIVE, 17, &[2, 2, 0, 0, 0, 1]),       Discard),
        ("7607 2 AS 0",                  (OPTIONAL_TRANSITIVE, 17, &[2, 1, 0, 0, 0, 0]),       Discard),
        ("6793 6 AS4_AGGREGATOR",        (OPTIONAL_TRANSITIVE, 18, &[1; 8]),                   Clean),
        ("6793 6 length 6",              (OPTIONAL_TRANSITIVE, 18, &[1; 6]),                   Discard),
    ];
    for (clause, attribute, expected) in table {
        let mut attributes = vec![ORIGIN, (WELL_KNOWN, 2, &[2, 1, 0xfd, 0xe9]), NEXT_HOP];
        attributes.retain(|(_, code, _)| *code != attribute.1);
        attributes.push(*attribute);
        let mut cx = SessionContext::new(PeerKind::Ebgp);
        cx.asn_width = AsnWidth::Two;
        let found = outcome(&message(&[], &list(&attributes), PREFIX), &cx);
        assert_eq!(
            found,
            *expected,
            "RFC 7606 §{clause}, {:?}",
            AttrCode(attribute.1)
        );
    }
}

#[test]
fn a_missing_mandatory_attribute_withdraws() {
    // RFC 7606 §3 (d)
    let cx = SessionContext::new(PeerKind::Ebgp);
    for (missing, code) in [
        (0, AttrCode::ORIGIN),
        (1, AttrCode::AS_PATH),
        (2, AttrCode::NEXT_HOP),
    ] {
        let mut attributes = vec![ORIGIN, AS_PATH, NEXT_HOP];
        attributes.remove(missing);
        let message = message(&[], &list(&attributes), PREFIX);
        let Ok(Validated::Withdraw(withdrawn)) = validate(&message, &cx) else {
            panic!("{code:?}")
        };
        let worst = withdrawn.findings().worst().unwrap();
        assert_eq!(
            worst.error.kind,
            DecodeErrorKind::MissingWellKnownAttribute(code)
        );
        assert!(
            withdrawn
                .withdrawn::<Ipv4Unicast>()
                .eq(["203.0.113.0/24".parse().unwrap()])
        );
    }
}

#[test]
fn multiprotocol_routes_need_no_next_hop_attribute_and_ignore_it() {
    // RFC 4760 §3
    let reach: Attribute<'_> = (
        OPTIONAL,
        14,
        &[0, 1, 1, 4, 192, 0, 2, 1, 0, 24, 203, 0, 113],
    );
    let cx = SessionContext::new(PeerKind::Ebgp);
    assert_eq!(
        outcome(&message(&[], &list(&[reach, ORIGIN, AS_PATH]), &[]), &cx),
        Clean
    );
    let malformed = (WELL_KNOWN, 3, &[1_u8][..]);
    assert_eq!(
        outcome(
            &message(&[], &list(&[reach, ORIGIN, AS_PATH, malformed]), &[]),
            &cx
        ),
        Clean
    );
    assert_eq!(
        outcome(&message(&[], &list(&[reach, AS_PATH]), &[]), &cx),
        Withdraw
    );
}

#[test]
fn of_duplicates_the_first_counts_but_for_those_with_prefixes() {
    // RFC 7606 §3 (g)
    let cx = SessionContext::new(PeerKind::Ebgp);
    let twice = message(
        &[],
        &list(&[ORIGIN, (WELL_KNOWN, 1, &[2]), AS_PATH, NEXT_HOP]),
        PREFIX,
    );
    let Ok(Validated::Routes(routes)) = validate(&twice, &cx) else {
        panic!("ORIGIN twice")
    };
    assert_eq!(routes.attributes().origin(), Some(bgp_wire::Origin::Igp));
    assert_eq!(routes.attributes().iter().count(), 3);
    let unreach: Attribute<'_> = (OPTIONAL, 15, &[0, 2, 1]);
    let error = validate(&message(&[], &list(&[unreach, unreach]), &[]), &cx).unwrap_err();
    assert_eq!(
        error.kind,
        DecodeErrorKind::DuplicateAttribute(AttrCode::MP_UNREACH_NLRI)
    );
    assert_eq!(error.offset, 23 + 6);
}

#[test]
fn an_attribute_that_runs_over_the_end_withdraws_what_follows_the_attributes() {
    // RFC 7606 §4
    let cx = SessionContext::new(PeerKind::Ebgp);
    let whole = list(&[ORIGIN, AS_PATH, NEXT_HOP]);
    for tail in [
        &[0xc0, 8, 5, 0, 0, 0, 0][..],
        &[0xc0, 8],
        &[0xc0],
        &[0xd0, 8, 0],
    ] {
        let message = message(&[], &[&whole, tail].concat(), PREFIX);
        let Ok(Validated::Withdraw(withdrawn)) = validate(&message, &cx) else {
            panic!("{tail:?}")
        };
        assert!(withdrawn.prefixes().eq(["203.0.113.0/24".parse().unwrap()]));
    }
}

#[test]
fn a_fault_beside_no_announced_prefix_resets_the_session() {
    // RFC 7606 §5.2
    let cx = SessionContext::new(PeerKind::Ebgp);
    let bad_origin = list(&[(WELL_KNOWN, 1, &[3])]);
    assert_eq!(outcome(&message(&[], &bad_origin, &[]), &cx), Reset);
    assert_eq!(outcome(&message(PREFIX, &bad_origin, &[]), &cx), Reset);
    let discarded = list(&[(WELL_KNOWN, 6, &[1])]);
    assert_eq!(outcome(&message(PREFIX, &discarded, &[]), &cx), Discard);
    let unreach_alone = list(&[(OPTIONAL_TRANSITIVE, 15, &[0, 2, 1, 0])]);
    assert_eq!(outcome(&message(&[], &unreach_alone, &[]), &cx), Withdraw);
}

#[test]
fn prefixes_that_cannot_be_told_apart_reset_the_session() {
    // RFC 7606 §5.3, RFC 4271 §6.3
    let cx = SessionContext::new(PeerKind::Ebgp);
    let attributes = list(&[ORIGIN, AS_PATH, NEXT_HOP]);
    for bad in [&[33, 1, 2, 3, 4, 5][..], &[24, 1, 2]] {
        assert_eq!(outcome(&message(&[], &attributes, bad), &cx), Reset);
        assert_eq!(outcome(&message(bad, &attributes, PREFIX), &cx), Reset);
    }
}

#[test]
fn every_prefix_of_a_malformed_update_is_withdrawn() {
    let cx = SessionContext::new(PeerKind::Ebgp);
    let reach: Attribute<'_> = (OPTIONAL, 14, &[0, 1, 1, 4, 192, 0, 2, 1, 0, 8, 10]);
    let unreach: Attribute<'_> = (OPTIONAL, 15, &[0, 2, 1, 0]);
    let attributes = list(&[reach, unreach, (WELL_KNOWN, 1, &[9]), AS_PATH, NEXT_HOP]);
    let message = message(&[16, 172, 16], &attributes, PREFIX);
    let Ok(Validated::Withdraw(withdrawn)) = validate(&message, &cx) else {
        panic!("ORIGIN 9")
    };
    let prefixes =
        ["172.16.0.0/16", "::/0", "203.0.113.0/24", "10.0.0.0/8"].map(|text| text.parse().unwrap());
    assert!(withdrawn.prefixes().eq(prefixes));
}

#[test]
fn two_families_that_cannot_be_read_reset_the_session() {
    let cx = SessionContext::new(PeerKind::Ebgp);
    let reach: Attribute<'_> = (OPTIONAL, 14, &[0, 1, 1, 0]);
    let unreach: Attribute<'_> = (OPTIONAL, 15, &[0, 2, 1, 129]);
    assert_eq!(
        outcome(&message(&[], &list(&[reach, unreach]), PREFIX), &cx),
        Reset
    );
}
