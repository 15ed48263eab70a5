//! The one decision on who may have what, when: (policy, facts about the person, history, time)
//! → decision with its reasons. The daemon, `explain` and `test` all ask here.

mod inquiry;

use std::fmt;

use jitd_api::RequestOptions;

use super::budget::Span;
use super::decide::Refusal;
use super::person::Person;
use super::policy::{Place, Policy, Requirement, Role};
use super::time::{Seconds, Wall};
use inquiry::Inquiry;

/// Farthest ahead that an elevation may begin.
pub const FARTHEST: Seconds = Seconds(90 * 24 * 3600);

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who.
    pub person: &'a Person,
    /// The name of a role.
    pub role: &'a str,
    /// How.
    pub way: Way,
    /// How long; the role's default without it.
    pub duration: Option<Seconds>,
    /// When it is to begin; as soon as it is approved without it.
    pub start: Option<Wall>,
    /// Why.
    pub reason: &'a str,
    /// For which ticket.
    pub ticket: &'a str,
    /// Whether a reason and a ticket that are not there are taken as still to come, and good:
    /// for those who only want to know.
    pub to_come: bool,
}

impl<'a> Ask<'a> {
    /// What goes with a request, as it comes over the bus.
    #[must_use]
    pub fn new(person: &'a Person, role: &'a str, way: Way, options: &'a RequestOptions) -> Self {
        Self {
            person,
            role,
            way,
            duration: options.duration.map(Seconds),
            start: options.start.map(Wall),
            reason: options.reason.as_deref().unwrap_or_default(),
            ticket: options.ticket.as_deref().unwrap_or_default(),
            to_come: false,
        }
    }

    /// The same for those who only want to know what would come of it: what the person can still
    /// say is taken as said.
    #[must_use]
    pub const fn only_to_know(mut self) -> Self {
        self.to_come = true;
        self
    }
}

/// How somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// So that others decide.
    Request,
    /// At once, to answer for it afterwards.
    BreakGlass,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The key of the policy that it depends on.
    pub key: &'static str,
    /// Where that is said; nowhere when the program's own value counts.
    pub place: Option<Place>,
    /// Whether it speaks for it.
    pub holds: bool,
    /// What was found, in words.
    pub text: String,
}

/// As `max_duration (/etc/jitd/jitd.toml:12): 3h is longer than …`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{} ({place}): {}", self.key, self.text),
            None => write!(f, "{}: {}", self.key, self.text),
        }
    }
}

/// Whose yes it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yes<'p> {
    /// Nobody's.
    Nobodys,
    /// Theirs: all of these must be met.
    Of(&'p [Requirement]),
    /// Nobody's, but an approver must acknowledge it afterwards: the glass is broken.
    Afterwards,
}

/// What is possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Possible<'p> {
    /// The role.
    pub role: &'p Role,
    /// What exactly was asked for.
    pub terms: Terms,
    /// Whose yes it takes.
    pub yes: Yes<'p>,
}

/// What exactly was asked for, with the role's defaults in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How long.
    pub duration: Seconds,
    /// When it is to begin.
    pub start: Option<Wall>,
    /// Why.
    pub reason: String,
    /// For which ticket.
    pub ticket: String,
}

/// The decision and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment<'p> {
    /// What was looked at, in order; the last step is the one that decided.
    pub steps: Vec<Step>,
    /// The decision.
    pub outcome: Result<Possible<'p>, Refusal>,
}

/// Decides. `used` is when this person held the role, and when they are going to.
#[must_use]
pub fn assess<'p>(policy: &'p Policy, ask: &Ask<'_>, used: &[Span], now: Wall) -> Assessment<'p> {
    let mut inquiry = Inquiry::new(ask, used, now);
    let outcome = inquiry.hear(policy);
    Assessment {
        steps: inquiry.steps,
        outcome,
    }
}

/// Whether the time that is left to this person will do, now that others agree.
///
/// # Errors
/// It is used up.
pub fn within_budget(
    role: &Role,
    ask: &Ask<'_>,
    duration: Seconds,
    used: &[Span],
    now: Wall,
) -> Result<(), Refusal> {
    Inquiry::new(ask, used, now).budget(role, duration)
}

#[cfg(test)]
mod tests;
