//! Sessions as scopes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;
use zbus::proxy::CacheProperties;

use super::link::{Systemd, locked, said};
use super::manager::UnitProxy;
use super::{cgroups, kin, leader, scopes};
use crate::crash::crash_point;
use crate::domain::session::{Mark, Recording, Session, SessionId};
use crate::logins;
use crate::process_end::ProcessEnd;
use crate::reconcile::recording::RecordingError;
use crate::reconcile::sessions::{Leader, Left, SessionError, Sessions, Terms, Work};
use crate::reconcile::{freezer, grip};
use crate::record::{Priority, note};

/// How long those may take to go whom nobody has answered.
const FAREWELL: Duration = Duration::from_millis(500);

impl Sessions for Systemd {
    fn look(&self, pid: u32) -> Work<'_, Result<Leader, SessionError>> {
        Box::pin(async move {
            let command = leader::command(pid).ok_or(SessionError::Gone(pid))?;
            let unit = leader::unit(pid).ok_or(SessionError::Gone(pid))?;
            let outer = leader::parent(pid).and_then(leader::unit);
            let login = match scopes::login_of(&unit) {
                // Who was started in a login does not lead it, and logind need not be asked.
                Some(_) if outer.as_ref() == Some(&unit) => None,
                Some(login) if logins::leader(login) == Some(pid) => Some(login.to_owned()),
                _ => None,
            };
            let mark = Mark {
                began: grip::began(pid),
                login: grip::login(pid).map_err(|_| SessionError::Gone(pid))?,
                uid: 0,
            };
            Ok(Leader {
                command,
                login,
                mark,
            })
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
            self.start(&scope, &scopes::properties(terms, vec![session.leader]))
                .await?;
            // It could have ended meanwhile, and its number be somebody else's.
            match leader::unit(session.leader) {
                Some(unit) if unit == scope && self.watch(session) => Ok(()),
                _ => Err(SessionError::Gone(session.leader)),
            }
        })
    }

    fn prolong<'a>(
        &'a self,
        session: &'a Session,
        terms: &'a Terms,
    ) -> Work<'a, Result<(), SessionError>> {
        Box::pin(self.move_on(session, terms))
    }

    fn end(&self, session: &Session) {
        self.begin_to_end(session);
    }

    fn resume<'a>(&'a self, session: &'a Session) -> Work<'a, Result<Left, SessionError>> {
        Box::pin(async move {
            let units = self.units(&scopes::patterns(session)).await?;
            if session.login.is_some() && self.is_anothers(session, &units).await {
                return Ok(Left::default());
            }
            if !self.adopt(session) {
                self.let_go_who_was_not_answered(session).await;
                self.watch(session);
            }
            let is_populated = cgroups::is_populated(session.id);
            if session.login.is_none() && !is_populated {
                self.stop_empty(&units).await?;
            }
            let outside = self.outside(session).await;
            let mut astray = locked(&self.shared.astray);
            if let Some(place) = outside.places.first() {
                let unit = kin::unit_at(place).unwrap_or_default();
                astray.entry(session.id).or_insert(unit);
            }
            let is_something = !units.is_empty() || is_populated || !outside.is_empty();
            Ok(Left {
                is_something,
                astray: if is_something {
                    astray.get(&session.id).cloned()
                } else {
                    astray.remove(&session.id)
                },
            })
        })
    }

    fn end_strays(&self, known: BTreeSet<SessionId>) -> Work<'_, Result<(), SessionError>> {
        Box::pin(async move {
            // So could those whom somebody looked for.
            let _ = tokio::task::spawn_blocking(freezer::thaw_what_was_left).await;
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

    fn recording(&self, recorder: u32) -> Work<'_, Result<String, RecordingError>> {
        Box::pin(self.written_by(recorder))
    }

    fn outlives<'a>(&'a self, id: SessionId, recording: &'a Recording) -> Work<'a, bool> {
        Box::pin(self.is_outlived(id, recording))
    }

    fn terminals<'a>(&'a self, session: &'a Session) -> Work<'a, BTreeSet<PathBuf>> {
        Box::pin(async move {
            let (id, login) = (session.id, session.login.clone());
            let look = move || {
                let pids = match login {
                    Some(login) => leader::processes_in(&scopes::login_scope(&login)),
                    None => cgroups::members(id),
                };
                pids.into_iter().filter_map(leader::terminal).collect()
            };
            tokio::task::spawn_blocking(look).await.unwrap_or_default()
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

    /// Who was not answered, because jitd died meanwhile, is in no scope, and goes by itself.
    async fn let_go_who_was_not_answered(&self, session: &Session) {
        if self.is_watched(session.id) || kin::astray(session, session.leader).is_none() {
            return;
        }
        let Some(leader) = ProcessEnd::of(session.leader) else {
            return;
        };
        // Once is enough for all of them.
        let wait = async { drop(timeout(FAREWELL, leader.wait()).await) };
        self.shared.grace.get_or_init(|| wait).await;
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

    /// Whether a login of this name began after the session did: logind gives names again once it
    /// was restarted itself. Its scope is there before the session is opened.
    async fn is_anothers(&self, session: &Session, units: &[String]) -> bool {
        for unit in units {
            let began = self.began(unit).await.ok();
            if began.is_some_and(|began| began > session.opened_at.0) {
                return true;
            }
        }
        false
    }

    /// When a unit began, in milliseconds since the epoch.
    async fn began(&self, unit: &str) -> Result<i64, SessionError> {
        let link = self.link().await?;
        let began = async {
            let path = link.systemd.get_unit(unit).await?;
            let unit = UnitProxy::builder(&link.connection)
                .path(path)
                .cache_properties(CacheProperties::No)
                .build()
                .await?;
            unit.active_enter_timestamp().await
        };
        let microseconds = began.await.map_err(|error: zbus::Error| said(&error))?;
        Ok(i64::try_from(microseconds / 1000).unwrap_or(i64::MAX))
    }
}
