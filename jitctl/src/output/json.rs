//! `--json`: the names and words that scripts rely on. Absent is null, times are
//! RFC 3339 in UTC, durations are seconds, and text is as people wrote it.

use jitd_api::{Decision, Elevation, Role, Session, Status};
use serde::Serialize;

use super::escape::escape_json;
use super::time::rfc3339;
use crate::error::{Failure, Kind};

#[derive(Serialize)]
struct ElevationOut<'a> {
    id: u64,
    state: &'a str,
    user: &'a str,
    uid: u32,
    role: &'a str,
    groups: &'a [String],
    services: &'a [String],
    reason: Option<&'a str>,
    ticket: Option<&'a str>,
    duration: u64,
    requested_at: Option<String>,
    lapses_at: Option<String>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    ended_at: Option<String>,
    ended_by: Option<&'a str>,
    extends: Option<u64>,
    break_glass: bool,
    acknowledged_at: Option<String>,
    acknowledged_by: Option<&'a str>,
    approvers: &'a [String],
    needs: &'a [String],
    decisions: Vec<DecisionOut<'a>>,
    sessions: Vec<SessionOut<'a>>,
}

#[derive(Serialize)]
struct SessionOut<'a> {
    id: u64,
    service: &'a str,
    command: &'a str,
    terminal: Option<&'a str>,
    remote: Option<&'a str>,
    opened_at: Option<String>,
    closed_at: Option<String>,
    running: bool,
}

#[derive(Serialize)]
struct DecisionOut<'a> {
    by: &'a str,
    verdict: &'a str,
    comment: Option<&'a str>,
    at: Option<String>,
}

#[derive(Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "as on the bus")]
struct RoleOut<'a> {
    name: &'a str,
    description: Option<&'a str>,
    default_duration: u64,
    max_duration: u64,
    reason_required: bool,
    reason_choices: &'a [String],
    ticket_required: bool,
    ticket_pattern: Option<&'a str>,
    needs: &'a [String],
    eligible: bool,
    break_glass: bool,
    services: &'a [String],
}

#[derive(Serialize)]
struct StatusOut<'a> {
    user: &'a str,
    active: Vec<ElevationOut<'a>>,
    scheduled: Vec<ElevationOut<'a>>,
    pending: Vec<ElevationOut<'a>>,
    roles: Vec<RoleOut<'a>>,
    to_decide: u32,
    to_acknowledge: u32,
}

/// One elevation as a document.
pub(crate) fn elevation(elevation: &Elevation) -> Result<String, Failure> {
    document(&ElevationOut::from(elevation))
}

/// Elevations as an array.
pub(crate) fn elevations(elevations: &[Elevation]) -> Result<String, Failure> {
    document(&outs(elevations))
}

/// Where the caller stands.
pub(crate) fn status(status: &Status) -> Result<String, Failure> {
    document(&StatusOut {
        user: &status.user,
        active: outs(&status.active),
        scheduled: outs(&status.scheduled),
        pending: outs(&status.pending),
        roles: status.roles.iter().map(RoleOut::from).collect(),
        to_decide: status.to_decide,
        to_acknowledge: status.to_acknowledge,
    })
}

fn outs(elevations: &[Elevation]) -> Vec<ElevationOut<'_>> {
    elevations.iter().map(ElevationOut::from).collect()
}

/// Anything as a document.
pub(crate) fn document(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| escape_json(&text))
        .map_err(|cause| Failure::new(Kind::Failed, format!("cannot write JSON: {cause}")))
}

/// A text, or null where there is none.
pub(crate) fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl<'a> From<&'a Elevation> for ElevationOut<'a> {
    fn from(elevation: &'a Elevation) -> Self {
        Self {
            id: elevation.id,
            state: &elevation.state,
            user: &elevation.user,
            uid: elevation.uid,
            role: &elevation.role,
            groups: &elevation.groups,
            services: &elevation.services,
            reason: present(&elevation.reason),
            ticket: present(&elevation.ticket),
            duration: elevation.duration,
            requested_at: rfc3339(elevation.requested_at),
            lapses_at: elevation.lapses_at.and_then(rfc3339),
            starts_at: elevation.starts_at.and_then(rfc3339),
            ends_at: elevation.ends_at.and_then(rfc3339),
            ended_at: elevation.ended_at.and_then(rfc3339),
            ended_by: elevation.ended_by.as_deref(),
            extends: elevation.extends,
            break_glass: elevation.break_glass,
            acknowledged_at: elevation.acknowledged_at.and_then(rfc3339),
            acknowledged_by: elevation.acknowledged_by.as_deref(),
            approvers: &elevation.approvers,
            needs: &elevation.needs,
            decisions: elevation.decisions.iter().map(DecisionOut::from).collect(),
            sessions: elevation.sessions.iter().map(SessionOut::from).collect(),
        }
    }
}

impl<'a> From<&'a Session> for SessionOut<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id,
            service: &session.service,
            command: &session.command,
            terminal: present(&session.terminal),
            remote: present(&session.remote),
            opened_at: rfc3339(session.opened_at),
            closed_at: session.closed_at.and_then(rfc3339),
            running: session.closed_at.is_none(),
        }
    }
}

impl<'a> From<&'a Decision> for DecisionOut<'a> {
    fn from(decision: &'a Decision) -> Self {
        Self {
            by: &decision.by,
            verdict: &decision.verdict,
            comment: present(&decision.comment),
            at: rfc3339(decision.at),
        }
    }
}

impl<'a> From<&'a Role> for RoleOut<'a> {
    fn from(role: &'a Role) -> Self {
        Self {
            name: &role.name,
            description: present(&role.description),
            default_duration: role.default_duration,
            max_duration: role.max_duration,
            reason_required: role.reason_required,
            reason_choices: &role.reason_choices,
            ticket_required: role.ticket_required,
            ticket_pattern: present(&role.ticket_pattern),
            needs: &role.needs,
            eligible: role.eligible,
            break_glass: role.break_glass,
            services: &role.services,
        }
    }
}
