//! Who was not let in at the gate: on record after they were told.

use super::Engine;
use super::floods::Occurrence;
use crate::domain::names::UserName;
use crate::domain::session::SessionId;
use crate::domain::time::Wall;
use crate::record::{Event, EventName};

/// Most kinds of one person's refusals that are kept apart.
const MOST_KINDS: usize = 16;

/// Somebody was not let in. Who and where is the word of `pam_jit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whose account; 0 for what root opens in a session.
    pub uid: u32,
    /// Their name.
    pub name: String,
    /// The PAM service.
    pub service: String,
    /// Where.
    pub terminal: String,
    /// From which host.
    pub remote: String,
    /// The session in which something was to be opened.
    pub within: Option<SessionId>,
    /// Why not.
    pub because: String,
    /// Their requests that wait.
    pub pending: Vec<u64>,
}

impl Engine {
    /// Takes note that somebody was not let in. Waits for nothing: it is put on record by
    /// [`Engine::tell_of_floods`].
    pub fn refused(&self, refusal: Refusal) {
        let now = self.shared.clock.now();
        self.shared.floods.refused(refusal, &now);
    }
}

impl Occurrence for Refusal {
    type Source = (u32, String);
    /// The service, and why not.
    type Kind = (String, String);

    const MOST_KINDS: usize = MOST_KINDS;
    const AT_ONCE: u32 = 1;

    fn source(&self) -> Self::Source {
        (self.uid, self.name.clone())
    }

    fn kind(&self) -> Self::Kind {
        (self.service.clone(), self.because.clone())
    }

    fn event(&self, at: Wall) -> Event {
        let within = self.within.map(|id| id.to_string());
        let pending: Vec<_> = self.pending.iter().map(ToString::to_string).collect();
        self.event_of_its_source(at)
            .with("service", self.service.as_str())
            .with("terminal", self.terminal.as_str())
            .with("remote", self.remote.as_str())
            .with("session", within.unwrap_or_default())
            .with("because", self.because.as_str())
            .with("pending", pending.join(","))
    }

    fn event_of_its_source(&self, at: Wall) -> Event {
        let event = Self::event_of_many(at);
        let number = self.uid.to_string();
        // So pam_jit calls an account that it does not find.
        let is_nobodys = self.name == format!("uid {number}");
        let name = if is_nobodys { &number } else { &self.name };
        match UserName::new(name).or_else(|_| UserName::new(&number)) {
            Ok(name) => event.about(name, self.uid),
            Err(_) => event,
        }
    }

    fn event_of_many(at: Wall) -> Event {
        Event::of_none(EventName::GateRefused, at)
    }
}
