//! Decisions: may this caller do this, and what becomes of the elevation.
//!
//! Every function is given the facts and the time, and answers with the elevation as it
//! will be, or with a [`Refusal`] that says why not and what to do.

mod approve;
mod change;
mod end;
mod request;

pub use approve::{Approved, Bench, acknowledge, approve, deny};
pub use change::{begin, follow, unfounded};
pub use end::{cancel, end_by_clock, end_by_policy, release, revoke};
pub use request::{
    Asked, Facts, MAX_ASKED_PER_HOUR, MAX_OPEN, MAX_PENDING, MAX_UNACKNOWLEDGED, not_too_often,
    request, span_of,
};

use super::elevation::{Act, Elevation};
use super::person::{Caller, Person};
use super::policy::{Policy, Role};
use super::text;
use super::time::Now;
use jitd_api::State;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller may not.
    #[error("{0}")]
    NotAllowed(String),
    /// There is no such thing, or the caller may not know of it.
    #[error("{0}")]
    NotFound(String),
    /// The caller asked for something impossible.
    #[error("{0}")]
    InvalidArgument(String),
    /// It is too late, or too early.
    #[error("{0}")]
    WrongState(String),
    /// Too much at once.
    #[error("{0}")]
    LimitExceeded(String),
}

impl From<text::InvalidText> for Refusal {
    fn from(invalid: text::InvalidText) -> Self {
        Self::InvalidArgument(invalid.to_string())
    }
}

/// Whether the caller may see it: theirs, theirs to decide, or a reader's.
#[must_use]
pub fn may_see(policy: Option<&Policy>, caller: &Caller, elevation: &Elevation) -> bool {
    caller.is_root()
        || caller.account.uid == elevation.uid
        || policy.is_some_and(|policy| {
            policy.readers.contains(&caller.account)
                || policy
                    .role(elevation.role.as_str())
                    .is_some_and(|role| role.approvers.contains(&caller.account))
        })
}

/// Whether the caller could decide over it, as far as people are concerned.
#[must_use]
pub fn could_decide(role: &Role, caller: &Caller, elevation: &Elevation) -> bool {
    may_decide(role, caller, elevation).is_ok()
}

/// Whether this person may hold it, as the policy is now.
#[must_use]
pub fn may_hold(role: &Role, holder: &Person, elevation: &Elevation) -> bool {
    let people = match (&role.break_glass, elevation.break_glass) {
        (Some(glass), true) => &glass.people,
        (None, true) => return false,
        (_, false) => &role.eligible,
    };
    holder.is_holder_of(elevation) && people.contains(holder)
}

fn may_decide(role: &Role, caller: &Caller, elevation: &Elevation) -> Result<(), Refusal> {
    if caller.had_a_hand_in(elevation) {
        return Err(Refusal::NotAllowed(format!(
            "nobody decides their own elevation: {} was asked for by {}; it needs {}",
            elevation.id,
            elevation.user,
            wanted(role)
        )));
    }
    has_authority(role, caller, elevation)
}

fn has_authority(role: &Role, caller: &Caller, elevation: &Elevation) -> Result<(), Refusal> {
    match caller
        .deciders()
        .into_iter()
        .find(|person| !role.approvers.contains(person))
    {
        None => Ok(()),
        Some(person) => Err(Refusal::NotAllowed(format!(
            "{} is not an approver of role {}; it needs {}",
            person.name,
            elevation.role,
            wanted(role)
        ))),
    }
}

/// Whose yes a role wants, or, where nobody's is, who has authority over it.
fn wanted(role: &Role) -> String {
    let all: Vec<_> = role.approvals.iter().map(ToString::to_string).collect();
    if all.is_empty() {
        format!("one of {}", role.approvers)
    } else {
        all.join(", and ")
    }
}

fn role_in_force<'a>(role: Option<&'a Role>, elevation: &Elevation) -> Result<&'a Role, Refusal> {
    role.ok_or_else(|| {
        Refusal::NotAllowed(format!(
            "role {} is not in the policy any more; only root can decide over it",
            elevation.role
        ))
    })
}

fn must_hold(caller: &Caller, elevation: &Elevation, instead: &str) -> Result<(), Refusal> {
    if caller.holds(elevation) {
        return Ok(());
    }
    Err(Refusal::NotAllowed(format!(
        "elevation {0} is {1}'s; an approver can {instead} it: jitctl {instead} {0} --comment \"…\"",
        elevation.id, elevation.user
    )))
}

fn still_pending(elevation: &Elevation, now: &Now) -> Result<(), Refusal> {
    if elevation.state == State::Pending && !elevation.is_due(now) {
        return Ok(());
    }
    Err(not_any_more(elevation, now, "waits for a decision"))
}

fn not_any_more(elevation: &Elevation, now: &Now, demand: &str) -> Refusal {
    Refusal::WrongState(format!(
        "elevation {} is {}; this can be done only while it {demand}",
        elevation.id,
        elevation.shown_state(now)
    ))
}

fn required_comment(comment: &str) -> Result<&str, Refusal> {
    if comment.trim().is_empty() {
        return Err(Refusal::InvalidArgument(
            "say why: --comment \"…\"".to_owned(),
        ));
    }
    Ok(comment)
}

fn end_as(elevation: &mut Elevation, state: State, caller: &Caller, now: &Now) {
    elevation.state = state;
    elevation.ended = Some(act_of(caller, now));
}

fn act_of(caller: &Caller, now: &Now) -> Act {
    Act {
        at: now.wall,
        by: caller.person().name.to_string(),
    }
}

#[cfg(test)]
mod tests;
