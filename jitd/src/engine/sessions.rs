//! Sessions: opened under an elevation, and ended with it.

use std::time::Duration;

use jitd_api::{MAX_NAME, MAX_TEXT};
use tokio::task::JoinHandle;

use super::state::Open;
use super::{Engine, EngineError, GateVerdict};
use crate::crash::crash_point;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::session::{Session, SessionId, openers};
use crate::domain::time::{Now, Wall};
use crate::reconcile::{Leader, SessionError, Terms};
use crate::record::{Event, EventName, Priority, Subject, note};
use crate::store::Change;

/// Most sessions of one account at a time.
const MOST: usize = 256;
/// By how much the end of a session on the host may differ, in milliseconds.
const TOLERANCE: i64 = 1_000;

/// What `pam_jit` says of a session that is to be opened. All but the process is its word.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Whose; 0 for somebody who needs no elevation.
    pub uid: u32,
    /// Their name.
    pub name: String,
    /// The PAM service.
    pub service: String,
    /// Where.
    pub terminal: String,
    /// From which host.
    pub remote: String,
    /// The session that the process was in at first.
    pub within: Option<SessionId>,
    /// The process, by the kernel's word.
    pub leader: u32,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It is held together, and ends with this elevation.
    Under {
        /// The elevation.
        elevation: ElevationId,
        /// Its number.
        session: SessionId,
        /// The end by the wall clock.
        ends_at: Wall,
    },
    /// It was started in no session of ours, by somebody who needs no elevation.
    Free,
    /// The gate is closed.
    Closed(GateVerdict),
    /// Nothing could end it, so it does not start.
    Refused(String),
}

/// A session of which something is left.
pub(super) struct Held {
    pub(super) session: Session,
    pub(super) subject: Subject,
    /// Until when it lasts on the host, by the boot clock; none where nobody knows.
    pub(super) lasts_to: Option<i64>,
}

impl Open {
    /// Takes note of how long a session lasts on the host.
    fn note_lasts(&mut self, id: SessionId, terms: &Terms, now: &Now) {
        let lasts = i64::try_from(terms.lasts.as_millis()).unwrap_or(i64::MAX);
        if let Some(held) = self.sessions.get_mut(&id) {
            held.lasts_to = Some(now.boot.0.saturating_add(lasts));
        }
    }
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
    /// Opens a session: on record, and held together on the host; only then may anything run in it.
    ///
    /// # Errors
    /// It could not be made durable.
    pub async fn open_session(&self, opening: &Opening) -> Result<Opened, EngineError> {
        let leader = match self.shared.sessions.look(opening.leader).await {
            Ok(leader) => leader,
            Err(error) => return Ok(Opened::Refused(error.to_string())),
        };
        let outer = match opening.within {
            Some(id) => self.shared.store.session(id).await?,
            None => None,
        };
        let (mut open, now) = self.begin().await;
        let (elevation, also) = match self.opener(&open, opening, outer, &now) {
            Ok((elevation, also)) => (elevation.clone(), also),
            Err(opened) => return Ok(opened),
        };
        let of_account = open.sessions.values();
        let of_account = of_account.filter(|held| held.subject.uid == elevation.uid);
        if of_account.count() >= MOST {
            return Ok(Opened::Refused(format!(
                "{MOST} sessions of {} are running, which is the most",
                elevation.user
            )));
        }
        let session = Session {
            also,
            ..session(opening, leader, &elevation, open.next_session, &now)
        };
        let Some(terms) = terms(&open, &session, &elevation, &now) else {
            return Ok(Opened::Closed(GateVerdict::Closed {
                pending: Vec::new(),
            }));
        };
        // Side by side, since somebody waits; nothing runs in it before both are done.
        let starting = self.start(&session, &terms);
        let event = opened(&session, &elevation, &now);
        let committed = self
            .commit(&mut open, vec![Change::of_session(session.clone(), event)])
            .await;
        open.note_lasts(session.id, &terms, &now);
        drop(open);
        let started = starting.await.unwrap_or_else(|error| {
            let gone = SessionError::Systemd(error.to_string());
            Err(gone)
        });
        if let Err(error) = committed {
            self.shared.sessions.end(&session);
            return Err(error);
        }
        crash_point!("sessions.started");
        match started {
            Ok(()) => self.confirm(&session).await,
            Err(error) => {
                let because = error.to_string();
                self.close(session.id, Some(&because)).await?;
                Ok(Opened::Refused(because))
            }
        }
    }

    fn start(&self, session: &Session, terms: &Terms) -> JoinHandle<Result<(), SessionError>> {
        let (engine, session, terms) = (self.clone(), session.clone(), terms.clone());
        tokio::spawn(async move {
            crash_point!("sessions.starting");
            engine.shared.sessions.open(&session, &terms).await
        })
    }

    /// The elevation that opens a session, and what else it ends with; or why there is none.
    fn opener<'a>(
        &self,
        open: &'a Open,
        opening: &Opening,
        outer: Option<Session>,
        now: &Now,
    ) -> Result<(&'a Elevation, Vec<ElevationId>), Opened> {
        let closed = Opened::Closed(GateVerdict::Closed {
            pending: Vec::new(),
        });
        if opening.uid == 0 {
            // Whoever became root, or somebody else, in a session is still in it, also where
            // nobody else is left there.
            if opening.within.is_none() {
                return Err(Opened::Free);
            }
            let outer = outer.ok_or(closed.clone())?;
            let bearer = outer.bearer(&open.elevations, now);
            let bearer = bearer.and_then(|id| open.elevations.get(&id));
            return bearer.map(|bearer| (bearer, outer.also)).ok_or(closed);
        }
        let (uid, name, service) = (opening.uid, &opening.name, &opening.service);
        match self.shared.gate.check(uid, name, service) {
            GateVerdict::Open { .. } => {}
            verdict => return Err(Opened::Closed(verdict)),
        }
        let openers = openers(&open.elevations, uid, name, service, now);
        let (first, others) = openers.split_first().ok_or(closed)?;
        Ok((first, others.iter().map(|other| other.id).collect()))
    }

    /// A session is on the host; whether its elevation has ended meanwhile shows only now.
    async fn confirm(&self, session: &Session) -> Result<Opened, EngineError> {
        let (mut open, now) = self.begin().await;
        let bearer = session.bearer(&open.elevations, &now);
        let elevation = bearer.and_then(|id| open.elevations.get(&id)).cloned();
        let Some(elevation) = elevation.filter(|_| open.sessions.contains_key(&session.id)) else {
            self.shared.sessions.end(session);
            return Ok(Opened::Refused("its elevation has just ended".to_owned()));
        };
        self.attend(&mut open, &now);
        let ends_at = elevation
            .grant
            .as_ref()
            .map_or(now.wall, |grant| grant.ends_at);
        crash_point!("sessions.confirmed");
        Ok(Opened::Under {
            elevation: elevation.id,
            session: session.id,
            ends_at,
        })
    }

    /// Sees to what runs: what has lost its elevation is ended, what has got more time lasts
    /// longer. May be done any number of times.
    pub(super) fn attend(&self, open: &mut Open, now: &Now) {
        let Open {
            elevations,
            sessions,
            ..
        } = open;
        for held in sessions.values_mut() {
            let bearer = held.session.bearer(elevations, now);
            let left = held.session.lasts(elevations, now);
            let (Some(bearer), Some(left)) = (bearer, left) else {
                crash_point!("sessions.over");
                self.shared.sessions.end(&held.session);
                continue;
            };
            let to = now.boot.0.saturating_add(left);
            let as_it_is = |known: i64| known.saturating_sub(to).saturating_abs() <= TOLERANCE;
            if held.lasts_to.is_some_and(as_it_is) {
                continue;
            }
            held.lasts_to = Some(to);
            if let Some(elevation) = elevations.get(&bearer) {
                let terms = Terms {
                    lasts: length(left),
                    description: description(&held.session.service, elevation, left, now),
                };
                self.prolong(held.session.clone(), terms);
            }
        }
    }

    fn prolong(&self, session: Session, terms: Terms) {
        let engine = self.clone();
        tokio::spawn(async move {
            let Err(error) = engine.shared.sessions.prolong(&session, &terms).await else {
                return;
            };
            let text = format!(
                "session {} could not be given its new end: {error}",
                session.id
            );
            note(Priority::Warning, &text);
            let mut open = engine.shared.open.lock().await;
            if let Some(held) = open.sessions.get_mut(&session.id) {
                held.lasts_to = None;
            }
        });
    }

    /// The sessions that go on under another elevation than they did.
    pub(super) fn extended(open: &Open, changes: &[Change], now: &Now) -> Vec<Change> {
        let mut elevations = open.elevations.clone();
        for elevation in changes
            .iter()
            .filter_map(|change| change.elevation.as_ref())
        {
            elevations.insert(elevation.id, elevation.clone());
        }
        let extended = open.sessions.values().filter_map(|held| {
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
        if self.shared.sessions.resume(&session).await? {
            return Ok(());
        }
        self.close(id, None).await
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
        let name = match (refused, goes_on) {
            (Some(_), _) => EventName::SessionRefused,
            (None, true) => EventName::SessionClosed,
            (None, false) => EventName::SessionEnded,
        };
        let event = Event::of_session(name, &held.subject, &session, now.wall)
            .with("because", refused.unwrap_or_default());
        crash_point!("sessions.closing");
        self.commit(&mut open, vec![Change::of_session(session, event)])
            .await
    }
}

fn session(
    opening: &Opening,
    leader: Leader,
    elevation: &Elevation,
    id: SessionId,
    now: &Now,
) -> Session {
    let bounded = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    Session {
        id,
        elevation: elevation.id,
        under: elevation.id,
        also: Vec::new(),
        service: bounded(&opening.service, MAX_NAME),
        command: bounded(&leader.command, MAX_TEXT),
        terminal: bounded(&opening.terminal, MAX_NAME),
        remote: bounded(&opening.remote, MAX_TEXT),
        leader: opening.leader,
        login: leader.login,
        boot_id: now.boot_id.clone(),
        opened_at: now.wall,
        closed_at: None,
    }
}

fn opened(session: &Session, elevation: &Elevation, now: &Now) -> Event {
    let subject = Subject::of(elevation);
    Event::of_session(EventName::SessionOpened, &subject, session, now.wall)
        .with("terminal", session.terminal.as_str())
        .with("remote", session.remote.as_str())
        .with("command", session.command.as_str())
}

fn terms(open: &Open, session: &Session, elevation: &Elevation, now: &Now) -> Option<Terms> {
    let left = session.lasts(&open.elevations, now)?;
    Some(Terms {
        lasts: length(left),
        description: description(&session.service, elevation, left, now),
    })
}

fn length(milliseconds: i64) -> Duration {
    // Zero would be for ever.
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0).max(1))
}

/// For everybody to read: no command line and no reason.
fn description(service: &str, elevation: &Elevation, left: i64, now: &Now) -> String {
    let end = jiff::Timestamp::from_millisecond(now.wall.0.saturating_add(left));
    let end = end.map(|end| end.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    format!(
        "{service} of {}, elevation {} ({}), until {}",
        elevation.user,
        elevation.id,
        elevation.role,
        end.unwrap_or_default()
    )
}
