//! `org.jitd1.Audit`: where the record is read.

use std::collections::HashMap;

use jitd_api::{
    Archive, Error, EventFilter, ListedSession, MAX_ACCOUNT_NAME, MAX_LIST, SessionFilter,
};
use zbus::message::Header;
use zbus::wire::OwnedFd;

use super::caller::Callers;
use super::stream::{self, Streams};
use super::wire;
use crate::domain::elevation::ElevationId;
use crate::domain::person::Caller;
use crate::domain::session::SessionId;
use crate::domain::time::Wall;
use crate::engine::Engine;
use crate::store::{About, EventQuery, SessionQuery};

/// How many sessions are listed where nobody says.
const DEFAULT_LIST: u32 = 100;

pub(super) struct Audit {
    engine: Engine,
    callers: Callers,
    streams: Streams,
}

impl Audit {
    pub(super) fn new(engine: Engine, callers: Callers) -> Self {
        Self {
            engine,
            callers,
            streams: Streams::new(),
        }
    }
}

#[zbus::interface(name = "org.jitd1.Audit")]
impl Audit {
    /// Events, a line of JSON each, from a stream; its last line is `{"end":SEQ}` with the number
    /// up to which the record was read, or `{"error":TEXT}`. Root and auditors read all; everybody
    /// what is about themselves, and about an elevation that they may see.
    async fn read(
        &self,
        #[zbus(header)] header: Header<'_>,
        filter: EventFilter,
    ) -> Result<OwnedFd, Error> {
        check_names(&[&filter.user, &filter.role, &filter.event])?;
        let caller = self.callers.identify(&header).await?;
        let elevation = filter.elevation.map(ElevationId);
        let about = self
            .about(&caller, elevation, filter.user.as_deref())
            .await?;
        if about != About::All && filter.whole.unwrap_or_default() {
            return Err(Error::NotAllowed(
                "only root and auditors may read the whole record; about yourself: jitctl audit"
                    .to_owned(),
            ));
        }
        let place = self.streams.take(caller.account.uid, about == About::All)?;
        let query = EventQuery {
            about,
            after: filter.after.unwrap_or_default(),
            since: filter.since.map(Wall),
            until: filter.until.map(Wall),
            user: filter.user,
            role: filter.role,
            elevation,
            event: filter.event,
        };
        let (reader, news) = self.engine.reader().map_err(wire::error)?;
        let news = filter.follow.unwrap_or_default().then_some(news);
        stream::events(reader, query, filter.last, news, place)
            .map_err(|error| Error::Failed(format!("the record can't be read now: {error}")))
    }

    /// Move events from before a time, in milliseconds since the Unix epoch, into a file. Those of
    /// what is still open, and what came after, stay. Only root.
    async fn archive(
        &self,
        #[zbus(header)] header: Header<'_>,
        before: i64,
    ) -> Result<Archive, Error> {
        let caller = self.callers.identify(&header).await?;
        let archived = self.engine.archive(&caller, Wall(before)).await;
        let archived = archived.map_err(wire::error)?.map(wire::archive);
        Ok(archived.unwrap_or_default())
    }

    /// A copy of the whole database as it is at this moment: a file without a name. Only root.
    async fn copy(&self, #[zbus(header)] header: Header<'_>) -> Result<OwnedFd, Error> {
        let caller = self.callers.identify(&header).await?;
        let copy = self.engine.copy(&caller).await.map_err(wire::error)?;
        Ok(OwnedFd::from(std::os::fd::OwnedFd::from(copy)))
    }

    /// Sessions, newest first: everybody's for root and auditors, others' own, and those of an
    /// elevation that they may see.
    async fn sessions(
        &self,
        #[zbus(header)] header: Header<'_>,
        filter: SessionFilter,
    ) -> Result<Vec<ListedSession>, Error> {
        check_names(&[&filter.user])?;
        let caller = self.callers.identify(&header).await?;
        let elevation = filter.elevation.map(ElevationId);
        let about = self
            .about(&caller, elevation, filter.user.as_deref())
            .await?;
        let query = SessionQuery {
            about,
            user: filter.user,
            elevation,
            since: filter.since.map(Wall),
            before: filter.before.map(SessionId),
            running: filter.running.unwrap_or_default(),
            limit: filter.limit.unwrap_or(DEFAULT_LIST).min(MAX_LIST),
        };
        let found = self.engine.find_sessions(query).await;
        Ok(found
            .map_err(wire::error)?
            .into_iter()
            .map(wire::listed_session)
            .collect())
    }

    /// The files of what sudo recorded of a session, by their names, to be read. Root and auditors.
    async fn recording(
        &self,
        #[zbus(header)] header: Header<'_>,
        session: u64,
    ) -> Result<HashMap<String, OwnedFd>, Error> {
        let caller = self.callers.identify(&header).await?;
        let files = self
            .engine
            .read_recording(&caller, SessionId(session))
            .await;
        let files = files.map_err(wire::error)?.into_iter();
        Ok(files
            .map(|(name, file)| (name.to_owned(), OwnedFd::from(file)))
            .collect())
    }

    /// Puts on record that the caller has put the gate into PAM, or has taken it out. Only root.
    async fn gate_installed(
        &self,
        #[zbus(header)] header: Header<'_>,
        is_in: bool,
    ) -> Result<(), Error> {
        let caller = self.callers.identify(&header).await?;
        let recorded = self.engine.gate_installed(&caller, is_in).await;
        recorded.map_err(wire::error)
    }
}

impl Audit {
    /// What a caller may read of what they ask for.
    async fn about(
        &self,
        caller: &Caller,
        elevation: Option<ElevationId>,
        user: Option<&str>,
    ) -> Result<About, Error> {
        let about = self.engine.readable(caller, elevation).await;
        let about = about.map_err(wire::error)?;
        match (&about, user) {
            (About::Account(own, _), Some(user)) if own != user => Err(Error::NotAllowed(
                "only root and auditors may read what is about others; what is about yourself: without a name"
                    .to_owned(),
            )),
            _ => Ok(about),
        }
    }
}

fn check_names(names: &[&Option<String>]) -> Result<(), Error> {
    let mut names = names.iter().filter_map(|name| name.as_ref());
    if names.any(|name| name.len() > MAX_ACCOUNT_NAME) {
        return Err(Error::InvalidArgument(format!(
            "a name has at most {MAX_ACCOUNT_NAME} bytes"
        )));
    }
    Ok(())
}
