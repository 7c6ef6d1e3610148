//! Frames in: questions are answered, claims noted, and all else is dropped for a reason.

use std::net::IpAddr;
use std::time::Instant;

use crate::error::FrameError;
use crate::ethernet::{EtherType, EthernetHeader};
use crate::frame::Frame;
use crate::mac::MacAddr;
use crate::mark::Mark;
use crate::ndp::{NeighborAdvertisement, NeighborSolicitation};
use crate::responder::defence::Word;
use crate::responder::io::{Event, Output};
use crate::responder::link::Protocols;
use crate::responder::{DropReason, Responder, arp, ndp};

/// Someone wants to know where an address is.
pub(super) struct Question<A> {
    pub(super) address: A,
    pub(super) asker: A,
    pub(super) asker_mac: MacAddr,
}

impl Responder {
    pub(super) fn receive(&mut self, now: Instant, octets: &[u8]) {
        let event = match self.answer(now, octets) {
            Ok(event) => event,
            Err(reason) => {
                *self.drops.entry(reason).or_default() += 1;
                Event::Dropped(reason)
            }
        };
        self.outputs.push_back(Output::Event(event));
    }

    /// Whether a hardware address is this machine's.
    pub(super) fn is_own(&self, mac: MacAddr) -> bool {
        mac == self.link.mac || self.siblings.contains(&mac)
    }

    fn answer(&mut self, now: Instant, octets: &[u8]) -> Result<Event, DropReason> {
        let (header, payload) = EthernetHeader::decode(octets)?;
        if header.vlan.is_some_and(|tag| tag.id() != 0) {
            return Err(DropReason::Vlan);
        }
        match header.ether_type {
            EtherType::ARP if self.link.speaks(Protocols::ARP) => {
                self.answer_arp(now, &header, payload)
            }
            EtherType::IPV6 if self.link.speaks(Protocols::NDP) => {
                self.answer_ndp(now, &header, payload)
            }
            EtherType::ARP | EtherType::IPV6 => Err(DropReason::Inactive),
            _ => Err(DropReason::EtherType),
        }
    }

    /// Whatever its kind, an ARP packet claims its sender's address (RFC 5227 §2.4), unless that is unspecified: then a
    /// request to everybody is a probe (§2.1.1), which matters to those who are probing too.
    fn answer_arp(
        &mut self,
        now: Instant,
        header: &EthernetHeader,
        payload: &[u8],
    ) -> Result<Event, DropReason> {
        let packet = arp::read(payload)?;
        if self.is_own(packet.sender_hardware_address) {
            return Err(DropReason::OwnFrame);
        }
        let word = Word {
            by: packet.sender_hardware_address,
            mark: Mark::behind_arp(payload),
        };
        self.claimed(now, packet.sender_protocol_address.into(), word);
        let question = arp::question(header, &packet, self.link.mac)?;
        if question.asker.is_unspecified() && header.destination == MacAddr::BROADCAST {
            self.wanted(now, question.address.into(), word.by);
        }
        self.respond(now, &question, arp::reply)
    }

    /// An advertisement claims its target, a solicitation the address that it comes from; one from nowhere to everybody
    /// is a probe (RFC 4862 §5.4.3).
    fn answer_ndp(
        &mut self,
        now: Instant,
        header: &EthernetHeader,
        payload: &[u8],
    ) -> Result<Event, DropReason> {
        let solicitation = match NeighborSolicitation::decode(payload) {
            Err(FrameError::MessageType {
                found: NeighborAdvertisement::TYPE,
                ..
            }) => return Err(self.note_advertisement(now, header, payload)?),
            decoded => decoded?,
        };
        let question = ndp::question(header, &solicitation, self.link.mac)?;
        if self.is_own(header.source) || self.is_own(question.asker_mac) {
            return Err(DropReason::OwnFrame);
        }
        let word = Word::unmarked(question.asker_mac);
        self.claimed(now, question.asker.into(), word);
        if question.asker.is_unspecified() && header.destination.is_multicast() {
            self.wanted(now, question.address.into(), question.asker_mac);
        }
        self.respond(now, &question, ndp::reply)
    }

    /// Takes note of a claim, and returns why there is no answer to it.
    fn note_advertisement(
        &mut self,
        now: Instant,
        header: &EthernetHeader,
        payload: &[u8],
    ) -> Result<DropReason, DropReason> {
        let advertisement = NeighborAdvertisement::decode(payload)?;
        let by = advertisement.target_link_layer.unwrap_or(header.source);
        if self.is_own(header.source) || self.is_own(by) {
            return Err(DropReason::OwnFrame);
        }
        if !by.is_unicast() {
            return Err(DropReason::Malformed);
        }
        let mark = advertisement.mark;
        self.claimed(now, advertisement.target.into(), Word { by, mark });
        Ok(DropReason::MessageType)
    }

    fn respond<A: Copy + Into<IpAddr>>(
        &mut self,
        now: Instant,
        question: &Question<A>,
        reply: impl FnOnce(MacAddr, &Question<A>) -> Frame,
    ) -> Result<Event, DropReason> {
        let address = question.address.into();
        let holding = self
            .addresses
            .get_mut(&address)
            .ok_or(DropReason::AnnounceIp)?;
        holding.tenure.answers()?;
        holding.counters.requests_received += 1;
        self.answers.take(now, question.asker_mac)?;
        holding.counters.responses_sent += 1;
        let frame = reply(self.link.mac, question);
        self.outputs.push_back(Output::Transmit(frame));
        Ok(Event::Answered {
            address,
            asker: question.asker.into(),
            asker_mac: question.asker_mac,
        })
    }
}
