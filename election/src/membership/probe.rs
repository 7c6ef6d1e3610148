//! Probes, suspicions and verdicts: what `foca` decides, at our pace.

use std::time::{Duration, Instant};

use foca::{Member, OwnedNotification, State, Timer};

use super::Membership;
use super::config::transmissions;
use super::gossip::FAREWELL;
use super::identity::Identity;
use super::io::Event;
use super::suspicion::Due;
use super::wire::{Accusation, Entry};

impl Membership {
    /// Does what `foca` has planned.
    pub(super) fn probe(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take(now) {
            let ends_a_probe = matches!(timer, Timer::ProbeRandomMember(_));
            // It fails for timers of an earlier life of it, which have no meaning.
            let _ = self.foca.handle_timer(timer, &mut self.runtime);
            let failed = self.settle(now);
            if ends_a_probe && !failed {
                self.health.probe_succeeded();
            }
        }
    }

    /// Tells suspects that they are, and declares those dead whose time is over.
    pub(super) fn pursue(&mut self, now: Instant) {
        while let Some(due) = self.suspicions.next(
            now,
            &self.config,
            &self.health,
            &self.accusations,
            self.foca.num_members(),
        ) {
            match due {
                Due::Tell(suspicion) => {
                    let suspect = Member::new(
                        suspicion.suspect.clone(),
                        suspicion.incarnation,
                        State::Suspect,
                    );
                    if self.known(&suspicion.suspect) == Some(&suspect) {
                        self.tell(&suspicion.suspect, &[Entry::Member(suspect)]);
                    } else {
                        self.suspicions.end(&suspicion.suspect.name);
                    }
                }
                Due::Verdict(suspicion) => {
                    // It looks once more whether the suspect has contradicted.
                    let _ = self.foca.handle_timer(suspicion.verdict, &mut self.runtime);
                    self.settle(now);
                }
            }
        }
    }

    pub(super) fn next_suspicion(&self) -> Option<Instant> {
        let others = self.foca.num_members();
        self.suspicions
            .timeout(&self.config, &self.health, &self.accusations, others)
    }

    /// Takes in a word about a member, as if a probe had shown it.
    pub(super) fn apply(&mut self, now: Instant, member: Member<Identity>, pass_on: bool) {
        // It fails when something cannot be encoded, and everything can.
        let applied = self
            .foca
            .apply_many(std::iter::once(member), pass_on, &mut self.runtime);
        debug_assert!(applied.is_ok());
        self.settle(now);
    }

    /// Does what `foca` wants done. True when a probe has failed.
    pub(super) fn settle(&mut self, now: Instant) -> bool {
        let mut failed = false;
        while let Some((after, timer)) = self.runtime.to_schedule() {
            failed |= self.plan(now, after, timer);
        }
        while let Some(notification) = self.runtime.to_notify() {
            self.notice(now, notification);
        }
        while let Some((to, payload)) = self.runtime.to_send() {
            self.send_swim(&to, &payload);
        }
        self.plan_gossip(now);
        failed
    }

    fn plan(&mut self, now: Instant, after: Duration, timer: Timer<Identity>) -> bool {
        let Timer::ChangeSuspectToDown {
            member_id,
            incarnation,
            ..
        } = &timer
        else {
            self.timers.add(now + after, timer);
            return false;
        };
        let (suspect, incarnation) = (member_id.clone(), *incarnation);
        self.health.probe_failed(&suspect.name);
        self.accuse(now, &suspect, incarnation, timer);
        true
    }

    /// Another member holds one dead that is alive here: the suspicion is ours now, so that it gets a chance to contradict,
    /// and shared.
    pub(super) fn doubt(
        &mut self,
        now: Instant,
        suspect: &Identity,
        incarnation: foca::Incarnation,
        by: &Identity,
    ) {
        let suspected = Member::new(suspect.clone(), incarnation, State::Suspect);
        self.apply(now, suspected, true);
        // Only now: it may be what began the present life of `foca`.
        let verdict = Timer::ChangeSuspectToDown {
            member_id: suspect.clone(),
            incarnation,
            token: self.timers.token(),
        };
        self.accuse(now, suspect, incarnation, verdict);
        self.hear_accusation(now, Accusation::new(suspect, incarnation, by));
    }

    fn accuse(
        &mut self,
        now: Instant,
        suspect: &Identity,
        incarnation: foca::Incarnation,
        verdict: Timer<Identity>,
    ) {
        if !self.suspicions.begin(now, suspect, incarnation, verdict) {
            return;
        }
        self.stats.suspicions += 1;
        let accusation = Accusation::new(suspect, incarnation, self.foca.identity());
        self.accusations.add(now, &accusation);
        self.spread(now, &Entry::Accusation(accusation));
        if let Some(member) = self.members().get(&suspect.name).cloned() {
            self.event(Event::Suspected(member));
        }
    }

    fn notice(&mut self, now: Instant, notification: OwnedNotification<Identity>) {
        match notification {
            OwnedNotification::MemberUp(identity) => {
                self.suspicions.end(&identity.name);
                let joined = !self.members().contains_key(&identity.name);
                let member = self.roster.insert(&identity);
                self.event(if joined {
                    Event::Joined(member)
                } else {
                    Event::Changed(member)
                });
                if joined {
                    self.tell_who_is_dead(&identity);
                }
            }
            OwnedNotification::Rename(_, identity) => {
                self.suspicions.end(&identity.name);
                let lives = self.foca.iter_members().any(|one| *one.id() == identity);
                // Otherwise the next notification says whether it lives.
                if lives && self.members().contains_key(&identity.name) {
                    let member = self.roster.insert(&identity);
                    self.event(Event::Changed(member));
                }
            }
            OwnedNotification::MemberDown(identity) => self.bury(&identity),
            OwnedNotification::Rejoin(identity) => self.came_back(now, &identity),
            OwnedNotification::Idle => self.call_soon(now),
            _ => return,
        }
        self.hurry(now);
    }

    fn bury(&mut self, identity: &Identity) {
        self.suspicions.end(&identity.name);
        let Some(member) = self.roster.remove(&identity.name) else {
            return;
        };
        let known = self.known(identity).map(Member::incarnation);
        self.event(if known == Some(FAREWELL) {
            Event::Left(member)
        } else {
            Event::Died(member)
        });
    }

    pub(super) fn came_back(&mut self, now: Instant, identity: &Identity) {
        self.contradiction = 0;
        self.roster.insert(identity);
        self.call_soon(now);
        self.is_new_to_others(now);
        let incarnation = identity.incarnation;
        self.event(Event::CameBack { incarnation });
    }

    /// What is known of the member of this name, in whichever life, dead ones included.
    pub(super) fn known(&mut self, namesake: &Identity) -> Option<&Member<Identity>> {
        self.places.find(&self.foca, namesake)
    }

    /// How often news is told by each who has it.
    pub(super) fn transmissions(&self) -> u8 {
        transmissions(self.foca.num_members())
    }
}
