//! Between the domain and what travels.

use jitd_api::{Error, State};

use crate::domain::decide::Refusal;
use crate::domain::elevation::Elevation;
use crate::domain::person::Person;
use crate::domain::policy::{Policy, Role};
use crate::domain::session::Session;
use crate::domain::time::Now;
use crate::engine::{EngineError, Standing};
use crate::record::Subject;
use crate::store::Archive;

/// An elevation as its readers see it now, with those of the sessions that are of it.
pub(super) fn elevation(
    elevation: Elevation,
    sessions: &[Session],
    policy: Option<&Policy>,
    now: &Now,
) -> jitd_api::Elevation {
    let role = policy.and_then(|policy| policy.role(elevation.role.as_str()));
    let (groups, services) = gives(&elevation, role);
    let state = elevation.shown_state(now);
    let pending = state == State::Pending;
    let needs = role.filter(|_| pending).map(needs);
    jitd_api::Elevation {
        id: elevation.id.0,
        state: state.as_str().to_owned(),
        user: elevation.user.to_string(),
        uid: elevation.uid,
        role: elevation.role.to_string(),
        groups,
        services,
        reason: elevation.reason,
        ticket: elevation.ticket,
        duration: elevation.duration.0,
        requested_at: elevation.requested_at.0,
        lapses_at: pending.then_some(elevation.lapses_at.0),
        starts_at: elevation
            .grant
            .as_ref()
            .map(|grant| grant.starts_at)
            .or(elevation.start)
            .map(|at| at.0),
        ends_at: elevation.grant.as_ref().map(|grant| grant.ends_at.0),
        ended_at: elevation.ended.as_ref().map(|ended| ended.at.0),
        ended_by: elevation.ended.map(|ended| ended.by),
        extends: elevation.extends.map(|id| id.0),
        break_glass: elevation.break_glass,
        acknowledged_at: elevation.acknowledged.as_ref().map(|act| act.at.0),
        acknowledged_by: elevation.acknowledged.map(|act| act.by),
        needs: needs.unwrap_or_default(),
        approvers: role
            .map(|role| role.approvers.described())
            .unwrap_or_default(),
        decisions: elevation
            .decisions
            .into_iter()
            .map(|decision| jitd_api::Decision {
                by: decision.by.to_string(),
                verdict: decision.verdict.as_str().to_owned(),
                comment: decision.comment,
                at: decision.at.0,
            })
            .collect(),
        sessions: sessions
            .iter()
            .filter(|session| [session.elevation, session.under].contains(&elevation.id))
            .map(session)
            .collect(),
    }
}

fn session(session: &Session) -> jitd_api::Session {
    jitd_api::Session {
        id: session.id.0,
        service: session.service.clone(),
        command: session.command.clone(),
        terminal: session.terminal.clone(),
        remote: session.remote.clone(),
        opened_at: session.opened_at.0,
        closed_at: session.closed_at.map(|at| at.0),
    }
}

/// A session by itself, and the elevation that opened it.
pub(super) fn listed_session((session, subject): (Session, Subject)) -> jitd_api::ListedSession {
    jitd_api::ListedSession {
        id: session.id.0,
        elevation: subject.id.0,
        user: subject.user.to_string(),
        uid: subject.uid,
        role: subject.role.to_string(),
        service: session.service,
        command: session.command,
        terminal: session.terminal,
        remote: session.remote,
        opened_at: session.opened_at.0,
        closed_at: session.closed_at.map(|at| at.0),
        recorded: session.recording.is_some(),
    }
}

/// What it gives or gave; for one that never was active, what its role would give.
fn gives(elevation: &Elevation, role: Option<&Role>) -> (Vec<String>, Vec<String>) {
    let groups = elevation
        .grant
        .as_ref()
        .map(|grant| &grant.groups)
        .or(role.map(|role| &role.groups));
    let services = elevation
        .grant
        .as_ref()
        .map(|grant| &grant.services)
        .or(role.map(|role| &role.services));
    (shown(groups), shown(services))
}

/// Whose yes a role takes.
fn needs(role: &Role) -> Vec<String> {
    role.approvals.iter().map(ToString::to_string).collect()
}

/// The roles that a person may ask for, or take by breaking the glass, as they see them.
pub(super) fn roles(policy: &Policy, person: &Person) -> Vec<jitd_api::Role> {
    let roles = policy.roles.values().map(|role| {
        let breaks = role.break_glass.as_ref();
        let breaks = breaks.is_some_and(|rule| rule.people.contains(person));
        self::role(role, role.eligible.contains(person), breaks)
    });
    roles
        .filter(|role| role.eligible || role.break_glass)
        .collect()
}

fn role(role: &Role, eligible: bool, break_glass: bool) -> jitd_api::Role {
    jitd_api::Role {
        name: role.name.to_string(),
        description: role.description.clone(),
        default_duration: role.default_duration.0,
        max_duration: role.max_duration.0,
        reason_required: role.reason.required,
        reason_choices: role.reason.choices.clone(),
        ticket_required: role.ticket.required,
        ticket_pattern: role
            .ticket
            .pattern
            .as_ref()
            .map(|pattern| pattern.as_str().to_owned())
            .unwrap_or_default(),
        needs: needs(role),
        eligible,
        break_glass,
        services: shown(Some(&role.services)),
    }
}

/// A membership without an elevation.
pub(super) fn standing(standing: &Standing) -> jitd_api::Standing {
    jitd_api::Standing {
        user: standing.user.to_string(),
        group: standing.group.to_string(),
        role: standing.role.to_string(),
    }
}

/// An error under its name on the bus.
pub(super) fn archive(archive: Archive) -> jitd_api::Archive {
    jitd_api::Archive {
        file: archive.file.display().to_string(),
        first: archive.first,
        last: archive.head.seq,
        head: archive.head.link.to_string(),
        sha256: archive.sha256,
    }
}

pub(super) fn error(error: EngineError) -> Error {
    match error {
        EngineError::Refused(refusal) => refused(refusal),
        EngineError::Store(_)
        | EngineError::OnlyEnded(_)
        | EngineError::Archive(_)
        | EngineError::Directory(_)
        | EngineError::NotGiven(..)
        | EngineError::Session(_)
        | EngineError::BrokenPolicy(_) => Error::Failed(error.to_string()),
    }
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotAllowed(text) => Error::NotAllowed(text),
        Refusal::NotFound(text) => Error::NotFound(text),
        Refusal::InvalidArgument(text) => Error::InvalidArgument(text),
        Refusal::WrongState(text) => Error::WrongState(text),
        Refusal::LimitExceeded(text) => Error::LimitExceeded(text),
    }
}

fn shown<T: ToString>(names: Option<&Vec<T>>) -> Vec<String> {
    names
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect()
}
