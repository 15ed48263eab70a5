//! What is said of an event in the logs.

use std::borrow::Cow;

use super::{Recorded, logfmt};
use crate::domain::text;
use crate::domain::time::Wall;

/// An event that is told later than this many milliseconds after it happened is told as late.
const LATE: i64 = 5_000;
/// Longest line, in bytes: rsyslog cuts what is longer than 8 KiB, with what stands before it.
const LONGEST: usize = 7_000;
/// Longest value in a line that would be longer, in bytes.
const SHORT: usize = 256;
/// Longest value elsewhere, in bytes.
const LONG: usize = 8_000;

/// An event as it is told: what is on record, and that it is late.
pub(super) struct Telling<'a> {
    pub(super) recorded: &'a Recorded,
    members: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Telling<'a> {
    /// The event, told at this time.
    pub(super) fn new(recorded: &'a Recorded, now: Wall) -> Self {
        let mut members = recorded.head();
        let own = recorded.fields.iter();
        members.extend(own.map(|(key, value)| (key.as_str(), Cow::from(value))));
        let after = now.0.saturating_sub(recorded.at.0);
        if after > LATE {
            members.push(("at", recorded.at().into()));
            members.push(("late", (after / 1000).to_string().into()));
        }
        members.push(("seq", recorded.seq.to_string().into()));
        members.push(("chain", recorded.chain.to_string().into()));
        let members = members.into_iter();
        Self {
            recorded,
            members: members.map(|(name, value)| (key(name), value)).collect(),
        }
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let line = logfmt::line(&self.members);
        if line.len() <= LONGEST {
            return line;
        }
        let members = self.members.iter();
        let short: Vec<_> = members
            .map(|(key, value)| (key.clone(), cut(value, SHORT)))
            .collect();
        logfmt::line(&short)
    }

    /// One by one, escaped: a reader that prints a field as it is (journalctl -o verbose) is a
    /// terminal too.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, String)> {
        let members = self.members.iter();
        members.map(|(key, value)| (key.as_ref(), text::escaped(&cut(value, LONG))))
    }
}

/// A key is a word, also where somebody has written in the record.
fn key(name: &str) -> Cow<'_, str> {
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(is_fit) {
        name.into()
    } else {
        name.replace(|c| !is_fit(c), "_").into()
    }
}

/// At most so much of it, and how much is missing.
fn cut(value: &str, most: usize) -> Cow<'_, str> {
    if value.len() <= most {
        return value.into();
    }
    let is_boundary = |at: &usize| value.is_char_boundary(*at);
    let end = (0..=most).rev().find(is_boundary).unwrap_or_default();
    let kept = &value[..end];
    let missing = value.len() - kept.len();
    format!("{kept}… ({missing} bytes more)").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Event, EventName};
    use jitd_api::Link;

    fn recorded(value: &str) -> Recorded {
        let event = Event::of_none(EventName::PolicyRefused, Wall(1_000)).with("error", value);
        Recorded::next(7, &Link::START, &event)
    }

    #[test]
    fn late_is_what_is_told_more_than_five_seconds_after() {
        let recorded = recorded("why");
        let chain = recorded.chain;
        for at in [0, 1_000, 6_000] {
            let line = Telling::new(&recorded, Wall(at)).line();
            assert_eq!(
                line,
                format!("event=policy.refused error=why seq=7 chain={chain}")
            );
        }
        let line = Telling::new(&recorded, Wall(66_999)).line();
        assert_eq!(
            line,
            format!(
                "event=policy.refused error=why at=1970-01-01T00:00:01.000Z late=65 seq=7 chain={chain}"
            )
        );
    }

    #[test]
    fn number_and_link_are_in_every_line_whole() {
        let recorded = recorded(&"\u{1b}".repeat(100_000));
        let telling = Telling::new(&recorded, Wall(1_000));
        let line = telling.line();
        assert!(line.len() < LONGEST, "{}", line.len());
        assert!(line.contains("… (99744 bytes more)"), "{line}");
        let end = format!(" seq=7 chain={}", recorded.chain);
        assert!(line.ends_with(&end), "{line}");
        assert!(telling.fields().all(|(_, value)| value.len() < 100_000));
    }

    #[test]
    fn a_key_that_somebody_wrote_into_the_record_is_a_word() {
        let mut recorded = recorded("why");
        recorded.fields[0].0 = "a=1\nevent".to_owned();
        let telling = Telling::new(&recorded, Wall(1_000));
        assert!(telling.line().contains("a_1_event=why"));
        let keys: Vec<_> = telling.fields().map(|(key, _)| key.to_owned()).collect();
        assert_eq!(keys, ["event", "a_1_event", "seq", "chain"]);
    }
}
