//! Asking others for what this node keeps though another would own it.
//!
//! `ferrolb.io/l2-failback: "false"` wants it so. Who took such an address while the two could not hear each other on the
//! link has it as well, and that they are members of one group tells neither of them. So one other member after the other
//! is asked, and nobody else, for some of the addresses at a time. Who has none of them does not answer; who answers is
//! asked for many more at once.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Bound;
use std::time::{Duration, Instant};

use arp_ndp::MacAddr;
use planner::desired::{Desired, Tenure};
use planner::diff::{Change, diff_shared};
use planner::members::{Member, Members};
use planner::names::NodeName;

/// What is kept, and whose turn it is to be asked for it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    addresses: BTreeSet<IpAddr>,
    /// `None` while nothing is kept.
    due: Option<Instant>,
    /// Who was asked last.
    asked: Option<NodeName>,
    /// The address after which those follow that all are asked for in this round.
    turn: Option<IpAddr>,
    /// Who has answered since.
    answered: Option<NodeName>,
}

impl Kept {
    /// The node shall be doing something else than before.
    pub(super) fn decided(&mut self, before: &Desired, now: &Desired) {
        for change in diff_shared(&before.addresses, &now.addresses) {
            match change {
                Change::Add(address, desired) | Change::Update(address, desired)
                    if desired.tenure == Tenure::Kept =>
                {
                    self.addresses.insert(*address);
                }
                Change::Add(address, _)
                | Change::Update(address, _)
                | Change::Remove(address, _) => drop(self.addresses.remove(address)),
            }
        }
    }

    /// Whether an address is kept.
    pub(super) fn contains(&self, address: &IpAddr) -> bool {
        self.addresses.contains(address)
    }

    /// A member claims an address that is kept.
    pub(super) fn heard(&mut self, now: Instant, member: NodeName) {
        self.answered = Some(member);
        self.due = Some(now);
    }

    /// What to ask for now, and which stations: those of one other member.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        me: &NodeName,
        members: Option<&Members>,
    ) -> Vec<(IpAddr, MacAddr)> {
        let Some(members) = members.filter(|_| !self.addresses.is_empty()) else {
            self.due = None;
            return Vec::new();
        };
        if *self.due.get_or_insert(now) > now {
            return Vec::new();
        }
        let others: Vec<_> = members.iter().filter(|(node, _)| *node != me).collect();
        let count = u32::try_from(others.len()).unwrap_or(u32::MAX).max(1);
        self.due = Some(now + PAUSE.max(ROUND / count));
        let Some((node, member, many)) = self.next(&others) else {
            return Vec::new();
        };
        self.asked = Some(node.clone());
        let macs = member.links.values().flat_map(|link| &link.macs);
        let addresses = self.following(many);
        macs.flat_map(|mac| addresses.iter().map(|address| (*address, MacAddr(*mac))))
            .collect()
    }

    /// When [`ask`](Self::ask) has something to ask.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Who is asked next, and for how many addresses: who has answered, or else the next in the order of names. When it is
    /// the first one's turn again all are asked for the addresses after these.
    fn next<'a>(
        &mut self,
        others: &[(&'a NodeName, &'a Member)],
    ) -> Option<(&'a NodeName, &'a Member, usize)> {
        let answered = self.answered.take();
        let answered = others
            .iter()
            .find(|(node, _)| Some(*node) == answered.as_ref());
        if let Some((node, member)) = answered {
            self.turn = self.following(FEW).last().copied();
            return Some((node, member, MANY));
        }
        let next = others
            .iter()
            .find(|(node, _)| Some(*node) > self.asked.as_ref());
        let (node, member) = next.or_else(|| {
            self.turn = self.following(FEW).last().copied();
            others.first()
        })?;
        Some((node, member, FEW))
    }

    /// So many addresses after the turn, in a circle, each once.
    fn following(&self, many: usize) -> Vec<IpAddr> {
        let after = self.turn.map_or(Bound::Unbounded, Bound::Excluded);
        let after = self.addresses.range((after, Bound::Unbounded));
        let circle = after.chain(&self.addresses);
        circle
            .take(many.min(self.addresses.len()))
            .copied()
            .collect()
    }
}

/// From one question to the next at the least.
const PAUSE: Duration = Duration::from_millis(100);
/// In which all others are asked, if they are few.
const ROUND: Duration = Duration::from_millis(300);
/// For how many addresses one is asked at a time.
const FEW: usize = 4;
/// And one that has answered.
const MANY: usize = 256;

#[cfg(test)]
mod tests {
    use planner::desired::{AddressDesired, InterfaceSelection};
    use planner::members::MemberLink;

    use super::*;

    fn address(last: u8) -> IpAddr {
        [198, 51, 100, last].into()
    }

    fn keeping(addresses: impl IntoIterator<Item = u8>, tenure: Tenure) -> Desired {
        let kept = AddressDesired {
            interfaces: InterfaceSelection::All,
            tenure,
        };
        Desired {
            addresses: addresses
                .into_iter()
                .map(|last| (address(last), kept.clone()))
                .collect(),
            ..Desired::default()
        }
    }

    fn mac(last: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, last])
    }

    /// Node `a` and so on, with the hardware addresses 1 and so on.
    fn members(many: u8) -> Members {
        let member = |index: u8| {
            let link = MemberLink {
                macs: [mac(index + 1).0].into(),
                ..MemberLink::default()
            };
            let name = char::from(b'a' + index).to_string();
            let links = [("eth0".into(), link)].into();
            let is_draining = false;
            (name.as_str().into(), Member { links, is_draining })
        };
        (0..many).map(member).collect()
    }

    /// What is asked in so many steps, each when it is due.
    fn asked(kept: &mut Kept, members: &Members, steps: usize) -> Vec<Vec<(IpAddr, MacAddr)>> {
        let mut now = Instant::now();
        let mut asked = Vec::new();
        for _ in 0..steps {
            now = kept.poll_timeout().map_or(now, |due| due.max(now));
            asked.push(kept.ask(now, &"a".into(), Some(members)));
        }
        asked
    }

    #[test]
    fn each_other_member_is_asked_in_turn_for_what_is_kept() {
        let mut kept = Kept::default();
        kept.decided(&Desired::default(), &keeping([1, 2], Tenure::Kept));
        let of = |last| vec![(address(1), mac(last)), (address(2), mac(last))];
        assert_eq!(asked(&mut kept, &members(3), 3), [of(2), of(3), of(2)]);
    }

    #[test]
    fn of_many_addresses_some_are_asked_for_in_each_round() {
        let mut kept = Kept::default();
        kept.decided(&Desired::default(), &keeping(1..=6, Tenure::Kept));
        let of = |asked: &[(IpAddr, MacAddr)]| asked.iter().map(|(address, _)| *address).collect();
        let asked: Vec<Vec<IpAddr>> = asked(&mut kept, &members(2), 3)
            .iter()
            .map(|asked| of(asked))
            .collect();
        let expected = [[1, 2, 3, 4], [5, 6, 1, 2], [3, 4, 5, 6]];
        assert_eq!(asked, expected.map(|round| round.map(address)));
    }

    #[test]
    fn who_answers_is_asked_for_the_others_at_once() {
        let (now, mut kept) = (Instant::now(), Kept::default());
        kept.decided(&Desired::default(), &keeping(1..=100, Tenure::Kept));
        let first = kept.ask(now, &"a".into(), Some(&members(3)));
        assert_eq!(first.len(), FEW);
        assert_eq!(kept.ask(now, &"a".into(), Some(&members(3))), []);
        kept.heard(now, "b".into());
        let then = kept.ask(now, &"a".into(), Some(&members(3)));
        assert_eq!(then.len(), 100);
        assert!(then.iter().all(|(_, station)| *station == mac(2)));
    }

    #[test]
    fn nobody_is_asked_for_what_is_not_kept_any_more() {
        let (now, mut kept) = (Instant::now(), Kept::default());
        let before = keeping([1, 2], Tenure::Kept);
        kept.decided(&Desired::default(), &before);
        kept.decided(&before, &keeping([1], Tenure::OwnerIfFree));
        assert_eq!(kept.ask(now, &"a".into(), Some(&members(3))), []);
        assert_eq!(kept.poll_timeout(), None);
    }
}
