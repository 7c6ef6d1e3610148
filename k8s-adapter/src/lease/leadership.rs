//! Whether this process may write, as the rest of it sees that.

use tokio::sync::watch;
use tokio::time::Instant;

/// Whether this process leads. Clones see the same.
#[derive(Clone, Debug)]
pub struct Leadership {
    until: watch::Receiver<Option<Instant>>,
    known: bool,
}

impl Leadership {
    /// That of a process which has no rivals.
    #[must_use]
    pub fn always() -> Self {
        let far = Instant::now() + FAR;
        Self::following(watch::channel(Some(far)).1)
    }

    /// Leadership that lasts until what is sent last, and is none while that is `None`.
    #[must_use]
    pub fn following(until: watch::Receiver<Option<Instant>>) -> Self {
        Self {
            until,
            known: false,
        }
    }

    /// Whether this process leads at this very moment: to be asked before each write. It is false in time even when the
    /// process was stopped for a while and nobody has told it yet.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.until
            .borrow()
            .is_some_and(|until| Instant::now() < until)
    }

    /// Returns as soon as leadership is another than this said last; at first it has said that there is none.
    /// Cancel-safe.
    pub async fn changed(&mut self) -> bool {
        loop {
            let until = *self.until.borrow_and_update();
            let holds = until.is_some_and(|until| Instant::now() < until);
            if holds != self.known {
                self.known = holds;
                return holds;
            }
            let told = async {
                if self.until.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            match until.filter(|_| holds) {
                Some(until) => {
                    tokio::select! {
                        () = told => {}
                        () = tokio::time::sleep_until(until) => {}
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

    #[tokio::test(start_paused = true)]
    async fn leadership_ends_when_its_time_is_over_although_nobody_says_so() {
        let (sender, until) = watch::channel(None);
        let mut leadership = Leadership::following(until);
        assert!(!leadership.holds());
        sender.send_replace(Some(Instant::now() + Duration::from_secs(2)));
        assert!(leadership.changed().await);
        advance(Duration::from_millis(1999)).await;
        assert!(leadership.holds());
        advance(Duration::from_millis(1)).await;
        assert!(!leadership.holds());
        assert!(!leadership.changed().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_is_no_change() {
        let (sender, until) = watch::channel(None);
        let mut leadership = Leadership::following(until);
        let renew = || sender.send_replace(Some(Instant::now() + Duration::from_secs(2)));
        renew();
        assert!(leadership.changed().await);
        for _ in 0..10 {
            let unchanged = timeout(Duration::from_secs(1), leadership.changed()).await;
            assert!(unchanged.is_err());
            renew();
        }
        sender.send_replace(None);
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
