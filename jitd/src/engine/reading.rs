//! People look.

use jitd_api::State;
use tokio::sync::{MutexGuard, watch};

use super::asking::not_found;
use super::state::Open;
use super::{Engine, EngineError};
use crate::domain::decide;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::person::Caller;
use crate::domain::time::{Boot, Now};
use crate::store::{About, Query, Reader, Scope};

impl Engine {
    /// One elevation that the caller may see.
    ///
    /// # Errors
    /// There is none, or not for this caller.
    pub async fn get(&self, caller: &Caller, id: ElevationId) -> Result<Elevation, EngineError> {
        // Whoever reads "active" goes on to use it: the host comes first.
        let mut settling = self.shared.settling.subscribe();
        // The sender is ours, so the wait cannot fail.
        let _ = settling.wait_for(|ids| !ids.contains(&id)).await;
        let policy = self.policy_in_force();
        let policy = policy.loaded().map(AsRef::as_ref);
        Ok(self
            .find(id)
            .await?
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
        let listed = self.shared.store.list(query.clone()).await?;
        let (open, _) = self.begin().await;
        let listed = listed.into_iter().map(|elevation| open.really(elevation));
        let is_meant = |one: &Elevation| query.state.is_none_or(|state| one.state == state);
        Ok(listed.filter(is_meant).collect())
    }

    /// What the caller may read of the record: root and auditors everything; everybody what is
    /// about themselves, and about an elevation that they may see.
    ///
    /// # Errors
    /// There is no such elevation, or not for this caller.
    pub async fn readable(
        &self,
        caller: &Caller,
        elevation: Option<ElevationId>,
    ) -> Result<About, EngineError> {
        if self.reads_all(caller) {
            return Ok(About::All);
        }
        if let Some(id) = elevation {
            return self.get(caller, id).await.map(|_| About::All);
        }
        let account = &caller.account;
        Ok(About::Account(account.name.to_string(), account.uid))
    }

    /// Root, and who may read everybody's record.
    #[must_use]
    pub fn reads_all(&self, caller: &Caller) -> bool {
        let policy = self.policy_in_force();
        let policy = policy.loaded();
        caller.is_root() || policy.is_some_and(|policy| policy.readers.contains(&caller.account))
    }

    /// A reader of the record, and what changes when there is more of it.
    ///
    /// # Errors
    /// The database is broken.
    pub fn reader(&self) -> Result<(Reader, watch::Receiver<()>), EngineError> {
        let store = &self.shared.store;
        let news = store.news();
        Ok((store.reader()?, news))
    }

    /// What waits for the caller's decision, oldest first.
    pub async fn pending(&self, caller: &Caller) -> Vec<Elevation> {
        self.open_where(|elevation, now| {
            elevation.state == State::Pending
                && !elevation.is_due(now)
                && self.could_decide(caller, elevation)
        })
        .await
    }

    /// What waits to be acknowledged by the caller, oldest first.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn unacknowledged(&self, caller: &Caller) -> Result<Vec<Elevation>, EngineError> {
        let mut elevations = self
            .shared
            .store
            .unacknowledged(self.decidable(caller))
            .await?;
        elevations.retain(|elevation| self.could_decide(caller, elevation));
        Ok(elevations)
    }

    /// The caller's own open elevations, oldest first.
    pub async fn own(&self, caller: &Caller) -> Vec<Elevation> {
        self.open_where(|elevation, now| {
            caller.holds(elevation) && elevation.shown_state(now).is_open()
        })
        .await
    }

    /// What time it is for elevations.
    #[must_use]
    pub fn now(&self) -> Now {
        self.shared.clock.now()
    }

    pub(super) async fn find(&self, id: ElevationId) -> Result<Option<Elevation>, EngineError> {
        if let Some(elevation) = self.shared.open.lock().await.elevations.get(&id) {
            return Ok(Some(elevation.clone()));
        }
        // Nobody waits for us while the database is read.
        let elevation = self.shared.store.get(id).await?;
        let open = self.shared.open.lock().await;
        Ok(elevation.map(|elevation| open.really(elevation)))
    }

    /// The same for whoever is to change it.
    pub(super) async fn find_in(
        &self,
        open: &Open,
        id: ElevationId,
    ) -> Result<Option<Elevation>, EngineError> {
        if let Some(elevation) = open.elevations.get(&id) {
            return Ok(Some(elevation.clone()));
        }
        let elevation = self.shared.store.get(id).await?;
        Ok(elevation.map(|elevation| open.really(elevation)))
    }

    /// What the boot clock says.
    #[must_use]
    pub fn boot_time(&self) -> Boot {
        self.shared.clock.now().boot
    }

    pub(super) async fn begin(&self) -> (MutexGuard<'_, Open>, Now) {
        let open = self.shared.open.lock().await;
        let now = self.shared.clock.now();
        (open, now)
    }

    /// The roles that the caller has authority over.
    fn decidable(&self, caller: &Caller) -> Vec<String> {
        let policy = self.policy_in_force();
        let roles = policy.loaded().map(|policy| {
            policy
                .decidable(caller.person())
                .map(|role| role.name.to_string())
                .collect()
        });
        roles.unwrap_or_default()
    }

    fn could_decide(&self, caller: &Caller, elevation: &Elevation) -> bool {
        let policy = self.policy_in_force();
        let role = policy
            .loaded()
            .and_then(|policy| policy.role(elevation.role.as_str()));
        role.is_some_and(|role| decide::could_decide(role, caller, elevation))
    }

    fn scope(&self, caller: &Caller) -> Scope {
        if self.reads_all(caller) {
            return Scope::All;
        }
        let policy = self.policy_in_force();
        let policy = policy.loaded();
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

    async fn open_where(&self, which: impl Fn(&Elevation, &Now) -> bool) -> Vec<Elevation> {
        let (open, now) = self.begin().await;
        self.notice(&open, &now);
        open.elevations
            .values()
            .filter(|elevation| which(elevation, &now))
            .cloned()
            .collect()
    }
}
