//! People ask.

use jitd_api::{Explanation, RequestOptions, State};
use jitd_policy::explain::explanation;

use super::state::Open;
use super::{Engine, EngineError};
use crate::domain::assess::{Ask, Way, assess};
use crate::domain::budget::Span;
use crate::domain::decide::{self, Asked, Facts};
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::person::{Caller, Person};
use crate::domain::policy::{Policy, Role};
use crate::domain::time::{Now, Seconds, Wall};
use crate::record::{Event, EventName};
use crate::store::Change;

impl Engine {
    /// Asks for a role; gives the number of the elevation, which is pending unless nobody's yes
    /// is needed.
    ///
    /// # Errors
    /// See [`decide::request`].
    pub async fn request(
        &self,
        caller: &Caller,
        role: &str,
        options: &RequestOptions,
    ) -> Result<ElevationId, EngineError> {
        let asked = self.ask(caller, role, Way::Request, options, None).await;
        self.on_record(caller, "request", None, asked).await
    }

    /// Takes a role at once, to answer for it afterwards.
    ///
    /// # Errors
    /// See [`decide::request`].
    pub async fn break_glass(
        &self,
        caller: &Caller,
        role: &str,
        options: &RequestOptions,
    ) -> Result<ElevationId, EngineError> {
        let options = RequestOptions {
            start: None,
            ..options.clone()
        };
        let asked = self.ask(caller, role, Way::BreakGlass, &options, None);
        self.on_record(caller, "break-glass", None, asked.await)
            .await
    }

    /// Asks for more of an elevation of the caller's.
    ///
    /// # Errors
    /// See [`decide::request`].
    pub async fn extend(
        &self,
        caller: &Caller,
        id: ElevationId,
        options: &RequestOptions,
    ) -> Result<ElevationId, EngineError> {
        let asked = async {
            let elevation = self.find(id).await?.ok_or_else(|| not_found(id))?;
            let role = elevation.role.to_string();
            self.ask(caller, &role, Way::Request, options, Some(id))
                .await
        };
        self.on_record(caller, "extend", Some(id), asked.await)
            .await
    }

    /// What would come of a request of this person, and why.
    ///
    /// # Errors
    /// The policy or the database is broken.
    pub async fn explain(
        &self,
        person: &Person,
        role: &str,
        options: &RequestOptions,
    ) -> Result<Explanation, EngineError> {
        let policy = self.policy()?;
        let now = self.shared.clock.now();
        let used = self.used(&policy, person.uid, role, &now).await?;
        let ask = Ask::new(person, role, Way::Request, options).only_to_know();
        Ok(explanation(&assess(&policy, &ask, &used, now.wall)))
    }

    async fn ask(
        &self,
        caller: &Caller,
        role: &str,
        way: Way,
        options: &RequestOptions,
        extends: Option<ElevationId>,
    ) -> Result<ElevationId, EngineError> {
        let (mut open, now) = self.begin().await;
        let policy = self.policy()?;
        let asked = open.asked.entry(caller.account.uid).or_default();
        decide::not_too_often(asked, &now)?;
        let extended = match extends {
            Some(id) => open.elevations.get(&id).cloned(),
            None => None,
        };
        if let (Some(id), None) = (extends, &extended) {
            return Err(over(id).into());
        }
        let used = self.used(&policy, caller.account.uid, role, &now).await?;
        let unacknowledged = match way {
            Way::BreakGlass => {
                let uid = caller.account.uid;
                self.shared.store.unacknowledged_of(uid).await?
            }
            Way::Request => 0,
        };
        let facts = Facts {
            waiting: waiting(&open, caller),
            open: of_caller(&open, caller).count(),
            unacknowledged,
            used: &used,
            extends: extended.as_ref(),
            extended_by: extends.and_then(|id| extended_by(&open, id)),
        };
        let asked = decide::request(&policy, caller, role, way, options, &facts, &now)?;
        let id = open.next;
        let changes = told(asked, id, caller, &now);
        let trouble = self.settle(open, changes, &now).await?;
        self.must_be_given(id, trouble).await?;
        Ok(id)
    }

    /// The time of a role that counts against its budget.
    pub(super) async fn used(
        &self,
        policy: &Policy,
        uid: u32,
        role: &str,
        now: &Now,
    ) -> Result<Vec<Span>, EngineError> {
        let role: Option<(&Role, Seconds)> = policy
            .role(role)
            .and_then(|role| Some((role, role.budget?.per)));
        let Some((role, per)) = role else {
            return Ok(Vec::new());
        };
        let since = Wall(now.wall.0.saturating_sub(per.millis()));
        Ok(self
            .shared
            .store
            .used(uid, role.name.clone(), since)
            .await?)
    }
}

/// What of the caller's account is open.
fn of_caller<'a>(open: &'a Open, caller: &Caller) -> impl Iterator<Item = &'a Elevation> {
    let uid = caller.account.uid;
    let elevations = open.elevations.values();
    elevations.filter(move |elevation| elevation.uid == uid)
}

/// How much of that waits, for a decision or for its time.
fn waiting(open: &Open, caller: &Caller) -> usize {
    let waits = |state: State| matches!(state, State::Pending | State::Scheduled);
    of_caller(open, caller)
        .filter(|elevation| waits(elevation.state))
        .count()
}

/// What extends an elevation already.
fn extended_by(open: &Open, id: ElevationId) -> Option<ElevationId> {
    let mut elevations = open.elevations.values();
    elevations
        .find(|elevation| elevation.extends == Some(id))
        .map(|elevation| elevation.id)
}

/// The request, and, where nobody's yes is needed, what was given at once: both in one
/// transaction. Broken glass is one event, and a loud one.
fn told(asked: Asked, id: ElevationId, caller: &Caller, now: &Now) -> Vec<Change> {
    let mut elevation = asked.elevation;
    elevation.id = id;
    let with_words = |event: Event| {
        event
            .with("duration", elevation.duration.0.to_string())
            .with("start", elevation.start.map(rfc3339).unwrap_or_default())
            .with(
                "extends",
                elevation
                    .extends
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
            )
            .with("ticket", elevation.ticket.as_str())
            .with("reason", elevation.reason.as_str())
    };
    if elevation.break_glass {
        let event = Event::new(EventName::GlassBroken, &elevation, now.wall).by(caller);
        let event = with_words(event).with("ends", ends(&elevation));
        return vec![Change::of(elevation, event)];
    }
    let event = Event::new(EventName::Requested, &elevation, now.wall).by(caller);
    let event = with_words(event);
    if elevation.state == State::Pending {
        return vec![Change::of(elevation, event)];
    }
    let approved = Event::new(EventName::Approved, &elevation, now.wall)
        .with("by", "jitd")
        .with("duration", elevation.duration.0.to_string())
        .with("starts", starts_later(&elevation, now))
        .with("ends", ends(&elevation))
        .with("because", asked.because);
    let pending = Elevation {
        state: State::Pending,
        grant: None,
        ..elevation.clone()
    };
    vec![Change::of(pending, event), Change::of(elevation, approved)]
}

/// When it begins, where that is not now.
pub(super) fn starts_later(elevation: &Elevation, now: &Now) -> String {
    let grant = elevation.grant.as_ref();
    let later = grant.filter(|grant| !grant.has_begun(now));
    later
        .map(|grant| rfc3339(grant.starts_at))
        .unwrap_or_default()
}

/// When it ends.
pub(super) fn ends(elevation: &Elevation) -> String {
    let grant = elevation.grant.as_ref();
    grant
        .map(|grant| rfc3339(grant.ends_at))
        .unwrap_or_default()
}

pub(super) fn rfc3339(at: Wall) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

pub(super) fn not_found(id: ElevationId) -> decide::Refusal {
    decide::Refusal::NotFound(format!("there is no elevation {id} that you may see"))
}

fn over(id: ElevationId) -> decide::Refusal {
    decide::Refusal::WrongState(format!(
        "elevation {id} is over, and only an active one can be extended; to ask anew: jitctl request ROLE"
    ))
}
