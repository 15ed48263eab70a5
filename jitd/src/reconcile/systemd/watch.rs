//! A session that leaves its scope is noticed when it does: the kernel tells when a cgroup has
//! nobody left in it (cgroups(7)), and a leader that lives on is somewhere else then.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use rustix::process::Signal;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::link::{Systemd, locked};
use super::{cgroups, kin};
use crate::domain::session::{Session, SessionId};
use crate::process_end::ProcessEnd;
use crate::reconcile::grip::Grip;
use crate::record::{Priority, note};

/// How often it is looked where a leader is: where somebody else is left in its scope, the kernel
/// tells nothing.
const ROUNDS: Duration = Duration::from_secs(2);

/// What is watched.
#[derive(Default)]
pub(super) struct Watches {
    inotify: Mutex<Option<Arc<Inotify>>>,
    scopes: Mutex<HashMap<WatchDescriptor, SessionId>>,
    leaders: Mutex<HashMap<SessionId, Leader>>,
}

/// Who leads a session that is watched.
#[derive(Clone)]
struct Leader {
    session: Arc<Session>,
    process: Arc<Grip>,
}

impl Systemd {
    /// Watches a session with a scope of its own, from now on. Once is enough, but for each scope
    /// that it gets. False where its leader has ended.
    pub(super) fn watch(&self, session: &Session) -> bool {
        for scope in cgroups::of(session.id) {
            if let Err(error) = self.watch_scope(&scope, session.id) {
                // systemd tells too that it is empty, if later.
                let text = format!("{} is not watched: {error}", scope.display());
                note(Priority::Warning, &text);
            }
        }
        let leads = self.watch_leader(session);
        // It could have left before it was watched.
        self.look_where_it_is(session.id);
        leads
    }

    /// Whether a session is watched already.
    pub(super) fn is_watched(&self, id: SessionId) -> bool {
        locked(&self.shared.watches.leaders).contains_key(&id)
    }

    fn watch_leader(&self, session: &Session) -> bool {
        let mut leaders = locked(&self.shared.watches.leaders);
        if leaders.contains_key(&session.id) {
            return true;
        }
        let began = session.mark.began;
        let leader = began.and_then(|began| Grip::that_began(session.leader, began));
        let (Some(process), Some(end)) = (leader, ProcessEnd::of(session.leader)) else {
            return false;
        };
        let leader = Leader {
            session: Arc::new(session.clone()),
            process: Arc::new(process),
        };
        leaders.insert(session.id, leader);
        let (systemd, id) = (self.clone(), session.id);
        tokio::spawn(async move {
            while timeout(ROUNDS, end.wait()).await.is_err() {
                systemd.look_where_it_is(id);
            }
            locked(&systemd.shared.watches.leaders).remove(&id);
            systemd.tell_gone(id);
        });
        true
    }

    fn watch_scope(&self, scope: &Path, id: SessionId) -> nix::Result<()> {
        let inotify = self.inotify()?;
        // Noted while nobody is told of it.
        let mut scopes = locked(&self.shared.watches.scopes);
        let events = scope.join("cgroup.events");
        match inotify.add_watch(&events, AddWatchFlags::IN_MODIFY) {
            Ok(watch) => drop(scopes.insert(watch, id)),
            Err(Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn inotify(&self) -> nix::Result<Arc<Inotify>> {
        let mut inotify = locked(&self.shared.watches.inotify);
        if let Some(inotify) = &*inotify {
            return Ok(inotify.clone());
        }
        let made = Arc::new(Inotify::init(InitFlags::IN_CLOEXEC)?);
        let (tell, mut told) = unbounded_channel();
        let (listening, systemd) = (made.clone(), self.clone());
        std::thread::Builder::new()
            .name("scopes".to_owned())
            .spawn(move || listen(&listening, &tell))
            .map_err(|_| Errno::EAGAIN)?;
        tokio::spawn(async move {
            while let Some(watch) = told.recv().await {
                systemd.scope_changed(watch);
            }
        });
        *inotify = Some(made.clone());
        Ok(made)
    }

    fn scope_changed(&self, (watch, is_removed): Told) {
        let mut scopes = locked(&self.shared.watches.scopes);
        let session = if is_removed {
            scopes.remove(&watch)
        } else {
            scopes.get(&watch).copied()
        };
        drop(scopes);
        if let Some(id) = session {
            self.look_where_it_is(id);
        }
    }

    /// A leader that lives and is not in a scope of its session has been moved: it is killed at
    /// once, and the session ended.
    fn look_where_it_is(&self, id: SessionId) {
        let leader = locked(&self.shared.watches.leaders).get(&id).cloned();
        let Some(Leader { session, process }) = leader else {
            return;
        };
        let Some(place) = kin::astray(&session, process.pid) else {
            return;
        };
        // Only of a process that lives it is known that the number was its.
        if process.is_over() {
            return;
        }
        let unit = kin::unit_at(&place).unwrap_or_default();
        locked(&self.shared.astray).entry(id).or_insert(unit);
        process.signal(Signal::KILL);
        self.begin_to_end(&session);
        self.tell_gone(id);
    }
}

/// A watch, and whether what was watched is gone.
type Told = (WatchDescriptor, bool);

fn listen(inotify: &Inotify, tell: &UnboundedSender<Told>) {
    loop {
        let events = match inotify.read_events() {
            Ok(events) => events,
            Err(Errno::EINTR) => continue,
            Err(error) => {
                let text = format!("sessions that leave their scopes are noticed late: {error}");
                return note(Priority::Error, &text);
            }
        };
        for event in events {
            let is_removed = event.mask.contains(AddWatchFlags::IN_IGNORED);
            if tell.send((event.wd, is_removed)).is_err() {
                return;
            }
        }
    }
}
