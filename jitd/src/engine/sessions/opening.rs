//! A session is opened: on record, and held together on the host.

use jitd_api::{MAX_NAME, MAX_TEXT};
use tokio::task::JoinHandle;

use super::{description, length};
use crate::crash::crash_point;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::session::{Mark, Session, SessionId, openers};
use crate::domain::time::{Boot, Now, Wall};
use crate::engine::state::Open;
use crate::engine::{Asks, Engine, EngineError, GateVerdict};
use crate::reconcile::{Leader, SessionError, Terms};
use crate::record::{Event, EventName, Subject};
use crate::store::Change;

/// Most sessions of one account at a time.
const MOST: usize = 256;

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
    /// Since when it runs, where it could have decided something by then.
    pub since: Option<Boot>,
    /// The elevations whose roles give what runs in it; none where nobody looked.
    pub given_by: Option<Vec<ElevationId>>,
}

impl Opening {
    /// What is known of the process.
    #[must_use]
    pub fn asks(&self) -> Asks<'_> {
        Asks {
            since: self.since,
            given_by: self.given_by.as_deref(),
        }
    }
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
    /// It is to be recorded, and is not.
    Unrecorded(String),
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
        let recording = self.recording_of(opening).await;
        let outer = match opening.within {
            Some(id) => self.shared.store.session(id).await?,
            None => None,
        };
        let (mut open, now) = self.begin().await;
        // What was started in a recorded session is recorded there.
        let outer_recording = outer.as_ref().and_then(|outer| outer.recording.clone());
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
        let mut session = session(opening, leader, &elevation, open.next_session, &now);
        session.recording = if opening.uid == 0 {
            outer_recording
        } else {
            let openers = (&elevation, also.as_slice());
            match self.demanded(&open, openers, opening.leader, recording) {
                Ok(recording) => recording,
                Err(unrecorded) => {
                    return self
                        .refuse_unrecorded(&mut open, &elevation, &session, &unrecorded, &now)
                        .await;
                }
            }
        };
        session.also = also;
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
        match self.shared.gate.check(uid, name, service, opening.asks()) {
            GateVerdict::Open { .. } => {}
            verdict => return Err(Opened::Closed(verdict)),
        }
        let given_by = opening.given_by.as_deref();
        let openers = openers(&open.elevations, uid, name, service, given_by, now);
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
        self.watch_recording(session);
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
        mark: Mark {
            uid: elevation.uid,
            ..leader.mark
        },
        recording: None,
        login: leader.login,
        boot_id: now.boot_id.clone(),
        opened_at: now.wall,
        closed_at: None,
    }
}

fn opened(session: &Session, elevation: &Elevation, now: &Now) -> Event {
    let subject = Subject::of(elevation);
    let folder = session.recording.as_ref().map(|it| it.folder.as_str());
    Event::of_session(EventName::SessionOpened, &subject, session, now.wall)
        .with("recording", folder.unwrap_or_default())
}

fn terms(open: &Open, session: &Session, elevation: &Elevation, now: &Now) -> Option<Terms> {
    let left = session.lasts(&open.elevations, now)?;
    Some(Terms {
        lasts: length(left),
        description: description(&session.service, elevation, left, now),
    })
}
