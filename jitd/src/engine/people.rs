//! The door for people.

use jitd_api::{RequestOptions, State};
use tokio::sync::MutexGuard;

use super::state::Open;
use super::{Engine, EngineError, PolicyInForce};
use crate::domain::decide::{self, Refusal};
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::person::{Caller, Person};
use crate::domain::policy::Policy;
use crate::domain::time::Now;
use crate::record::{Event, EventName};
use crate::store::{Change, Query, Scope};

impl Engine {
    /// Asks for a role; gives the number of the pending elevation.
    ///
    /// # Errors
    /// See [`decide::request`].
    pub async fn request(
        &self,
        caller: &Caller,
        role: &str,
        options: &RequestOptions,
    ) -> Result<ElevationId, EngineError> {
        let policy = self.policy()?;
        let (mut open, now) = self.begin().await;
        let asked = open.asked.entry(caller.account.uid).or_default();
        decide::not_too_often(asked, &now)?;
        let waiting = open
            .elevations
            .values()
            .filter(|elevation| {
                elevation.uid == caller.account.uid && elevation.state == State::Pending
            })
            .count();
        let mut elevation = decide::request(policy, caller, role, options, waiting, &now)?;
        elevation.id = open.next;
        let event = Event::new(EventName::Requested, &elevation, now.wall)
            .by(caller)
            .with("duration", elevation.duration.0.to_string())
            .with("reason", elevation.reason.as_str());
        let id = elevation.id;
        self.settle(open, vec![Change { elevation, event }], &now)
            .await?;
        Ok(id)
    }

    /// Whose open elevation this is: the account to look up before [`Engine::approve`].
    pub async fn holder_uid(&self, id: ElevationId) -> Option<u32> {
        let open = self.shared.open.lock().await;
        open.elevations.get(&id).map(|elevation| elevation.uid)
    }

    /// Agrees to a pending elevation of `holder`, who has the requester's account now.
    ///
    /// # Errors
    /// See [`decide::approve`].
    pub async fn approve(
        &self,
        caller: &Caller,
        id: ElevationId,
        holder: Option<&Person>,
        shorter: Option<u64>,
        comment: &str,
    ) -> Result<Elevation, EngineError> {
        let policy = self.policy()?;
        self.change(id, |elevation, now| {
            let role = policy
                .role(elevation.role.as_str())
                .ok_or_else(|| no_such_role(elevation))?;
            let approved = decide::approve(role, caller, elevation, holder, shorter, comment, now)?;
            let ends = approved
                .grant
                .as_ref()
                .map(|grant| rfc3339(grant.ends_at.0));
            let event = Event::new(EventName::Approved, &approved, now.wall)
                .by(caller)
                .with("duration", approved.duration.0.to_string())
                .with("ends", ends.unwrap_or_default())
                .with("comment", comment.trim());
            Ok(Change {
                elevation: approved,
                event,
            })
        })
        .await
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
        self.change(id, |elevation, now| {
            let denied = decide::deny(self.role_of(elevation), caller, elevation, comment, now)?;
            let event = Event::new(EventName::Denied, &denied, now.wall)
                .by(caller)
                .with("comment", comment.trim());
            Ok(Change {
                elevation: denied,
                event,
            })
        })
        .await
    }

    /// Takes back a request.
    ///
    /// # Errors
    /// See [`decide::cancel`].
    pub async fn cancel(&self, caller: &Caller, id: ElevationId) -> Result<Elevation, EngineError> {
        self.change(id, |elevation, now| {
            let cancelled = decide::cancel(caller, elevation, now)?;
            let event = Event::new(EventName::Cancelled, &cancelled, now.wall).by(caller);
            Ok(Change {
                elevation: cancelled,
                event,
            })
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
            let event = Event::new(EventName::Released, &released, now.wall).by(caller);
            Ok(Change {
                elevation: released,
                event,
            })
        };
        match id {
            Some(id) => Ok(vec![self.change(id, release).await?]),
            None => self
                .change_all(|elevation, now| {
                    (caller.holds(elevation) && elevation.is_active(now))
                        .then(|| release(elevation, now))
                })
                .await?
                .ok_or_else(|| {
                    Refusal::WrongState(format!(
                        "{} holds no active elevation; see: jitctl status",
                        caller.account.name
                    ))
                    .into()
                }),
        }
    }

    /// Ends somebody's active elevation.
    ///
    /// # Errors
    /// See [`decide::revoke`].
    pub async fn revoke(
        &self,
        caller: &Caller,
        id: ElevationId,
        comment: &str,
    ) -> Result<Elevation, EngineError> {
        self.change(id, |elevation, now| {
            self.revoked(caller, elevation, comment, now)
        })
        .await
    }

    /// Ends all active elevations of a user and a role that the caller may revoke.
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
            .change_all(|elevation, now| {
                if !matches(elevation) || !elevation.is_active(now) {
                    return None;
                }
                match self.revoked(caller, elevation, comment, now) {
                    Err(refusal @ Refusal::NotAllowed(_)) => {
                        refused = Some(refusal);
                        None
                    }
                    outcome => Some(outcome),
                }
            })
            .await?;
        revoked.ok_or_else(|| {
            refused
                .unwrap_or_else(|| {
                    Refusal::NotFound(
                        "there is no such active elevation; see: jitctl list --state active"
                            .to_owned(),
                    )
                })
                .into()
        })
    }

    /// One elevation that the caller may see.
    ///
    /// # Errors
    /// There is none, or not for this caller.
    pub async fn get(&self, caller: &Caller, id: ElevationId) -> Result<Elevation, EngineError> {
        // Whoever reads "active" goes on to use it: the host comes first.
        let mut settling = self.shared.settling.subscribe();
        // The sender is ours, so the wait cannot fail.
        let _ = settling.wait_for(|ids| !ids.contains(&id)).await;
        let open = self.shared.open.lock().await.elevations.get(&id).cloned();
        let found = match open {
            Some(elevation) => Some(elevation),
            None => self.shared.store.get(id).await?,
        };
        let policy = self.shared.policy.loaded().map(AsRef::as_ref);
        Ok(found
            .filter(|elevation| decide::may_see(policy, caller, elevation))
            .ok_or_else(|| not_found(id))?)
    }

    /// Elevations that the caller may see, newest first.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn list(&self, caller: &Caller, query: Query) -> Result<Vec<Elevation>, EngineError> {
        let query = Query {
            scope: self.scope(caller),
            ..query
        };
        Ok(self.shared.store.list(query).await?)
    }

    /// What waits for the caller's decision, oldest first.
    pub async fn pending(&self, caller: &Caller) -> Vec<Elevation> {
        self.open_where(|elevation, now| {
            elevation.state == State::Pending
                && !elevation.is_due(now)
                && self
                    .role_of(elevation)
                    .is_some_and(|role| decide::could_decide(role, caller, elevation))
        })
        .await
    }

    /// The caller's own open elevations, oldest first.
    pub async fn own(&self, caller: &Caller) -> Vec<Elevation> {
        self.open_where(|elevation, now| caller.holds(elevation) && !elevation.is_due(now))
            .await
    }

    /// The policy in force.
    ///
    /// # Errors
    /// It is broken.
    pub fn policy(&self) -> Result<&Policy, EngineError> {
        match &self.shared.policy {
            PolicyInForce::Loaded(policy) => Ok(policy),
            PolicyInForce::Broken(why) => Err(EngineError::BrokenPolicy(why.clone())),
        }
    }

    fn revoked(
        &self,
        caller: &Caller,
        elevation: &Elevation,
        comment: &str,
        now: &Now,
    ) -> Result<Change, Refusal> {
        let revoked = decide::revoke(self.role_of(elevation), caller, elevation, comment, now)?;
        let event = Event::new(EventName::Revoked, &revoked, now.wall)
            .by(caller)
            .with("comment", comment.trim());
        Ok(Change {
            elevation: revoked,
            event,
        })
    }

    fn scope(&self, caller: &Caller) -> Scope {
        let policy = self.shared.policy.loaded();
        if caller.is_root() || policy.is_some_and(|policy| policy.readers.contains(&caller.account))
        {
            return Scope::All;
        }
        let roles = policy.map(|policy| {
            policy
                .decidable(&caller.account)
                .map(|role| role.name.to_string())
                .collect()
        });
        Scope::Some {
            uid: caller.account.uid,
            roles: roles.unwrap_or_default(),
        }
    }

    fn role_of(&self, elevation: &Elevation) -> Option<&crate::domain::policy::Role> {
        self.shared
            .policy
            .loaded()
            .and_then(|policy| policy.role(elevation.role.as_str()))
    }

    async fn begin(&self) -> (MutexGuard<'_, Open>, Now) {
        let open = self.shared.open.lock().await;
        let now = self.shared.clock.now();
        (open, now)
    }

    /// Changes one open elevation. A closed one is decided upon as well, so that whoever could
    /// have changed it learns its state.
    async fn change(
        &self,
        id: ElevationId,
        decide: impl FnOnce(&Elevation, &Now) -> Result<Change, Refusal>,
    ) -> Result<Elevation, EngineError> {
        let (open, now) = self.begin().await;
        let elevation = match open.elevations.get(&id) {
            Some(elevation) => elevation.clone(),
            None => self
                .shared
                .store
                .get(id)
                .await?
                .ok_or_else(|| not_found(id))?,
        };
        let change = decide(&elevation, &now)?;
        let changed = change.elevation.clone();
        self.settle(open, vec![change], &now).await?;
        Ok(changed)
    }

    /// Changes all open elevations for which `decide` has an answer; none if it has none.
    async fn change_all(
        &self,
        mut decide: impl FnMut(&Elevation, &Now) -> Option<Result<Change, Refusal>>,
    ) -> Result<Option<Vec<Elevation>>, EngineError> {
        let (open, now) = self.begin().await;
        let changes: Result<Vec<Change>, Refusal> = open
            .elevations
            .values()
            .filter_map(|elevation| decide(elevation, &now))
            .collect();
        let changes = changes?;
        if changes.is_empty() {
            return Ok(None);
        }
        let elevations = changes
            .iter()
            .map(|change| change.elevation.clone())
            .collect();
        self.settle(open, changes, &now).await?;
        Ok(Some(elevations))
    }

    async fn open_where(&self, which: impl Fn(&Elevation, &Now) -> bool) -> Vec<Elevation> {
        let (open, now) = self.begin().await;
        open.elevations
            .values()
            .filter(|elevation| which(elevation, &now))
            .cloned()
            .collect()
    }
}

fn not_found(id: ElevationId) -> Refusal {
    Refusal::NotFound(format!("there is no elevation {id} that you may see"))
}

fn no_such_role(elevation: &Elevation) -> Refusal {
    Refusal::WrongState(format!(
        "role {} is not in the policy any more; deny the request: jitctl deny {} --comment \"…\"",
        elevation.role, elevation.id
    ))
}

fn rfc3339(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}
