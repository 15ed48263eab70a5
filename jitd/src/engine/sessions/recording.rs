//! What is demanded to be recorded is not opened without, and does not go on without.

use super::opening::{Opened, Opening};
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::session::{Recording, Session, SessionId};
use crate::domain::time::Now;
use crate::engine::state::Open;
use crate::engine::{Engine, EngineError};
use crate::reconcile::RecordingError;
use crate::record::{Event, EventName, Priority, note};
use crate::store::Change;

/// Why what is not recorded is not opened.
pub(super) struct Unrecorded {
    role: String,
    why: String,
}

/// The session of another process that a recording is of.
fn others(open: &Open, folder: &str, recorder: u32) -> Option<SessionId> {
    let mut sessions = open.sessions.values().map(|held| &held.session);
    let is_of = |session: &&Session| {
        let recording = session.recording.as_ref();
        recording.is_some_and(|it| it.folder == folder && it.recorder != recorder)
    };
    sessions.find(is_of).map(|session| session.id)
}

impl Engine {
    /// What a process that opens a session records, where anybody could demand to know.
    pub(super) async fn recording_of(
        &self,
        opening: &Opening,
    ) -> Option<Result<String, RecordingError>> {
        let policy = self.policy_in_force();
        let may_matter = policy.loaded().is_some_and(|policy| policy.records_any());
        if opening.uid == 0 || !may_matter {
            return None;
        }
        Some(self.shared.sessions.recording(opening.leader).await)
    }

    /// The recording that a session must have; none where none of the roles that open it demands
    /// one. Which of them gave what runs only sudo knows.
    pub(super) fn demanded(
        &self,
        open: &Open,
        openers: (&Elevation, &[ElevationId]),
        recorder: u32,
        found: Option<Result<String, RecordingError>>,
    ) -> Result<Option<Recording>, Unrecorded> {
        let policy = self.policy_in_force();
        let Some(policy) = policy.loaded() else {
            return Ok(None);
        };
        let also = openers.1.iter().filter_map(|id| open.elevations.get(id));
        let mut roles = std::iter::once(openers.0).chain(also).map(|one| &one.role);
        let Some(role) = roles.find(|role| policy.records(role)) else {
            return Ok(None);
        };
        match found.unwrap_or(Err(RecordingError::None)) {
            Ok(folder) => match others(open, &folder, recorder) {
                None => Ok(Some(Recording { folder, recorder })),
                Some(id) => Err(Unrecorded {
                    role: role.to_string(),
                    why: format!("its I/O log is that of session {id}"),
                }),
            },
            Err(error) => Err(Unrecorded {
                role: role.to_string(),
                why: error.to_string(),
            }),
        }
    }

    /// Puts on record that something was not opened.
    pub(super) async fn refuse_unrecorded(
        &self,
        open: &mut Open,
        elevation: &Elevation,
        session: &Session,
        unrecorded: &Unrecorded,
        now: &Now,
    ) -> Result<Opened, EngineError> {
        let Unrecorded { role, why } = unrecorded;
        let because = format!("role {role} is to be recorded, and {why}");
        let event = Event::new(EventName::SessionRefused, elevation, now.wall)
            .with("service", session.service.as_str())
            .with("command", session.command.as_str())
            .with("because", because.as_str());
        self.commit(open, vec![Change::alone(event)]).await?;
        Ok(Opened::Unrecorded(because))
    }

    /// Ends a session with its recording.
    pub(super) fn watch_recording(&self, session: &Session) {
        let Some(recording) = session.recording.clone() else {
            return;
        };
        let (engine, id) = (self.clone(), session.id);
        tokio::spawn(async move {
            if engine.shared.sessions.outlives(id, &recording).await {
                engine.end_unrecorded(id).await;
            }
        });
    }

    async fn end_unrecorded(&self, id: SessionId) {
        let (mut open, now) = self.begin().await;
        if let Some(held) = open.sessions.get_mut(&id) {
            let text = format!("session {id} is ended: its recording is over, and it is not");
            note(Priority::Warning, &text);
            held.is_unrecorded = true;
        }
        self.attend(&mut open, &now);
    }
}
