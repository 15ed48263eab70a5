//! What a report needs of the record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::spans::Span;
use crate::record::event::Event;

/// Events of elevations, which are told by the elevations themselves.
const TOLD_ELSEWHERE: [&str; 2] = ["elevation.", "glass."];

/// What was noted of the events of a period.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    pub(crate) sessions: Sessions,
    /// What was refused, to whom.
    pub(crate) refused: Vec<Refused>,
    /// How often everything else happened, by the event's name.
    pub(crate) others: BTreeMap<String, Times>,
}

/// One thing that was refused to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) who: String,
    /// What they tried.
    pub(crate) what: String,
    /// Why not, when it was refused last.
    pub(crate) because: String,
    pub(crate) times: Times,
}

/// How often, and when first and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Times {
    fn and(self, count: u64, at: i64) -> Self {
        Self {
            count: self.count.saturating_add(count),
            first: self.first.min(at),
            last: self.last.max(at),
        }
    }
}

/// Sessions by their number.
#[derive(Debug, Default)]
pub(crate) struct Sessions(HashMap<u64, Session>);

#[derive(Debug, Default)]
struct Session {
    opened: Option<i64>,
    closed: Option<i64>,
    /// The elevations that it was under.
    under: BTreeSet<u64>,
}

impl Sessions {
    /// When sessions were open under each elevation. One that nothing says was closed is open
    /// until now, one that nothing says was opened since ever: the elevation bounds both.
    pub(crate) fn by_elevation(&self, now: i64) -> HashMap<u64, Vec<Span>> {
        let mut spans: HashMap<u64, Vec<Span>> = HashMap::new();
        for session in self.0.values() {
            let opened = session.opened.unwrap_or(i64::MIN);
            let span = Span::new(opened, session.closed.unwrap_or(now));
            for id in &session.under {
                spans.entry(*id).or_default().extend(span);
            }
        }
        spans
    }

    fn event(&mut self, verb: &str, event: &Event<'_>, at: i64) {
        let (Some(session), Some(id)) = (counted(event, "session"), event.number("id")) else {
            return;
        };
        let session = self.0.entry(session).or_default();
        session.under.insert(id);
        match verb {
            "opened" => session.opened = Some(at),
            "closed" | "ended" => session.closed = Some(at),
            _ => {}
        }
    }
}

impl Noted {
    /// Notes an event that happened in the period, or of a session that may reach into it.
    pub(crate) fn event(&mut self, event: &Event<'_>, period: Span) {
        let (Some(at), Some(name)) = (event.at(), event.text("event")) else {
            return;
        };
        let name = name.as_ref();
        if let Some(verb) = name.strip_prefix("session.")
            && verb != "refused"
        {
            self.sessions.event(verb, event, at);
            return;
        }
        if !period.has(at) || TOLD_ELSEWHERE.iter().any(|start| name.starts_with(start)) {
            return;
        }
        let count = counted(event, "count").unwrap_or(1);
        if matches!(name, "attempt.refused" | "gate.refused") {
            self.refused(event, count, at);
        } else {
            let times = self.others.entry(name.to_owned());
            let times = times.and_modify(|times| *times = times.and(count, at));
            times.or_insert(Times {
                count,
                first: at,
                last: at,
            });
        }
    }

    /// Puts what happened most often first.
    pub(crate) fn sort(&mut self) {
        self.refused.sort_by(|a, b| {
            let key =
                |refused: &Refused| (std::cmp::Reverse(refused.times.count), refused.who.clone());
            key(a).cmp(&key(b))
        });
    }

    fn refused(&mut self, event: &Event<'_>, count: u64, at: i64) {
        let first_of = |keys: &[&str]| {
            let mut texts = keys.iter().filter_map(|key| event.text(key));
            texts.next().unwrap_or_default().into_owned()
        };
        // Who tried it, where the event is about somebody else's elevation.
        let who = first_of(&["by", "user"]);
        let what = first_of(&["tried", "service"]);
        let because = first_of(&["because"]);
        let same = |refused: &&mut Refused| refused.who == who && refused.what == what;
        match self.refused.iter_mut().find(same) {
            Some(refused) => {
                refused.times = refused.times.and(count, at);
                refused.because = because;
            }
            None => self.refused.push(Refused {
                who,
                what,
                because,
                times: Times {
                    count,
                    first: at,
                    last: at,
                },
            }),
        }
    }
}

/// A number in a field of an event's own, which is text.
fn counted(event: &Event<'_>, key: &str) -> Option<u64> {
    event.text(key)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use crate::record::event::Line;

    use super::*;

    const PERIOD: Span = Span {
        from: 1_000_000,
        to: 2_000_000,
    };

    fn noted(events: &[Value]) -> Noted {
        let mut noted = Noted::default();
        for event in events {
            let line = event.to_string();
            let Ok(Line::Event(event)) = Line::read(line.as_bytes()) else {
                panic!("{line}");
            };
            noted.event(&event, PERIOD);
        }
        noted.sort();
        noted
    }

    fn at(seconds: i64) -> String {
        Timestamp::from_second(seconds).unwrap().to_string()
    }

    #[test]
    fn sessions_are_under_all_that_they_went_on_under() {
        let event = |verb: &str, at_second, session: &str, id| {
            json!({
                "at": at(at_second), "event": format!("session.{verb}"), "id": id,
                "session": session,
            })
        };
        let noted = noted(&[
            event("opened", 900, "1", 7),
            event("extended", 1_100, "1", 8),
            event("closed", 1_200, "1", 8),
            event("opened", 1_300, "2", 8),
            event("ended", 1_400, "3", 9),
            event("refused", 1_400, "4", 9),
        ]);
        let spans = noted.sessions.by_elevation(5_000_000);
        let span = |from, to| Span { from, to };
        assert_eq!(spans[&7], [span(900_000, 1_200_000)]);
        let mut eight = spans[&8].clone();
        eight.sort();
        assert_eq!(
            eight,
            [span(900_000, 1_200_000), span(1_300_000, 5_000_000)]
        );
        assert_eq!(spans[&9], [span(i64::MIN, 1_400_000)]);
        assert_eq!(noted.others["session.refused"].count, 1);
    }

    #[test]
    fn what_was_refused_is_counted_by_who_tried_what() {
        let refused = |second, by: &str, tried: &str, because: &str| {
            json!({
                "at": at(second), "event": "attempt.refused", "id": 1, "user": "carol",
                "by": by, "tried": tried, "because": because,
            })
        };
        let noted = noted(&[
            refused(999, "mallory", "approve", "before the period"),
            refused(1_000, "mallory", "approve", "no"),
            refused(1_001, "mallory", "approve", "still no"),
            refused(1_002, "mallory", "revoke", "no"),
            json!({
                "at": at(1_003), "event": "gate.refused", "user": "dave", "service": "sudo",
                "count": "40",
            }),
            refused(2_000, "mallory", "approve", "after the period"),
        ]);
        let shown: Vec<_> = noted
            .refused
            .iter()
            .map(|r| {
                let Times { count, first, last } = r.times;
                (
                    r.who.as_str(),
                    r.what.as_str(),
                    r.because.as_str(),
                    count,
                    first,
                    last,
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("dave", "sudo", "", 40, 1_003_000, 1_003_000),
                ("mallory", "approve", "still no", 2, 1_000_000, 1_001_000),
                ("mallory", "revoke", "no", 1, 1_002_000, 1_002_000),
            ]
        );
        assert!(noted.others.is_empty());
    }

    #[test]
    fn all_else_is_counted_but_for_what_elevations_tell() {
        let event = |name: &str, second| json!({ "at": at(second), "event": name });
        let noted = noted(&[
            event("policy.loaded", 1_500),
            event("policy.loaded", 1_400),
            event("elevation.requested", 1_500),
            event("glass.broken", 1_500),
            event("clock.stepped", 3_000),
        ]);
        let times = Times {
            count: 2,
            first: 1_400_000,
            last: 1_500_000,
        };
        assert_eq!(
            noted.others,
            BTreeMap::from([("policy.loaded".to_owned(), times)])
        );
    }
}
