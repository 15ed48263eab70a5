//! `org.jitd1.Elevations`: where people ask, decide and look.

use jitd_api::{
    Error, Filter, MAX_ACCOUNT_NAME, MAX_LIST, MAX_NAME, RequestOptions, State, Status,
};
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

    async fn one(
        &self,
        outcome: Result<Elevation, EngineError>,
    ) -> Result<jitd_api::Elevation, Error> {
        let policy = self.engine.policy().ok();
        let elevation = outcome.map_err(wire::error)?;
        let sessions = self.engine.sessions_of(elevation.id).await;
        let sessions = sessions.map_err(wire::error)?;
        let now = self.engine.now();
        Ok(wire::elevation(
            elevation,
            &sessions,
            policy.as_deref(),
            &now,
        ))
    }

    async fn all(
        &self,
        outcome: Result<Vec<Elevation>, EngineError>,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let policy = self.engine.policy().ok();
        let now = self.engine.now();
        let running = self.engine.running().await;
        Ok(outcome
            .map_err(wire::error)?
            .into_iter()
            .map(|elevation| wire::elevation(elevation, &running, policy.as_deref(), &now))
            .collect())
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

    /// Ask for more of an elevation of one's own; gives the number of what goes on from it.
    async fn extend(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
        options: RequestOptions,
    ) -> Result<u64, Error> {
        let caller = self.callers.identify(&header).await?;
        let extended = self.engine.extend(&caller, ElevationId(id), &options).await;
        Ok(extended.map_err(wire::error)?.0)
    }

    /// Take a role at once, to answer for it afterwards; gives the elevation's number.
    async fn break_glass(
        &self,
        #[zbus(header)] header: Header<'_>,
        role: &str,
        options: RequestOptions,
    ) -> Result<u64, Error> {
        let caller = self.callers.identify(&header).await?;
        let taken = self.engine.break_glass(&caller, role, &options).await;
        Ok(taken.map_err(wire::error)?.0)
    }

    /// Take note that somebody broke the glass.
    async fn acknowledge(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
        comment: &str,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        let id = ElevationId(id);
        self.one(self.engine.acknowledge(&caller, id, comment).await)
            .await
    }

    /// What waits to be acknowledged by the caller, oldest first.
    async fn unacknowledged(
        &self,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let caller = self.callers.identify(&header).await?;
        self.all(self.engine.unacknowledged(&caller).await).await
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
        let shorter = (duration != 0).then_some(duration);
        self.one(self.engine.approve(&caller, id, shorter, comment).await)
            .await
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
            .await
    }

    /// Take back a pending request of one's own.
    async fn cancel(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        self.one(self.engine.cancel(&caller, ElevationId(id)).await)
            .await
    }

    /// End an active elevation of one's own; 0 ends all of them.
    async fn end(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let caller = self.callers.identify(&header).await?;
        let id = (id != 0).then_some(ElevationId(id));
        self.all(self.engine.end(&caller, id).await).await
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
            .await
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
        .await
    }

    /// One elevation.
    async fn get(
        &self,
        #[zbus(header)] header: Header<'_>,
        id: u64,
    ) -> Result<jitd_api::Elevation, Error> {
        let caller = self.callers.identify(&header).await?;
        self.one(self.engine.get(&caller, ElevationId(id)).await)
            .await
    }

    /// Elevations that the caller may see, newest first.
    async fn list(
        &self,
        #[zbus(header)] header: Header<'_>,
        filter: Filter,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let query = query(filter)?;
        let caller = self.callers.identify(&header).await?;
        self.all(self.engine.list(&caller, query).await).await
    }

    /// What waits for the caller's decision, oldest first.
    async fn pending(
        &self,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<jitd_api::Elevation>, Error> {
        let caller = self.callers.identify(&header).await?;
        self.all(Ok(self.engine.pending(&caller).await)).await
    }

    /// Where the caller stands.
    async fn status(&self, #[zbus(header)] header: Header<'_>) -> Result<Status, Error> {
        let caller = self.callers.identify(&header).await?;
        let policy = self.engine.policy().map_err(wire::error)?;
        let mut status = Status {
            user: caller.account.name.to_string(),
            roles: wire::roles(&policy, &caller.account),
            to_decide: count(self.engine.pending(&caller).await.len()),
            to_acknowledge: count(
                self.engine
                    .unacknowledged(&caller)
                    .await
                    .map_err(wire::error)?
                    .len(),
            ),
            ..Status::default()
        };
        for elevation in self.all(Ok(self.engine.own(&caller).await)).await? {
            match elevation.state.parse() {
                Ok(State::Active) => status.active.push(elevation),
                Ok(State::Scheduled) => status.scheduled.push(elevation),
                _ => status.pending.push(elevation),
            }
        }
        Ok(status)
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

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn query(filter: Filter) -> Result<Query, Error> {
    let invalid = |text: String| Error::InvalidArgument(text);
    for name in [&filter.user, &filter.role].into_iter().flatten() {
        if name.len() > MAX_ACCOUNT_NAME {
            return Err(invalid(format!(
                "a name has at most {MAX_ACCOUNT_NAME} bytes"
            )));
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
        until: filter.until.map(Wall),
        not_over_before: filter.not_over_before.map(Wall),
        before: filter.before.map(ElevationId),
        limit: filter.limit.unwrap_or(DEFAULT_LIST).min(MAX_LIST),
    })
}
