//! Each key of a role where it is the one that decides.

mod answered;
mod asked;

use super::*;
use crate::domain::names::UserName;
use crate::file::{Source, parse};

/// 10:00 in Berlin on a Tuesday.
const TUESDAY: &str = "2026-12-01T10:00:00+01:00";
const HOUR: u64 = 3600;

struct Asking {
    name: &'static str,
    groups: &'static [&'static str],
    role: &'static str,
    way: Way,
    duration: Option<u64>,
    start: Option<&'static str>,
    reason: &'static str,
    ticket: &'static str,
    /// Hours from now, when the role was held or is going to be.
    used: &'static [(i64, i64)],
}

/// Carol of the contractors, who asks for what she may have.
const CAROL: Asking = Asking {
    name: "carol",
    groups: &["contractors"],
    role: "a",
    way: Way::Request,
    duration: None,
    start: None,
    reason: "",
    ticket: "",
    used: &[],
};

/// Olga, who is on call and breaks the glass.
const OLGA: Asking = Asking {
    name: "olga",
    groups: &["oncall"],
    way: Way::BreakGlass,
    reason: "the disk is full",
    ..CAROL
};

fn wall(text: &str) -> Wall {
    Wall(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn policy(lines: &str) -> Policy {
    let given = [
        "eligible = { groups = [\"contractors\"] }",
        "approvers = { groups = [\"ops\"] }",
    ];
    let given = given.map(|line| {
        let (key, _) = line.split_once(" =").unwrap();
        if lines.contains(key) { "" } else { line }
    });
    let [eligible, approvers] = given;
    let source = Source {
        path: "p".to_owned(),
        text: format!("[role.a]\nservices = [\"sudo\"]\n{lines}\n{eligible}\n{approvers}\n"),
    };
    parse(&[source]).unwrap().policy
}

/// What a role with these lines says, and the key that decided it.
fn decided(lines: &str, asking: &Asking) -> (&'static str, Result<String, String>) {
    let (policy, now) = (policy(lines), wall(TUESDAY));
    let person = Person {
        uid: if asking.name == "root" { 0 } else { 1000 },
        name: UserName::new(asking.name).unwrap(),
        groups: asking.groups.iter().map(ToString::to_string).collect(),
    };
    let ask = Ask {
        person: &person,
        role: asking.role,
        way: asking.way,
        duration: asking.duration.map(Seconds),
        start: asking.start.map(wall),
        reason: asking.reason,
        ticket: asking.ticket,
        to_come: false,
    };
    let hour = |hours: i64| Wall(now.0 + hours * 3_600_000);
    let used = asking.used.iter().map(|(from, to)| Span {
        from: hour(*from),
        to: hour(*to),
    });
    let assessment = assess(&policy, &ask, &used.collect::<Vec<_>>(), now);
    let key = assessment.steps.last().unwrap().key;
    let outcome = assessment.outcome.map(|possible| match possible.yes {
        Yes::Nobodys => format!("{} of nobody's yes", possible.terms.duration),
        Yes::Afterwards => format!("{} at once", possible.terms.duration),
        Yes::Of(all) => {
            let all: Vec<_> = all.iter().map(ToString::to_string).collect();
            all.join(", ")
        }
    });
    (key, outcome.map_err(|refusal| refusal.to_string()))
}

#[track_caller]
fn given(lines: &str, asking: &Asking, key: &str, expected: &str) {
    let (decided_by, outcome) = decided(lines, asking);
    assert_eq!(outcome.as_deref(), Ok(expected), "{lines}");
    assert_eq!(decided_by, key, "{lines}");
}

#[track_caller]
fn refused(lines: &str, asking: &Asking, key: &str, part: &str) {
    let (decided_by, outcome) = decided(lines, asking);
    let text = outcome.expect_err(lines);
    assert!(text.contains(part), "{text}");
    assert_eq!(decided_by, key, "{lines}");
}
