//! The same thing measured several times.

use std::time::Duration;

/// How long it took each time.
#[derive(Clone, Debug)]
pub(super) struct Samples(Vec<Duration>);

impl Samples {
    /// The shortest.
    pub(super) fn shortest(&self) -> Duration {
        self.0.first().copied().unwrap_or_default()
    }

    /// The one in the middle; of an even number the upper one.
    pub(super) fn median(&self) -> Duration {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// What nine of ten do not exceed.
    pub(super) fn ninth_decile(&self) -> Duration {
        self.percentile(90)
    }

    /// The one that this part of all, in percent, does not exceed.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.0.len()
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

    #[test]
    fn nine_of_ten_do_not_exceed_the_ninth_decile() {
        let ninth_decile = |count: u64| {
            let samples: Samples = (1..=count).map(Duration::from_millis).collect();
            samples.ninth_decile().as_millis()
        };
        assert_eq!(ninth_decile(30), 27);
        assert_eq!(ninth_decile(5), 5);
        assert_eq!(ninth_decile(1), 1);
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let samples: Samples = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(samples.percentile(50), Duration::from_millis(100));
        assert_eq!(samples.percentile(99), Duration::from_millis(198));
        assert_eq!(samples.percentile(100), samples.longest());
        assert_eq!(Samples::from_iter([]).percentile(99), Duration::ZERO);
    }
}
