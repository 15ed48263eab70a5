//! The database's thread.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::ledger::Ledger;
use super::{
    Change, LastRun, NotedEnds, Query, Reader, Seen, StoreError, clock, cut, events, held, outbox,
    read, runs, schema, write,
};
use crate::domain::budget::Span;
use crate::domain::desired::Membership;
use crate::domain::elevation::{Elevation, ElevationId};
use crate::domain::names::{GroupName, RoleName};
use crate::domain::session::{Session, SessionId};
use crate::domain::time::{BootId, Now, Wall};
use crate::record::{EventName, Told};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The database. Clones speak to the same thread, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Store {
    jobs: Sender<Job>,
    path: Arc<Path>,
    /// What ended and could not be put on record.
    ledger: Arc<Mutex<Ledger>>,
    /// Something was put on record.
    news: watch::Sender<()>,
}

impl Store {
    /// Opens or creates the database, and brings its schema up to date.
    ///
    /// # Errors
    /// It cannot be opened, is corrupt, or is newer than this program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.to_string_lossy().into_owned();
        let unusable = |cause| StoreError::Unusable {
            path: shown.clone(),
            cause,
        };
        let mut db = Connection::open(path).map_err(unusable)?;
        schema::prepare(&mut db, &shown).map_err(|error| match error {
            StoreError::Sqlite(cause) => unusable(cause),
            error => error,
        })?;
        let (jobs, received) = channel::<Job>();
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                for job in received {
                    job(&mut db);
                }
            })
            .map_err(|error| StoreError::Thread(error.to_string()))?;
        Ok(Self {
            jobs,
            path: path.into(),
            ledger: Arc::new(Mutex::new(Ledger::beside(path))),
            news: watch::Sender::new(()),
        })
    }

    /// A reader of the record beside this.
    ///
    /// # Errors
    /// The database is broken.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.path)
    }

    /// Changes whenever something was put on record.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Commits changes and their events in one transaction, all or none, with the time.
    ///
    /// # Errors
    /// The disk is full, the database locked or broken; nothing was changed.
    pub async fn commit(&self, changes: Vec<Change>, seen: Seen) -> Result<(), StoreError> {
        self.run(move |db| write::commit(db, &changes, &seen))
            .await?;
        self.news.send_replace(());
        Ok(())
    }

    /// Notes what has ended and could not be committed, and nothing else, where that needs neither
    /// room on the disk nor the database.
    ///
    /// # Errors
    /// The device does not take it.
    pub async fn note_ends(&self, ends: NotedEnds) -> Result<(), StoreError> {
        self.with_ledger(move |ledger| ledger.write(&ends)).await
    }

    /// What was noted so, and may be committed by now.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn noted_ends(&self) -> Result<NotedEnds, StoreError> {
        self.with_ledger(Ledger::read).await
    }

    /// Not on the database's thread, which may wait for a database that is locked.
    async fn with_ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (ledger, path) = (self.ledger.clone(), self.path.with_file_name("ends"));
        let done = tokio::task::spawn_blocking(move || {
            work(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))
        });
        let done = done
            .await
            .map_err(|error| StoreError::Thread(error.to_string()))?;
        done.map_err(|cause| StoreError::Ledger {
            path: path.to_string_lossy().into_owned(),
            cause,
        })
    }

    /// Cuts some of what is archived; see [`Store::reader`] and [`Reader::archive`]. Whether there
    /// is more.
    ///
    /// # Errors
    /// The database is broken; nothing was cut.
    pub async fn cut(&self, now: Wall) -> Result<bool, StoreError> {
        self.run(move |db| cut::cut(db, now)).await
    }

    /// Where archives are: beside the database.
    #[must_use]
    pub fn archives(&self) -> PathBuf {
        self.path.with_file_name("archive")
    }

    /// The newest reading of the clocks that was kept.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn last_seen(&self) -> Result<Option<Now>, StoreError> {
        self.run(|db| clock::last_seen(db)).await
    }

    /// All elevations in an open state, and the number for the next new one.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn open_elevations(&self) -> Result<(Vec<Elevation>, ElevationId), StoreError> {
        self.run(|db| Ok((read::open_elevations(db)?, read::next_id(db)?)))
            .await
    }

    /// All sessions of which something may be left, and the number for the next new one.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn open_sessions(&self) -> Result<(Vec<Session>, SessionId), StoreError> {
        self.run(|db| Ok((read::open_sessions(db)?, read::next_session(db)?)))
            .await
    }

    /// A session, whether or not something is left of it.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        self.run(move |db| read::session(db, id)).await
    }

    /// The last sessions that an elevation opened, or that went on under it, oldest first: at
    /// most [`jitd_api::MAX_SESSIONS`].
    ///
    /// # Errors
    /// The database is broken.
    pub async fn sessions_of(&self, id: ElevationId) -> Result<Vec<Session>, StoreError> {
        self.run(move |db| read::sessions_of(db, id)).await
    }

    /// One elevation.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn get(&self, id: ElevationId) -> Result<Option<Elevation>, StoreError> {
        self.run(move |db| read::one(db, id)).await
    }

    /// Elevations that the query asks for, newest first.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn list(&self, query: Query) -> Result<Vec<Elevation>, StoreError> {
        self.run(move |db| read::list(db, &query)).await
    }

    /// Those of some roles that wait to be acknowledged, oldest first.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn unacknowledged(&self, roles: Vec<String>) -> Result<Vec<Elevation>, StoreError> {
        self.run(move |db| read::unacknowledged(db, &roles)).await
    }

    /// How many of one account wait to be acknowledged.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn unacknowledged_of(&self, uid: u32) -> Result<usize, StoreError> {
        self.run(move |db| read::unacknowledged_of(db, uid)).await
    }

    /// The time that an account used a role, or is going to, as far as it reaches beyond `since`.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn used(
        &self,
        uid: u32,
        role: RoleName,
        since: Wall,
    ) -> Result<Vec<Span>, StoreError> {
        self.run(move |db| read::used(db, uid, &role, since)).await
    }

    /// How the last run of jitd is on record; none where none is.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn last_run(&self) -> Result<Option<LastRun>, StoreError> {
        self.run(|db| runs::last_run(db)).await
    }

    /// The digest of the policy that was in force last; none where none is on record.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn last_policy(&self) -> Result<Option<String>, StoreError> {
        self.run(|db| runs::last_policy(db)).await
    }

    /// The accounts of which an elevation was given in this boot and has ended.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn lost_in(&self, boot: BootId) -> Result<Vec<u32>, StoreError> {
        self.run(move |db| read::lost_in(db, &boot)).await
    }

    /// The number of the newest event; 0 where there is none.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn newest(&self) -> Result<u64, StoreError> {
        self.run(|db| Ok(events::head(db)?.seq)).await
    }

    /// How many events of these names came after the one with this number.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn count_after(
        &self,
        seq: u64,
        names: &'static [EventName],
    ) -> Result<u64, StoreError> {
        self.run(move |db| runs::count_after(db, seq, names)).await
    }

    /// The schema that it has.
    #[must_use]
    pub fn schema(&self) -> i64 {
        schema::known()
    }

    /// What happened so far, by name.
    #[cfg(test)]
    pub(crate) async fn event_names(&self) -> Result<Vec<String>, StoreError> {
        self.run(|db| {
            let mut statement = db.prepare("SELECT event FROM event ORDER BY seq")?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The fields of all events of this name, as JSON.
    #[cfg(test)]
    pub(crate) async fn events(&self, name: &'static str) -> Result<Vec<String>, StoreError> {
        self.run(move |db| {
            let mut statement =
                db.prepare("SELECT fields FROM event WHERE event = ? ORDER BY seq")?;
            let fields = statement.query_map([name], |row| row.get(0))?;
            Ok(fields.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How sure a commit is: 2 is on the disk.
    #[cfg(test)]
    pub(crate) async fn synchronous(&self) -> Result<i64, StoreError> {
        self.run(|db| Ok(db.pragma_query_value(None, "synchronous", |row| row.get(0))?))
            .await
    }

    /// Memberships that jitd added. For the reconciler's thread; blocks.
    ///
    /// # Errors
    /// The database is broken.
    pub fn held(&self) -> Result<Vec<Membership>, StoreError> {
        self.run_blocking(|db| read::held(db))
    }

    /// The same, for others.
    ///
    /// # Errors
    /// The database is broken.
    pub async fn all_held(&self) -> Result<Vec<Membership>, StoreError> {
        self.run(|db| read::held(db)).await
    }

    /// Notes memberships as added by jitd, or as no longer so, and puts on record those of which
    /// that was not noted already. Blocks.
    ///
    /// # Errors
    /// The database is broken; nothing was changed.
    pub fn note_held(
        &self,
        added: Vec<Membership>,
        removed: Vec<Membership>,
        at: Wall,
    ) -> Result<(), StoreError> {
        let recorded = self.run_blocking(move |db| held::note_held(db, &added, &removed, at))?;
        if recorded > 0 {
            self.news.send_replace(());
        }
        Ok(())
    }

    /// Groups that jitd created. Blocks.
    ///
    /// # Errors
    /// The database is broken.
    pub fn owned_groups(&self) -> Result<Vec<GroupName>, StoreError> {
        self.run_blocking(|db| read::owned_groups(db))
    }

    /// Notes a group as created by jitd, or as no longer so. Blocks.
    ///
    /// # Errors
    /// The database is broken; nothing was changed.
    pub fn note_owned(&self, group: GroupName, owned: bool) -> Result<(), StoreError> {
        self.run_blocking(move |db| write::note_owned(db, &group, owned))
    }

    /// Notes how far the logs have been told. For the teller's thread; blocks.
    ///
    /// # Errors
    /// The disk is full, or the database broken.
    pub fn note_told(&self, told: Told) -> Result<(), StoreError> {
        self.run_blocking(move |db| outbox::note_told(db, told))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.send(work)?;
        answer
            .await
            .map_err(|error| StoreError::Thread(error.to_string()))?
    }

    fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = self.send(work)?;
        answer
            .blocking_recv()
            .map_err(|error| StoreError::Thread(error.to_string()))?
    }

    fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StoreError>>, StoreError> {
        let (answer, received) = oneshot::channel();
        let job: Job = Box::new(move |db| {
            // A caller that gave up does not want the answer; the work is done all the same.
            let _ = answer.send(work(db));
        });
        self.jobs
            .send(job)
            .map_err(|error| StoreError::Thread(error.to_string()))?;
        Ok(received)
    }
}
