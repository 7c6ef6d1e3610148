//! How an address comes to be held, is left, handed over and taken back: all changes of its [`Tenure`].

use std::net::IpAddr;
use std::time::Instant;

use crate::mac::MacAddr;
use crate::responder::defence::Word;
use crate::responder::io::{AddressCounters, AddressStatus, Event, Output, Role, Tenure, Verdict};
use crate::responder::link::Protocols;
use crate::responder::probe::Haste;
use crate::responder::watch::Patience;
use crate::responder::{DropReason, Responder};

/// One address that the responder cares for.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) role: Role,
    pub(super) tenure: Tenure,
    pub(super) counters: AddressCounters,
    /// How the station is watched that it was left to.
    patience: Patience,
}

impl Holding {
    /// One of which only the role is known yet.
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            tenure: Tenure::HandedOver,
            counters: AddressCounters::default(),
            patience: Patience::Short,
        }
    }

    pub(super) const fn status(&self) -> AddressStatus {
        AddressStatus {
            tenure: self.tenure,
            counters: self.counters,
        }
    }
}

impl Tenure {
    /// Whether questions for the address are answered.
    pub(super) const fn answers(self) -> Result<(), DropReason> {
        match self {
            Self::Held | Self::Leaving => Ok(()),
            Self::Probing => Err(DropReason::Probing),
            Self::Yielded { .. } => Err(DropReason::Yielded),
            Self::HandedOver => Err(DropReason::HandedOver),
        }
    }
}

impl Responder {
    /// The address has another role than before, or its first one.
    pub(super) fn assume(&mut self, now: Instant, address: IpAddr, role: Role) {
        let Some(holding) = self.addresses.get_mut(&address) else {
            return;
        };
        holding.role = role;
        match (role, holding.tenure) {
            (Role::Leaving, Tenure::Held) => self.leave(now, address),
            (Role::Leaving, Tenure::Yielded { to }) => self.hand_over(address, Some(to)),
            (Role::Leaving, _) => self.hand_over(address, None),
            (Role::Owner, Tenure::Held) => {}
            (Role::Owner, _) => self.take(now, address),
            (Role::NewOwner | Role::IfFree, Tenure::HandedOver) => self.look_for(now, address),
            // Nobody claimed it: it is still ours.
            (Role::NewOwner | Role::IfFree, Tenure::Leaving) => self.take(now, address),
            (Role::NewOwner | Role::IfFree, _) => {}
        }
    }

    /// Another station says that it has the address.
    pub(super) fn claimed(&mut self, now: Instant, address: IpAddr, word: Word) {
        let Word { by, mark } = word;
        let Some(holding) = self.addresses.get(&address) else {
            return;
        };
        match holding.tenure {
            Tenure::HandedOver => {}
            Tenure::Leaving => self.hand_over(address, Some(by)),
            Tenure::Yielded { to } if to == by => self.watcher.heard(address),
            Tenure::Held | Tenure::Yielded { .. } => {
                if self.claims.admit(now, address, word) {
                    self.tell(Event::Claimed { address, by, mark });
                }
            }
            Tenure::Probing => {
                let event = match holding.role {
                    Role::NewOwner => Event::Conflict { address, by, mark },
                    _ => Event::Claimed { address, by, mark },
                };
                self.make_way(now, address, by, Patience::Long);
                self.tell(event);
            }
        }
    }

    /// Another station is looking for the address, as we may be (RFC 5227 §2.1.1, RFC 4862 §5.4.3). Two responders that
    /// look for what is theirs if free do not give way to each other for that: who gave way would wait for one that may
    /// give it up. If both find it free, their claims are settled.
    pub(super) fn wanted(&mut self, now: Instant, address: IpAddr, by: MacAddr) {
        let holding = self.addresses.get(&address);
        let gives_way =
            |holding: &Holding| holding.tenure == Tenure::Probing && holding.role != Role::IfFree;
        if holding.is_some_and(gives_way) {
            self.claimed(now, address, Word::unmarked(by));
        }
    }

    /// The caller has decided about a claim.
    pub(super) fn settle(&mut self, now: Instant, address: IpAddr, by: MacAddr, verdict: Verdict) {
        let Some(holding) = self.addresses.get(&address) else {
            return;
        };
        if self.is_own(by) {
            return;
        }
        match (verdict, holding.tenure) {
            (_, Tenure::Leaving | Tenure::HandedOver) => {}
            (Verdict::Defend, Tenure::Held) => self.defend(now, address),
            (Verdict::Defend, Tenure::Probing | Tenure::Yielded { .. }) => self.take(now, address),
            (Verdict::Yield, Tenure::Yielded { to })
                if to == by && holding.patience == Patience::Short => {}
            (Verdict::Yield, _) => self.make_way(now, address, by, Patience::Short),
        }
    }

    /// The station that the address was left to does not answer for it any more.
    pub(super) fn take_back(&mut self, now: Instant, address: IpAddr, from: MacAddr) {
        self.tell(Event::Reclaimed { address, from });
        self.take(now, address);
    }

    /// From now on the address is answered for; it is announced while the link is up.
    pub(super) fn take(&mut self, now: Instant, address: IpAddr) {
        self.enter(address, Tenure::Held);
        self.resume(now, address);
    }

    /// Nobody claimed the address in time, or somebody did: it is not answered for any more.
    pub(super) fn hand_over(&mut self, address: IpAddr, to: Option<MacAddr>) {
        self.enter(address, Tenure::HandedOver);
        self.tell(Event::HandedOver { address, to });
    }

    /// Starts what the address takes on a link that is up, or has become another one.
    pub(super) fn resume(&mut self, now: Instant, address: IpAddr) {
        let Some(holding) = self.addresses.get(&address) else {
            return;
        };
        if !self.link.speaks(Protocols::of(address)) {
            return;
        }
        match holding.tenure {
            Tenure::Held => self.announcer.start(now, address),
            Tenure::Probing => {
                let haste = match holding.role {
                    Role::IfFree => Haste::Double,
                    _ => Haste::Usual,
                };
                self.prober.start(now, address, haste);
            }
            Tenure::Yielded { to } => self.watcher.start(now, address, to, holding.patience),
            Tenure::Leaving | Tenure::HandedOver => {}
        }
    }

    /// Stops all that takes a link that is up.
    pub(super) fn pause(&mut self, address: IpAddr) {
        self.announcer.stop(address);
        self.prober.stop(address);
        self.watcher.stop(address);
        self.claims.stop(address);
        self.defences.stop(address);
    }

    /// Stops all that is planned for the address.
    pub(super) fn stop(&mut self, address: IpAddr) {
        self.pause(address);
        self.leaving.remove(address);
    }

    fn defend(&mut self, now: Instant, address: IpAddr) {
        if self.link.speaks(Protocols::of(address)) && self.defences.admit(now, address, ()) {
            self.announcer.defend(now, address);
        }
    }

    fn look_for(&mut self, now: Instant, address: IpAddr) {
        self.enter(address, Tenure::Probing);
        self.resume(now, address);
    }

    fn make_way(&mut self, now: Instant, address: IpAddr, to: MacAddr, patience: Patience) {
        if let Some(holding) = self.addresses.get_mut(&address) {
            holding.patience = patience;
        }
        self.enter(address, Tenure::Yielded { to });
        self.resume(now, address);
    }

    fn leave(&mut self, now: Instant, address: IpAddr) {
        self.enter(address, Tenure::Leaving);
        self.leaving
            .set_after(address, now, self.config.hand_over(), ());
    }

    fn enter(&mut self, address: IpAddr, tenure: Tenure) {
        self.stop(address);
        if let Some(holding) = self.addresses.get_mut(&address) {
            holding.tenure = tenure;
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
