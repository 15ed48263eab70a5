//! A session is ended, with everything in it: asked to go, then made to, until nothing is left.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::kin::Found;
use super::link::{Systemd, locked};
use super::{cgroups, hunt, leader, scopes};
use crate::crash::crash_point;
use crate::domain::session::Session;
use crate::reconcile::grip::Grip;
use crate::record::{Priority, note};

/// How long to wait for what was killed, at first and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

impl Systemd {
    /// Ends a session; does not wait for it. Once is enough.
    pub(super) fn begin_to_end(&self, session: &Session) {
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

    async fn end_all(&self, session: &Session, gone: &Notify) {
        let mut patience = scopes::GRACE;
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

    /// Asks everything in a session to go, or makes it; false where nothing is left. What has left
    /// its scope is not asked.
    async fn press(&self, session: &Session, asked: bool) -> bool {
        let _place = self.shared.ends.acquire().await;
        let outside = self.outside(session).await;
        let has_left = !outside.is_empty();
        if has_left {
            self.hunt(session, outside).await;
        }
        let units = self.units(&scopes::patterns(session)).await;
        let is_over = units.as_ref().is_ok_and(Vec::is_empty) && !cgroups::is_populated(session.id);
        if is_over && !has_left {
            return false;
        }
        match units {
            Ok(units) if asked || has_left => self.kill_all(session, &units).await,
            Ok(units) => self.ask_to_go(&units).await,
            Err(error) => {
                let text = format!("session {} is ended without systemd: {error}", session.id);
                note(Priority::Warning, &text);
                return signal_all(session, asked) > 0 || has_left;
            }
        }
        true
    }

    /// What of a session is outside of its scopes.
    pub(super) async fn outside(&self, session: &Session) -> Found {
        let session = session.clone();
        let look = tokio::task::spawn_blocking(move || hunt::look(&session));
        look.await.unwrap_or_default()
    }

    async fn hunt(&self, session: &Session, found: Found) {
        let (id, session) = (session.id, session.clone());
        let kill = tokio::task::spawn_blocking(move || hunt::kill(&session, found));
        if !kill.await.unwrap_or_default() {
            let text = format!("what has left session {id} does not end yet");
            note(Priority::Warning, &text);
        }
    }

    async fn ask_to_go(&self, units: &[String]) {
        let Ok(link) = self.link().await else { return };
        for unit in units {
            let _ = link.systemd.stop_unit(unit, "replace").await;
        }
    }

    /// With those whom systemd has forgotten.
    async fn kill_all(&self, session: &Session, units: &[String]) {
        if session.login.is_some() || !cgroups::kill(session.id) {
            signal_all(session, true);
        }
        let Ok(link) = self.link().await else { return };
        for unit in units {
            let kill = Signal::KILL.as_raw();
            let _ = link.systemd.kill_unit(unit, "all", kill).await;
        }
    }
}

/// Signals everybody in a session, without systemd; gives how many there were.
fn signal_all(session: &Session, to_kill: bool) -> usize {
    let pids = match &session.login {
        Some(login) => leader::processes_in(&scopes::login_scope(login)),
        None => cgroups::members(session.id),
    };
    let grip = |pid: &u32| Grip::take(*pid, |_| true);
    for process in pids.iter().filter_map(grip) {
        if to_kill {
            process.signal(Signal::KILL);
        } else {
            process.ask_to_go();
        }
    }
    pids.len()
}
