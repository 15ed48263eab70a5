//! A log that is told one event after the other.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::datagrams::{Datagrams, Refusal, Sign};

/// How far an event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The log has read it.
    Told,
    /// It is sent, and not read yet: to be asked about again.
    Unread,
    /// It could not be sent.
    Unsent,
    /// It never can be.
    Impossible,
}

/// A log at a path of its own.
#[derive(Debug)]
pub(super) struct Peer {
    path: PathBuf,
    sign: Sign,
    connection: Option<Datagrams>,
    /// The event that was sent and is not read, as far as is known.
    sent: Option<u64>,
    /// It was asked whether it reads, and has not answered.
    is_asked: bool,
}

impl Peer {
    /// Nothing is done yet.
    pub(super) fn at(path: PathBuf, sign: Sign) -> Self {
        Self {
            path,
            sign,
            connection: None,
            sent: None,
            is_asked: false,
        }
    }

    /// Where it listens.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Sends it this event, unless it was sent already, and waits until it is read, at most so
    /// long.
    pub(super) fn tell(
        &mut self,
        seq: u64,
        patience: Duration,
        content: impl FnOnce() -> Vec<u8>,
    ) -> Progress {
        if self.sent != Some(seq) {
            let Some(connection) = self.connection() else {
                return Progress::Unsent;
            };
            match connection.send(&content()) {
                Ok(()) => self.sent = Some(seq),
                Err(Refusal::Full) => return Progress::Unsent,
                Err(Refusal::TooLarge) => return Progress::Impossible,
                Err(Refusal::Gone) => return self.lost(),
            }
        }
        self.wait(patience)
    }

    /// Whether this event was sent, and may yet be read.
    pub(super) fn has(&self, seq: u64) -> bool {
        self.sent == Some(seq)
    }

    /// Asks whether it reads, unless it was asked already, and waits for the answer, at most so
    /// long. It has read whatever was sent before it was asked, by whomever.
    pub(super) fn reads(&mut self, patience: Duration) -> Progress {
        if !self.is_asked {
            let Some(connection) = self.connection() else {
                return Progress::Unsent;
            };
            connection.ask();
            self.is_asked = true;
        }
        self.wait(patience)
    }

    /// Whether one more datagram of anybody's would get there.
    pub(super) fn has_room(&mut self) -> bool {
        let connection = self.connection();
        connection.is_some_and(|connection| connection.has_room(Duration::ZERO))
    }

    fn wait(&mut self, patience: Duration) -> Progress {
        let Some(connection) = &mut self.connection else {
            return self.lost();
        };
        match connection.is_read(patience) {
            Ok(true) => {
                self.sent = None;
                self.is_asked = false;
                Progress::Told
            }
            // Its reader has given up that socket, and is elsewhere or gone.
            Ok(false) if !connection.leads_to(&self.path) => self.lost(),
            Ok(false) => Progress::Unread,
            Err(_) => self.lost(),
        }
    }

    /// Whatever was sent is to be sent again, to whoever listens then.
    fn lost(&mut self) -> Progress {
        self.connection = None;
        self.sent = None;
        self.is_asked = false;
        Progress::Unsent
    }

    fn connection(&mut self) -> Option<&mut Datagrams> {
        let is_current = |connection: &Datagrams| connection.leads_to(&self.path);
        if !self.connection.as_ref().is_some_and(is_current) {
            self.lost();
            self.connection = Datagrams::connect(&self.path, self.sign).ok();
        }
        self.connection.as_mut()
    }
}
