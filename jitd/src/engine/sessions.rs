//! Sessions: opened under an elevation, and ended with it.

mod opening;
mod recording;

use std::collections::BTreeSet;
use std::time::Duration;

use super::state::Open;
use super::{Engine, EngineError};
use crate::crash::crash_point;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::session::{Session, SessionId};
use crate::domain::time::Now;
use crate::reconcile::Terms;
use crate::record::{Event, EventName, Priority, Subject, note};
use crate::store::Change;

pub use opening::{Opened, Opening};

/// By how much the end of a session on the host may differ, in milliseconds.
const TOLERANCE: i64 = 1_000;
/// When a move that failed is tried again.
const REST: Duration = Duration::from_secs(1);

/// A session of which something is left.
pub(super) struct Held {
    pub(super) session: Session,
    pub(super) subject: Subject,
    /// Until when it lasts on the host, by the boot clock; none where nobody knows.
    pub(super) lasts_to: Option<i64>,
    /// Whether its end is being moved: one move at a time, or an earlier one could come last.
    pub(super) is_moving: bool,
    /// Whether its recording is over: nothing of it may be left.
    pub(super) is_unrecorded: bool,
    /// Whether something of it was moved out of what holds it together: nothing of it may go on.
    pub(super) is_astray: bool,
}

impl Open {
    /// What runs under an elevation.
    pub(super) fn sessions_under(&self, id: ElevationId) -> Vec<Session> {
        let sessions = self.sessions.values().map(|held| &held.session);
        sessions
            .filter(|session| session.under == id)
            .cloned()
            .collect()
    }

    /// Of an earlier jitd's sessions, those that nothing was granted to extend last as long as they
    /// were started to.
    pub(super) fn trust_scopes(&mut self, now: &Now) {
        for held in self.sessions.values_mut() {
            let Session {
                elevation, also, ..
            } = &held.session;
            let openers = also.iter().chain([elevation]);
            let left = openers.map(|id| self.elevations.get(id)?.left(now));
            // None is the least.
            let own = left.min().flatten();
            let all = held.session.lasts(&self.elevations, now);
            if let (Some(own), true) = (own, own == all) {
                held.lasts_to = Some(now.boot.0.saturating_add(own));
            }
        }
    }
}

impl Engine {
    /// Sees to what runs: what has lost its elevation is ended, what has got more time lasts
    /// longer. May be done any number of times.
    pub(super) fn attend(&self, open: &mut Open, now: &Now) {
        let Open {
            elevations,
            sessions,
            ..
        } = open;
        // Nothing of another boot is left. By its name, logind may know somebody else's login now.
        let of_this_boot = |held: &&mut Held| held.session.boot_id == now.boot_id;
        for held in sessions.values_mut().filter(of_this_boot) {
            let bearer = held.session.bearer(elevations, now);
            let bearer = bearer.filter(|_| !held.is_unrecorded && !held.is_astray);
            let left = held.session.lasts(elevations, now);
            let (Some(bearer), Some(left)) = (bearer, left) else {
                crash_point!("sessions.over");
                self.shared.sessions.end(&held.session);
                continue;
            };
            let to = now.boot.0.saturating_add(left);
            let as_it_is = |known: i64| known.saturating_sub(to).saturating_abs() <= TOLERANCE;
            if held.is_moving || held.lasts_to.is_some_and(as_it_is) {
                continue;
            }
            if let Some(elevation) = elevations.get(&bearer) {
                let terms = Terms {
                    lasts: length(left),
                    description: description(&held.session.service, elevation, left, now),
                };
                held.is_moving = true;
                self.prolong(held.session.clone(), terms, to);
            }
        }
    }

    fn prolong(&self, session: Session, terms: Terms, to: i64) {
        let engine = self.clone();
        tokio::spawn(async move {
            let moved = engine.shared.sessions.prolong(&session, &terms).await;
            if let Err(error) = &moved {
                let id = session.id;
                let text = format!("session {id} could not be given its new end yet: {error}");
                note(Priority::Warning, &text);
                rest().await;
            }
            let (mut open, now) = engine.begin().await;
            if let Some(held) = open.sessions.get_mut(&session.id) {
                held.is_moving = false;
                held.lasts_to = moved.is_ok().then_some(to);
            }
            // It may have got another end meanwhile.
            engine.attend(&mut open, &now);
        });
    }

    /// The sessions that go on under another elevation than they did.
    pub(super) fn extended(open: &Open, changes: &[Change], now: &Now) -> Vec<Change> {
        let elevated = || {
            changes
                .iter()
                .filter_map(|change| change.elevation.as_ref())
        };
        // Everything of one account, and nothing of others, has to do with its sessions.
        let accounts: BTreeSet<u32> = elevated().map(|elevation| elevation.uid).collect();
        let concerned = |held: &&Held| accounts.contains(&held.subject.uid);
        if !open.sessions.values().any(|held| concerned(&held)) {
            return Vec::new();
        }
        let known = open.elevations.values().chain(elevated());
        let elevations = known
            .filter(|elevation| accounts.contains(&elevation.uid))
            .map(|elevation| (elevation.id, elevation.clone()))
            .collect();
        let sessions = open.sessions.values().filter(concerned);
        let extended = sessions.filter_map(|held| {
            let session = held.session.carried_on(&elevations, now)?;
            let subject = Subject::of(elevations.get(&session.under)?);
            let event = Event::of_session(EventName::SessionExtended, &subject, &session, now.wall);
            Some(Change::of_session(session, event))
        });
        extended.collect()
    }

    /// Something of a session has gone; where nothing of it is left, that is put on record.
    ///
    /// # Errors
    /// It could not be made durable, or systemd could not be asked; to be tried again.
    pub async fn look_after(&self, id: SessionId) -> Result<(), EngineError> {
        let session = {
            let open = self.shared.open.lock().await;
            open.sessions.get(&id).map(|held| held.session.clone())
        };
        let Some(session) = session else {
            return Ok(());
        };
        let left = self.shared.sessions.resume(&session).await?;
        let told = match left.astray {
            Some(unit) => self.end_astray(id, &unit).await,
            None => Ok(()),
        };
        if left.is_something {
            return told;
        }
        told?;
        self.close(id, None).await
    }

    /// Ends a session that something was moved out of, and puts that on record, once. It ends also
    /// where there is no room for the record.
    async fn end_astray(&self, id: SessionId, unit: &str) -> Result<(), EngineError> {
        let (mut open, now) = self.begin().await;
        let Some(held) = open.sessions.get_mut(&id).filter(|held| !held.is_astray) else {
            return Ok(());
        };
        held.is_astray = true;
        let event = EventName::SessionEscaped;
        let event = Event::of_session(event, &held.subject, &held.session, now.wall);
        let event = event.with("unit", unit);
        self.attend(&mut open, &now);
        let told = self.commit(&mut open, vec![Change::alone(event)]).await;
        if told.is_err()
            && let Some(held) = open.sessions.get_mut(&id)
        {
            // Once begun, the end goes on; what is missing on record is tried again.
            held.is_astray = false;
        }
        told
    }

    /// Takes up the sessions of an earlier jitd: those that are gone by now are closed.
    ///
    /// # Errors
    /// See [`Engine::look_after`].
    pub async fn resume_sessions(&self) -> Result<(), EngineError> {
        let (running, here): (Vec<Session>, _) = {
            let (open, now) = self.begin().await;
            let sessions = open.sessions.values().map(|held| held.session.clone());
            (sessions.collect(), now.boot_id)
        };
        let known = running.iter().map(|session| session.id).collect();
        self.shared.sessions.end_strays(known).await?;
        for session in running {
            // No session outlives a boot.
            if session.boot_id == here {
                self.look_after(session.id).await?;
                self.watch_recording(&session);
            } else {
                self.close(session.id, None).await?;
            }
        }
        let (mut open, now) = self.begin().await;
        self.attend(&mut open, &now);
        Ok(())
    }

    /// How many sessions are over, and something is left of them.
    pub async fn sessions_over(&self) -> usize {
        let (open, now) = self.begin().await;
        let over = |held: &&Held| held.session.bearer(&open.elevations, &now).is_none();
        open.sessions.values().filter(over).count()
    }

    /// Everything that was opened under an elevation.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn sessions_of(&self, id: ElevationId) -> Result<Vec<Session>, EngineError> {
        Ok(self.shared.store.sessions_of(id).await?)
    }

    /// What runs of it.
    pub async fn running(&self) -> Vec<Session> {
        let open = self.shared.open.lock().await;
        let sessions = open.sessions.values().map(|held| held.session.clone());
        sessions.collect()
    }

    async fn close(&self, id: SessionId, refused: Option<&str>) -> Result<(), EngineError> {
        let (mut open, now) = self.begin().await;
        let Some(held) = open.sessions.get(&id) else {
            return Ok(());
        };
        let session = Session {
            closed_at: Some(now.wall),
            ..held.session.clone()
        };
        let goes_on = session.bearer(&open.elevations, &now).is_some();
        let why = match (held.is_astray, held.is_unrecorded) {
            (true, _) => "it was moved out of its scope",
            (false, true) => "its recording was over",
            (false, false) => "",
        };
        let why = if goes_on { why } else { "" };
        let name = match (refused, goes_on) {
            (Some(_), _) => EventName::SessionRefused,
            (None, true) => EventName::SessionClosed,
            (None, false) => EventName::SessionEnded,
        };
        let event = Event::of_session(name, &held.subject, &session, now.wall);
        let event = match refused {
            Some(because) => event.with("because", because),
            None => event
                .with("because", why)
                .with("lasted", lasted(&session, &now)),
        };
        crash_point!("sessions.closing");
        self.commit(&mut open, vec![Change::of_session(session, event)])
            .await
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "before it is tried again; no end depends on it"
)]
async fn rest() {
    tokio::time::sleep(REST).await;
}

/// How long it was open, in seconds, as far as the wall clock can tell.
fn lasted(session: &Session, now: &Now) -> String {
    let milliseconds = now.wall.0.saturating_sub(session.opened_at.0);
    (milliseconds.max(0) / 1000).to_string()
}

fn length(milliseconds: i64) -> Duration {
    // Zero would be for ever.
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0).max(1))
}

/// For everybody to read: not whose it is, in which role, what for, and what runs.
fn description(service: &str, elevation: &Elevation, left: i64, now: &Now) -> String {
    let end = jiff::Timestamp::from_millisecond(now.wall.0.saturating_add(left));
    let end = end.map(|end| end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    format!(
        "{service}, elevation {}, until {}",
        elevation.id,
        end.unwrap_or_default()
    )
}
