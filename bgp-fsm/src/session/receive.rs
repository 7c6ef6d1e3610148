//! Messages on their way in.

use std::time::Instant;

use bgp_wire::iana::RouteRefreshSubtype;
use bgp_wire::{
    DecodeError, DecodeErrorKind, Frame, MaxLen, MessageHeader, MessageType, Notification,
    NotificationRef, RouteRefreshRef, Validated,
};
use bytes::Bytes;

use super::Session;
use crate::config::Updates;
use crate::input::ConnId;
use crate::output::Event;
use crate::state::Trigger;
use crate::update::ReceivedUpdate;

impl Session {
    /// Takes octets of a connection and lets each whole message happen, until one of them ends it.
    pub(super) fn receive(&mut self, now: Instant, conn: ConnId, octets: &[u8]) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.framer.push(octets);
        self.stats.received_octets += octets.len() as u64;
        while let Some(connection) = self.connections.get_mut(&conn) {
            let trigger = match connection.framer.next() {
                Ok(Some(frame)) => self.trigger_of(frame),
                Ok(None) => return,
                Err(error) => Trigger::BgpHeaderErr(error.notification(&[])),
            };
            self.trigger(now, conn, trigger);
        }
    }

    /// What a whole message is to the state machine. Its content is looked into by the state that expects it.
    fn trigger_of(&mut self, frame: Bytes) -> Trigger {
        let Ok(Some(header)) = MessageHeader::peek(&frame, MaxLen::Extended) else {
            debug_assert!(false, "the framer has read this header");
            return Trigger::TcpConnectionFails;
        };
        self.stats.received.add(header.message_type, 1);
        match header.message_type {
            MessageType::OPEN => Trigger::Open(frame),
            MessageType::UPDATE => Trigger::Update(frame),
            MessageType::KEEPALIVE => Trigger::KeepAliveMsg,
            MessageType::ROUTE_REFRESH => Trigger::RouteRefresh(frame),
            // One that cannot be read is still the end of the session, and cannot be answered (RFC 4271 §6.4).
            MessageType::NOTIFICATION => match split(&frame).and_then(NotificationRef::decode) {
                Ok(notification) => Trigger::Notification(notification.to_owned()),
                Err(_) => Trigger::TcpConnectionFails,
            },
            unknown => {
                let error = DecodeError::new(DecodeErrorKind::MessageType(unknown), TYPE_OFFSET);
                Trigger::BgpHeaderErr(error.notification(&frame))
            }
        }
    }

    /// Takes an UPDATE (RFC 4271 §6.3, RFC 7606).
    ///
    /// # Errors
    /// The NOTIFICATION for a fault that ends the session.
    pub(crate) fn receive_update(
        &mut self,
        conn: ConnId,
        frame: Bytes,
    ) -> Result<(), Notification> {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return Ok(());
        };
        let Some(negotiated) = connection.negotiated() else {
            return Ok(());
        };
        let update = ReceivedUpdate::new(frame, *negotiated.context());
        let validated = update
            .validate()
            .map_err(|error| error.notification(update.octets()))?;
        let disabled = connection.disabled;
        let event = match validated {
            Validated::Routes(routes) => match routes.end_of_rib() {
                Some(family) => Some(Event::EndOfRib(family)),
                None if routes
                    .announcements()
                    .any(|routes| disabled.contains(routes.nlri.family())) =>
                {
                    None
                }
                None => Some(Event::Update(update)),
            },
            Validated::Withdraw(_) => Some(Event::Update(update)),
            Validated::DisableFamily(family, _) => {
                connection.disabled.insert(family);
                Some(Event::FamilyDisabled(family))
            }
        };
        match event {
            Some(Event::Update(_)) if self.config.updates == Updates::Discard => {}
            Some(event) => self.event(event),
            None => {}
        }
        Ok(())
    }

    /// Takes a ROUTE-REFRESH: the routes of the family are sent again (RFC 2918 §4). One for a family that was not agreed
    /// on, and the marks of RFC 7313, which was not offered, are ignored.
    ///
    /// # Errors
    /// The NOTIFICATION for a message of the wrong length.
    pub(crate) fn receive_route_refresh(
        &mut self,
        conn: ConnId,
        octets: &Bytes,
    ) -> Result<(), Notification> {
        let Some(negotiated) = self
            .connections
            .get(&conn)
            .and_then(|connection| connection.negotiated())
        else {
            return Ok(());
        };
        let refresh = split(octets)
            .and_then(|frame| RouteRefreshRef::decode(frame, negotiated.context()))
            .map_err(|error| error.notification(octets))?;
        if refresh.subtype != RouteRefreshSubtype::REQUEST {
            return Ok(());
        }
        let family = refresh.family;
        if let Some(rib) = self.ribs.get_mut(&family) {
            rib.resend();
            self.event(Event::RouteRefresh(family));
        }
        Ok(())
    }
}

/// The message as a frame; the framer has found it whole.
fn split(octets: &[u8]) -> Result<Frame<'_>, DecodeError> {
    let whole = Frame::split(octets, MaxLen::Extended)?;
    whole
        .map(|(frame, _)| frame)
        .ok_or(DecodeError::new(DecodeErrorKind::MalformedAttributeList, 0))
}

/// Of the type in a header (RFC 4271 §4.1).
const TYPE_OFFSET: u16 = 18;
