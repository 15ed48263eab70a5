//! The connection to systemd.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, OnceCell, Semaphore, mpsc, oneshot};
use zbus::connection::Connection;
use zbus::wire::Variant;

use super::manager::{ManagerProxy, Properties};
use super::watch::Watches;
use super::words::{Word, Words};
use crate::crash::crash_point;
use crate::dbus;
use crate::domain::session::SessionId;
use crate::reconcile::sessions::SessionError;
use crate::reconcile::timers::Deadlines;

/// How long systemd may take for a job of ours: whoever opens a session waits for it, and the module
/// has ten seconds. A loaded one takes two of them to answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long systemd or logind may take for an answer; an end does not wait for one that hangs. That
/// a job is done is told apart from it, and may come later.
const ANSWER: Duration = Duration::from_secs(1);
/// When a connection that has broken is made anew, if it could not be at once.
const AGAIN: Duration = Duration::from_millis(250);
/// How many sessions are ended, and how many are moved, at a time.
const MOST_AT_ONCE: usize = 32;
/// How many processes' files are looked through at a time.
const MOST_SEARCHES: usize = 4;

/// systemd, as jitd uses it. Clones share one connection, made when it is needed and there is none.
#[derive(Clone)]
pub struct Systemd {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    link: tokio::sync::Mutex<Option<Link>>,
    /// Units whose job somebody waits for.
    jobs: Mutex<HashMap<String, oneshot::Sender<String>>>,
    /// Units that were told to stop, and for which somebody waits until systemd has forgotten them.
    stopping: Mutex<HashMap<String, oneshot::Sender<()>>>,
    /// Logins that are sessions of ours, by their unit.
    pub(super) logins: Mutex<HashMap<String, SessionId>>,
    /// Sessions that are being ended, and what tells that one has gone.
    pub(super) ending: Mutex<HashMap<SessionId, Arc<Notify>>>,
    /// Sessions that have left their scopes, and the unit that they were found in.
    pub(super) astray: Mutex<HashMap<SessionId, String>>,
    /// What tells of it.
    pub(super) watches: Watches,
    /// Whether those that an earlier jitd left without an answer had the time to go.
    pub(super) grace: OnceCell<()>,
    /// Timers that are wanted.
    pub(super) wanted: Mutex<Deadlines>,
    /// The seconds for which there are timers; not known before the first look.
    pub(super) timers: tokio::sync::Mutex<Option<BTreeSet<i64>>>,
    /// Places to end sessions, and to move them. The bus bounds the calls under way, to 128 on
    /// Debian: this leaves enough for those that are opened.
    pub(super) ends: Semaphore,
    pub(super) moves: Semaphore,
    /// Sessions that a scope was started for.
    held: Mutex<BTreeSet<SessionId>>,
    /// Places to look for recordings.
    pub(super) searches: Semaphore,
    gone: mpsc::UnboundedSender<SessionId>,
}

/// What is there once there is a connection. Clones share it.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) systemd: ManagerProxy<'static>,
}

impl Link {
    fn is_broken(&self) -> bool {
        self.connection.closed().now_or_never().is_some()
    }
}

impl Systemd {
    /// Does not connect yet. The receiver is told of sessions of which something has gone.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<SessionId>) {
        let (gone, told) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            link: tokio::sync::Mutex::default(),
            jobs: Mutex::default(),
            stopping: Mutex::default(),
            logins: Mutex::default(),
            ending: Mutex::default(),
            astray: Mutex::default(),
            watches: Watches::default(),
            grace: OnceCell::new(),
            wanted: Mutex::default(),
            timers: tokio::sync::Mutex::default(),
            ends: Semaphore::new(MOST_AT_ONCE),
            moves: Semaphore::new(MOST_AT_ONCE),
            held: Mutex::default(),
            searches: Semaphore::new(MOST_SEARCHES),
            gone,
        });
        (Self { shared }, told)
    }

    /// The connection; a new one, where there is none or the last one has broken.
    pub(super) async fn link(&self) -> Result<Link, SessionError> {
        let mut link = self.shared.link.lock().await;
        if let Some(link) = link.as_ref().filter(|link| !link.is_broken()) {
            return Ok(link.clone());
        }
        let made = self.connect().await.map_err(|error| said(&error))?;
        *link = Some(made.clone());
        Ok(made)
    }

    /// To systemd itself, which nobody else can keep us from; over the bus where it has no socket.
    async fn connect(&self) -> zbus::Result<Link> {
        let (connection, words) = if let Ok(connection) = dbus::systemd(ANSWER).await {
            let words = Words::without_bus(&connection).await?;
            (connection, words)
        } else {
            let connection = dbus::system_bus(ANSWER).await?;
            let systemd = ManagerProxy::new(&connection).await?;
            let words = Words::over_the_bus(&systemd).await?;
            systemd.subscribe().await?;
            (connection, words)
        };
        let systemd = ManagerProxy::new(&connection).await?;
        self.listen(connection.clone(), words);
        Ok(Link {
            connection,
            systemd,
        })
    }

    /// Not where the connection is made: that is where a new one is made from.
    fn listen(&self, connection: Connection, words: Words) {
        tokio::spawn(listen(self.clone(), connection, words));
    }

    /// Kills the main process of a service.
    ///
    /// # Errors
    /// systemd says no, or nothing.
    pub async fn kill(&self, service: &str) -> Result<(), SessionError> {
        let systemd = &self.link().await?.systemd;
        let kill = rustix::process::Signal::KILL.as_raw();
        let killed = systemd.kill_unit(service, "main", kill).await;
        killed.map_err(|error| said(&error))
    }

    /// Starts a unit and waits until it is there.
    pub(super) async fn start(
        &self,
        unit: &str,
        properties: &Properties<'_>,
    ) -> Result<(), SessionError> {
        let link = self.link().await?;
        locked(&self.shared.held).extend(super::scopes::session_of(unit));
        let (told, done) = oneshot::channel();
        locked(&self.shared.jobs).insert(unit.to_owned(), told);
        let started = async {
            let queued = link
                .systemd
                .start_transient_unit(unit, "fail", properties, &[]);
            // That it is done will be told.
            if let Err(error) = queued.await
                && !is_late(&error)
            {
                return Err(said(&error));
            }
            crash_point!("units.queued");
            done.await
                .map_err(|_| SessionError::Systemd("it went away".to_owned()))
        };
        let started = tokio::time::timeout(PATIENCE, started).await;
        locked(&self.shared.jobs).remove(unit);
        match started {
            Ok(Ok(result)) if result == "done" => Ok(()),
            Ok(Ok(result)) => Err(SessionError::Systemd(format!("{unit}: {result}"))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(SessionError::Systemd(format!(
                "{unit} was not there within {} s",
                PATIENCE.as_secs()
            ))),
        }
    }

    /// Stops a unit and waits until systemd has forgotten it: before that, none of its name can be
    /// started. One that is not there, or that stays, is no error.
    pub(super) async fn stop(&self, unit: &str) -> Result<(), SessionError> {
        let link = self.link().await?;
        let (told, gone) = oneshot::channel();
        locked(&self.shared.stopping).insert(unit.to_owned(), told);
        if link.systemd.stop_unit(unit, "replace").await.is_ok() {
            let _ = tokio::time::timeout(PATIENCE, gone).await;
        }
        locked(&self.shared.stopping).remove(unit);
        Ok(())
    }

    /// The units of these patterns that are there, or on their way.
    pub(super) async fn units(&self, patterns: &[String]) -> Result<Vec<String>, SessionError> {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let listed = self
            .link()
            .await?
            .systemd
            .list_units_by_patterns(&[], &patterns)
            .await
            .map_err(|error| said(&error))?;
        let is_there = |state: &str| !matches!(state, "inactive" | "failed");
        Ok(listed
            .into_iter()
            .filter(|unit| is_there(&unit.3))
            .map(|unit| unit.0)
            .collect())
    }

    fn unit_is_gone(&self, unit: &str) {
        if let Some(waiting) = locked(&self.shared.stopping).remove(unit) {
            // Whoever waited may have given up.
            let _ = waiting.send(());
        }
        let known = super::scopes::session_of(unit);
        let known = known.or_else(|| locked(&self.shared.logins).remove(unit));
        if let Some(id) = known {
            locked(&self.shared.held).remove(&id);
            self.tell_gone(id);
        }
    }

    /// Any of them may have gone unheard.
    fn look_at_all(&self) {
        let mut all = locked(&self.shared.held).clone();
        all.extend(locked(&self.shared.ending).keys());
        all.extend(locked(&self.shared.logins).values());
        for id in all {
            self.tell_gone(id);
        }
        // Whoever waits for a unit that has gone meanwhile asks again.
        locked(&self.shared.stopping).clear();
        locked(&self.shared.jobs).clear();
    }

    /// Something of a session has gone; whether all of it has is for others to see.
    pub(super) fn tell_gone(&self, id: SessionId) {
        if let Some(waiting) = locked(&self.shared.ending).get(&id) {
            waiting.notify_one();
        }
        // Nobody listens where jitd only withdraws.
        let _ = self.shared.gone.send(id);
    }
}

/// Hears what systemd says. Once the connection has broken there is soon a new one: what was said
/// in between nobody heard, and everything is looked at.
async fn listen(systemd: Systemd, connection: Connection, mut words: Words) {
    loop {
        let word = tokio::select! {
            word = words.next() => word,
            () = connection.closed() => None,
        };
        match word {
            Some(Word::JobRemoved(unit, result)) => {
                if let Some(waiting) = locked(&systemd.shared.jobs).remove(&unit) {
                    // Whoever waited may have given up.
                    let _ = waiting.send(result);
                }
            }
            Some(Word::UnitRemoved(unit)) => systemd.unit_is_gone(&unit),
            None => break,
        }
    }
    drop((words, connection));
    while systemd.link().await.is_err() {
        pause().await;
    }
    systemd.look_at_all();
}

#[expect(clippy::disallowed_methods, reason = "no end depends on it")]
async fn pause() {
    tokio::time::sleep(AGAIN).await;
}

/// Whether there was no answer in time.
fn is_late(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::InputOutput(error) => error.kind() == std::io::ErrorKind::TimedOut,
        _ => false,
    }
}

/// What systemd, or the bus, said.
pub(super) fn said(error: &zbus::Error) -> SessionError {
    SessionError::Systemd(match error {
        zbus::Error::MethodError(name, text, _) => match text {
            Some(text) => text.clone(),
            None => name.to_string(),
        },
        other => other.to_string(),
    })
}

pub(super) fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A property of a unit.
pub(super) fn property<'a>(name: &'a str, value: impl Into<Variant<'a>>) -> (&'a str, Variant<'a>) {
    (name, value.into())
}
