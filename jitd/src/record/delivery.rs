//! Every event into every log of the host: once, in order, whatever the logs are doing.

mod both;
mod cursor;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use cursor::Cursor;
use trouble::Trouble;

use super::datagrams::Sign;
use super::line::Telling;
use super::logs::{Places, Syslogd};
use super::outbox::{Outbox, Told, Unreadable};
use super::peer::{Peer, Progress};
use super::{Priority, Recorded, journal, note, syslog_line};
use crate::clock::Clock;
use crate::crash::crash_point;
use crate::domain::time::Now;

/// How long a log may take over a datagram before something else is looked at.
const A_MOMENT: Duration = Duration::from_millis(200);
/// Most events that are told before it is noted: so many may be told again after a crash.
const BATCH: usize = 8;
/// How long a journal may be gone before it is taken for none, in milliseconds.
const BLINK: i64 = 5_000;
/// How long a syslogd that is not there is owed what happens, in milliseconds.
const OWED: i64 = 24 * 3600 * 1000;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// There is more to tell.
    More,
    /// All is told.
    Nothing,
    /// A log does not take it; it is tried again.
    Later,
}

/// The deliverer.
pub(super) struct Delivery<O> {
    outbox: O,
    clock: Arc<dyn Clock>,
    places: Places,
    journal: Peer,
    /// Where the syslogd takes what journald hands on.
    handed_on: Peer,
    /// Where a syslogd that listens itself does.
    dev_log: Peer,
    to_journal: Cursor,
    to_syslog: Cursor,
    /// Up to where journald has handed on to the syslogd; it need not have read that yet.
    handed: u64,
    /// The same, when the syslogd was asked whether it reads and had not answered.
    asked: Option<u64>,
    /// What the outbox has noted.
    noted: Told,
    /// Since when the syslogd does not read, by the boot clock.
    held_since: Option<i64>,
    /// When the journal was seen last, by the boot clock.
    journal_seen: i64,
    trouble: Trouble,
}

impl<O: Outbox> Delivery<O> {
    /// Goes on where the outbox says.
    ///
    /// # Errors
    /// The database is broken.
    pub(super) fn new(
        mut outbox: O,
        clock: Arc<dyn Clock>,
        places: Places,
    ) -> Result<Self, Unreadable> {
        let noted = outbox.told()?;
        let journal_seen = clock.now().boot.0;
        Ok(Self {
            outbox,
            clock,
            // When it is done with an event, it has handed it on.
            journal: Peer::at(places.journal.clone(), Sign::Done),
            handed_on: Peer::at(places.handed_on.clone(), Sign::Taken),
            dev_log: Peer::at(places.dev_log.clone(), Sign::Taken),
            places,
            to_journal: Cursor::at(noted.journal),
            to_syslog: Cursor::at(noted.syslog),
            handed: noted.syslog,
            asked: None,
            noted,
            held_since: None,
            journal_seen,
            trouble: Trouble::default(),
        })
    }

    /// Tells a few events, and notes how far it came.
    pub(super) fn round(&mut self) -> Next {
        let now = self.clock.now();
        self.trouble.text = None;
        let next = self.tell_some(&now).unwrap_or_else(|stop| {
            if let Stop::Unreadable(error) = stop {
                self.trouble.text = Some(format!("the record cannot be told: {error}"));
            }
            Next::Later
        });
        self.keep();
        self.trouble.complain(&now);
        next
    }

    fn tell_some(&mut self, now: &Now) -> Result<Next, Stop> {
        let has_journal = self.places.has_journal();
        if has_journal {
            self.journal_seen = now.boot.0;
        }
        let syslogd = self.places.syslogd();
        if !has_journal || syslogd != Some(Syslogd::HandedOn) {
            // What was handed on and not read may be lost.
            (self.handed, self.asked, self.held_since) = (0, None, None);
        }
        match (has_journal, syslogd) {
            (true, Some(Syslogd::HandedOn)) => self.tell_both(now),
            (true, Some(Syslogd::Direct)) => self.tell_each(now),
            (true, None) => self.tell_journal(now),
            (false, Some(_)) if now.boot.0 - self.journal_seen < BLINK => Ok(Next::Later),
            (false, Some(syslogd)) => self.tell_syslog(syslogd, now),
            (false, None) => {
                self.trouble.text = Some("neither a journal nor a syslogd is there".to_owned());
                Ok(Next::Later)
            }
        }
    }

    /// To a journal and a syslogd that have nothing to do with each other.
    fn tell_each(&mut self, now: &Now) -> Result<Next, Stop> {
        let journal = self.tell_journal_some(now);
        let syslog = self.tell_syslog_some(Syslogd::Direct, now);
        match (journal, syslog) {
            (Ok(Next::Nothing), next) | (next, Ok(Next::Nothing)) => next,
            (Ok(Next::More), _) | (_, Ok(Next::More)) => Ok(Next::More),
            (stop, _) => stop,
        }
    }

    /// To the journal, where there is no syslogd.
    fn tell_journal(&mut self, now: &Now) -> Result<Next, Stop> {
        let next = self.tell_journal_some(now);
        // One that comes gets the lines of its last day without it.
        for _ in 0..BATCH {
            let journal = self.to_journal.seq;
            let Some(oldest) = self.next(Log::Syslog)? else {
                break;
            };
            if oldest.seq > journal || now.wall.0 - oldest.at.0 < OWED {
                break;
            }
            self.to_syslog.reach(oldest.seq);
        }
        next
    }

    /// To a syslogd, where there is no journal. One that comes gets what happens then.
    fn tell_syslog(&mut self, syslogd: Syslogd, now: &Now) -> Result<Next, Stop> {
        let next = self.tell_syslog_some(syslogd, now)?;
        self.to_journal.reach(self.to_syslog.seq);
        Ok(next)
    }

    fn tell_journal_some(&mut self, now: &Now) -> Result<Next, Stop> {
        for _ in 0..BATCH {
            let Some(event) = self.next(Log::Journal)? else {
                return Ok(Next::Nothing);
            };
            self.send_to_journal(&event, now)?;
        }
        Ok(Next::More)
    }

    fn tell_syslog_some(&mut self, syslogd: Syslogd, now: &Now) -> Result<Next, Stop> {
        for _ in 0..BATCH {
            let Some(event) = self.next(Log::Syslog)? else {
                return Ok(Next::Nothing);
            };
            if !self.send_to_syslogd(syslogd, &event, now) {
                self.trouble.text = Some("the syslogd reads nothing: its lines wait".to_owned());
                return Ok(Next::Later);
            }
        }
        Ok(Next::More)
    }

    /// # Errors
    /// It has not read it yet.
    fn send_to_journal(&mut self, event: &Recorded, now: &Now) -> Result<(), Stop> {
        let progress = self.journal.tell(event.seq, A_MOMENT, || {
            let telling = Telling::new(event, now.wall);
            journal::entry(&telling, &telling.line())
        });
        if !is_over(progress, event, "the journal") {
            // Nothing is said of it: it would be said to the journal.
            return Err(Stop::Later);
        }
        self.to_journal.reach(event.seq);
        Ok(())
    }

    fn send_to_syslogd(&mut self, syslogd: Syslogd, event: &Recorded, now: &Now) -> bool {
        let patience = self.patience(now);
        let peer = match syslogd {
            Syslogd::HandedOn => &mut self.handed_on,
            Syslogd::Direct => &mut self.dev_log,
        };
        let progress = peer.tell(event.seq, patience, || {
            let line = Telling::new(event, now.wall).line();
            syslog_line::datagram(event.severity(), &line, now.wall)
        });
        let is_over = is_over(progress, event, "syslog");
        if is_over {
            self.to_syslog.reach(event.seq);
        }
        is_over
    }

    /// The next event for a log.
    fn next(&mut self, log: Log) -> Result<Option<Recorded>, Unreadable> {
        let cursor = match log {
            Log::Journal => &mut self.to_journal,
            Log::Syslog => &mut self.to_syslog,
        };
        if cursor.ahead.is_empty() {
            let read = match self.outbox.after(cursor.seq, BATCH) {
                // It may be another one than the first.
                Err(Unreadable::Event(_)) => self.outbox.after(cursor.seq, 1),
                read => read,
            };
            match read {
                Ok(events) => cursor.ahead.extend(events),
                Err(Unreadable::Event(why)) => {
                    // What nobody can read must not silence what follows.
                    let seq = cursor.seq + 1;
                    note(
                        Priority::Error,
                        &format!("event {seq} cannot be told: {why}"),
                    );
                    cursor.reach(seq);
                    return self.next(log);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(cursor.ahead.front().cloned())
    }

    /// Has noted how far it came. What cannot be noted is told again after a restart.
    fn keep(&mut self) {
        let told = Told {
            journal: self.to_journal.seq,
            syslog: self.to_syslog.seq,
        };
        if told != self.noted {
            crash_point!("record.told");
            match self.outbox.note(told) {
                Ok(()) => self.noted = told,
                Err(why) => {
                    let text = format!("how far the logs have been told cannot be noted: {why}");
                    self.trouble.text = Some(text);
                }
            }
        }
    }
}

/// Why a round ends early.
enum Stop {
    /// A log does not take it.
    Later,
    /// It is not known what to tell.
    Unreadable(Unreadable),
}

impl From<Unreadable> for Stop {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

#[derive(Clone, Copy)]
enum Log {
    Journal,
    Syslog,
}

/// Whether nothing more can be done for it.
fn is_over(progress: Progress, event: &Recorded, log: &str) -> bool {
    if progress == Progress::Impossible {
        let text = format!("event {} is too large for {log}", event.seq);
        note(Priority::Error, &text);
    }
    matches!(progress, Progress::Told | Progress::Impossible)
}

#[cfg(test)]
mod tests;
