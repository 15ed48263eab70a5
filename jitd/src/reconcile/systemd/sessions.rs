//! Sessions as scopes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::Notify;
use tokio::time::timeout;
use zbus::proxy::CacheProperties;

use super::link::{Systemd, locked, property, said};
use super::manager::{LoginSessionProxy, Properties};
use super::{cgroups, leader, scopes};
use crate::crash::crash_point;
use crate::domain::session::{Session, SessionId};
use crate::reconcile::sessions::{Leader, SessionError, Sessions, Terms, Work};
use crate::record::{Priority, note};

/// How long what is in a session has to go by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait for what was killed, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How often a move into a new scope is tried. What stays behind ends earlier.
const MOST_TRIES: u32 = 20;

impl Sessions for Systemd {
    fn look(&self, pid: u32) -> Work<'_, Result<Leader, SessionError>> {
        Box::pin(async move {
            let command = leader::command(pid).ok_or(SessionError::Gone(pid))?;
            let unit = leader::unit(pid).ok_or(SessionError::Gone(pid))?;
            let outer = leader::parent(pid).and_then(leader::unit);
            let login = match scopes::login_of(&unit) {
                // Who was started in a login does not lead it, and logind need not be asked.
                Some(_) if outer.as_ref() == Some(&unit) => None,
                Some(login) if self.leads(login, pid).await? => Some(login.to_owned()),
                _ => None,
            };
            Ok(Leader { command, login })
        })
    }

    fn open<'a>(
        &'a self,
        session: &'a Session,
        terms: &'a Terms,
    ) -> Work<'a, Result<(), SessionError>> {
        Box::pin(async move {
            if self.adopt(session) {
                return Ok(());
            }
            let scope = scopes::scope(session, 1);
            crash_point!("scopes.unstarted");
            self.start(&scope, &properties(terms, vec![session.leader]))
                .await?;
            // It could have ended meanwhile, and its number be somebody else's.
            match leader::unit(session.leader) {
                Some(unit) if unit == scope => Ok(()),
                _ => Err(SessionError::Gone(session.leader)),
            }
        })
    }

    fn prolong<'a>(
        &'a self,
        session: &'a Session,
        terms: &'a Terms,
    ) -> Work<'a, Result<(), SessionError>> {
        Box::pin(async move {
            if session.login.is_some() {
                // Nothing but us ends it in time.
                return Ok(());
            }
            let _place = self.shared.moves.acquire().await;
            let old = self.units(&scopes::patterns(session)).await?;
            for unit in &old {
                self.freeze(unit).await;
            }
            crash_point!("scopes.frozen");
            let moved = self.move_all(session, &old, terms).await;
            crash_point!("scopes.moved");
            for unit in &old {
                self.thaw(unit).await;
            }
            moved
        })
    }

    fn end(&self, session: &Session) {
        let gone = Arc::new(Notify::new());
        {
            let mut ending = locked(&self.shared.ending);
            if ending.contains_key(&session.id) {
                return;
            }
            ending.insert(session.id, gone.clone());
        }
        let (systemd, session) = (self.clone(), session.clone());
        tokio::spawn(async move { systemd.end_all(&session, &gone).await });
    }

    fn resume<'a>(&'a self, session: &'a Session) -> Work<'a, Result<bool, SessionError>> {
        Box::pin(async move {
            // logind does not give the name of a login again in the same boot.
            self.adopt(session);
            let units = self.units(&scopes::patterns(session)).await?;
            let is_populated = cgroups::is_populated(session.id);
            if session.login.is_none() && !is_populated {
                self.stop_empty(&units).await?;
            }
            Ok(!units.is_empty() || is_populated)
        })
    }

    fn end_strays(&self, known: BTreeSet<SessionId>) -> Work<'_, Result<(), SessionError>> {
        Box::pin(async move {
            if !cgroups::are_any() {
                return Ok(());
            }
            let mut strays = self.units(&["jit-*.scope".to_owned()]).await?;
            for unit in &strays {
                // jitd could have been stopped in the midst of a move.
                self.thaw(unit).await;
            }
            let is_known = |unit: &String| {
                let session = scopes::session_of(unit);
                session.is_none_or(|session| known.contains(&session))
            };
            strays.retain(|unit| !is_known(unit));
            for unit in strays {
                note(
                    Priority::Warning,
                    &format!("{unit} is of no session: it is ended"),
                );
                let systemd = &self.link().await?.systemd;
                let stopped = systemd.stop_unit(&unit, "replace").await;
                stopped.map_err(|error| said(&error))?;
            }
            Ok(())
        })
    }

    fn terminals<'a>(&'a self, session: &'a Session) -> Work<'a, BTreeSet<PathBuf>> {
        Box::pin(async move {
            let mut terminals = BTreeSet::new();
            let Ok(units) = self.units(&scopes::patterns(session)).await else {
                return terminals;
            };
            for unit in units {
                let pids = self.processes(&unit).await.unwrap_or_default();
                terminals.extend(pids.into_iter().filter_map(leader::terminal));
            }
            terminals
        })
    }
}

impl Systemd {
    /// Keeps an eye on a login; false where it is none.
    fn adopt(&self, session: &Session) -> bool {
        let Some(login) = &session.login else {
            return false;
        };
        let unit = scopes::login_scope(login);
        locked(&self.shared.logins).insert(unit, session.id);
        true
    }

    /// A scope that was started with a process that was just going has never had anybody in it, and
    /// systemd waits for them to leave. That it is gone is told as of every other one.
    async fn stop_empty(&self, units: &[String]) -> Result<(), SessionError> {
        let systemd = &self.link().await?.systemd;
        for unit in units {
            // It may have gone meanwhile.
            let _ = systemd.stop_unit(unit, "replace").await;
        }
        Ok(())
    }

    /// Whether a process is the one that logind made a login for.
    async fn leads(&self, login: &str, pid: u32) -> Result<bool, SessionError> {
        let link = self.link().await?;
        let leader = async {
            let path = link.logind.get_session(login).await?;
            let session = LoginSessionProxy::builder(&link.connection)
                .path(path)
                .cache_properties(CacheProperties::No)
                .build()
                .await?;
            session.leader().await
        };
        Ok(leader.await.map_err(|error: zbus::Error| said(&error))? == pid)
    }

    async fn processes(&self, unit: &str) -> Result<Vec<u32>, SessionError> {
        let systemd = &self.link().await?.systemd;
        let processes = systemd.get_unit_processes(unit).await;
        let processes = processes.map_err(|error| said(&error))?;
        Ok(processes.into_iter().map(|process| process.1).collect())
    }

    /// Nobody in a scope ends or forks while they are moved: systemd does not start a scope with
    /// a process that has just gone. Where the kernel can't, it is tried all the same.
    async fn freeze(&self, unit: &str) {
        let Ok(link) = self.link().await else { return };
        let _ = timeout(GRACE, link.systemd.freeze_unit(unit)).await;
    }

    /// One that has nobody left in it is gone already.
    async fn thaw(&self, unit: &str) {
        let Ok(link) = self.link().await else { return };
        let _ = timeout(GRACE, link.systemd.thaw_unit(unit)).await;
    }

    /// Moves everything into a new scope. What is forked meanwhile is where its parent is.
    async fn move_all(
        &self,
        session: &Session,
        old: &[String],
        terms: &Terms,
    ) -> Result<(), SessionError> {
        let last = old.iter().map(|unit| scopes::generation(unit)).max();
        let mut generation = last.unwrap_or(1);
        let mut outcome = Ok(());
        for _ in 0..MOST_TRIES {
            let members = cgroups::members(session.id);
            if members.is_empty() {
                return Ok(());
            }
            generation += 1;
            let new = scopes::scope(session, generation);
            outcome = self.start(&new, &properties(terms, members)).await;
            if outcome.is_ok() {
                crash_point!("scopes.renewed");
                return self.follow(session, &new).await;
            }
        }
        outcome
    }

    /// Moves those that were forked while their parents were moved.
    async fn follow(&self, session: &Session, new: &str) -> Result<(), SessionError> {
        let systemd = &self.link().await?.systemd;
        for _ in 0..MOST_TRIES {
            let mut left = cgroups::members(session.id);
            left.retain(|pid| leader::unit(*pid).is_some_and(|unit| unit != new));
            if left.is_empty() {
                break;
            }
            // One of them may just have ended; then all of them are tried again.
            let _ = systemd.attach_processes_to_unit(new, "", &left).await;
        }
        Ok(())
    }

    async fn end_all(&self, session: &Session, gone: &Notify) {
        let mut patience = GRACE;
        let mut asked = false;
        while self.press(session, asked).await {
            crash_point!("scopes.asked");
            // Whether all of it is gone shows the next look.
            let _ = timeout(patience, gone.notified()).await;
            patience = if asked {
                (patience * 2).min(PATIENCE.1)
            } else {
                PATIENCE.0
            };
            asked = true;
        }
        locked(&self.shared.ending).remove(&session.id);
        self.tell_gone(session.id);
    }

    /// Asks everything in a session to go, or makes it; false where nothing is left.
    async fn press(&self, session: &Session, asked: bool) -> bool {
        let _place = self.shared.ends.acquire().await;
        let units = self.units(&scopes::patterns(session)).await;
        if units.as_ref().is_ok_and(Vec::is_empty) && !cgroups::is_populated(session.id) {
            return false;
        }
        match units {
            Ok(units) if asked => self.kill_all(session, &units).await,
            Ok(units) => self.ask_to_go(session, &units).await,
            Err(error) => {
                let text = format!("session {} is ended without systemd: {error}", session.id);
                note(Priority::Warning, &text);
                return signal_all(session, asked) > 0;
            }
        }
        true
    }

    async fn ask_to_go(&self, session: &Session, units: &[String]) {
        let Ok(link) = self.link().await else { return };
        if let Some(login) = &session.login {
            // That it is gone shows as well as that this failed.
            let _ = link.logind.terminate_session(login).await;
        }
        for unit in units {
            let _ = link.systemd.stop_unit(unit, "replace").await;
        }
    }

    /// With those whom systemd has forgotten.
    async fn kill_all(&self, session: &Session, units: &[String]) {
        signal_all(session, true);
        let Ok(link) = self.link().await else { return };
        for unit in units {
            let kill = Signal::KILL.as_raw();
            let _ = link.systemd.kill_unit(unit, "all", kill).await;
        }
    }
}

fn properties(terms: &Terms, pids: Vec<u32>) -> Properties<'_> {
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    vec![
        property("Description", terms.description.as_str()),
        property("Slice", scopes::SLICE),
        property("PIDs", pids),
        property("RuntimeMaxUSec", microseconds(terms.lasts)),
        property("TimeoutStopUSec", microseconds(GRACE)),
        // A shell that somebody sits at does not hear SIGTERM.
        property("SendSIGHUP", true),
        // Nothing is left of it, also where its time was up.
        property("CollectMode", "inactive-or-failed"),
    ]
}

/// Signals everybody in a session, without systemd; gives how many there were.
fn signal_all(session: &Session, to_kill: bool) -> usize {
    let pids = match &session.login {
        Some(login) => leader::processes_in(&scopes::login_scope(login)),
        None => cgroups::members(session.id),
    };
    let signals: &[Signal] = if to_kill {
        &[Signal::KILL]
    } else {
        &[Signal::TERM, Signal::HUP, Signal::CONT]
    };
    let open = |pid: &u32| {
        pidfd_open(
            Pid::from_raw(i32::try_from(*pid).ok()?)?,
            PidfdFlags::empty(),
        )
        .ok()
    };
    for process in pids.iter().filter_map(open) {
        for signal in signals {
            // It may have gone meanwhile.
            let _ = pidfd_send_signal(&process, *signal);
        }
    }
    pids.len()
}
