//! The numbers of a report, for programs: times RFC 3339 in UTC, lengths in seconds.

use serde_json::{Value, json};

use super::chain::Chain;
use super::life::Life;
use super::record::Times;
use super::sums::{Time, Waits};
use super::{Report, Scope};
use crate::error::Failure;
use crate::output;
use crate::output::time::rfc3339;

/// The report as one document.
pub(crate) fn document(report: &Report) -> Result<String, Failure> {
    let Report {
        making,
        period,
        sums,
        ..
    } = report;
    let own = match &report.scope {
        Scope::Everybody => None,
        Scope::Own(name) => Some(name),
    };
    let glass = report
        .lives
        .iter()
        .filter(|life| life.elevation.break_glass);
    output::json::document(&json!({
        "host": making.host,
        "made_at": rfc3339(making.at.timestamp().as_millisecond()),
        "made_by": making.by,
        "since": rfc3339(period.from),
        "until": rfc3339(period.to),
        "only": own,
        "chain": chain(&report.chain),
        "archived_before": report.cut.and_then(rfc3339),
        "total": time(&sums.total),
        "people": sums.people.iter().map(|(person, of)| with(
            time(of), json!({ "user": person.name, "uid": person.uid }),
        )).collect::<Vec<_>>(),
        "roles": sums.roles.iter().map(|(role, of)| with(
            time(of), json!({ "role": role }),
        )).collect::<Vec<_>>(),
        "people_in_roles": sums.pairs.iter().map(|((person, role), of)| with(
            time(of), json!({ "user": person.name, "uid": person.uid, "role": role }),
        )).collect::<Vec<_>>(),
        "requests": {
            "count": sums.requests,
            "answered": sums.answered.as_ref().map(waits),
            "outcomes": sums.waits.iter().map(|(outcome, of)| with(
                waits(of), json!({ "outcome": outcome.as_str() }),
            )).collect::<Vec<_>>(),
        },
        "ends": {
            "expired": sums.ends.expired,
            "released": sums.ends.released,
            "revoked": sums.ends.revoked,
            "active": sums.ends.active,
        },
        "break_glass": glass.map(broken).collect::<Vec<_>>(),
        "refused": report.noted.refused.iter().map(|refused| with(
            times(refused.times),
            json!({ "user": refused.who, "tried": refused.what, "because": refused.because }),
        )).collect::<Vec<_>>(),
        "events": report.noted.others.iter().map(|(event, of)| with(
            times(*of), json!({ "event": event }),
        )).collect::<Vec<_>>(),
        "elevations": report.lives.iter().map(life).collect::<Vec<_>>(),
    }))
}

fn chain(chain: &Chain) -> Value {
    match chain {
        Chain::Whole { first, last, head } => json!({
            "state": "whole", "first": first, "last": last, "head": head.to_string(),
        }),
        Chain::Empty => json!({ "state": "empty" }),
        Chain::Broken { seq, why } => json!({ "state": "broken", "seq": seq, "why": why }),
        Chain::NotChecked => json!({ "state": "not-checked" }),
    }
}

fn time(time: &Time) -> Value {
    json!({
        "elevations": time.elevations,
        "sessions": time.sessions,
        "held": time.held / 1000,
        "used": time.used / 1000,
    })
}

fn waits(waits: &Waits) -> Value {
    json!({
        "count": waits.count,
        "median_wait": waits.median / 1000,
        "p95_wait": waits.p95 / 1000,
        "longest_wait": waits.longest / 1000,
    })
}

fn times(times: Times) -> Value {
    json!({
        "count": times.count,
        "first_at": rfc3339(times.first),
        "last_at": rfc3339(times.last),
    })
}

fn broken(life: &Life) -> Value {
    let elevation = &life.elevation;
    json!({
        "id": elevation.id,
        "user": elevation.user,
        "role": elevation.role,
        "reason": elevation.reason,
        "at": rfc3339(elevation.requested_at),
        "held": life.held_for() / 1000,
        "acknowledged_at": elevation.acknowledged_at.and_then(rfc3339),
        "acknowledged_by": elevation.acknowledged_by,
    })
}

fn life(life: &Life) -> Value {
    let elevation = &life.elevation;
    json!({
        "id": elevation.id,
        "user": elevation.user,
        "role": elevation.role,
        "outcome": life.outcome.as_str(),
        "requested_at": rfc3339(elevation.requested_at),
        "held_from": life.held.and_then(|held| rfc3339(held.from)),
        "held_until": life.held.and_then(|held| rfc3339(held.to)),
        "held": life.held_for() / 1000,
        "used": life.used_for() / 1000,
    })
}

/// Members of both.
fn with(value: Value, mut more: Value) -> Value {
    if let (Value::Object(more), Value::Object(value)) = (&mut more, value) {
        more.extend(value);
    }
    more
}
