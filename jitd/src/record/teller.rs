//! The thread that writes the record to the logs.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::syslog_socket::SyslogSocket;
use super::{Priority, Recorded, journal, logfmt, note};

/// Hands durable events to the log. Dropping it waits until all are written.
#[derive(Debug)]
pub struct Teller {
    events: Option<Sender<Recorded>>,
    thread: Option<JoinHandle<()>>,
}

impl Teller {
    /// Starts the thread.
    ///
    /// # Errors
    /// The host gives no more threads.
    pub fn start() -> std::io::Result<Self> {
        let (events, received) = channel();
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || write_all(&received))?;
        Ok(Self {
            events: Some(events),
            thread: Some(thread),
        })
    }

    /// One that tells nobody.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self {
            events: None,
            thread: None,
        }
    }

    /// Tells of events, in their order; never blocks.
    pub fn tell(&self, events: impl IntoIterator<Item = Recorded>) {
        for event in events {
            if let Some(sender) = &self.events {
                // The thread outlives the sender: it ends only when we drop it.
                let _ = sender.send(event);
            }
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        drop(self.events.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(events: &Receiver<Recorded>) {
    let mut syslog = SyslogSocket::default();
    for recorded in events {
        let line = logfmt::line(&recorded.told());
        let in_journal = Path::new(journal::SOCKET).exists()
            && journal::send(&recorded, &line)
                .inspect_err(|error| note(Priority::Warning, &format!("the journal: {error}")))
                .is_ok();
        if !in_journal && let Err(error) = syslog.send(recorded.severity(), &line) {
            note(
                Priority::Error,
                &format!("syslog: {error}; the record has: {line}"),
            );
        }
    }
}
