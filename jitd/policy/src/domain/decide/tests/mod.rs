//! Histories of one elevation, told in full.

mod answers;
mod asking;
mod ends;

use super::*;
use crate::domain::assess::Way;
use crate::domain::budget::Span;
use crate::domain::elevation::ElevationId;
use crate::domain::names::UserName;
use crate::domain::time::{Boot, BootId, Seconds, Wall};
use crate::file::{Source, parse};
use jitd_api::RequestOptions;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// A role that contractors may ask for, and on-call people take; its approvers are of `ops`.
fn policy(lines: &str) -> Policy {
    let given = "services = [\"sudo\"]\neligible = { groups = [\"contractors\"] }\n\
                 approvers = { groups = [\"ops\"] }\nbreak_glass = { groups = [\"oncall\"] }";
    let source = Source {
        path: "p".to_owned(),
        text: format!("[role.a]\n{given}\n{lines}\n"),
    };
    parse(&[source]).unwrap().policy
}

fn role(policy: &Policy) -> &Role {
    policy.role("a").unwrap()
}

fn person(name: &str) -> Person {
    let (uid, groups) = match name {
        "root" => (0, ""),
        "carol" => (1001, "contractors"),
        "dan" => (1002, "contractors"),
        "olga" => (1003, "oncall"),
        "ann" => (1004, "ops"),
        "bea" => (1005, "ops contractors"),
        "cyd" => (1006, "dba"),
        other => panic!("who is {other}?"),
    };
    Person {
        uid,
        name: UserName::new(name).unwrap(),
        groups: groups.split_whitespace().map(str::to_owned).collect(),
    }
}

fn caller(name: &str) -> Caller {
    Caller {
        account: person(name),
        login: None,
        logged_in: true,
        absent: None,
    }
}

/// Somebody who logged in as another.
fn through(login: &str, account: &str) -> Caller {
    Caller {
        login: Some(person(login)),
        logged_in: true,
        absent: None,
        ..caller(account)
    }
}

/// So many seconds after the beginning of these histories.
fn at(seconds: u64) -> Now {
    let millis = i64::try_from(seconds * 1000).unwrap();
    Now {
        wall: Wall(1_780_000_000_000 + millis),
        boot: Boot(5_000_000 + millis),
        boot_id: BootId("boot".to_owned()),
    }
}

fn options(duration: u64) -> RequestOptions {
    RequestOptions {
        duration: Some(duration),
        start: None,
        reason: Some("because".to_owned()),
        ticket: None,
    }
}

fn ask(
    policy: &Policy,
    who: &Caller,
    way: Way,
    options: &RequestOptions,
    facts: &Facts<'_>,
    now: &Now,
) -> Result<Elevation, Refusal> {
    let asked = request(policy, who, "a", way, options, facts, now)?;
    Ok(Elevation {
        id: ElevationId(1),
        ..asked.elevation
    })
}

/// Carol's request at the beginning.
fn asked(policy: &Policy, duration: u64) -> Elevation {
    let (who, options) = (caller("carol"), options(duration));
    ask(
        policy,
        &who,
        Way::Request,
        &options,
        &Facts::default(),
        &at(0),
    )
    .unwrap()
}

/// A yes, by somebody to whom those who said it before are known.
fn says_yes(
    policy: &Policy,
    who: &Caller,
    elevation: &Elevation,
    shorter: Option<u64>,
    now: &Now,
) -> Result<Approved, Refusal> {
    let agreed = elevation.decisions.iter();
    let agreed: Vec<_> = agreed.map(|said| person(said.by.as_str())).collect();
    let holder = person(elevation.user.as_str());
    let bench = Bench {
        holder: Some(&holder),
        agreed: &agreed,
        ..Bench::default()
    };
    approve(role(policy), who, elevation, &bench, shorter, "", now)
}

/// Carol's elevation, begun a minute after she asked.
fn active(policy: &Policy, duration: u64) -> Elevation {
    let asked = asked(policy, duration);
    let approved = says_yes(policy, &caller("ann"), &asked, None, &at(MINUTE)).unwrap();
    assert_eq!(approved.elevation.state, State::Active);
    approved.elevation
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Refusal>, part: &str) {
    let text = answer.unwrap_err().to_string();
    assert!(text.contains(part), "{text}");
}
