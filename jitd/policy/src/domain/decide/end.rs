//! Ending.

use jitd_api::State;

use super::{
    Refusal, end_as, has_authority, must_hold, not_any_more, required_comment, role_in_force,
    still_pending,
};
use crate::domain::elevation::{Act, Elevation};
use crate::domain::person::Caller;
use crate::domain::policy::Role;
use crate::domain::text;
use crate::domain::time::{Now, Wall};

/// Who ends what the clock and the policy end.
const JITD: &str = "jitd";

/// The requester takes a request back, or an elevation that has not begun.
///
/// # Errors
/// Not the requester's, or neither pending nor scheduled.
pub fn cancel(caller: &Caller, elevation: &Elevation, now: &Now) -> Result<Elevation, Refusal> {
    must_hold(caller, elevation, "deny")?;
    if elevation.shown_state(now) != State::Scheduled {
        still_pending(elevation, now)?;
    }
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
    if !elevation.is_active(now) {
        return Err(not_any_more(elevation, now, "is active"));
    }
    let mut released = elevation.clone();
    end_as(&mut released, State::Released, caller, now);
    Ok(released)
}

/// Somebody with authority over the role, or root, ends an elevation; a comment is needed.
///
/// # Errors
/// Not an approver, neither active nor scheduled, no comment.
pub fn revoke(
    role: Option<&Role>,
    caller: &Caller,
    elevation: &Elevation,
    comment: &str,
    now: &Now,
) -> Result<Elevation, Refusal> {
    if !caller.is_root() {
        has_authority(role_in_force(role, elevation)?, caller, elevation)?;
    }
    required_comment(comment)?;
    text::bounded("comment", comment)?;
    if !elevation.is_active(now) && elevation.shown_state(now) != State::Scheduled {
        return Err(not_any_more(elevation, now, "is active or scheduled"));
    }
    let mut revoked = elevation.clone();
    end_as(&mut revoked, State::Revoked, caller, now);
    Ok(revoked)
}

/// What the clock does to an elevation whose [time is up](Elevation::is_due).
#[must_use]
pub fn end_by_clock(elevation: &Elevation, now: &Now) -> Elevation {
    let (state, due) = match &elevation.grant {
        Some(grant) => (State::Expired, grant.ends_at),
        None => (State::Lapsed, elevation.lapses_at),
    };
    ended_by_jitd(elevation, state, Wall(due.0.min(now.wall.0)))
}

/// Ends an elevation that the policy no longer allows.
#[must_use]
pub fn end_by_policy(elevation: &Elevation, now: &Now) -> Elevation {
    ended_by_jitd(elevation, State::Revoked, now.wall)
}

fn ended_by_jitd(elevation: &Elevation, state: State, at: Wall) -> Elevation {
    Elevation {
        state,
        ended: Some(Act {
            at,
            by: JITD.to_owned(),
        }),
        ..elevation.clone()
    }
}
