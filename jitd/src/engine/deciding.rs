//! People answer.

use super::asking::{ends, not_found, starts_later};
use super::{Engine, EngineError};
use crate::directory;
use crate::domain::decide::{self, Approved, Bench, Refusal};
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::person::{Caller, Person};
use crate::domain::policy::Role;
use crate::domain::time::Now;
use crate::record::{Event, EventName};
use crate::store::Change;

impl Engine {
    /// Agrees to a pending elevation; with the last yes that is needed it begins.
    ///
    /// # Errors
    /// See [`decide::approve`].
    pub async fn approve(
        &self,
        caller: &Caller,
        id: ElevationId,
        shorter: Option<u64>,
        comment: &str,
    ) -> Result<Elevation, EngineError> {
        let approved = self.try_approve(caller, id, shorter, comment).await;
        self.on_record(caller, "approve", Some(id), approved).await
    }

    async fn try_approve(
        &self,
        caller: &Caller,
        id: ElevationId,
        shorter: Option<u64>,
        comment: &str,
    ) -> Result<Elevation, EngineError> {
        loop {
            let seen = self.find(id).await?.ok_or_else(|| not_found(id))?;
            // The directory may be slow: it is asked while nobody waits for us.
            let (holder, agreed) = self.bench(&seen).await?;
            let (open, now) = self.begin().await;
            let elevation = match open.elevations.get(&id) {
                Some(elevation) if *elevation == seen => elevation,
                // It was over already.
                None if !seen.state.is_open() => &seen,
                // Something became of it meanwhile.
                _ => continue,
            };
            // The policy is swapped under the same lock.
            let policy = self.policy()?;
            let role = policy
                .role(elevation.role.as_str())
                .ok_or_else(|| no_such_role(elevation))?;
            let used = self
                .used(&policy, elevation.uid, elevation.role.as_str(), &now)
                .await?;
            let extends = elevation.extends.and_then(|id| open.elevations.get(&id));
            let bench = Bench {
                holder: holder.as_ref(),
                agreed: &agreed,
                used: &used,
                extends,
            };
            let approved =
                decide::approve(role, caller, elevation, &bench, shorter, comment, &now)?;
            let Approved { elevation, missing } = approved;
            let event = Event::new(EventName::Approved, &elevation, now.wall)
                .by(caller)
                .with("duration", elevation.duration.0.to_string())
                .with("missing", missing.join(", "))
                .with("starts", starts_later(&elevation, &now))
                .with("ends", ends(&elevation))
                .with("comment", comment.trim());
            let change = Change::of(elevation.clone(), event);
            let trouble = self.settle(open, vec![change], &now).await?;
            self.must_be_given(id, trouble).await?;
            return Ok(elevation);
        }
    }

    /// Who has the account of an elevation, and who has agreed to it, as they are now.
    async fn bench(
        &self,
        elevation: &Elevation,
    ) -> Result<(Option<Person>, Vec<Person>), EngineError> {
        let directory = self.shared.directory.as_ref();
        let holder = directory::holder(directory, elevation.uid).await?;
        let deciders = elevation.decisions.iter().map(|decision| decision.uid);
        let mut agreed = directory::everybody(directory, deciders.collect()).await?;
        // A uid can have got another owner since.
        agreed.retain(|person| {
            let mut decisions = elevation.decisions.iter();
            decisions.any(|decision| decision.uid == person.uid && decision.by == person.name)
        });
        Ok((holder, agreed))
    }

    /// Decides against a pending elevation.
    ///
    /// # Errors
    /// See [`decide::deny`].
    pub async fn deny(
        &self,
        caller: &Caller,
        id: ElevationId,
        comment: &str,
    ) -> Result<Elevation, EngineError> {
        self.change(caller, "deny", id, |role, elevation, now| {
            let denied = decide::deny(role, caller, elevation, comment, now)?;
            let event = Event::new(EventName::Denied, &denied, now.wall);
            Ok((denied, event.with("comment", comment.trim())))
        })
        .await
    }

    /// Takes note that somebody broke the glass.
    ///
    /// # Errors
    /// See [`decide::acknowledge`].
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        id: ElevationId,
        comment: &str,
    ) -> Result<Elevation, EngineError> {
        self.change(caller, "acknowledge", id, |role, elevation, now| {
            let acknowledged = decide::acknowledge(role, caller, elevation, comment, now)?;
            let event = Event::new(EventName::GlassAcknowledged, &acknowledged, now.wall);
            Ok((acknowledged, event.with("comment", comment.trim())))
        })
        .await
    }

    /// Changes one elevation as the caller says, and puts on record who it was, also where it is
    /// refused. A closed one is decided upon as well, so that whoever could have changed it
    /// learns its state.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        tried: &'static str,
        id: ElevationId,
        decide: impl FnOnce(Option<&Role>, &Elevation, &Now) -> Result<(Elevation, Event), Refusal>,
    ) -> Result<Elevation, EngineError> {
        let changed = self.try_change(caller, id, decide).await;
        self.on_record(caller, tried, Some(id), changed).await
    }

    async fn try_change(
        &self,
        caller: &Caller,
        id: ElevationId,
        decide: impl FnOnce(Option<&Role>, &Elevation, &Now) -> Result<(Elevation, Event), Refusal>,
    ) -> Result<Elevation, EngineError> {
        let (open, now) = self.begin().await;
        // The policy is swapped under the same lock.
        let policy = self.policy_in_force();
        let elevation = self
            .find_in(&open, id)
            .await?
            .ok_or_else(|| not_found(id))?;
        let role = policy
            .loaded()
            .and_then(|policy| policy.role(elevation.role.as_str()));
        let (changed, event) = decide(role, &elevation, &now)?;
        let change = Change::of(changed.clone(), event.by(caller));
        self.settle(open, vec![change], &now).await?;
        Ok(changed)
    }
}

fn no_such_role(elevation: &Elevation) -> Refusal {
    Refusal::WrongState(format!(
        "role {} is not in the policy any more; deny the request: jitctl deny {} --comment \"…\"",
        elevation.role, elevation.id
    ))
}
