//! `org.jitd1.Audit`: where the record is read.

use jitd_api::{Error, EventFilter, MAX_NAME};
use zbus::message::Header;
use zbus::wire::OwnedFd;

use super::caller::Callers;
use super::stream::{self, Streams};
use super::wire;
use crate::domain::elevation::ElevationId;
use crate::domain::time::Wall;
use crate::engine::Engine;
use crate::store::{About, EventQuery};

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
        for name in [&filter.user, &filter.role, &filter.event]
            .into_iter()
            .flatten()
        {
            if name.len() > MAX_NAME {
                return Err(Error::InvalidArgument(format!(
                    "a name has at most {MAX_NAME} bytes"
                )));
            }
        }
        let caller = self.callers.identify(&header).await?;
        let elevation = filter.elevation.map(ElevationId);
        let about = self.engine.readable(&caller, elevation).await;
        let about = about.map_err(wire::error)?;
        if let (About::Account(own, _), Some(user)) = (&about, &filter.user)
            && own != user
        {
            return Err(Error::NotAllowed(
                "only root and auditors may read what is about others; about yourself: jitctl audit"
                    .to_owned(),
            ));
        }
        let place = self.streams.take(caller.account.uid)?;
        let query = EventQuery {
            about,
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
