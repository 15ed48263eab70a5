//! People end.

use jitd_api::State;

use super::{Engine, EngineError};
use crate::domain::decide::{self, Refusal};
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::person::Caller;
use crate::domain::policy::Role;
use crate::domain::time::Now;
use crate::record::{Event, EventName};
use crate::store::Change;

impl Engine {
    /// Takes back a request, or an elevation that has not begun.
    ///
    /// # Errors
    /// See [`decide::cancel`].
    pub async fn cancel(&self, caller: &Caller, id: ElevationId) -> Result<Elevation, EngineError> {
        self.change(caller, "cancel", id, |_, elevation, now| {
            let cancelled = decide::cancel(caller, elevation, now)?;
            let event = Event::new(EventName::Cancelled, &cancelled, now.wall);
            Ok((cancelled, event))
        })
        .await
    }

    /// Ends one active elevation of the caller's, or all of them.
    ///
    /// # Errors
    /// See [`decide::release`]; none active where all were meant.
    pub async fn end(
        &self,
        caller: &Caller,
        id: Option<ElevationId>,
    ) -> Result<Vec<Elevation>, EngineError> {
        let release = |elevation: &Elevation, now: &Now| {
            let released = decide::release(caller, elevation, now)?;
            let event = Event::new(EventName::Released, &released, now.wall);
            Ok((released, event))
        };
        let Some(id) = id else {
            let released = self
                .change_all(caller, |_, elevation, now| {
                    (caller.holds(elevation) && elevation.is_active(now))
                        .then(|| release(elevation, now))
                })
                .await?;
            return released.ok_or_else(|| {
                Refusal::WrongState(format!(
                    "{} holds no active elevation; see: jitctl status",
                    caller.account.name
                ))
                .into()
            });
        };
        self.change(caller, "end", id, |_, elevation, now| {
            release(elevation, now)
        })
        .await
        .map(|elevation| vec![elevation])
    }

    /// Ends somebody's elevation.
    ///
    /// # Errors
    /// See [`decide::revoke`].
    pub async fn revoke(
        &self,
        caller: &Caller,
        id: ElevationId,
        comment: &str,
    ) -> Result<Elevation, EngineError> {
        self.change(caller, "revoke", id, |role, elevation, now| {
            revoked(role, caller, elevation, comment, now)
        })
        .await
    }

    /// Ends all active and scheduled elevations of a user and a role that the caller may revoke.
    ///
    /// # Errors
    /// There is none.
    pub async fn revoke_matching(
        &self,
        caller: &Caller,
        user: Option<&str>,
        role: Option<&str>,
        comment: &str,
    ) -> Result<Vec<Elevation>, EngineError> {
        let matches = |elevation: &Elevation| {
            user.is_none_or(|user| elevation.user.as_str() == user)
                && role.is_none_or(|role| elevation.role.as_str() == role)
        };
        let mut refused = None;
        let revoked = self
            .change_all(caller, |role, elevation, now| {
                let state = elevation.shown_state(now);
                if !matches(elevation) || !matches!(state, State::Active | State::Scheduled) {
                    return None;
                }
                match revoked(role, caller, elevation, comment, now) {
                    Err(refusal @ Refusal::NotAllowed(_)) => {
                        refused = Some(refusal);
                        None
                    }
                    outcome => Some(outcome),
                }
            })
            .await?;
        let outcome = revoked.ok_or_else(|| {
            refused
                .unwrap_or_else(|| {
                    Refusal::NotFound(
                        "there is no such active elevation; see: jitctl list --state active"
                            .to_owned(),
                    )
                })
                .into()
        });
        self.on_record(caller, "revoke", None, outcome).await
    }

    /// Changes all open elevations for which `decide` has an answer; none if it has none.
    async fn change_all(
        &self,
        caller: &Caller,
        mut decide: impl FnMut(
            Option<&Role>,
            &Elevation,
            &Now,
        ) -> Option<Result<(Elevation, Event), Refusal>>,
    ) -> Result<Option<Vec<Elevation>>, EngineError> {
        let (open, now) = self.begin().await;
        let policy = self.policy_in_force();
        let role_of = |elevation: &Elevation| {
            let policy = policy.loaded();
            policy.and_then(|policy| policy.role(elevation.role.as_str()))
        };
        let outcomes: Result<Vec<(Elevation, Event)>, Refusal> = open
            .elevations
            .values()
            .filter_map(|elevation| decide(role_of(elevation), elevation, &now))
            .collect();
        let outcomes = outcomes?;
        if outcomes.is_empty() {
            return Ok(None);
        }
        let elevations = outcomes
            .iter()
            .map(|(elevation, _)| elevation.clone())
            .collect();
        let changes = outcomes
            .into_iter()
            .map(|(elevation, event)| Change::of(elevation, event.by(caller)))
            .collect();
        self.settle(open, changes, &now).await?;
        Ok(Some(elevations))
    }
}

fn revoked(
    role: Option<&Role>,
    caller: &Caller,
    elevation: &Elevation,
    comment: &str,
    now: &Now,
) -> Result<(Elevation, Event), Refusal> {
    let revoked = decide::revoke(role, caller, elevation, comment, now)?;
    let event = Event::new(EventName::Revoked, &revoked, now.wall);
    Ok((revoked, event.with("comment", comment.trim())))
}
