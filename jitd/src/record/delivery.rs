//! Every event into every log of the host: once, in order, whatever the logs are doing.
//!
//! journald hands on to a syslogd what it is sent, and drops what that has no room for. So before
//! an event is sent, the syslogd is asked whether it reads; while it does not, the event is held
//! for a time, and then goes to the journal alone. What the syslogd missed it is sent straight,
//! and before anything else, as soon as it reads again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

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
/// How long the journal waits for a syslogd, in milliseconds.
const HOLD: i64 = 60_000;
/// How long a journal may be gone before it is taken for none, in milliseconds.
const BLINK: i64 = 5_000;
/// How long something stands in the way before it is said, in milliseconds.
const PATIENCE: i64 = 5_000;
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

/// How far one log has been told.
struct Cursor {
    seq: u64,
    /// What comes after that, as far as it was read.
    ahead: VecDeque<Recorded>,
}

impl Cursor {
    fn at(seq: u64) -> Self {
        Self {
            seq,
            ahead: VecDeque::new(),
        }
    }

    /// All up to there has been told.
    fn reach(&mut self, seq: u64) {
        self.seq = self.seq.max(seq);
        while self.ahead.front().is_some_and(|event| event.seq <= seq) {
            self.ahead.pop_front();
        }
    }
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

/// What stands in the way.
#[derive(Default)]
struct Trouble {
    /// As seen in this round.
    text: Option<String>,
    /// Since when, by the boot clock.
    since: Option<i64>,
    /// What was said last.
    said: Option<String>,
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
        self.complain(&now);
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

    /// To a journal that hands on to a syslogd.
    fn tell_both(&mut self, now: &Now) -> Result<Next, Stop> {
        self.handed = self.handed.max(self.to_syslog.seq);
        for _ in 0..BATCH {
            let told = if self.handed < self.to_journal.seq {
                self.send_missed(now)?
            } else if let Some(event) = self.next(Log::Journal)? {
                if !self.journal.has(event.seq) && !self.has_read_all(now) {
                    return self.tell_held(now);
                }
                self.send_to_journal(&event, now)?;
                if self.handed_on.has_room() {
                    self.handed = event.seq;
                }
                true
            } else {
                break;
            };
            if !told {
                return self.tell_held(now);
            }
        }
        let is_level = self.handed == self.to_journal.seq;
        let is_all = is_level && self.next(Log::Journal)?.is_none();
        match self.has_read_all(now) {
            true if is_all => Ok(Next::Nothing),
            true => Ok(Next::More),
            false => self.tell_held(now),
        }
    }

    /// Whether the syslogd reads, and has read what journald handed on to it.
    fn has_read_all(&mut self, now: &Now) -> bool {
        let patience = self.patience(now);
        loop {
            let asked = *self.asked.get_or_insert(self.handed);
            match self.handed_on.reads(patience) {
                Progress::Told => {
                    self.held_since = None;
                    self.asked = None;
                    self.to_syslog.reach(asked);
                    if asked == self.handed {
                        return true;
                    }
                }
                Progress::Unread => return false,
                // What it had not read went with its socket.
                Progress::Unsent | Progress::Impossible => {
                    self.asked = None;
                    self.handed = self.to_syslog.seq;
                    return false;
                }
            }
        }
    }

    /// While the syslogd does not read: the journal waits for it, but not for ever.
    fn tell_held(&mut self, now: &Now) -> Result<Next, Stop> {
        self.held_since.get_or_insert(now.boot.0);
        let path = self.handed_on.path().display();
        let text = format!("the syslogd at {path} reads nothing: what it misses follows");
        self.trouble.text = Some(text);
        if !self.is_held_long_enough(now) {
            return Ok(Next::Later);
        }
        let Some(event) = self.next(Log::Journal)? else {
            return Ok(Next::Later);
        };
        let is_level = self.handed == self.to_journal.seq;
        let had_room = self.handed_on.has_room();
        let missed = self.to_syslog.seq + 1;
        if had_room && !is_level && self.handed < missed && !self.handed_on.has(missed) {
            // It reads again: what it missed comes first.
            return Ok(Next::Later);
        }
        // (Should it begin to read just now, it gets this one twice.)
        self.send_to_journal(&event, now)?;
        // With room before and after, what journald hands on waits there to be read.
        if is_level && had_room && self.handed_on.has_room() {
            self.handed = event.seq;
        }
        Ok(Next::More)
    }

    fn is_held_long_enough(&self, now: &Now) -> bool {
        self.held_since
            .is_some_and(|since| now.boot.0 - since >= HOLD)
    }

    /// How long a log may take before something else is done.
    fn patience(&self, now: &Now) -> Duration {
        // The journal alone is not held up by it any more.
        if self.is_held_long_enough(now) {
            Duration::ZERO
        } else {
            A_MOMENT
        }
    }

    /// Straight to the syslogd, what it missed; whether it has read it.
    fn send_missed(&mut self, now: &Now) -> Result<bool, Stop> {
        if self.handed > self.to_syslog.seq && !self.has_read_all(now) {
            return Ok(false);
        }
        let Some(event) = self.next(Log::Syslog)? else {
            // Archived, and nobody can tell of it any more.
            self.handed = self.to_journal.seq;
            self.to_syslog.reach(self.handed);
            return Ok(true);
        };
        let is_told = self.send_to_syslogd(Syslogd::HandedOn, &event, now);
        self.handed = self.to_syslog.seq;
        if is_told {
            self.held_since = None;
        }
        Ok(is_told)
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

    /// Says what stands in the way, once, when it has done so for a time.
    fn complain(&mut self, now: &Now) {
        let Trouble { text, since, said } = &mut self.trouble;
        if text.is_none() {
            (*since, *said) = (None, None);
        } else if now.boot.0 - *since.get_or_insert(now.boot.0) >= PATIENCE && text != said {
            note(Priority::Warning, text.as_deref().unwrap_or_default());
            said.clone_from(text);
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
