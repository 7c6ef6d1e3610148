//! Whether sessions went on, as the routers tell it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use lab::router::{Kind, Router};
use lab::{LabError, until};

/// How long it may take until all of them are established and old enough.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How old each session is at least when it is first looked at: one that is started anew begins later by more.
const AGE: Duration = Duration::from_secs(3);

/// What FRR leaves out of a time, which it counts in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// Sessions that are meant to go on, by router and neighbour.
pub(crate) struct Sessions(BTreeMap<(Kind, IpAddr), Established>);

/// What a router shows of an established session.
#[derive(Clone, Copy, Debug)]
struct Established {
    uptime: Duration,
    /// Not before and not after which it began: a router takes its time to answer.
    began: [Instant; 2],
}

impl Sessions {
    /// All sessions of these routers, as soon as they are old enough.
    pub(crate) fn of(routers: &[&Router]) -> Self {
        for router in routers {
            router.wait_until_established(TIMEOUT).unwrap();
        }
        let look = || {
            let sessions = established(routers)?;
            let are_old = sessions.values().all(|session| session.uptime >= AGE);
            Ok(are_old.then_some(Self(sessions)))
        };
        until("sessions of some age", TIMEOUT, look).unwrap()
    }

    /// Without those that are expected to end.
    pub(crate) fn except(mut self, is_to_end: impl Fn(Kind, IpAddr) -> bool) -> Self {
        self.0
            .retain(|&(router, neighbour), _| !is_to_end(router, neighbour));
        assert!(!self.0.is_empty());
        self
    }

    /// Fails if one of them is down or was started anew, and waits until the uptime of each has grown.
    pub(crate) fn expect_same(&self, routers: &[&Router]) {
        let look = || {
            let now = established(routers)?;
            let mut have_grown = true;
            for (session @ (router, neighbour), before) in &self.0 {
                let Some(now) = now.get(session) else {
                    panic!("the session of {router} with {neighbour} is down");
                };
                let ([began, _], [_, at_last]) = (now.began, before.began);
                assert!(
                    began <= at_last,
                    "{router} started anew with {neighbour}: {before:?} {now:?}"
                );
                have_grown &= now.uptime > before.uptime;
            }
            Ok(have_grown.then_some(()))
        };
        until("greater uptimes", TIMEOUT, look).unwrap();
    }
}

fn established(routers: &[&Router]) -> Result<BTreeMap<(Kind, IpAddr), Established>, LabError> {
    let mut established = BTreeMap::new();
    for router in routers {
        let asked = Instant::now();
        let sessions = router.sessions()?;
        let answered = Instant::now();
        for session in sessions {
            if let Some(uptime) = session.uptime {
                let earliest = asked.checked_sub(uptime + ROUNDING).unwrap();
                let began = [earliest, answered.checked_sub(uptime).unwrap()];
                let session = (router.kind(), session.neighbour);
                established.insert(session, Established { uptime, began });
            }
        }
    }
    Ok(established)
}
