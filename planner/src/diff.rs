//! Differences between ordered maps.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

/// What happened to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a, K, V> {
    /// It is new.
    Add(&'a K, &'a V),
    /// Its value is another.
    Update(&'a K, &'a V),
    /// It is gone; the value is what it was.
    Remove(&'a K, &'a V),
}

impl<'a, K, V> Change<'a, K, V> {
    /// The key that it happened to.
    #[must_use]
    pub fn key(&self) -> &'a K {
        match self {
            Self::Add(key, _) | Self::Update(key, _) | Self::Remove(key, _) => key,
        }
    }
}

/// What turns `old` into `new`, in the order of the keys. One pass over both.
pub fn diff<'a, K: Ord, V: PartialEq>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = Change<'a, K, V>> {
    let mut old = old.iter().peekable();
    let mut new = new.iter().peekable();
    std::iter::from_fn(move || {
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old_key, _)), Some((new_key, _))) => old_key.cmp(new_key),
            };
            match order {
                Ordering::Less => return old.next().map(|(key, value)| Change::Remove(key, value)),
                Ordering::Greater => return new.next().map(|(key, value)| Change::Add(key, value)),
                Ordering::Equal => {
                    let before = old.next();
                    if let (Some((_, was)), Some((key, is))) = (before, new.next())
                        && was != is
                    {
                        return Some(Change::Update(key, is));
                    }
                }
            }
        }
    })
}

/// What turns `old` into `new`, in the order of the keys. Costs what has changed: what the two share is passed over.
pub fn diff_shared<'a, K: Ord, V: PartialEq>(
    old: &'a OrdMap<K, V>,
    new: &'a OrdMap<K, V>,
) -> impl Iterator<Item = Change<'a, K, V>> {
    old.diff(new).map(|item| match item {
        DiffItem::Add(key, value) => Change::Add(key, value),
        DiffItem::Update {
            new: (key, value), ..
        } => Change::Update(key, value),
        DiffItem::Remove(key, value) => Change::Remove(key, value),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_added_updated_removed_or_passed_over() {
        let old = BTreeMap::from([(1, 'a'), (2, 'b'), (3, 'c'), (7, 'g')]);
        let new = BTreeMap::from([(2, 'b'), (3, 'x'), (5, 'e')]);
        assert_eq!(
            diff(&old, &new).collect::<Vec<_>>(),
            [
                Change::Remove(&1, &'a'),
                Change::Update(&3, &'x'),
                Change::Add(&5, &'e'),
                Change::Remove(&7, &'g')
            ]
        );
    }

    #[test]
    fn maps_that_share_most_differ_in_the_rest() {
        let old: OrdMap<u32, u32> = (0..100_u32).map(|key| (key, key)).collect();
        let mut new = old.clone();
        new.insert(40, 0);
        new.insert(100, 100);
        new.remove(&7);
        assert_eq!(
            diff_shared(&old, &new).collect::<Vec<_>>(),
            [
                Change::Remove(&7, &7),
                Change::Update(&40, &0),
                Change::Add(&100, &100)
            ]
        );
    }

    #[test]
    fn equal_maps_have_no_difference() {
        let map = BTreeMap::from([(1, 'a'), (2, 'b')]);
        assert_eq!(diff(&map, &map.clone()).count(), 0);
    }
}
