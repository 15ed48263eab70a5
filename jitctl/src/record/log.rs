//! Logs: which of their lines are jitd's, and which link they pin.
//!
//! Others write into the same log. A line counts as jitd's only where the log itself says so:
//! by the tag that stands right after the host, never by what somebody's text looks like.

mod entry;
mod text;

use std::io::{self, BufRead, Read};

use jitd_api::Link;

use super::pins::Pin;
use entry::Entry;

/// Longest line that is looked at; longer ones are not jitd's.
const LONGEST: u64 = 1 << 20;
/// How the export format of the journal begins.
const EXPORT: &[u8] = b"__CURSOR=";

/// What a log had in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    /// What it pins.
    pub(crate) pins: Vec<Pin>,
    /// Lines that say they are jitd's, and the journal knows better.
    pub(crate) others: u64,
    /// Lines of jitd without a link: of an older jitd, or cut off on their way.
    pub(crate) unreadable: u64,
}

/// What one line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// Nothing of jitd.
    Nothing,
    /// It pretends to be jitd's.
    Other,
    /// It is jitd's, and has no link.
    Unreadable,
    /// It pins an event.
    Pin(u64, Link),
}

impl Log {
    /// Reads a whole log; `number` is its place among all.
    ///
    /// # Errors
    /// It can't be read.
    pub(crate) fn read(mut from: impl BufRead, number: usize) -> io::Result<Self> {
        let mut log = Self::default();
        if from.fill_buf()?.starts_with(EXPORT) {
            let mut lines = 1;
            loop {
                let begins = lines;
                let Some(entry) = entry::exported(&mut from, &mut lines)? else {
                    return Ok(log);
                };
                log.note(entry.said(), number, begins);
            }
        }
        let mut line = Vec::new();
        for lines in 1.. {
            line.clear();
            if (&mut from).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if !line.ends_with(b"\n") {
                // The rest of it is of no interest, and neither is what it began with.
                if from.skip_until(b'\n')? > 0 {
                    continue;
                }
            }
            log.note(said(&line), number, lines);
        }
        Ok(log)
    }

    fn note(&mut self, said: Said, log: usize, at: u64) {
        match said {
            Said::Nothing => {}
            Said::Other => self.others += 1,
            Said::Unreadable => self.unreadable += 1,
            Said::Pin(seq, link) => self.pins.push(Pin {
                seq,
                link,
                log,
                line: at,
            }),
        }
    }
}

fn said(line: &[u8]) -> Said {
    // jitd writes nothing else.
    let Ok(line) = std::str::from_utf8(line) else {
        return Said::Nothing;
    };
    let line = line.trim_end_matches(['\n', '\r']);
    if line.starts_with('{') {
        return match Entry::of_json(line) {
            Some(entry) => entry.said(),
            None => Said::Nothing,
        };
    }
    text::message(line).map_or(Said::Nothing, text::pin)
}

#[cfg(test)]
mod tests;
