//! The same thing measured several times.

use std::time::Duration;

/// How long it took each time.
#[derive(Clone, Debug)]
pub(super) struct Samples(Vec<Duration>);

impl Samples {
    /// The one in the middle; of an even number the upper one.
    pub(super) fn median(&self) -> Duration {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// The longest.
    pub(super) fn longest(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(samples: I) -> Self {
        let mut samples: Vec<_> = samples.into_iter().collect();
        samples.sort_unstable();
        Self(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_follow_one_that_took_long() {
        let samples: Samples = [3, 900, 1, 2, 4]
            .map(Duration::from_millis)
            .into_iter()
            .collect();
        assert_eq!(samples.median(), Duration::from_millis(3));
        assert_eq!(samples.longest(), Duration::from_millis(900));
    }
}
