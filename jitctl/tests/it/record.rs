//! A record, as jitd would send it.

use std::fmt::Write as _;
use std::io::Write;
use std::os::unix::net::UnixStream;

use jitd_api::{EventFilter, Link};
use serde_json::{Map, Value, json};

/// Events with their links, and how their stream ends.
#[derive(Default)]
pub struct Record {
    pub events: Vec<String>,
    pub ends: Ends,
    /// Who stays, to be told of more.
    pub followers: Vec<UnixStream>,
    /// What is sent in place of all that, to whoever asks.
    pub sent: Option<String>,
}

/// How a stream ends.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Ends {
    /// As it should.
    #[default]
    Whole,
    /// As if the record reached up to this number.
    At(u64),
    /// Without a word.
    Cut,
    /// With this one.
    Error(String),
    /// Not.
    Never,
}

impl Record {
    /// These, each in the chain.
    pub fn of(events: Vec<Value>) -> Self {
        let mut record = Self::default();
        let mut before = Link::START;
        for (seq, event) in (1_u64..).zip(events) {
            before = record.add(seq, &before, event);
        }
        record
    }

    /// One more, with its link.
    fn add(&mut self, seq: u64, before: &Link, event: Value) -> Link {
        let mut members = Map::new();
        members.insert("seq".to_owned(), json!(seq));
        members.insert("at".to_owned(), json!(at(seq)));
        let Value::Object(own) = event else {
            panic!("an event is an object");
        };
        members.extend(own);
        let link = link(before, &members);
        members.insert("chain".to_owned(), json!(link.to_string()));
        self.events.push(Value::Object(members).to_string());
        link
    }

    /// Sends what the filter asks for, as far as the tests need it.
    pub fn serve(&mut self, filter: &EventFilter, mut to: UnixStream) {
        if let Some(sent) = self.sent.clone() {
            std::thread::spawn(move || drop(to.write_all(sent.as_bytes())));
            return;
        }
        let newest = self.events.last().map_or(0, |line| seq(line));
        let mut lines: Vec<_> = self.events.clone();
        lines.retain(|line| seq(line) > filter.after.unwrap_or(0));
        if let Some(last) = filter.last {
            let first = lines.len().saturating_sub(last as usize);
            lines.drain(..first);
        }
        let end = match &self.ends {
            Ends::Whole => Some(json!({ "end": newest })),
            Ends::At(seq) => Some(json!({ "end": seq })),
            Ends::Error(why) => Some(json!({ "error": why })),
            Ends::Cut | Ends::Never => None,
        };
        let text = lines.into_iter().chain(end.map(|end| end.to_string()));
        let text: String = text.map(|line| line + "\n").collect();
        if filter.follow == Some(true) || self.ends == Ends::Never {
            // Before what happens next.
            let lines = text.lines().filter(|line| !line.starts_with("{\"end\""));
            for line in lines {
                writeln!(to, "{line}").unwrap();
            }
            self.followers.push(to);
            return;
        }
        // Whoever stops reading is free to.
        std::thread::spawn(move || drop(to.write_all(text.as_bytes())));
    }
}

/// The link that these members have.
pub fn link(before: &Link, members: &Map<String, Value>) -> Link {
    let texts: Vec<_> = members
        .iter()
        .filter(|(key, _)| *key != "chain")
        .map(|(key, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (key.clone(), text)
        })
        .collect();
    let mut texts: Vec<_> = texts
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    before.next(&mut texts)
}

pub fn seq(line: &str) -> u64 {
    let event: Value = serde_json::from_str(line).unwrap();
    event["seq"].as_u64().unwrap()
}

pub fn chain(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["chain"].as_str().unwrap().to_owned()
}

/// `2026-01-02T03:04:05Z`, a minute later each.
fn at(seq: u64) -> String {
    let at = jiff::Timestamp::from_millisecond(crate::scene::LONG_AGO).unwrap();
    let minutes = jiff::SignedDuration::from_mins(i64::try_from(seq).unwrap() - 1);
    format!("{:.3}", at + minutes)
}

/// The conditions that are set.
pub fn shown(filter: &EventFilter) -> String {
    let mut shown = String::new();
    let all: [(&str, Option<String>); 10] = [
        ("after", filter.after.map(|n| n.to_string())),
        ("since", filter.since.map(|n| n.to_string())),
        ("until", filter.until.map(|n| n.to_string())),
        ("user", filter.user.clone()),
        ("role", filter.role.clone()),
        ("elevation", filter.elevation.map(|n| n.to_string())),
        ("event", filter.event.clone()),
        ("last", filter.last.map(|n| n.to_string())),
        ("whole", filter.whole.map(|n| n.to_string())),
        ("follow", filter.follow.map(|n| n.to_string())),
    ];
    for (key, value) in all {
        if let Some(value) = value {
            let _ = write!(shown, "{key}={value} ");
        }
    }
    shown.trim_end().to_owned()
}

/// carol's elevation 42, from request to end, with a session; and the clock.
pub fn life() -> Vec<Value> {
    let of = |event: &str, own: Value| {
        let mut members = json!({
            "event": event, "id": 42, "user": "carol", "uid": 1001, "role": "deploy",
        });
        for (key, value) in own.as_object().unwrap() {
            members[key] = value.clone();
        }
        members
    };
    vec![
        json!({ "event": "policy.loaded", "by": "jitd", "roles": "3" }),
        of(
            "elevation.requested",
            json!({ "by": "carol", "duration": "5400", "reason": "restart web" }),
        ),
        of(
            "elevation.approved",
            json!({ "by": "alice", "duration": "5400", "ends": "2026-01-02T04:36:05Z", "comment": "go" }),
        ),
        of(
            "session.opened",
            json!({ "session": "7", "service": "sudo", "command": "sudo -i", "terminal": "/dev/pts/0" }),
        ),
        of(
            "session.closed",
            json!({ "session": "7", "service": "sudo" }),
        ),
        of("elevation.released", json!({ "by": "carol" })),
    ]
}
