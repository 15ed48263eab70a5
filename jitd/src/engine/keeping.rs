//! What is old goes from the record into files, and copies of the whole are made.

use std::fs::File;

use super::{Engine, EngineError};
use crate::domain::decide::Refusal;
use crate::domain::person::Caller;
use crate::domain::time::{Now, Wall};
use crate::record::{Event, EventName};
use crate::store::{Archive, Change, Reader, StoreError};

/// How much of the record goes into a file where the policy says when, in milliseconds: it may
/// stay so much longer than it must.
const AT_A_TIME: i64 = 7 * 24 * 3_600_000;

impl Engine {
    /// Archives what is older than the policy keeps, once it is about a week's; and cuts what an
    /// earlier jitd did not come to.
    ///
    /// # Errors
    /// The chain is broken, the disk is full; it is still due.
    pub async fn archive_what_is_old(&self) -> Result<Option<Archive>, EngineError> {
        let _one = self.shared.archiving.lock().await;
        let now = self.now();
        self.cut(&now).await?;
        let keep = self.policy().ok().and_then(|policy| policy.keep);
        let Some(keep) = keep.and_then(|keep| i64::try_from(keep.0).ok()) else {
            return Ok(None);
        };
        let before = Wall(now.wall.0.saturating_sub(keep.saturating_mul(1_000)));
        let oldest = self.read(Reader::oldest).await?;
        if oldest.is_none_or(|oldest| oldest.0 > before.0.saturating_sub(AT_A_TIME)) {
            return Ok(None);
        }
        self.archive_before(before, None).await
    }

    /// Archives what is from before this time, because root says so. None where nothing is.
    ///
    /// # Errors
    /// The chain is broken, or the disk is full; nothing was archived.
    pub async fn archive(
        &self,
        caller: &Caller,
        before: Wall,
    ) -> Result<Option<Archive>, EngineError> {
        self.only_root(caller, "audit archive").await?;
        if before > self.now().wall {
            let refusal = "what has not happened yet can't be archived: that time is to come";
            return Err(Refusal::InvalidArgument(refusal.to_owned()).into());
        }
        let _one = self.shared.archiving.lock().await;
        self.archive_before(before, Some(caller)).await
    }

    /// A copy of the database as it is at this moment, for root.
    ///
    /// # Errors
    /// The disk is full, or the database broken.
    pub async fn copy(&self, caller: &Caller) -> Result<File, EngineError> {
        self.only_root(caller, "audit backup").await?;
        let _one = self.shared.archiving.lock().await;
        let now = self.now();
        let event = Event::of_none(EventName::RecordCopied, now.wall).by(caller);
        self.put_on_record(event).await?;
        let beside = self.shared.store.archives().with_file_name("copy.db");
        self.read(move |reader| reader.copy(&beside)).await
    }

    async fn archive_before(
        &self,
        before: Wall,
        by: Option<&Caller>,
    ) -> Result<Option<Archive>, EngineError> {
        let folder = self.shared.store.archives();
        let archive = self.read(move |reader| reader.archive(&folder, before));
        let Some(archive) = archive.await? else {
            return Ok(None);
        };
        let (mut open, now) = self.begin().await;
        let event = Event::of_none(EventName::RecordArchived, now.wall);
        let event = match by {
            Some(caller) => event.by(caller),
            None => event.with("by", "jitd"),
        };
        let event = event
            .with("first", archive.first.to_string())
            .with("last", archive.head.seq.to_string())
            .with("head", archive.head.link.to_string())
            .with("file", archive.file.display().to_string())
            .with("digest", archive.sha256.as_str());
        let change = Change {
            archived: Some(archive.head),
            ..Change::alone(event)
        };
        self.commit(&mut open, vec![change]).await?;
        drop(open);
        self.cut(&now).await?;
        Ok(Some(archive))
    }

    /// Cuts what is archived, a little at a time.
    async fn cut(&self, now: &Now) -> Result<(), EngineError> {
        while self.shared.store.cut(now.wall).await? {}
        Ok(())
    }

    /// Reads beside the writer, on a thread that may wait for the disk.
    async fn read<T, E>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, E> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        E: Send + 'static,
        EngineError: From<E>,
    {
        let reader = self.shared.store.reader()?;
        let done = tokio::task::spawn_blocking(move || work(&reader)).await;
        Ok(done.map_err(|error| StoreError::Thread(error.to_string()))??)
    }
}
