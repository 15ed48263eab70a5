//! The thread that tells the logs.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;

use super::delivery::{Delivery, Next};
use super::logs::Places;
use super::outbox::Outbox;
use crate::clock::Clock;

/// How long to wait before a log is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// How long the last events may take when a teller is dropped.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Tells the logs what is put on record, on a thread of its own. Nobody waits for it.
#[derive(Debug)]
pub struct Teller {
    thread: Option<Working>,
}

#[derive(Debug)]
struct Working {
    ends: watch::Sender<bool>,
    ended: Mutex<Receiver<()>>,
    thread: JoinHandle<()>,
}

impl Teller {
    /// Starts the thread. `news` changes when there is more to tell.
    ///
    /// # Errors
    /// The host gives no more threads, or the record cannot be read.
    pub fn start(
        outbox: impl Outbox + 'static,
        news: watch::Receiver<()>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let delivery = Delivery::new(outbox, clock, Places::of_host())?;
        Ok(Self::of(delivery, news)?)
    }

    pub(super) fn of(
        delivery: Delivery<impl Outbox + 'static>,
        news: watch::Receiver<()>,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let (ends, end) = watch::channel(false);
        let (ending, ended) = channel();
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || tell(delivery, &runtime, news, end, ending))?;
        Ok(Self {
            thread: Some(Working {
                ends,
                ended: Mutex::new(ended),
                thread,
            }),
        })
    }

    /// One that tells nobody.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self { thread: None }
    }

    /// Waits until all is told, at most so long; what is left then is told after the next start.
    pub fn finish(&self, patience: Duration) {
        if let Some(working) = &self.thread {
            working.ends.send_replace(true);
            // It ends by going.
            let ended = working.ended.lock();
            let ended = ended.unwrap_or_else(PoisonError::into_inner);
            let _ = ended.recv_timeout(patience);
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.finish(LAST_WORDS);
        if let Some(working) = self.thread.take()
            && working.thread.is_finished()
        {
            let _ = working.thread.join();
        }
    }
}

/// `ending` is dropped with the thread.
fn tell(
    mut delivery: Delivery<impl Outbox>,
    runtime: &Runtime,
    mut news: watch::Receiver<()>,
    mut end: watch::Receiver<bool>,
    ending: Sender<()>,
) {
    let mut retry = RETRY.0;
    loop {
        news.mark_unchanged();
        let ends = *end.borrow();
        match delivery.round() {
            Next::More => retry = RETRY.0,
            Next::Nothing if ends => break,
            Next::Nothing => {
                retry = RETRY.0;
                runtime.block_on(async {
                    tokio::select! {
                        more = news.changed() => if more.is_err() {
                            // Nobody puts anything on record any more: the end follows.
                            let _ = end.changed().await;
                        },
                        _ = end.changed() => {}
                    }
                });
            }
            Next::Later => {
                let wait = runtime.block_on(async { timeout(retry, end.changed()).await });
                // It cannot end without a word.
                if let Ok(Err(_)) = wait {
                    break;
                }
                retry = (retry * 2).min(RETRY.1);
            }
        }
    }
    drop(ending);
}
