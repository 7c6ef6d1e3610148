//! Whether this process may write, as the rest of it sees that.

use tokio::sync::watch;
use tokio::time::Instant;

/// Where a process stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It does not lead, and does not know either who does.
    #[default]
    Unknown,
    /// Another process leads, or may.
    Following,
    /// It leads.
    Leading {
        /// When that ends unless it is renewed.
        until: Instant,
    },
}

impl Standing {
    /// When leadership ends, unless it has ended.
    fn end(self) -> Option<Instant> {
        match self {
            Self::Leading { until } => Some(until).filter(|until| Instant::now() < *until),
            Self::Unknown | Self::Following => None,
        }
    }
}

/// Whether this process leads. Clones see the same.
#[derive(Clone, Debug)]
pub struct Leadership {
    standing: watch::Receiver<Standing>,
    known: bool,
}

impl Leadership {
    /// That of a process which has no rivals.
    #[must_use]
    pub fn always() -> Self {
        let until = Instant::now() + FAR;
        Self::of(watch::channel(Standing::Leading { until }).1)
    }

    /// The leadership of whoever stands where is sent last.
    #[must_use]
    pub fn of(standing: watch::Receiver<Standing>) -> Self {
        Self {
            standing,
            known: false,
        }
    }

    /// Where this process stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Whether this process leads at this very moment: to be asked before each write. It is false in time even when the
    /// process was stopped for a while and nobody has told it yet.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.standing().end().is_some()
    }

    /// Returns as soon as leadership is another than this said last; at first it has said that there is none.
    /// Cancel-safe.
    pub async fn changed(&mut self) -> bool {
        loop {
            let end = self.standing.borrow_and_update().end();
            if end.is_some() != self.known {
                self.known = end.is_some();
                return self.known;
            }
            let told = async {
                if self.standing.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            match end {
                Some(end) => {
                    tokio::select! {
                        () = told => {}
                        () = tokio::time::sleep_until(end) => {}
                    }
                }
                None => told.await,
            }
        }
    }
}

/// Longer than any process runs.
const FAR: std::time::Duration = std::time::Duration::from_secs(100 * 365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{advance, timeout};

    use super::*;

    const NEVER: Duration = Duration::from_secs(3600);

    fn leading(time: Duration) -> Standing {
        Standing::Leading {
            until: Instant::now() + time,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn leadership_ends_when_its_time_is_over_although_nobody_says_so() {
        let (sender, standing) = watch::channel(Standing::Following);
        let mut leadership = Leadership::of(standing);
        assert!(!leadership.holds());
        sender.send_replace(leading(Duration::from_secs(2)));
        assert!(leadership.changed().await);
        advance(Duration::from_millis(1999)).await;
        assert!(leadership.holds());
        advance(Duration::from_millis(1)).await;
        assert!(!leadership.holds());
        assert!(!leadership.changed().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_is_no_change() {
        let (sender, standing) = watch::channel(Standing::Following);
        let mut leadership = Leadership::of(standing);
        let renew = || sender.send_replace(leading(Duration::from_secs(2)));
        renew();
        assert!(leadership.changed().await);
        for _ in 0..10 {
            let unchanged = timeout(Duration::from_secs(1), leadership.changed()).await;
            assert!(unchanged.is_err());
            renew();
        }
        sender.send_replace(Standing::Unknown);
        assert!(!leadership.changed().await);
    }

    #[tokio::test(start_paused = true)]
    async fn without_rivals_leadership_does_not_end() {
        let mut leadership = Leadership::always();
        assert!(leadership.changed().await);
        assert!(timeout(NEVER, leadership.changed()).await.is_err());
        assert!(leadership.holds());
    }
}
