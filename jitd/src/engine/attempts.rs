//! What people tried and may not: refused, and on record.

use super::floods::Occurrence;
use super::{Engine, EngineError};
use crate::domain::decide::Refusal;
use crate::domain::elevation::ElevationId;
use crate::domain::person::Caller;
use crate::domain::time::Wall;
use crate::record::{Event, EventName, Priority, Subject, note};

/// Most kinds of one person's attempts that are kept apart.
const MOST_KINDS: usize = 32;

/// Somebody tried what they may not.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    caller: Caller,
    tried: &'static str,
    /// The elevation that it was about.
    subject: Option<Subject>,
    because: String,
}

impl Engine {
    /// Gives the outcome on, and puts it on record where somebody tried what they may not.
    ///
    /// # Errors
    /// Those of the outcome.
    pub(super) async fn on_record<T>(
        &self,
        caller: &Caller,
        tried: &'static str,
        id: Option<ElevationId>,
        outcome: Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        if let Err(EngineError::Refused(Refusal::NotAllowed(why))) = &outcome {
            self.record_attempt(caller, tried, id, why).await;
        }
        outcome
    }

    async fn record_attempt(
        &self,
        caller: &Caller,
        tried: &'static str,
        id: Option<ElevationId>,
        because: &str,
    ) {
        let elevation = match id {
            Some(id) => self.find(id).await.ok().flatten(),
            None => None,
        };
        let attempt = Attempt {
            caller: caller.clone(),
            tried,
            subject: elevation.as_ref().map(Subject::of),
            because: because.to_owned(),
        };
        let now = self.shared.clock.now();
        self.shared.floods.attempted(attempt, &now);
        if let Err(error) = self.tell_what_was_counted(false).await {
            // The refusal stands either way.
            let text = format!("a refused attempt could not be recorded yet: {error}");
            note(Priority::Error, &text);
        }
    }
}

impl Occurrence for Attempt {
    type Source = u32;
    /// Through which account, what was tried, and on which elevation.
    type Kind = (u32, &'static str, Option<ElevationId>);

    const MOST_KINDS: usize = MOST_KINDS;
    const AT_ONCE: u32 = 1;

    fn source(&self) -> u32 {
        self.caller.person().uid
    }

    fn kind(&self) -> Self::Kind {
        let id = self.subject.as_ref().map(|subject| subject.id);
        (self.caller.account.uid, self.tried, id)
    }

    fn event(&self, at: Wall) -> Event {
        let mut event = self.event_of_its_source(at);
        if let Some(subject) = &self.subject {
            event.subject = Some(subject.clone());
            event.person = None;
        }
        event
            .with("tried", self.tried)
            .with("because", self.because.as_str())
    }

    fn event_of_its_source(&self, at: Wall) -> Event {
        let person = self.caller.person();
        Self::event_of_many(at)
            .about(person.name.clone(), person.uid)
            .by(&self.caller)
    }

    fn event_of_many(at: Wall) -> Event {
        Event::of_none(EventName::AttemptRefused, at)
    }
}
