//! People look at what was done.

use std::os::fd::OwnedFd;

use super::{Engine, EngineError};
use crate::domain::decide::Refusal;
use crate::domain::person::Caller;
use crate::domain::session::{Session, SessionId};
use crate::reconcile::open_recording;
use crate::record::{Event, EventName, Subject};
use crate::store::{Change, SessionQuery, StoreError};

impl Engine {
    /// Sessions that the query asks for, newest first, each with the elevation that opened it.
    /// What its reader may read, the query says ([`Engine::readable`]).
    ///
    /// # Errors
    /// The database is broken.
    pub async fn find_sessions(
        &self,
        query: SessionQuery,
    ) -> Result<Vec<(Session, Subject)>, EngineError> {
        let store = self.shared.store.clone();
        let found = tokio::task::spawn_blocking(move || store.reader()?.sessions(&query));
        let gone = |error: tokio::task::JoinError| StoreError::Thread(error.to_string());
        Ok(found.await.map_err(gone)??)
    }

    /// The files of a session's recording, by their names, to be read. That somebody reads it is
    /// on record before they do.
    ///
    /// # Errors
    /// The caller may not; there is no such session, or no recording of it, or it is gone.
    pub async fn read_recording(
        &self,
        caller: &Caller,
        id: SessionId,
    ) -> Result<Vec<(&'static str, OwnedFd)>, EngineError> {
        let read = self.may_read_recordings(caller);
        self.on_record(caller, "read a recording", None, read)
            .await?;
        let missing = |text: String| EngineError::from(Refusal::NotFound(text));
        let session = self.shared.store.session(id).await?;
        let session = session.ok_or_else(|| missing(format!("there is no session {id}")))?;
        let recording = session.recording.clone();
        let recording =
            recording.ok_or_else(|| missing(format!("session {id} was not recorded")))?;
        let files = open_recording(&recording.folder)
            .map_err(|error| missing(format!("the recording of session {id}: {error}")))?;
        let elevation = self.find(session.elevation).await?;
        let elevation = elevation.ok_or_else(|| missing(format!("there is no session {id}")))?;
        let (mut open, now) = self.begin().await;
        let subject = Subject::of(&elevation);
        let event = Event::of_session(EventName::RecordingRead, &subject, &session, now.wall);
        let change = Change::alone(event.by(caller));
        self.commit(&mut open, vec![change]).await?;
        Ok(files)
    }

    fn may_read_recordings(&self, caller: &Caller) -> Result<(), EngineError> {
        if self.reads_all(caller) {
            return Ok(());
        }
        let why = "only root and auditors may see what was recorded".to_owned();
        Err(Refusal::NotAllowed(why).into())
    }
}
