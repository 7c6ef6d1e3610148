//! Sets of Services in which there is mostly one.

use imbl::OrdSet;
use imbl::ordset::DiffItem;

use crate::names::ServiceKey;

/// A set of Services, ordered by key.
///
/// Nearly every prefix is of one Service alone, which costs no allocation here. More are kept in a persistent set, so that
/// an aggregate over thousands of them is cloned and changed at the cost of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSet(Repr);

/// `Several` never holds exactly one, so that equal sets have equal representations.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Repr {
    One(ServiceKey),
    Several(OrdSet<ServiceKey>),
}

impl ServiceSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self(Repr::Several(OrdSet::new()))
    }

    /// The set of one Service.
    #[must_use]
    pub fn of(key: ServiceKey) -> Self {
        Self(Repr::One(key))
    }

    /// Adds a Service, unless it is there.
    pub fn insert(&mut self, key: ServiceKey) {
        match &mut self.0 {
            Repr::One(present) if *present == key => {}
            Repr::One(present) => {
                self.0 = Repr::Several([present.clone(), key].into_iter().collect());
            }
            Repr::Several(set) if set.is_empty() => self.0 = Repr::One(key),
            Repr::Several(set) => drop(set.insert(key)),
        }
    }

    /// Takes a Service out, if it is there.
    pub fn remove(&mut self, key: &ServiceKey) {
        match &mut self.0 {
            Repr::One(present) if present == key => *self = Self::new(),
            Repr::One(_) => {}
            Repr::Several(set) => {
                set.remove(key);
                if set.len() == 1
                    && let Some(last) = set.get_min()
                {
                    self.0 = Repr::One(last.clone());
                }
            }
        }
    }

    /// How many Services there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::One(_) => 1,
            Repr::Several(set) => set.len(),
        }
    }

    /// The Service, if there is exactly one.
    #[must_use]
    pub fn only(&self) -> Option<&ServiceKey> {
        match &self.0 {
            Repr::One(key) => Some(key),
            Repr::Several(_) => None,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the Service is among them.
    #[must_use]
    pub fn contains(&self, key: &ServiceKey) -> bool {
        match &self.0 {
            Repr::One(present) => present == key,
            Repr::Several(set) => set.contains(key),
        }
    }

    /// The Services that are not in `other`, and those that are in `other` alone. Costs what differs, where one came from
    /// the other.
    #[must_use]
    pub fn changes<'a>(&'a self, other: &'a Self) -> (Vec<&'a ServiceKey>, Vec<&'a ServiceKey>) {
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        if let (Repr::Several(before), Repr::Several(now)) = (&self.0, &other.0) {
            for change in before.diff(now) {
                match change {
                    DiffItem::Add(key) => new.push(key),
                    DiffItem::Remove(key) => gone.push(key),
                }
            }
        } else {
            gone.extend(self.iter().filter(|key| !other.contains(key)));
            new.extend(other.iter().filter(|key| !self.contains(key)));
        }
        (gone, new)
    }

    /// The Services, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &ServiceKey> {
        let (one, several) = match &self.0 {
            Repr::One(key) => (Some(key), None),
            Repr::Several(set) => (None, Some(set)),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

impl Default for ServiceSet {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<ServiceKey> for ServiceSet {
    fn from_iter<T: IntoIterator<Item = ServiceKey>>(keys: T) -> Self {
        let mut set = Self::new();
        for key in keys {
            set.insert(key);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_an_ordinary_set_holds(steps in proptest::collection::vec((any::<bool>(), 0..5_u8), 0..30)) {
            let (mut set, mut model) = (ServiceSet::new(), BTreeSet::new());
            for (is_insertion, name) in steps {
                let key = ServiceKey::new("default", format!("s{name}"));
                if is_insertion {
                    set.insert(key.clone());
                    model.insert(key);
                } else {
                    set.remove(&key);
                    model.remove(&key);
                }
                prop_assert!(set.iter().eq(&model));
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.is_empty(), model.is_empty());
                prop_assert!(model.iter().all(|key| set.contains(key)));
                prop_assert_eq!(&set, &model.iter().cloned().collect::<ServiceSet>());
            }
        }
    }
}
