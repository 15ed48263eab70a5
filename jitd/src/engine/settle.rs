//! Commit → reconcile → tell, the same for whoever came through whichever door.

use std::sync::{Arc, PoisonError};

use jitd_api::State;
use tokio::sync::MutexGuard;

use super::state::{Open, StateChange};
use super::{Engine, EngineError};
use crate::domain::decide;
use crate::domain::desired::desired;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::time::Now;
use crate::reconcile::{Convergence, ReconcileError};
use crate::record::{Event, EventName, Priority, note};
use crate::store::Change;

impl Engine {
    /// Makes changes durable, lets the gate know, has the host made to match, and tells.
    ///
    /// The lock is held until the change is durable and the reconciler has its wish, so that
    /// wishes come in the order of commits; not while the host is changed.
    pub(super) async fn settle(
        &self,
        mut open: MutexGuard<'_, Open>,
        changes: Vec<Change>,
        now: &Now,
    ) -> Result<(), EngineError> {
        let told: Vec<StateChange> = changes
            .iter()
            .map(|change| told(&change.elevation))
            .collect();
        let recorded = self.shared.store.commit(changes.clone()).await?;
        for Change { elevation, .. } in changes {
            self.shared.gate.learn(&elevation);
            open.next = open.next.max(ElevationId(elevation.id.0 + 1));
            if elevation.state.is_open() {
                open.elevations.insert(elevation.id, elevation);
            } else {
                open.elevations.remove(&elevation.id);
            }
        }
        self.shared.teller.tell(recorded);
        let convergence = self.wish(&open, now);
        let settling = &self.shared.settling;
        settling.send_modify(|ids| ids.extend(told.iter().map(|change| change.id)));
        drop(open);
        let ended: Vec<u32> = told
            .iter()
            .filter(|change| !change.state.is_open())
            .map(|change| change.uid)
            .collect();
        self.report(convergence.done().await.as_ref(), &ended);
        settling.send_modify(|ids| ids.retain(|id| told.iter().all(|change| change.id != *id)));
        for change in told {
            // Without a listener there is nobody to tell.
            let _ = self.shared.changes.send(change);
        }
        Ok(())
    }

    /// Makes the host match what is known now; true when it does.
    pub async fn reconcile(&self) -> bool {
        let convergence = {
            let open = self.shared.open.lock().await;
            self.wish(&open, &self.shared.clock.now())
        };
        self.report(convergence.done().await.as_ref(), &[])
    }

    /// Ends what the clock, or the policy at start-up, has ended. Gives the milliseconds until
    /// there will be something again.
    ///
    /// # Errors
    /// It could not be made durable; it is still due.
    pub async fn end_what_is_due(&self) -> Result<Option<i64>, EngineError> {
        let open = self.shared.open.lock().await;
        let now = self.shared.clock.now();
        let changes: Vec<Change> = open
            .elevations
            .values()
            .filter(|elevation| elevation.is_due(&now))
            .map(|elevation| {
                let ended = decide::end_by_clock(elevation, &now);
                let name = match ended.state {
                    State::Lapsed => EventName::Lapsed,
                    _ => EventName::Expired,
                };
                let event = Event::new(name, &ended, now.wall).with("by", "jitd");
                Change {
                    elevation: ended,
                    event,
                }
            })
            .collect();
        let rest = open
            .elevations
            .values()
            .filter(|elevation| !elevation.is_due(&now));
        let next = rest.filter_map(|elevation| elevation.due_in(&now)).min();
        if !changes.is_empty() {
            self.settle(open, changes, &now).await?;
        }
        Ok(next)
    }

    /// Milliseconds until the clock ends something; none while nothing is open.
    pub async fn next_due(&self) -> Option<i64> {
        let open = self.shared.open.lock().await;
        let now = self.shared.clock.now();
        open.elevations
            .values()
            .filter_map(|elevation| elevation.due_in(&now))
            .min()
    }

    /// Ends elevations whose role is no longer in the policy.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn end_what_policy_ended(&self) -> Result<(), EngineError> {
        let Some(policy) = self.shared.policy.loaded().cloned() else {
            return Ok(());
        };
        self.end_all("the role is no longer in the policy", |elevation| {
            policy.role(elevation.role.as_str()).is_none()
        })
        .await
    }

    /// Ends everything that is open, because the package is being removed.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn end_everything(&self) -> Result<(), EngineError> {
        self.end_all("jitd is being removed", |_| true).await
    }

    async fn end_all(
        &self,
        comment: &str,
        which: impl Fn(&Elevation) -> bool,
    ) -> Result<(), EngineError> {
        let open = self.shared.open.lock().await;
        let now = self.shared.clock.now();
        let changes: Vec<Change> = open
            .elevations
            .values()
            .filter(|elevation| which(elevation))
            .map(|elevation| {
                let ended = decide::end_by_policy(elevation, &now);
                let name = match ended.state {
                    State::Lapsed => EventName::Lapsed,
                    _ => EventName::Revoked,
                };
                let event = Event::new(name, &ended, now.wall)
                    .with("by", "jitd")
                    .with("comment", comment);
                Change {
                    elevation: ended,
                    event,
                }
            })
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.settle(open, changes, &now).await
    }

    /// Whether the host matched when it was last made to.
    #[must_use]
    pub fn matches(&self) -> bool {
        self.trouble().is_none()
    }

    /// Why it did not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.shared.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of how it went. `ended` are the accounts that something was to be taken from.
    fn report(&self, outcome: Result<&(), &Arc<ReconcileError>>, ended: &[u32]) -> bool {
        let gate = &self.shared.gate;
        match outcome {
            Err(error) if error.leaves_something_untaken() => gate.learn_untaken(Some(ended)),
            _ => gate.learn_untaken(None),
        }
        let text = outcome.err().map(ToString::to_string);
        let mut last = self
            .shared
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Said once, however often it is tried.
        if let Some(text) = text.as_ref().filter(|text| last.as_ref() != Some(text)) {
            note(
                Priority::Error,
                &format!("the host does not match the elevations yet: {text}"),
            );
        }
        *last = text;
        outcome.is_ok()
    }

    fn wish(&self, open: &Open, now: &Now) -> Convergence {
        let policy = self.shared.policy.loaded();
        let desired = desired(policy.map(AsRef::as_ref), open.elevations.values(), now);
        self.shared.reconciler.converge(desired, policy.cloned())
    }
}

fn told(elevation: &Elevation) -> StateChange {
    StateChange {
        id: elevation.id,
        uid: elevation.uid,
        role: elevation.role.clone(),
        state: elevation.state,
    }
}
