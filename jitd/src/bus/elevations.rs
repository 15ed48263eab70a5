//! `org.jitd1.Elevations`: where people ask, decide and look.

use jitd_api::{Error, Filter, MAX_LIST, MAX_NAME, RequestOptions, Status};
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use super::caller::Callers;
use super::wire;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::time::Wall;
use crate::engine::{Engine, EngineError};
use crate::store::{Query, Scope};

/// How many elevations a list has when nobody says.
const DEFAULT_LIST: u32 = 100;

pub(super) struct Elevations {
    engine: Engine,
    callers: Callers,
}

impl Elevations {
    pub(super) fn new(engine: Engine, callers: Callers) -> Self {
        Self { engine, callers }
    }

    fn one(&self, outcome: Result<Elevation, EngineError>) -> Result<jitd_api::Elevation, Error> {
        Ok(wire::elevation(
            outcome.map_err(wire::error)?,
            self.engine.policy().ok(),
        ))
    }

    fn all(
        &self,
        outcome: Result<Vec<Elevation>, EngineError>,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        outcome
            .map_err(wire::error)?
            .into_iter()
            .map(|elevation| self.one(Ok(elevation)))
            .collect()
    }
}

#[zbus::interface(name = "org.jitd1.Elevations")]
impl Elevations {
    /// Ask for a role; gives the elevation's number.
    async fn request(
        &self,
        #[zbus(header)] header: Header<'_>,
        role: &str,
        options: RequestOptions,
    ) -> Result<u64, Error> {
        let caller = self.callers.identify(&header).await?;
        let id = self
            .engine
            .request(&caller, role, &options)
            .await
            .map_err(wire::error)?;
        Ok(id.0)
    }

    /// Agree to a pending elevation; a duration in seconds may only shorten it (0: as asked).
    async fn approve(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
        duration: u64,
        comment: &str,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        let id = ElevationId(id);
        let holder = match self.engine.holder_uid(id).await {
            Some(uid) => self.callers.holder(uid).await?,
            None => None,
        };
        let shorter = (duration != 0).then_some(duration);
        self.one(
            self.engine
                .approve(&caller, id, holder.as_ref(), shorter, comment)
                .await,
        )
    }

    /// Decide against a pending elevation.
    async fn deny(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
        comment: &str,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        self.one(self.engine.deny(&caller, ElevationId(id), comment).await)
    }

    /// Take back a pending request of one's own.
    async fn cancel(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        self.one(self.engine.cancel(&caller, ElevationId(id)).await)
    }

    /// End an active elevation of one's own; 0 ends all of them.
    async fn end(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let caller = self.callers.identify(&header).await?;
        let id = (id != 0).then_some(ElevationId(id));
        self.all(self.engine.end(&caller, id).await)
    }

    /// End somebody's active elevation.
    async fn revoke(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
        comment: &str,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        self.one(self.engine.revoke(&caller, ElevationId(id), comment).await)
    }

    /// End all active elevations of a user and a role; an empty name means any.
    async fn revoke_matching(
        &self,
        #[zbus(header)] header: Header<'_>,
        user: &str,
        role: &str,
        comment: &str,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let caller = self.callers.identify(&header).await?;
        let some = |name: &'_ str| (!name.is_empty()).then(|| name.to_owned());
        let (user, role) = (some(user), some(role));
        self.all(
            self.engine
                .revoke_matching(&caller, user.as_deref(), role.as_deref(), comment)
                .await,
        )
    }

    /// One elevation.
    async fn get(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        self.one(self.engine.get(&caller, ElevationId(id)).await)
    }

    /// Elevations that the caller may see, newest first.
    async fn list(
        &self,
        #[zbus(header)] header: Header<'_>,
        filter: Filter,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let query = query(filter)?;
        let caller = self.callers.identify(&header).await?;
        self.all(self.engine.list(&caller, query).await)
    }

    /// What waits for the caller's decision, oldest first.
    async fn pending(
        &self,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let caller = self.callers.identify(&header).await?;
        self.all(Ok(self.engine.pending(&caller).await))
    }

    /// Where the caller stands.
    async fn status(&self, #[zbus(header)] header: Header<'_>) -> Result<Status, Error> {
        let caller = self.callers.identify(&header).await?;
        let own = self.engine.own(&caller).await;
        let (active, pending) = own
            .into_iter()
            .partition(|elevation| elevation.grant.is_some());
        let roles = self
            .engine
            .policy()
            .map_err(wire::error)?
            .requestable(&caller.account);
        let roles = roles.map(wire::role).collect();
        let to_decide = self.engine.pending(&caller).await.len();
        Ok(Status {
            user: caller.account.name.to_string(),
            active: self.all(Ok(active))?,
            pending: self.all(Ok(pending))?,
            roles,
            to_decide: u32::try_from(to_decide).unwrap_or(u32::MAX),
        })
    }

    /// An elevation came into a state, and the host has been made to match. Everybody can hear
    /// this: it carries no text of anyone's.
    #[zbus(signal)]
    pub(super) async fn state_changed(
        emitter: &SignalEmitter<'_>,
        id: u64,
        uid: u32,
        role: &str,
        state: &str,
    ) -> zbus::Result<()>;
}

fn query(filter: Filter) -> Result<Query, Error> {
    let invalid = |text: String| Error::InvalidArgument(text);
    for name in [&filter.user, &filter.role].into_iter().flatten() {
        if name.len() > MAX_NAME {
            return Err(invalid(format!("a name has at most {MAX_NAME} bytes")));
        }
    }
    let state = filter
        .state
        .map(|word| word.chars().take(MAX_NAME).collect::<String>().parse());
    Ok(Query {
        // The engine sets it by who is calling.
        scope: Scope::All,
        state: state
            .transpose()
            .map_err(|error: jitd_api::UnknownState| invalid(error.to_string()))?,
        user: filter.user,
        role: filter.role,
        since: filter.since.map(Wall),
        limit: filter.limit.unwrap_or(DEFAULT_LIST).min(MAX_LIST),
    })
}
