//! What sessions and timers are on in the engine's tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::domain::session::{Mark, Recording, Session, SessionId};
use crate::reconcile::{
    Deadlines, Leader, Left, RecordingError, SessionError, Sessions, Terms, Timers, Work,
};

/// A systemd that does as it is told, unless it is away.
#[derive(Clone, Default)]
pub(super) struct FakeHost(Arc<Mutex<Units>>);

#[derive(Default)]
pub(super) struct Units {
    pub(super) running: BTreeMap<SessionId, Duration>,
    pub(super) ended: Vec<u64>,
    pub(super) prolonged: Vec<(u64, Duration)>,
    /// Moves that were begun.
    pub(super) moves: u32,
    pub(super) is_away: bool,
    /// Nobody finds out where sessions are.
    pub(super) is_blind: bool,
    /// Sessions that were moved, and where.
    pub(super) astray: BTreeMap<SessionId, String>,
    pub(super) timers: Deadlines,
    /// What sudo writes.
    pub(super) recording: Option<String>,
    /// Recordings are over once this is sent.
    pub(super) recording_over: Option<watch::Receiver<bool>>,
    /// Who opens a session, or moves one, waits until this is sent.
    pub(super) held: Option<watch::Receiver<bool>>,
}

impl FakeHost {
    pub(super) fn units(&self) -> std::sync::MutexGuard<'_, Units> {
        self.0.lock().unwrap()
    }
}

impl Sessions for FakeHost {
    fn look(&self, _: u32) -> Work<'_, Result<Leader, SessionError>> {
        Box::pin(async {
            Ok(Leader {
                command: "sudo -i".to_owned(),
                login: None,
                mark: Mark::default(),
            })
        })
    }

    fn open<'a>(
        &'a self,
        session: &'a Session,
        terms: &'a Terms,
    ) -> Work<'a, Result<(), SessionError>> {
        let held = self.units().held.clone();
        Box::pin(async move {
            if let Some(mut held) = held {
                held.wait_for(|go_on| *go_on).await.unwrap();
            }
            let mut units = self.units();
            if units.is_away {
                return Err(SessionError::Systemd("away".to_owned()));
            }
            units.running.insert(session.id, terms.lasts);
            Ok(())
        })
    }

    fn prolong<'a>(
        &'a self,
        session: &'a Session,
        terms: &'a Terms,
    ) -> Work<'a, Result<(), SessionError>> {
        let held = {
            let mut units = self.units();
            units.moves += 1;
            units.held.clone()
        };
        Box::pin(async move {
            if let Some(mut held) = held {
                held.wait_for(|go_on| *go_on).await.unwrap();
            }
            let mut units = self.units();
            if units.is_away {
                return Err(SessionError::Systemd("away".to_owned()));
            }
            units.prolonged.push((session.id.0, terms.lasts));
            Ok(())
        })
    }

    fn end(&self, session: &Session) {
        let mut units = self.units();
        units.running.remove(&session.id);
        if !units.ended.contains(&session.id.0) {
            units.ended.push(session.id.0);
        }
    }

    fn resume<'a>(&'a self, session: &'a Session) -> Work<'a, Result<Left, SessionError>> {
        Box::pin(async move {
            let units = self.units();
            Ok(Left {
                is_something: units.running.contains_key(&session.id),
                astray: units.astray.get(&session.id).cloned(),
            })
        })
    }

    fn end_strays(&self, known: BTreeSet<SessionId>) -> Work<'_, Result<(), SessionError>> {
        self.units().running.retain(|id, _| known.contains(id));
        Box::pin(async { Ok(()) })
    }

    fn recording(&self, _: u32) -> Work<'_, Result<String, RecordingError>> {
        let recording = self.units().recording.clone();
        Box::pin(async move { recording.ok_or(RecordingError::None) })
    }

    fn outlives<'a>(&'a self, id: SessionId, _: &'a Recording) -> Work<'a, bool> {
        let over = self.units().recording_over.clone();
        Box::pin(async move {
            match over {
                Some(mut over) => drop(over.wait_for(|over| *over).await),
                None => std::future::pending().await,
            }
            self.units().running.contains_key(&id)
        })
    }

    fn terminals<'a>(&'a self, session: &'a Session) -> Work<'a, BTreeSet<PathBuf>> {
        let is_blind = self.units().is_blind;
        Box::pin(async move {
            if is_blind {
                std::future::pending::<()>().await;
            }
            [format!("/dev/pts/{}", session.id).into()].into()
        })
    }
}

impl Timers for FakeHost {
    fn want(&self, deadlines: Deadlines) {
        self.units().timers = deadlines;
    }

    fn set(&self) -> Work<'_, Result<(), SessionError>> {
        Box::pin(async move {
            if self.units().is_away {
                return Err(SessionError::Systemd("away".to_owned()));
            }
            Ok(())
        })
    }
}
