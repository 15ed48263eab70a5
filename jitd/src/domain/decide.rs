//! Decisions: may this caller do this, and what becomes of the elevation.
//!
//! Every function is given the facts and the time, and answers with the elevation as it
//! will be, or with a [`Refusal`] that says why not and what to do.

use std::collections::VecDeque;

use jitd_api::{RequestOptions, State, Verdict};

use super::elevation::{Decision, Elevation, ElevationId, Ended, Grant};
use super::person::{Caller, Person};
use super::policy::{People, Policy, Role};
use super::text;
use super::time::{Boot, Now, Seconds, Wall};

/// Most requests of one account that may wait at a time.
pub const MAX_PENDING: usize = 16;

/// Most requests of one account in an hour: each is kept for ever, so that a loop of them would
/// fill the disk and drown the record.
pub const MAX_ASKED_PER_HOUR: usize = 600;

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

/// A request for a role. `waiting` is how many requests of this account wait already.
///
/// # Errors
/// Unknown role or not eligible, impossible length, missing or bad reason, too many waiting.
pub fn request(
    policy: &Policy,
    caller: &Caller,
    role: &str,
    options: &RequestOptions,
    waiting: usize,
    now: &Now,
) -> Result<Elevation, Refusal> {
    if caller.is_root() {
        return Err(Refusal::InvalidArgument(
            "root needs no elevation; ask from your own account's shell".to_owned(),
        ));
    }
    let role = requestable_role(policy, caller, role)?;
    if waiting >= MAX_PENDING {
        return Err(Refusal::LimitExceeded(format!(
            "{waiting} requests of {} wait already; cancel one: jitctl cancel ID",
            caller.account.name
        )));
    }
    Ok(Elevation {
        id: ElevationId(0),
        state: State::Pending,
        user: caller.account.name.clone(),
        uid: caller.account.uid,
        login_uid: caller.login.as_ref().map(|login| login.uid),
        role: role.name.clone(),
        reason: reason_for(role, options.reason.as_deref())?,
        duration: duration_for(role, options.duration)?,
        requested_at: now.wall,
        lapses_at: now.wall.after(role.request_ttl),
        grant: None,
        ended: None,
        decisions: Vec::new(),
    })
}

/// Takes note that an account asks, and forgets what is more than an hour ago.
///
/// # Errors
/// It has asked [`MAX_ASKED_PER_HOUR`] times already.
pub fn not_too_often(asked: &mut VecDeque<Boot>, now: &Now) -> Result<(), Refusal> {
    let hour = Seconds(3600);
    while asked.front().is_some_and(|at| at.after(hour) <= now.boot) {
        asked.pop_front();
    }
    if asked.len() >= MAX_ASKED_PER_HOUR {
        return Err(Refusal::LimitExceeded(format!(
            "more than {MAX_ASKED_PER_HOUR} requests within an hour; wait a while"
        )));
    }
    asked.push_back(now.boot);
    Ok(())
}

fn requestable_role<'a>(
    policy: &'a Policy,
    caller: &Caller,
    name: &str,
) -> Result<&'a Role, Refusal> {
    let may_ask = || {
        let names: Vec<_> = policy
            .requestable(&caller.account)
            .map(|role| role.name.as_str())
            .collect();
        if names.is_empty() {
            "there is no role that you may request".to_owned()
        } else {
            format!("you may request: {}", names.join(", "))
        }
    };
    match policy.role(name) {
        Some(role) if role.eligible.contains(&caller.account) => Ok(role),
        Some(role) => Err(Refusal::NotAllowed(format!(
            "{} is not eligible for role {}; {}",
            caller.account.name,
            role.name,
            may_ask()
        ))),
        None => Err(Refusal::NotFound(format!(
            "there is no role {:?}; {}",
            text::escaped(&name.chars().take(jitd_api::MAX_NAME).collect::<String>()),
            may_ask()
        ))),
    }
}

fn reason_for(role: &Role, reason: Option<&str>) -> Result<String, Refusal> {
    let reason = text::bounded("reason", reason.unwrap_or_default())?;
    let length = reason.chars().count();
    if length == 0 && role.reason.required {
        return Err(Refusal::InvalidArgument(format!(
            "role {} needs a reason: --reason \"…\"",
            role.name
        )));
    }
    if length > 0 && length < role.reason.min_length {
        return Err(Refusal::InvalidArgument(format!(
            "the reason has {length} characters; role {} needs at least {}",
            role.name, role.reason.min_length
        )));
    }
    Ok(reason)
}

fn duration_for(role: &Role, seconds: Option<u64>) -> Result<Seconds, Refusal> {
    let asked = seconds.map_or(role.default_duration, Seconds);
    if asked.0 == 0 {
        return Err(Refusal::InvalidArgument("the duration is zero".to_owned()));
    }
    if asked > role.max_duration {
        return Err(Refusal::InvalidArgument(format!(
            "{asked} is longer than role {} allows: at most {} (--for \"{}\")",
            role.name, role.max_duration, role.max_duration
        )));
    }
    Ok(asked)
}

/// An approval: with one approver it begins now. `shorter` (seconds) may only shorten it.
/// `holder` is who has the requester's account at this moment.
///
/// # Errors
/// Not an approver, one's own request, no longer pending, longer than asked for, or the
/// requester is not eligible any more.
pub fn approve(
    role: &Role,
    caller: &Caller,
    elevation: &Elevation,
    holder: Option<&Person>,
    shorter: Option<u64>,
    comment: &str,
    now: &Now,
) -> Result<Elevation, Refusal> {
    may_decide(&role.approvers, caller, elevation)?;
    still_pending(elevation, now)?;
    if !holder
        .is_some_and(|holder| holder.is_holder_of(elevation) && role.eligible.contains(holder))
    {
        return Err(Refusal::WrongState(format!(
            "{0} is not eligible for role {1} any more; deny the request: jitctl deny {2} --comment \"…\"",
            elevation.user, role.name, elevation.id
        )));
    }
    let duration = match shorter {
        None => elevation.duration,
        Some(0) => return Err(Refusal::InvalidArgument("the duration is zero".to_owned())),
        Some(seconds) if Seconds(seconds) > elevation.duration => {
            return Err(Refusal::InvalidArgument(format!(
                "an approver may shorten an elevation, never lengthen it: {} was asked for",
                elevation.duration
            )));
        }
        Some(seconds) => Seconds(seconds),
    };
    let mut approved = elevation.clone();
    approved
        .decisions
        .push(decision(caller, Verdict::Approved, comment, now)?);
    approved.state = State::Active;
    // A policy that was tightened while the request waited counts.
    approved.duration = duration.min(role.max_duration);
    approved.grant = Some(Grant {
        groups: role.groups.clone(),
        services: role.services.clone(),
        starts_at: now.wall,
        ends_at: now.wall.after(approved.duration),
        ends_at_boot: now.boot.after(approved.duration),
        boot_id: now.boot_id.clone(),
    });
    Ok(approved)
}

/// A refusal by an approver, or by root; a comment is needed.
///
/// # Errors
/// Not an approver, one's own request, no longer pending, no comment.
pub fn deny(
    role: Option<&Role>,
    caller: &Caller,
    elevation: &Elevation,
    comment: &str,
    now: &Now,
) -> Result<Elevation, Refusal> {
    if !caller.is_root() {
        may_decide(
            &role_in_force(role, elevation)?.approvers,
            caller,
            elevation,
        )?;
    }
    still_pending(elevation, now)?;
    let mut denied = elevation.clone();
    denied.decisions.push(decision(
        caller,
        Verdict::Denied,
        required_comment(comment)?,
        now,
    )?);
    end_as(&mut denied, State::Denied, caller, now);
    Ok(denied)
}

/// The requester takes a request back.
///
/// # Errors
/// Not the requester's, or no longer pending.
pub fn cancel(caller: &Caller, elevation: &Elevation, now: &Now) -> Result<Elevation, Refusal> {
    must_hold(caller, elevation, "deny")?;
    still_pending(elevation, now)?;
    let mut cancelled = elevation.clone();
    end_as(&mut cancelled, State::Cancelled, caller, now);
    Ok(cancelled)
}

/// The holder ends an elevation.
///
/// # Errors
/// Not the holder, or not active.
pub fn release(caller: &Caller, elevation: &Elevation, now: &Now) -> Result<Elevation, Refusal> {
    must_hold(caller, elevation, "revoke")?;
    still_active(elevation, now)?;
    let mut released = elevation.clone();
    end_as(&mut released, State::Released, caller, now);
    Ok(released)
}

/// Somebody with authority over the role, or root, ends an elevation; a comment is needed.
///
/// # Errors
/// Not an approver, not active, no comment.
pub fn revoke(
    role: Option<&Role>,
    caller: &Caller,
    elevation: &Elevation,
    comment: &str,
    now: &Now,
) -> Result<Elevation, Refusal> {
    if !caller.is_root() {
        has_authority(
            &role_in_force(role, elevation)?.approvers,
            caller,
            elevation,
        )?;
    }
    required_comment(comment)?;
    text::bounded("comment", comment)?;
    still_active(elevation, now)?;
    let mut revoked = elevation.clone();
    end_as(&mut revoked, State::Revoked, caller, now);
    Ok(revoked)
}

/// What the clock does to an elevation that [is due](Elevation::is_due).
#[must_use]
pub fn end_by_clock(elevation: &Elevation, now: &Now) -> Elevation {
    let (state, due) = match &elevation.grant {
        Some(grant) => (State::Expired, grant.ends_at),
        None => (State::Lapsed, elevation.lapses_at),
    };
    let at = Wall(due.0.min(now.wall.0));
    ended_by_jitd(elevation, state, at)
}

/// Ends an active elevation whose role is no longer in the policy.
#[must_use]
pub fn end_by_policy(elevation: &Elevation, now: &Now) -> Elevation {
    let state = if elevation.state == State::Pending {
        State::Lapsed
    } else {
        State::Revoked
    };
    ended_by_jitd(elevation, state, now.wall)
}

fn ended_by_jitd(elevation: &Elevation, state: State, at: Wall) -> Elevation {
    Elevation {
        state,
        ended: Some(Ended {
            at,
            by: "jitd".to_owned(),
        }),
        ..elevation.clone()
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

/// Whether the caller could decide it, were it to wait.
#[must_use]
pub fn could_decide(role: &Role, caller: &Caller, elevation: &Elevation) -> bool {
    may_decide(&role.approvers, caller, elevation).is_ok()
}

/// `instead` is the command by which an approver can do it.
fn must_hold(caller: &Caller, elevation: &Elevation, instead: &str) -> Result<(), Refusal> {
    if caller.holds(elevation) {
        return Ok(());
    }
    Err(Refusal::NotAllowed(format!(
        "elevation {0} is {1}'s; an approver can {instead} it: jitctl {instead} {0} --comment \"…\"",
        elevation.id, elevation.user
    )))
}

fn may_decide(approvers: &People, caller: &Caller, elevation: &Elevation) -> Result<(), Refusal> {
    if caller.had_a_hand_in(elevation) {
        return Err(Refusal::NotAllowed(format!(
            "nobody decides their own elevation: {} was asked for by {}; it needs one of {}",
            elevation.id,
            elevation.user,
            approvers.described().join(", ")
        )));
    }
    has_authority(approvers, caller, elevation)
}

fn has_authority(
    approvers: &People,
    caller: &Caller,
    elevation: &Elevation,
) -> Result<(), Refusal> {
    match caller
        .deciders()
        .into_iter()
        .find(|person| !approvers.contains(person))
    {
        None => Ok(()),
        Some(person) => Err(Refusal::NotAllowed(format!(
            "{} is not an approver of role {}; it needs one of {}",
            person.name,
            elevation.role,
            approvers.described().join(", ")
        ))),
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

fn still_pending(elevation: &Elevation, now: &Now) -> Result<(), Refusal> {
    if elevation.state == State::Pending && !elevation.is_due(now) {
        return Ok(());
    }
    Err(not_any_more(elevation, now, "waits for a decision"))
}

fn still_active(elevation: &Elevation, now: &Now) -> Result<(), Refusal> {
    if elevation.is_active(now) {
        return Ok(());
    }
    Err(not_any_more(elevation, now, "is active"))
}

fn not_any_more(elevation: &Elevation, now: &Now, demand: &str) -> Refusal {
    let state = match elevation.state {
        State::Pending if elevation.is_due(now) => State::Lapsed,
        State::Active if elevation.is_due(now) => State::Expired,
        state => state,
    };
    Refusal::WrongState(format!(
        "elevation {} is {state}; this can be done only while it {demand}",
        elevation.id
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

fn decision(
    caller: &Caller,
    verdict: Verdict,
    comment: &str,
    now: &Now,
) -> Result<Decision, Refusal> {
    Ok(Decision {
        by: caller.person().name.clone(),
        uid: caller.person().uid,
        verdict,
        comment: text::bounded("comment", comment)?,
        at: now.wall,
    })
}

fn end_as(elevation: &mut Elevation, state: State, caller: &Caller, now: &Now) {
    elevation.state = state;
    elevation.ended = Some(Ended {
        at: now.wall,
        by: caller.person().name.to_string(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::BootId;

    #[test]
    fn a_loop_of_requests_is_stopped_and_forgotten_after_an_hour() {
        let now = |boot| Now {
            wall: Wall(0),
            boot: Boot(boot),
            boot_id: BootId(String::new()),
        };
        let mut asked = VecDeque::new();
        for _ in 0..MAX_ASKED_PER_HOUR {
            not_too_often(&mut asked, &now(0)).unwrap();
        }
        let refused = not_too_often(&mut asked, &now(3_599_999));
        assert!(
            matches!(refused, Err(Refusal::LimitExceeded(_))),
            "{refused:?}"
        );
        not_too_often(&mut asked, &now(3_600_000)).unwrap();
        assert_eq!(asked.len(), 1);
    }
}
