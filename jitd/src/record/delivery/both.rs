//! To a journal that hands on to a syslogd, as on Debian.
//!
//! journald drops what the syslogd has no room for. So before an event is sent, the syslogd is
//! asked whether it reads; while it does not, the event is held for a time, and then goes to the
//! journal alone. What the syslogd missed it is sent straight, before anything else, as soon as it
//! reads again.

use std::time::Duration;

use super::{A_MOMENT, BATCH, Delivery, Log, Next, Stop};
use crate::domain::time::Now;
use crate::record::logs::Syslogd;
use crate::record::outbox::Outbox;
use crate::record::peer::Progress;

/// How long the journal waits for a syslogd, in milliseconds.
const HOLD: i64 = 60_000;

impl<O: Outbox> Delivery<O> {
    /// To a journal that hands on to a syslogd.
    pub(super) fn tell_both(&mut self, now: &Now) -> Result<Next, Stop> {
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
    pub(super) fn patience(&self, now: &Now) -> Duration {
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
}
