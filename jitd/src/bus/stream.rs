//! What is too long for one answer: a stream of lines, at the pace of whoever reads it.

use std::collections::HashMap;
use std::os::fd::OwnedFd as StdFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jitd_api::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use zbus::wire::OwnedFd;

use crate::record::{Priority, Recorded, note};
use crate::store::{EventQuery, Place, Reader, StoreError};

/// Most streams of one account; root's are not counted.
const MOST_OF_ONE: usize = 8;
/// Most streams of all together who read what is about themselves: they leave room for auditors.
const MOST: usize = 32;
/// How many streams read the database at the same time.
const MOST_AT_WORK: usize = 4;
/// Most events that are read at once.
const PAGE: usize = 500;
/// How long a reader may take for a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who has how many streams. Clones share it.
#[derive(Clone)]
pub(super) struct Streams {
    open: Arc<Mutex<HashMap<u32, usize>>>,
    at_work: Arc<Semaphore>,
}

/// The right to have one stream; given back when dropped.
pub(super) struct Permit {
    streams: Streams,
    uid: u32,
}

impl Streams {
    pub(super) fn new() -> Self {
        Self {
            open: Arc::default(),
            at_work: Arc::new(Semaphore::new(MOST_AT_WORK)),
        }
    }

    /// `reads_all` is whether the account may read everybody's record.
    ///
    /// # Errors
    /// The account has its most streams, or all together have.
    pub(super) fn take(&self, uid: u32, reads_all: bool) -> Result<Permit, Error> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(&uid).copied().unwrap_or_default();
        let all: usize = open.values().sum();
        if uid != 0 && (own >= MOST_OF_ONE || !reads_all && all >= MOST) {
            return Err(Error::LimitExceeded(
                "too many readers of the record at once; end one of yours, or try again later"
                    .to_owned(),
            ));
        }
        open.insert(uid, own + 1);
        Ok(Permit {
            streams: self.clone(),
            uid,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let open = self.streams.open.lock();
        let mut open = open.unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.uid) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.uid);
            }
        }
    }
}

/// Begins to send events; with `news`, goes on for as long as somebody reads.
pub(super) fn events(
    reader: Reader,
    query: EventQuery,
    last: Option<u32>,
    news: Option<watch::Receiver<()>>,
    permit: Permit,
) -> std::io::Result<OwnedFd> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let sending = Sending {
        reader: Some(reader),
        query,
        to: UnixStream::from_std(ours)?,
        permit,
    };
    tokio::spawn(sending.run(last, news));
    Ok(OwnedFd::from(StdFd::from(theirs)))
}

struct Sending {
    /// Away while it reads.
    reader: Option<Reader>,
    query: EventQuery,
    to: UnixStream,
    permit: Permit,
}

impl Sending {
    /// The last line says whether all was said.
    async fn run(mut self, last: Option<u32>, news: Option<watch::Receiver<()>>) {
        let end = match self.send(last, news).await {
            Ok(None) => return,
            Ok(Some(end)) => serde_json::json!({ "end": end }),
            Err(error) => {
                note(Priority::Error, &format!("a reader of the record: {error}"));
                serde_json::json!({ "error": error.to_string() })
            }
        };
        self.write(format!("{end}\n").as_bytes()).await;
    }

    /// Gives the number up to which the record was read, and must reach; none where nobody listens any more.
    async fn send(
        &mut self,
        last: Option<u32>,
        mut news: Option<watch::Receiver<()>>,
    ) -> Result<Option<u64>, StoreError> {
        let query = self.query.clone();
        let (witnessed, mut place) = self
            .work(move |reader| {
                // In this order: what is told later is on record before.
                let witnessed = reader.witnessed()?;
                Ok((witnessed, reader.place(&query, last)?))
            })
            .await?;
        loop {
            // The next page is read while this one is written.
            let mut reading = self.begin_page(place)?;
            while let Some(read) = reading {
                let (page, next) = self.done(read).await?;
                place = next;
                reading = self.begin_page(place)?;
                if !self.write(&page).await {
                    return Ok(None);
                }
            }
            let Some(news) = &mut news else {
                return Ok(Some(match self.query.until {
                    Some(_) => place.to,
                    None => place.to.max(witnessed),
                }));
            };
            let mut byte = [0];
            tokio::select! {
                Ok(()) = news.changed() => {}
                // They have nothing to say: it ends.
                _ = self.to.read(&mut byte) => return Ok(None),
            }
            place.to = self.work(Reader::newest).await?;
        }
    }

    /// Whether somebody took it.
    async fn write(&mut self, lines: &[u8]) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.to.write_all(lines)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Begins to read a page, where there is one.
    fn begin_page(&mut self, place: Place) -> Result<Option<Work<Page>>, StoreError> {
        if place.after >= place.to {
            return Ok(None);
        }
        let query = self.query.clone();
        let work = self.begin(move |reader| {
            let (page, next) = reader.page(&query, place, PAGE)?;
            reader.still_has_all(place.after)?;
            Ok((lines(&page), next))
        });
        work.map(Some)
    }

    /// Reads the database on a thread that may wait for the disk.
    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = self.begin(work)?;
        self.done(work).await
    }

    /// Begins to; the reader is away until it is [`done`](Self::done).
    fn begin<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Work<T>, StoreError> {
        let reader = self.reader.take().ok_or_else(|| gone("the reader"))?;
        let at_work = self.permit.streams.at_work.clone();
        Ok(tokio::spawn(async move {
            // Closed never.
            let turn = at_work.acquire_owned().await.ok();
            let work = tokio::task::spawn_blocking(move || {
                let done = work(&reader);
                drop(turn);
                (reader, done)
            });
            work.await.map_err(|error| gone(&error.to_string()))
        }))
    }

    async fn done<T>(&mut self, work: Work<T>) -> Result<T, StoreError> {
        let (reader, done) = work.await.map_err(|error| gone(&error.to_string()))??;
        self.reader = Some(reader);
        done
    }
}

/// Lines, and where to read on.
type Page = (Vec<u8>, Place);

/// What the reader is away for.
type Work<T> = JoinHandle<Result<(Reader, Result<T, StoreError>), StoreError>>;

fn gone(why: &str) -> StoreError {
    StoreError::Thread(why.to_owned())
}

fn lines(page: &[Recorded]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(page.len() * 512);
    for event in page {
        // A vector takes everything, and there is nothing in an event that JSON can't say.
        let _ = serde_json::to_writer(&mut lines, event);
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_has_so_many_and_all_leave_room_for_auditors() {
        let streams = Streams::new();
        let mut held = Vec::new();
        for uid in (1001..).take(MOST / MOST_OF_ONE) {
            held.extend((0..MOST_OF_ONE).map(|_| streams.take(uid, false).unwrap()));
            assert!(streams.take(uid, true).is_err(), "{uid} has its most");
        }
        assert!(streams.take(2000, false).is_err(), "all have theirs");
        held.push(streams.take(3000, true).unwrap());
        held.push(streams.take(0, true).unwrap());
        held.clear();
        assert!(streams.take(2000, false).is_ok());
        assert!(streams.open.lock().unwrap().is_empty());
    }
}
