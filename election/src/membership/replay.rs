//! What was received already: a datagram counts once, and only from the newest life of its sender.
//!
//! A datagram names the incarnation of its receiver too, so that what was recorded for an earlier process of this member
//! says nothing to this one, which has forgotten what the earlier one received.

use std::collections::BTreeMap;

use super::name::MemberName;

/// A window for each sender, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Replay {
    windows: BTreeMap<MemberName, Window>,
    /// Counts what was taken, so that the sender that was not heard for longest is known.
    taken: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Window {
    incarnation: u64,
    /// The highest counter received.
    highest: u64,
    /// Bit n: the counter that is n lower was received.
    received: u128,
    heard: u64,
}

/// Why a datagram does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It, or so many after it, was received before.
    Replayed,
    /// Its sender has begun a newer life since.
    OldIncarnation,
}

impl Replay {
    /// Takes in that this datagram was received, unless it must not count.
    pub(super) fn take(
        &mut self,
        sender: &MemberName,
        incarnation: u64,
        counter: u64,
    ) -> Result<(), Refused> {
        if let Some(window) = self.windows.get_mut(sender) {
            if incarnation < window.incarnation {
                return Err(Refused::OldIncarnation);
            }
            if incarnation == window.incarnation {
                window.take(counter)?;
                self.taken += 1;
                window.heard = self.taken;
                return Ok(());
            }
        } else if self.windows.len() >= SENDERS {
            self.forget_one();
        }
        self.taken += 1;
        let window = Window {
            incarnation,
            highest: counter,
            received: 1,
            heard: self.taken,
        };
        self.windows.insert(sender.clone(), window);
        Ok(())
    }

    /// The newest incarnation of this sender that was heard.
    pub(super) fn newest(&self, sender: &MemberName) -> Option<u64> {
        self.windows.get(sender).map(|window| window.incarnation)
    }

    fn forget_one(&mut self) {
        let silent = self.windows.iter().min_by_key(|(_, window)| window.heard);
        if let Some(name) = silent.map(|(name, _)| name.clone()) {
            self.windows.remove(&name);
        }
    }
}

impl Window {
    fn take(&mut self, counter: u64) -> Result<(), Refused> {
        if let Some(ahead) = counter.checked_sub(self.highest).filter(|by| *by > 0) {
            let by = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.received = self.received.checked_shl(by).unwrap_or(0) | 1;
            self.highest = counter;
            return Ok(());
        }
        let behind = u32::try_from(self.highest - counter).unwrap_or(u32::MAX);
        match 1u128.checked_shl(behind) {
            Some(bit) if self.received & bit == 0 => {
                self.received |= bit;
                Ok(())
            }
            _ => Err(Refused::Replayed),
        }
    }
}

/// Many times the members of a cluster; a few hundred octets each.
const SENDERS: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn name(text: &str) -> MemberName {
        MemberName::try_new(text).unwrap()
    }

    #[test]
    fn an_older_life_of_a_sender_is_not_heard_again() {
        let mut replay = Replay::default();
        let a = name("a");
        assert_eq!(replay.take(&a, 5, 100), Ok(()));
        assert_eq!(replay.take(&a, 6, 1), Ok(()));
        assert_eq!(replay.take(&a, 5, 101), Err(Refused::OldIncarnation));
        assert_eq!(replay.newest(&a), Some(6));
        assert_eq!(replay.take(&name("b"), 1, 1), Ok(()));
    }

    #[test]
    fn what_is_far_behind_counts_as_received() {
        let mut replay = Replay::default();
        let a = name("a");
        assert_eq!(replay.take(&a, 1, 1000), Ok(()));
        assert_eq!(replay.take(&a, 1, 1000 - 127), Ok(()));
        assert_eq!(replay.take(&a, 1, 1000 - 128), Err(Refused::Replayed));
        assert_eq!(replay.take(&a, 1, u64::MAX), Ok(()));
        assert_eq!(replay.take(&a, 1, 1000), Err(Refused::Replayed));
    }

    #[test]
    fn memory_is_bounded_and_the_longest_silent_is_forgotten() {
        let mut replay = Replay::default();
        for sender in 0..SENDERS + 100 {
            assert_eq!(replay.take(&name("kept"), 1, sender as u64), Ok(()));
            let sender = name(&format!("sender-{sender}"));
            assert_eq!(replay.take(&sender, 1, 1), Ok(()));
            assert!(replay.windows.len() <= SENDERS);
        }
        assert_eq!(replay.take(&name("kept"), 1, 5), Err(Refused::Replayed));
    }

    proptest! {
        #[test]
        fn nothing_counts_twice_and_nothing_recent_is_lost(counters in proptest::collection::vec(0u64..400, 0..200)) {
            let mut replay = Replay::default();
            let (mut seen, mut highest) = (BTreeSet::new(), 0);
            for counter in counters {
                let taken = replay.take(&name("a"), 1, counter).is_ok();
                if taken {
                    prop_assert!(seen.insert(counter), "{counter} counted twice");
                } else {
                    prop_assert!(seen.contains(&counter) || counter + 128 <= highest, "{counter} was lost");
                }
                highest = highest.max(counter);
            }
        }
    }
}
