//! A session is ended, with everything in it: asked to go, then made to, until nothing is left.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::link::{Systemd, locked};
use super::{cgroups, leader, scopes};
use crate::crash::crash_point;
use crate::domain::session::Session;
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
