//! What a report needs of the record.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::spans::Span;
use crate::error::{Failure, Kind};

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

    fn event(&mut self, verb: &str, event: &Map<String, Value>, at: i64) {
        let number = |key| event.get(key).and_then(number);
        let (Some(session), Some(id)) = (number("session"), number("id")) else {
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
    pub(crate) fn event(&mut self, event: &Map<String, Value>, period: Span) {
        let name = event.get("event").and_then(Value::as_str);
        let (Some(at), Some(name)) = (place(event).1, name) else {
            return;
        };
        if let Some(verb) = name.strip_prefix("session.")
            && verb != "refused"
        {
            self.sessions.event(verb, event, at);
            return;
        }
        if !period.has(at) || TOLD_ELSEWHERE.iter().any(|start| name.starts_with(start)) {
            return;
        }
        let count = event.get("count").and_then(number).unwrap_or(1);
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

    fn refused(&mut self, event: &Map<String, Value>, count: u64, at: i64) {
        let first_of = |keys: &[&str]| {
            let texts = keys.iter().filter_map(|key| event.get(*key)?.as_str());
            texts.map(str::to_owned).next().unwrap_or_default()
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

/// Number and time of an event, as far as it has them.
pub(crate) fn place(event: &Map<String, Value>) -> (Option<u64>, Option<i64>) {
    let at = event.get("at").and_then(Value::as_str);
    let at: Option<Timestamp> = at.and_then(|at| at.parse().ok());
    let seq = event.get("seq").and_then(Value::as_u64);
    (seq, at.map(Timestamp::as_millisecond))
}

/// A number, which a field of an event's own has as text.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    }
}

/// Gives every event of a stream to `each`; gives the number up to which the record was read.
///
/// # Errors
/// The stream was cut, or is none of jitd's.
pub(crate) fn read(
    stream: OwnedFd,
    mut each: impl FnMut(&Map<String, Value>),
) -> Result<u64, Failure> {
    let failed = |why: &str| Failure::new(Kind::Failed, format!("the record can't be read: {why}"));
    let mut lines = BufReader::with_capacity(1 << 18, UnixStream::from(stream));
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Err(failed("it was cut off"));
        }
        let event: Map<String, Value> =
            serde_json::from_slice(&line).map_err(|error| failed(&error.to_string()))?;
        if event.contains_key("seq") {
            each(&event);
        } else if let Some(end) = event.get("end").and_then(Value::as_u64) {
            return Ok(end);
        } else {
            let error = event.get("error").and_then(Value::as_str);
            return Err(failed(error.unwrap_or("it has a line that is no event")));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use super::*;

    const PERIOD: Span = Span {
        from: 1_000_000,
        to: 2_000_000,
    };

    fn noted(events: &[Value]) -> Noted {
        let mut noted = Noted::default();
        for event in events {
            noted.event(event.as_object().unwrap(), PERIOD);
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

    #[test]
    fn a_stream_without_its_last_line_was_cut() {
        let read_of = |text: &str| {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            ours.write_all(text.as_bytes()).unwrap();
            drop(ours);
            let mut seen = 0;
            let end = read(OwnedFd::from(theirs), |_| seen += 1);
            (end.map_err(|failure| failure.to_string()), seen)
        };
        assert_eq!(
            read_of("{\"seq\":1}\n{\"seq\":2}\n{\"end\":2}\n"),
            (Ok(2), 2)
        );
        for (text, why) in [
            ("{\"seq\":1}\n", "cut off"),
            ("{\"error\":\"disk broken\"}\n", "disk broken"),
            ("{\"what\":1}\n", "no event"),
            ("nonsense\n", "expected"),
        ] {
            let failed = read_of(text).0.unwrap_err();
            assert!(failed.contains(why), "{failed}");
        }
    }
}
