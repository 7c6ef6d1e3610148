//! What has been written about a Service and has not come back through the source yet.

use super::status::Status;
use crate::service::Service;

/// What has been written about a Service and has not come back through the source yet.
///
/// Until it does the Service counts as it will be then: else its address would be free meanwhile.
#[derive(Clone, Debug)]
pub(super) struct Unseen {
    /// What the source may show until it shows `latest`: what was there before, and what was written before the last.
    earlier: Vec<Status>,
    latest: Status,
    /// How many times [`Unseen::grow_old`] has met it.
    age: u8,
}

impl Unseen {
    /// A Service that is as the source shows it is about to be written.
    pub(super) fn new(shown: &Service, written: Status) -> Self {
        Self {
            earlier: vec![Status::of(shown)],
            latest: written,
            age: 0,
        }
    }

    /// It is about to be written once more.
    pub(super) fn write(&mut self, next: Status) {
        let last = std::mem::replace(&mut self.latest, next);
        if !self.earlier.contains(&last) {
            self.earlier.push(last);
        }
        self.age = 0;
    }

    /// Whether the source shows what was there before. If it shows anything else, that is either what was written, or
    /// what somebody else has made of the Service since; both are to be taken as they are.
    pub(super) fn is_behind(&self, shown: &Service) -> bool {
        !self.latest.is_of(shown) && self.earlier.iter().any(|status| status.is_of(shown))
    }

    /// The Service as it is once the source shows what was written.
    pub(super) fn lay_over(&self, shown: &Service) -> Service {
        let mut service = shown.clone();
        self.latest.put_on(&mut service);
        service
    }

    /// Time has passed and it has not come back.
    pub(super) fn grow_old(&mut self) {
        self.age = self.age.saturating_add(1);
    }

    /// Whether it has grown old twice since the last write: that should have come back long ago, and may have got lost.
    pub(super) fn is_old(&self) -> bool {
        self.age > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::AddressField;

    fn service(address: &str) -> Service {
        let addresses = Some(address).filter(|text| !text.is_empty());
        Service {
            ingress: addresses.into_iter().map(AddressField::parse).collect(),
            ..Service::default()
        }
    }

    fn written(address: &str) -> Unseen {
        Unseen::new(&service(""), Status::of(&service(address)))
    }

    #[test]
    fn what_was_there_before_is_behind_and_nothing_else_is() {
        let unseen = written("192.0.2.1");
        assert!(unseen.is_behind(&service("")));
        assert_eq!(unseen.lay_over(&service("")), service("192.0.2.1"));
        for seen in ["192.0.2.1", "192.0.2.9"] {
            assert!(!unseen.is_behind(&service(seen)), "{seen}");
        }
    }

    #[test]
    fn what_was_written_before_the_last_write_is_behind_too() {
        let mut unseen = written("192.0.2.1");
        unseen.write(Status::of(&service("192.0.2.2")));
        for seen in ["", "192.0.2.1"] {
            assert!(unseen.is_behind(&service(seen)), "{seen}");
        }
        assert!(!unseen.is_behind(&service("192.0.2.2")));
    }

    #[test]
    fn a_write_is_old_the_second_time() {
        let mut unseen = written("192.0.2.1");
        for is_old in [false, true] {
            unseen.grow_old();
            assert_eq!(unseen.is_old(), is_old);
        }
        unseen.write(Status::of(&service("192.0.2.1")));
        assert!(!unseen.is_old());
    }
}
