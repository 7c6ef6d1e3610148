//! What was heard lately: news travels until practically everybody heard it, and so is heard a dozen times.

use std::hash::{DefaultHasher, Hasher as _};

/// Remembers news by its octets. What was taken in once changes nothing when it comes again, as long as nothing that came
/// of it is forgotten; so that need not even be decoded.
#[derive(Debug)]
pub(super) struct Heard {
    /// Each at the place that follows from it, where it takes the place of another.
    lately: Vec<u64>,
}

/// Stands for the octets of one piece of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct News(u64);

impl Default for Heard {
    fn default() -> Self {
        Self {
            lately: vec![0; PLACES],
        }
    }
}

impl Heard {
    /// What stands for these octets, unless they were heard lately.
    pub(super) fn is_new(&self, octets: &[u8]) -> Option<News> {
        let news = News::of(octets);
        (self.lately.get(news.place()) != Some(&news.0)).then_some(news)
    }

    /// It was taken in.
    pub(super) fn remember(&mut self, news: News) {
        if let Some(place) = self.lately.get_mut(news.place()) {
            *place = news.0;
        }
    }

    /// Something that came of what was heard is forgotten.
    pub(super) fn forget(&mut self) {
        self.lately.fill(0);
    }
}

impl News {
    fn of(octets: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(octets);
        // An empty place is 0.
        Self(hasher.finish().max(1))
    }

    fn place(self) -> usize {
        usize::try_from(self.0 % PLACES as u64).unwrap_or_default()
    }
}

/// For all that a thousand members may have to tell when all of them start: 64 kB.
const PLACES: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_not_new_until_it_is_forgotten() {
        let mut heard = Heard::default();
        let news = heard.is_new(b"a").unwrap();
        assert_eq!(heard.is_new(b"a"), Some(news), "it was not taken in yet");
        heard.remember(news);
        assert_eq!(heard.is_new(b"a"), None);
        assert!(heard.is_new(b"b").is_some());
        heard.forget();
        assert!(heard.is_new(b"a").is_some());
    }
}
