//! What the world is told of the configuration: the ConfigurationState, and events on what must not be overlooked.

use std::collections::BTreeSet;

use planner::effect::{Component, ConfigurationResult, ConfigurationState, Effect, Event};
use planner::status::configuration_state;

use crate::crd::{self, ConfigurationStateStatus};
use crate::translate::{ConfigError, notice, problems};

/// What the world has been told of the configuration.
#[derive(Debug, Default)]
pub(super) struct Tidings {
    state: Option<ConfigurationState>,
    /// The events on configuration.
    notices: BTreeSet<Event>,
}

impl Tidings {
    /// What there is to tell that has not been told.
    pub(super) fn update(&mut self, errors: &[ConfigError]) -> Vec<Effect> {
        let mut effects = Vec::new();
        let state = configuration_state(Component::Controller, &problems(errors));
        if self.state.as_ref() != Some(&state) {
            effects.push(Effect::ConfigurationState(state.clone()));
            self.state = Some(state);
        }
        let notices: BTreeSet<Event> = errors.iter().filter_map(notice).collect();
        let news = notices.difference(&self.notices).cloned();
        effects.extend(news.map(Effect::EmitEvent));
        self.notices = notices;
        effects
    }

    /// Takes for granted no more that the ConfigurationState says what it was told, unless the source shows that it does:
    /// somebody may have removed it.
    pub(super) fn doubt(&mut self, shown: Option<&crd::ConfigurationState>) {
        let shown = shown.and_then(|object| object.status.as_ref());
        self.state
            .take_if(|state| !shown.is_some_and(|shown| says(shown, state)));
    }
}

/// Whether an object says what it is to say.
fn says(shown: &ConfigurationStateStatus, state: &ConfigurationState) -> bool {
    let result = match state.result {
        ConfigurationResult::Valid => crd::ConfigurationResult::Valid,
        ConfigurationResult::Invalid => crd::ConfigurationResult::Invalid,
    };
    let has = shown.conditions.iter().map(|condition| {
        let (status, reason) = (condition.status.as_str(), condition.reason.as_str());
        (
            condition.type_.as_str(),
            status,
            reason,
            condition.message.as_str(),
        )
    });
    let wants = state.conditions.iter().map(|condition| {
        let (status, reason) = (condition.status.as_str(), condition.reason);
        (
            condition.condition_type.as_str(),
            status,
            reason,
            condition.message.as_str(),
        )
    });
    shown.result == Some(result) && shown.error_summary == state.error_summary && has.eq(wants)
}
