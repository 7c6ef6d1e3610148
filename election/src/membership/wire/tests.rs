//! Every message from and to octets.

use foca::Incarnation;

use super::super::facts::{Facts, LinkFacts};
use super::*;

fn identity(name: &str, address: &str, incarnation: u64) -> Identity {
    let address = address.parse().unwrap();
    Identity::new(name.parse().unwrap(), address, incarnation)
}

fn a() -> Identity {
    identity("a", "192.0.2.1:7946", 1)
}

fn b() -> Identity {
    identity("node-b", "[2001:db8::2]:7946", 0x0102_0304_0506_0708)
}

fn part() -> FactsPart {
    FactsPart {
        name: b().name.clone(),
        version: 9,
        part: 1,
        parts: 2,
        octets: [0xa5; 30].into(),
    }
}

fn entries() -> Vec<Entry> {
    let states = [State::Alive, State::Suspect, State::Down];
    let members = states.map(|state| Entry::Member(Member::new(b(), Incarnation::MAX, state)));
    let facts = Entry::Facts(part());
    let accusation = Entry::Accusation(Accusation {
        suspect: b().name.clone(),
        incarnation: (1, 2),
        accuser: a().name.clone(),
    });
    members.into_iter().chain([facts, accusation]).collect()
}

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    message.encode(&mut octets);
    octets
}

fn messages() -> Vec<Message<'static>> {
    let (from, to) = (b(), a());
    vec![
        Message::Hello {
            from: b(),
            facts: Some(part()),
        },
        Message::Welcome {
            from: from.clone(),
            to: to.clone(),
            known: 7,
            facts: None,
        },
        Message::Digest {
            from: from.clone(),
            to: to.clone(),
            digest: u64::MAX,
        },
        Message::Entries {
            from,
            to,
            answer: true,
            entries: entries(),
        },
        Message::Swim {
            payload: b"of foca",
            entries: entries(),
        },
    ]
}

/// Members of different versions must agree.
#[test]
fn the_octets_of_a_call_never_change() {
    let from = [
        1, 1, b'a', 4, 192, 0, 2, 1, 0x1f, 0x0a, 0, 0, 0, 0, 0, 0, 0, 1,
    ];
    let part = [1, b'a', 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 2, 0xa5, 0xa5];
    let facts = Some(FactsPart {
        name: a().name.clone(),
        part: 0,
        parts: 1,
        octets: [0xa5; 2].into(),
        ..self::part()
    });
    let octets = written(&Message::Hello { from: a(), facts });
    assert_eq!(octets, [&from[..], &part[..]].concat());
}

#[test]
fn every_message_reads_as_written() {
    for message in messages() {
        assert_eq!(Message::decode(&written(&message)), Ok(message));
    }
}

#[test]
fn every_message_of_foca_reads_as_written() {
    let (other, probe_number) = (b(), 200);
    for message in [
        foca::Message::Ping(1),
        foca::Message::Ack(255),
        foca::Message::PingReq {
            target: other.clone(),
            probe_number,
        },
        foca::Message::IndirectPing {
            origin: other.clone(),
            probe_number,
        },
        foca::Message::IndirectAck {
            target: other.clone(),
            probe_number,
        },
        foca::Message::ForwardedAck {
            origin: other,
            probe_number,
        },
        foca::Message::Announce,
        foca::Message::Feed,
        foca::Message::Gossip,
        foca::Message::Broadcast,
        foca::Message::TurnUndead,
    ] {
        let header = SwimHeader {
            src: a(),
            src_incarnation: 0x0506,
            dst: b(),
            message,
        };
        let mut octets = Vec::new();
        header.encode(&mut octets);
        assert_eq!(incarnation(&octets), 0x0506);
        let mut rest = octets.as_slice();
        assert_eq!(SwimHeader::decode(&mut rest), Ok(header));
        assert!(rest.is_empty());
    }
}

#[test]
fn facts_read_as_written() {
    let link = |up, subnets: &[&str]| LinkFacts {
        up,
        mac: [2, 0, 0, 0, 0, 1],
        subnets: subnets
            .iter()
            .map(|subnet| subnet.parse().unwrap())
            .collect(),
    };
    let facts = Facts {
        links: [
            (
                "eth0".to_owned(),
                link(true, &["192.0.2.0/24", "2001:db8::/64"]),
            ),
            ("bond0.7".to_owned(), link(false, &[])),
        ]
        .into(),
        draining: true,
    };
    let mut octets = Vec::new();
    facts.encode(&mut octets);
    assert_eq!(Facts::decode(&mut octets.as_slice()), Ok(facts));
}

#[test]
fn a_message_that_is_cut_does_not_decode() {
    for message in messages() {
        let octets = written(&message);
        // Entries and parts end where the message ends, so a cut between two of them leaves a message.
        let whole = |len: &usize| Message::decode(&octets[..*len]).is_ok();
        let ends = (0..octets.len()).filter(whole).count();
        let entries = match &message {
            Message::Entries { entries, .. } | Message::Swim { entries, .. } => entries.len(),
            Message::Hello { facts, .. } | Message::Welcome { facts, .. } => facts.iter().len(),
            Message::Digest { .. } => 0,
        };
        assert_eq!(ends, entries, "{message:?}");
    }
}

#[test]
fn what_is_no_message_is_refused_with_the_reason() {
    assert_eq!(Message::decode(&[]), Err(Malformed::Truncated));
    assert_eq!(Message::decode(&[0x77]), Err(Malformed::Kind(0x77)));
    let (from, to) = (a(), b());
    let call = written(&Message::Digest {
        from,
        to,
        digest: 1,
    });
    let refused = |at: usize, octet: u8| {
        let mut octets = call.clone();
        octets[at] = octet;
        Message::decode(&octets).unwrap_err()
    };
    assert_eq!(refused(1, 0), Malformed::Value, "an empty name");
    assert_eq!(
        refused(1, 254),
        Malformed::Truncated,
        "a name longer than all"
    );
    assert_eq!(refused(2, 0xff), Malformed::Value, "a name that is no text");
    assert_eq!(refused(3, 5), Malformed::Kind(5), "no family of addresses");
    let longer = [call.as_slice(), &[0]].concat();
    assert_eq!(Message::decode(&longer), Err(Malformed::Trailing));
}
