//! Whose an address is when another station claims it too: decided on the wire, whatever members believe of each other.
//!
//! * Of two members the one that ranks better keeps it, on which all nodes with equal snapshots agree. Should both take
//!   themselves for that one, the higher hardware address gives in.
//! * A station that is no member is a stranger: what becomes of its claim is for the operator to say ([`Defence`]). It is
//!   only taken for one after a moment, since who has just joined may not be known yet. Who is a member is known by gossip,
//!   or by the mark of a claim.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arp_ndp::{MacAddr, Role, Verdict};
use clap::ValueEnum;
use planner::observed::Conflict;

use super::layer2::{Claim, Holding};

/// What becomes of an address of ours that a stranger claims (RFC 5227 §2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[expect(clippy::exhaustive_enums, reason = "the three ways of RFC 5227")]
pub enum Defence {
    /// It is kept, and announced once more, every 10 s at most.
    #[default]
    Always,
    /// It is announced once more, and left to a stranger that claims it again within 10 s.
    Once,
    /// It is left to the stranger.
    Never,
}

/// Who another station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimant {
    /// A member that ranks better than this node.
    Better,
    /// A member that ranks worse.
    Worse,
    /// No member, as far as gossip and its mark tell.
    Stranger,
    /// Members are not known: it may be another speaker, or a stranger.
    Anybody,
}

/// The claims of other stations, and what was decided about them.
#[derive(Debug)]
pub(super) struct Fence {
    defence: Defence,
    disputes: BTreeMap<(IpAddr, MacAddr), Dispute>,
    /// Claims of stations that are taken for strangers soon, and when.
    pending: BTreeMap<(IpAddr, MacAddr), (Instant, Claim)>,
    /// The addresses that strangers claim, with until when that counts if nobody says it again.
    conflicts: BTreeMap<IpAddr, (Conflict, Instant)>,
}

#[derive(Debug)]
struct Dispute {
    /// How often a member has been answered.
    answered: u32,
    claimed_at: Instant,
    /// When a stranger was answered last.
    defended_at: Option<Instant>,
}

impl Fence {
    /// Nothing is claimed.
    pub(super) const fn new(defence: Defence) -> Self {
        Self {
            defence,
            disputes: BTreeMap::new(),
            pending: BTreeMap::new(),
            conflicts: BTreeMap::new(),
        }
    }

    /// An address is claimed: who shall keep it, where that can be said at once.
    pub(super) fn claimed(&mut self, now: Instant, claim: &Claim, by: Claimant) -> Option<Verdict> {
        let key = (claim.address, claim.by);
        let grace = match by {
            Claimant::Better | Claimant::Worse => {
                self.pending.remove(&key);
                return Some(self.among_members(now, claim, by));
            }
            Claimant::Stranger => GRACE,
            Claimant::Anybody => LONG_GRACE,
        };
        let due = (now + grace, claim.clone());
        let (_, pending) = self.pending.entry(key).or_insert(due);
        let mark = claim.mark.or(pending.mark);
        *pending = Claim {
            mark,
            ..claim.clone()
        };
        None
    }

    /// A station that claims an address is no member, as far as anybody knows: who shall keep it, if that is not as
    /// it is. One that has the address before us is never disturbed.
    pub(super) fn claimed_by_stranger(&mut self, now: Instant, claim: &Claim) -> Option<Verdict> {
        let conflict = Conflict {
            by: claim.by.octets(),
            interface: claim.interface.clone(),
        };
        self.conflicts
            .insert(claim.address, (conflict, now + CONFLICT_OVER));
        let dispute = self.dispute(now, claim);
        let is_recent = dispute
            .defended_at
            .is_some_and(|at| now.saturating_duration_since(at) < DEFEND_INTERVAL);
        let defence = self.defence;
        if claim.holding == Holding::NotHeld {
            return None;
        }
        match (defence, is_recent) {
            (Defence::Never, _) | (Defence::Once, true) => Some(Verdict::Yield),
            (Defence::Always, true) => None,
            (Defence::Always | Defence::Once, false) => {
                self.dispute(now, claim).defended_at = Some(now);
                Some(Verdict::Defend)
            }
        }
    }

    /// Forgets what is about other addresses than these.
    pub(super) fn retain(&mut self, is_ours: impl Fn(&IpAddr) -> bool) {
        self.disputes.retain(|(address, _), _| is_ours(address));
        self.pending.retain(|(address, _), _| is_ours(address));
        self.conflicts.retain(|address, _| is_ours(address));
    }

    /// The station that an address was left to does not answer any more.
    pub(super) fn reclaimed(&mut self, address: IpAddr) {
        self.conflicts.remove(&address);
    }

    /// The addresses that strangers claim.
    pub(super) fn conflicts(&self) -> BTreeMap<IpAddr, Conflict> {
        let conflicts = self.conflicts.iter();
        let conflicts = conflicts.map(|(address, (conflict, _))| (*address, conflict.clone()));
        conflicts.collect()
    }

    /// Ends the conflicts that nobody has said anything of for long, but for what is `left` to strangers.
    pub(super) fn handle_timeout(&mut self, now: Instant, left: &BTreeSet<IpAddr>) {
        for (address, (_, until)) in &mut self.conflicts {
            if *until <= now && left.contains(address) {
                *until = now + CONFLICT_OVER;
            }
        }
        self.conflicts.retain(|_, (_, until)| *until > now);
    }

    /// When to call [`take_due`](Self::take_due) and [`handle_timeout`](Self::handle_timeout).
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let pending = self.pending.values().map(|(due, _)| *due);
        let over = self.conflicts.values().map(|(_, until)| *until);
        pending.chain(over).min()
    }

    /// The claims of stations that are strangers unless somebody has come to know them.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Claim> {
        let pending = std::mem::take(&mut self.pending).into_iter();
        let (due, later) = pending.partition(|(_, (due, _))| *due <= now);
        self.pending = later;
        let due: BTreeMap<_, _> = due;
        due.into_values().map(|(_, claim)| claim).collect()
    }

    fn among_members(&mut self, now: Instant, claim: &Claim, by: Claimant) -> Verdict {
        let has_it = (claim.role, claim.holding) == (Role::IfFree, Holding::NotHeld);
        if by == Claimant::Better || has_it {
            return Verdict::Yield;
        }
        let dispute = self.dispute(now, claim);
        dispute.answered = dispute.answered.saturating_add(1);
        if dispute.answered > PATIENCE && claim.own > claim.by {
            Verdict::Yield
        } else {
            Verdict::Defend
        }
    }

    fn dispute(&mut self, now: Instant, claim: &Claim) -> &mut Dispute {
        let key = (claim.address, claim.by);
        let fresh = Dispute {
            answered: 0,
            claimed_at: now,
            defended_at: None,
        };
        let dispute = self.disputes.entry(key).or_insert(fresh);
        if now.saturating_duration_since(dispute.claimed_at) >= OVER {
            dispute.answered = 0;
        }
        dispute.claimed_at = now;
        dispute
    }
}

/// How often a member that ranks worse is answered before the higher hardware address gives in: it may not have heard.
const PATIENCE: u32 = 3;
/// After so long without a claim a dispute between members is settled, and begins anew with the next: those who both insist
/// claim several times a second.
const OVER: Duration = Duration::from_secs(2);
/// DEFEND_INTERVAL of RFC 5227 §1.1.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// How long a conflict lasts of which nothing more is heard: a host that keeps its address speaks up within that time.
const CONFLICT_OVER: Duration = Duration::from_secs(120);
/// How long a member that has joined takes to be known by its hardware addresses.
const GRACE: Duration = Duration::from_millis(300);
/// How long a speaker takes to know that it does not own an address any more.
const LONG_GRACE: Duration = Duration::from_millis(800);

#[cfg(test)]
mod tests {
    use arp_ndp::Mark;

    use super::*;

    const OURS: MacAddr = MacAddr([2, 0, 0, 0, 0, 5]);
    const LOWER: MacAddr = MacAddr([2, 0, 0, 0, 0, 4]);
    const HIGHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 6]);

    fn claim(by: MacAddr) -> Claim {
        Claim {
            link: 1,
            interface: "eth0".into(),
            own: OURS,
            address: "198.51.100.1".parse().unwrap(),
            by,
            mark: None,
            role: Role::Owner,
            holding: Holding::Held,
        }
    }

    #[test]
    fn of_two_members_the_better_one_keeps_the_address() {
        let (now, mut fence) = (Instant::now(), Fence::new(Defence::Never));
        let mut verdict = |by| fence.claimed(now, &claim(LOWER), by);
        assert_eq!(verdict(Claimant::Better), Some(Verdict::Yield));
        assert_eq!(verdict(Claimant::Worse), Some(Verdict::Defend));
    }

    #[test]
    fn of_two_members_that_both_insist_the_higher_hardware_address_gives_in() {
        let (now, mut fence) = (Instant::now(), Fence::new(Defence::Always));
        let mut verdicts = |now, by| {
            let verdicts = (0..4).map(|_| fence.claimed(now, &claim(by), Claimant::Worse));
            let verdicts: Option<Vec<_>> = verdicts.collect();
            verdicts.unwrap()
        };
        let patient = [Verdict::Defend; 3];
        assert_eq!(
            verdicts(now, HIGHER),
            [&patient[..], &[Verdict::Defend]].concat()
        );
        assert_eq!(
            verdicts(now, LOWER),
            [&patient[..], &[Verdict::Yield]].concat()
        );
        // What comes long after is another matter.
        assert_eq!(
            verdicts(now + OVER, LOWER),
            [&patient[..], &[Verdict::Yield]].concat()
        );
    }

    #[test]
    fn a_member_that_was_cut_off_several_times_and_gave_in_each_time_does_not_get_the_address() {
        let (now, mut fence) = (Instant::now(), Fence::new(Defence::Always));
        for heal in (0..20).step_by(4) {
            for claim_of_it in 0..3 {
                let now = now + Duration::from_millis(heal * 1000 + claim_of_it * 80);
                let verdict = fence.claimed(now, &claim(LOWER), Claimant::Worse);
                assert_eq!(verdict, Some(Verdict::Defend), "{heal}");
            }
        }
    }

    #[test]
    fn who_takes_an_address_only_if_it_is_free_leaves_it_to_a_worse_member_that_has_it() {
        let (now, mut fence) = (Instant::now(), Fence::new(Defence::Always));
        let mut verdict = |holding| {
            let claim = Claim {
                role: Role::IfFree,
                holding,
                ..claim(HIGHER)
            };
            fence.claimed(now, &claim, Claimant::Worse)
        };
        assert_eq!(verdict(Holding::NotHeld), Some(Verdict::Yield));
        assert_eq!(verdict(Holding::Held), Some(Verdict::Defend));
    }

    #[test]
    fn who_is_no_member_is_a_stranger_unless_it_becomes_known_soon() {
        let (now, mut fence) = (Instant::now(), Fence::new(Defence::Always));
        for (by, grace) in [(Claimant::Stranger, GRACE), (Claimant::Anybody, LONG_GRACE)] {
            assert_eq!(fence.claimed(now, &claim(HIGHER), by), None);
            assert_eq!(fence.poll_timeout(), Some(now + grace));
            // It is one question, however often it claims.
            assert_eq!(fence.claimed(now + grace / 2, &claim(HIGHER), by), None);
            assert!(
                fence
                    .take_due(now + grace - Duration::from_millis(1))
                    .is_empty()
            );
            assert_eq!(fence.take_due(now + grace), [claim(HIGHER)]);
            assert_eq!(fence.poll_timeout(), None);
        }
        fence.claimed(now, &claim(HIGHER), Claimant::Stranger);
        fence.claimed(now, &claim(HIGHER), Claimant::Worse);
        assert_eq!(fence.poll_timeout(), None, "it is known");

        let mark = Some(Mark([7; Mark::LEN]));
        let marked = Claim {
            mark,
            ..claim(HIGHER)
        };
        for claim in [&marked, &claim(HIGHER)] {
            fence.claimed(now, claim, Claimant::Stranger);
        }
        assert_eq!(fence.take_due(now + GRACE), [marked], "its mark is kept");
    }

    #[test]
    fn a_stranger_is_answered_as_the_operator_says() {
        let seconds = [0, 1, 12];
        for (defence, expected) in [
            (
                Defence::Always,
                [Some(Verdict::Defend), None, Some(Verdict::Defend)],
            ),
            (
                Defence::Once,
                [
                    Some(Verdict::Defend),
                    Some(Verdict::Yield),
                    Some(Verdict::Defend),
                ],
            ),
            (Defence::Never, [Some(Verdict::Yield); 3]),
        ] {
            let (now, mut fence) = (Instant::now(), Fence::new(defence));
            let verdicts = seconds.map(|seconds| {
                let now = now + Duration::from_secs(seconds);
                fence.claimed_by_stranger(now, &claim(HIGHER))
            });
            assert_eq!(verdicts, expected, "{defence:?}");
        }
    }

    #[test]
    fn a_stranger_that_was_there_first_is_not_disturbed() {
        for defence in [Defence::Always, Defence::Never] {
            let claim = Claim {
                role: Role::NewOwner,
                holding: Holding::NotHeld,
                ..claim(HIGHER)
            };
            let mut fence = Fence::new(defence);
            assert_eq!(fence.claimed_by_stranger(Instant::now(), &claim), None);
        }
    }
}
