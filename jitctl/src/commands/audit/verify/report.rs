//! What came of it, in words and as a document.

use std::fmt::Write;

use serde::Serialize;

use super::{Check, Found};
use crate::error::Failure;
use crate::output::escape::escape;
use crate::output::{self, Screen, json};
use crate::record::chain::{Beginning, Place};
use crate::record::log::Log;
use crate::record::pins::Pin;

/// That a link is another one.
const REWRITTEN: &str =
    "the record was rewritten after this line was sent, or the line is not jitd's";
/// That the record is too short.
const ROLLED_BACK: &str =
    "the record was rolled back or cut after this line was sent, or the line is not jitd's";

/// What there is to say.
pub(super) struct Report {
    check: Check,
    logs: Vec<String>,
    /// Lines that are not jitd's though they say so; lines without a link.
    ignored: (u64, u64),
}

#[derive(Serialize)]
struct Document<'a> {
    verified: bool,
    events: u64,
    first: Option<At<'a>>,
    last: Option<At<'a>>,
    head: Option<String>,
    begins: &'static str,
    problem: Option<Problem<'a>>,
    against: Option<Against<'a>>,
}

#[derive(Serialize)]
struct At<'a> {
    seq: u64,
    at: &'a str,
}

#[derive(Serialize)]
struct Problem<'a> {
    seq: u64,
    kind: &'static str,
    what: String,
    means: &'static str,
    file: Option<&'a str>,
    line: Option<u64>,
}

#[derive(Serialize)]
struct Against<'a> {
    logs: &'a [String],
    same: u64,
    different: u64,
    beyond: u64,
    older: u64,
    ignored: u64,
    unreadable: u64,
    contradictions: Vec<Contradiction<'a>>,
}

#[derive(Serialize)]
struct Contradiction<'a> {
    log: &'a str,
    line: u64,
    seq: u64,
    chain: String,
    means: &'static str,
}

impl Report {
    pub(super) fn new(check: Check, logs: Vec<String>, read: &[Log]) -> Self {
        let ignored = read.iter().map(|log| log.others).sum();
        let unreadable = read.iter().map(|log| log.unreadable).sum();
        Self {
            check,
            logs,
            ignored: (ignored, unreadable),
        }
    }

    /// Whether nothing is wrong.
    pub(super) fn is_good(&self) -> bool {
        self.check.flaw.is_none() && self.check.pins.hold()
    }

    /// Says it on stdout.
    pub(super) fn print(&self, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return output::print(&json::document(&self.document())?);
        }
        let screen = Screen::of_stdout();
        let mut text = match &self.check.flaw {
            Some(found) => self.broken(found, screen),
            None => self.whole(screen),
        };
        if !self.logs.is_empty() {
            text.push_str(&self.against(screen));
        }
        output::print(&text)
    }

    fn whole(&self, screen: Screen) -> String {
        let chain = &self.check.chain;
        let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
            return "The record is empty.\n".to_owned();
        };
        let mut text = screen.paint("32", "The chain is whole");
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            ": {}, from {} to {}.",
            counted(chain.events(), "event"),
            place(first),
            place(last)
        );
        let _ = writeln!(text, "  Head  {}", last.link);
        match chain.beginning() {
            Beginning::Start => {}
            Beginning::Archive => {
                let _ = writeln!(
                    text,
                    "  Those before {} are archived, and it goes on from there; \
                     to verify them: jitctl audit verify ARCHIVE",
                    first.seq
                );
            }
            Beginning::Middle => {
                let _ = writeln!(
                    text,
                    "  It begins in the middle: what event {} itself says could not be verified, \
                     for want of the one before",
                    first.seq
                );
            }
        }
        if self.logs.is_empty() && self.check.of_jitd {
            text.push_str(
                "  Whether all of it was replaced, or its end cut off, a log tells that is kept \
                 elsewhere: --against\n",
            );
        }
        text
    }

    fn broken(&self, found: &Found, screen: Screen) -> String {
        let flaw = &found.flaw;
        let said = format!("The record is broken at event {}", flaw.seq());
        let mut text = screen.paint("31", &said);
        if let Some((file, line)) = &found.place {
            let _ = write!(text, " ({}, line {line})", escape(file));
        }
        let _ = writeln!(text, ": {}.", escape(&flaw.what()));
        let _ = writeln!(text, "  That means: {}.", flaw.means());
        let chain = &self.check.chain;
        if let Some(last) = chain.last()
            && chain.beginning() != Beginning::Middle
        {
            let _ = writeln!(text, "  Up to {} everything fits together.", place(last));
        }
        text
    }

    fn against(&self, screen: Screen) -> String {
        let pins = &self.check.pins;
        let mut text = String::new();
        let colour = if pins.hold() { "32" } else { "31" };
        let logs: Vec<_> = self.logs.iter().map(|log| escape(log)).collect();
        let said = format!("Against {}", logs.join(", "));
        let _ = writeln!(
            text,
            "{}: {} the same.",
            screen.paint(colour, &said),
            counted(pins.same, "line")
        );
        if self.check.flaw.is_some() {
            text.push_str("  Lines about what comes after the break were not compared.\n");
        }
        let mut some = |count: u64, what: &str| {
            if count > 0 {
                let _ = writeln!(text, "  {} {what}.", counted(count, "line"));
            }
        };
        some(pins.older, "about events that are archived: not compared");
        some(self.ignored.0, "not of jitd, though they say so: ignored");
        some(self.ignored.1, "of jitd without a link: ignored");
        some(pins.different.all, "with another link than the record has");
        self.list(&mut text, &pins.different.first, REWRITTEN, |pin| {
            format!("event {} had the link {}", pin.seq, pin.link)
        });
        let end = self.check.chain.expected() - 1;
        let beyond = match self.check.flaw {
            None if pins.beyond.all > 0 => pins.beyond.all,
            _ => 0,
        };
        if beyond > 0 {
            let lines = counted(beyond, "line");
            let _ = writeln!(
                text,
                "  {lines} about events after {end}, the newest of the record."
            );
        }
        self.list(&mut text, &pins.beyond.first, ROLLED_BACK, |pin| {
            format!("there was an event {}", pin.seq)
        });
        text
    }

    fn list(&self, text: &mut String, pins: &[Pin], means: &str, said: impl Fn(&Pin) -> String) {
        for pin in pins {
            let log = self.logs.get(pin.log).map_or("", String::as_str);
            let _ = writeln!(
                text,
                "    {}, line {}: {}",
                escape(log),
                pin.line,
                said(pin)
            );
        }
        if !pins.is_empty() {
            let _ = writeln!(text, "  That means: {means} (see jitd-events(7)).");
        }
    }

    fn document(&self) -> Document<'_> {
        let chain = &self.check.chain;
        Document {
            verified: self.is_good(),
            events: chain.events(),
            first: chain.first().map(At::from),
            last: chain.last().map(At::from),
            head: chain.last().map(|last| last.link.to_string()),
            begins: match chain.beginning() {
                Beginning::Start => "start",
                Beginning::Archive => "archive",
                Beginning::Middle => "middle",
            },
            problem: self.check.flaw.as_ref().map(Problem::from),
            against: (!self.logs.is_empty()).then(|| self.compared()),
        }
    }

    fn compared(&self) -> Against<'_> {
        let pins = &self.check.pins;
        let contradiction = |means: &'static str| {
            move |pin: &Pin| Contradiction {
                log: self.logs.get(pin.log).map_or("", String::as_str),
                line: pin.line,
                seq: pin.seq,
                chain: pin.link.to_string(),
                means,
            }
        };
        let different = pins.different.first.iter().map(contradiction(REWRITTEN));
        let beyond = pins.beyond.first.iter().map(contradiction(ROLLED_BACK));
        Against {
            logs: &self.logs,
            same: pins.same,
            different: pins.different.all,
            beyond: pins.beyond.all,
            older: pins.older,
            ignored: self.ignored.0,
            unreadable: self.ignored.1,
            contradictions: different.chain(beyond).collect(),
        }
    }
}

impl<'a> From<&'a Place> for At<'a> {
    fn from(place: &'a Place) -> Self {
        Self {
            seq: place.seq,
            at: &place.at,
        }
    }
}

impl<'a> From<&'a Found> for Problem<'a> {
    fn from(found: &'a Found) -> Self {
        let place = found.place.as_ref();
        Self {
            seq: found.flaw.seq(),
            kind: found.flaw.word(),
            what: found.flaw.what(),
            means: found.flaw.means(),
            file: place.map(|(file, _)| file.as_str()),
            line: place.map(|(_, line)| *line),
        }
    }
}

/// `117 (2026-11-24T12:52:48.013Z)`.
fn place(place: &Place) -> String {
    format!("{} ({})", place.seq, escape(&place.at))
}

/// `1 event`, `2 events`.
fn counted(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
