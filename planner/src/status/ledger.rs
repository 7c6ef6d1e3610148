//! Which status objects there are, as far as a node knows.

use std::collections::{BTreeMap, BTreeSet};

use super::Statuses;
use crate::effect::{Effect, StatusAbout, StatusBody, StatusId};
use crate::names::{NodeName, ServiceKey};

/// Which status objects there are: what the source shows of all nodes, and what this node has written since.
///
/// Every effect that it returns counts as carried out, until the source shows it or there is [doubt](Self::doubt).
#[derive(Clone, Debug)]
pub struct Ledger {
    me: NodeName,
    shown: Statuses,
    /// What has been written and not been shown; `None`: nothing, since it was deleted.
    unseen: BTreeMap<StatusId, Unseen>,
    /// The nodes with a ServiceL2Status of each Service.
    owners: BTreeMap<ServiceKey, BTreeSet<NodeName>>,
}

#[derive(Clone, Debug)]
struct Unseen {
    body: Option<StatusBody>,
    /// How many times [`Ledger::doubt`] has met it.
    age: u8,
}

impl Ledger {
    /// Of node `me`. There is nothing yet.
    #[must_use]
    pub fn new(me: NodeName) -> Self {
        Self {
            me,
            shown: Statuses::new(),
            unseen: BTreeMap::new(),
            owners: BTreeMap::new(),
        }
    }

    /// The source shows this now; `None`: no such object, or not as it should be.
    pub fn show(&mut self, id: StatusId, body: Option<StatusBody>) {
        if self
            .unseen
            .get(&id)
            .is_some_and(|unseen| unseen.body == body)
        {
            self.unseen.remove(&id);
        }
        if let StatusAbout::Layer2(service) = &id.about {
            let owners = self.owners.entry(service.clone()).or_default();
            match &body {
                Some(_) => drop(owners.insert(id.node.clone())),
                None => drop(owners.remove(&id.node)),
            }
            if owners.is_empty() {
                self.owners.remove(service);
            }
        }
        match body {
            Some(body) => drop(self.shown.insert(id, body)),
            None => drop(self.shown.remove(&id)),
        }
    }

    /// What the source shows.
    #[must_use]
    pub fn shown(&self) -> &Statuses {
        &self.shown
    }

    /// What an object says, once what was written has come about.
    #[must_use]
    pub fn get(&self, id: &StatusId) -> Option<&StatusBody> {
        match self.unseen.get(id) {
            Some(unseen) => unseen.body.as_ref(),
            None => self.shown.get(id),
        }
    }

    /// What there is to write for an object to be as `wanted` says; nothing if it is.
    pub fn write(&mut self, id: &StatusId, wanted: Option<&StatusBody>) -> Option<Effect> {
        (self.get(id) != wanted).then(|| self.overwrite(id, wanted))
    }

    /// The write that makes an object as `wanted` says, whatever it is now.
    pub fn overwrite(&mut self, id: &StatusId, wanted: Option<&StatusBody>) -> Effect {
        let unseen = Unseen {
            body: wanted.cloned(),
            age: 0,
        };
        self.unseen.insert(id.clone(), unseen);
        let id = id.clone();
        match wanted.cloned() {
            Some(body) => Effect::UpsertStatus { id, body },
            None => Effect::DeleteStatus { id },
        }
    }

    /// What is left of those who answered for a Service that this node answers for: they may be dead, and cannot take it
    /// back themselves.
    pub fn supersede(&mut self, service: &ServiceKey) -> Vec<Effect> {
        let owners = self.owners.get(service).into_iter().flatten();
        let others = owners.filter(|node| **node != self.me);
        let about = StatusAbout::Layer2(service.clone());
        let ids: Vec<StatusId> = others
            .map(|node| StatusId {
                node: node.clone(),
                about: about.clone(),
            })
            .collect();
        ids.iter().filter_map(|id| self.write(id, None)).collect()
    }

    /// Takes for granted no more that what was written is there, if the source has not shown it until the second call.
    /// Returns what is to be looked at again.
    pub fn doubt(&mut self) -> BTreeSet<StatusId> {
        let mut doubtful = BTreeSet::new();
        self.unseen.retain(|id, unseen| {
            unseen.age = unseen.age.saturating_add(1);
            let is_young = unseen.age < 2;
            if !is_young {
                doubtful.insert(id.clone());
            }
            is_young
        });
        doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(node: &str) -> StatusId {
        StatusId {
            node: node.into(),
            about: StatusAbout::Layer2(ServiceKey::new("shop", "web")),
        }
    }

    fn on(interface: &str) -> StatusBody {
        StatusBody::Layer2 {
            interfaces: BTreeSet::from([interface.into()]),
        }
    }

    fn ledger() -> Ledger {
        Ledger::new("n1".into())
    }

    #[test]
    fn what_is_written_is_not_written_again_before_there_is_doubt_twice() {
        let (mut ledger, one) = (ledger(), on("eth0"));
        assert!(ledger.write(&id("n1"), Some(&one)).is_some());
        assert_eq!(ledger.write(&id("n1"), Some(&one)), None);
        assert_eq!(ledger.doubt(), BTreeSet::new());
        assert_eq!(ledger.write(&id("n1"), Some(&one)), None);
        assert_eq!(ledger.doubt(), BTreeSet::from([id("n1")]));
        assert!(ledger.write(&id("n1"), Some(&one)).is_some());
    }

    #[test]
    fn what_the_source_showed_before_a_write_does_not_undo_it() {
        let (mut ledger, one, two) = (ledger(), on("eth0"), on("eth1"));
        ledger.show(id("n1"), Some(one.clone()));
        assert_eq!(ledger.write(&id("n1"), Some(&one)), None);
        assert!(ledger.write(&id("n1"), Some(&two)).is_some());
        ledger.show(id("n1"), Some(one));
        assert_eq!(ledger.write(&id("n1"), Some(&two)), None);
    }

    #[test]
    fn what_somebody_removes_after_it_was_shown_is_written_again() {
        let (mut ledger, one) = (ledger(), on("eth0"));
        ledger.write(&id("n1"), Some(&one));
        ledger.show(id("n1"), Some(one.clone()));
        ledger.show(id("n1"), None);
        let again = ledger.write(&id("n1"), Some(&one));
        assert_eq!(
            again,
            Some(Effect::UpsertStatus {
                id: id("n1"),
                body: one
            })
        );
    }

    #[test]
    fn those_who_answered_before_are_superseded_once() {
        let mut ledger = ledger();
        ledger.show(id("n1"), Some(on("eth0")));
        ledger.show(id("n2"), Some(on("eth0")));
        let service = ServiceKey::new("shop", "web");
        let effects = ledger.supersede(&service);
        assert_eq!(effects, [Effect::DeleteStatus { id: id("n2") }]);
        assert_eq!(ledger.supersede(&service), []);
        ledger.show(id("n2"), None);
        assert_eq!(ledger.supersede(&service), []);
    }
}
