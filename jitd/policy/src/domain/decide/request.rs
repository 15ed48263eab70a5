//! Asking.

use std::collections::VecDeque;

use jitd_api::{RequestOptions, State};

use super::Refusal;
use crate::domain::assess::{Ask, Possible, Terms, Way, Yes, assess};
use crate::domain::budget::Span;
use crate::domain::elevation::{Act, Elevation, ElevationId, Grant};
use crate::domain::person::Caller;
use crate::domain::policy::{Policy, Role};
use crate::domain::time::{Boot, Now, Seconds, Wall};

/// Most requests of one account that may wait at a time.
pub const MAX_PENDING: usize = 16;

/// Most requests of one account in an hour: each is kept for ever, so that a loop of them would
/// fill the disk and drown the record.
pub const MAX_ASKED_PER_HOUR: usize = 600;

/// Most elevations of one account that may be open at a time, however they came to be.
pub const MAX_OPEN: usize = 64;

/// Most times that one account may have broken the glass without anybody having taken note.
pub const MAX_UNACKNOWLEDGED: usize = 16;

/// What a request depends on besides the policy and the caller.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// How many of this account wait already, for a decision or for their time.
    pub waiting: usize,
    /// How many of this account are open.
    pub open: usize,
    /// How often this account has broken the glass and nobody has taken note.
    pub unacknowledged: usize,
    /// When this account held the role, and when it is going to.
    pub used: &'a [Span],
    /// The elevation that is to be extended.
    pub extends: Option<&'a Elevation>,
    /// What extends that one already.
    pub extended_by: Option<ElevationId>,
}

/// An elevation as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Pending; or scheduled or active, where nobody needs to be asked.
    pub elevation: Elevation,
    /// What decided that, in words.
    pub because: String,
}

/// A request for a role, or for more of one, or to take one at once. Its number is still to be
/// given.
///
/// # Errors
/// Unknown role or not eligible, impossible length or time, missing or bad reason or ticket, too
/// many waiting, too much used; nothing to extend.
pub fn request(
    policy: &Policy,
    caller: &Caller,
    role: &str,
    way: Way,
    options: &RequestOptions,
    facts: &Facts<'_>,
    now: &Now,
) -> Result<Asked, Refusal> {
    let start = match facts.extends {
        Some(elevation) => Some(end_to_extend(caller, elevation, facts.extended_by, now)?),
        None => options.start.map(Wall),
    };
    let ask = Ask {
        start,
        ..Ask::new(&caller.account, role, way, options)
    };
    let assessment = assess(policy, &ask, facts.used, now.wall);
    let Possible { role, terms, yes } = assessment.outcome?;
    within_limits(caller, yes, terms.start, facts)?;
    let mut elevation = pending(caller, role, terms, facts.extends, now);
    elevation.break_glass = yes == Yes::Afterwards;
    if !matches!(yes, Yes::Of(_)) {
        give(&mut elevation, role, facts.extends, now)?;
    }
    let decided = assessment.steps.last();
    Ok(Asked {
        elevation,
        because: decided.map(ToString::to_string).unwrap_or_default(),
    })
}

/// What nobody needs, and would drown the others.
fn within_limits(
    caller: &Caller,
    yes: Yes<'_>,
    start: Option<Wall>,
    facts: &Facts<'_>,
) -> Result<(), Refusal> {
    let name = &caller.account.name;
    let waits = matches!(yes, Yes::Of(_)) || start.is_some();
    let too_much = if yes == Yes::Afterwards {
        (facts.unacknowledged >= MAX_UNACKNOWLEDGED).then(|| {
            format!(
                "{name} has broken the glass {} times without an approver having acknowledged it",
                facts.unacknowledged
            )
        })
    } else if waits && facts.waiting >= MAX_PENDING {
        Some(format!(
            "{} requests of {name} wait already; cancel one: jitctl cancel ID",
            facts.waiting
        ))
    } else {
        (facts.open >= MAX_OPEN).then(|| {
            format!(
                "{name} has {} elevations already; give one back: jitctl end ID",
                facts.open
            )
        })
    };
    too_much.map_or(Ok(()), |text| Err(Refusal::LimitExceeded(text)))
}

/// When an elevation ends that its holder wants more of.
fn end_to_extend(
    caller: &Caller,
    elevation: &Elevation,
    extended_by: Option<ElevationId>,
    now: &Now,
) -> Result<Wall, Refusal> {
    if !caller.holds(elevation) {
        return Err(Refusal::NotAllowed(format!(
            "elevation {} is {}'s; only its holder can ask for more of it",
            elevation.id, elevation.user
        )));
    }
    if let Some(other) = extended_by {
        return Err(Refusal::WrongState(format!(
            "{other} extends elevation {} already; to ask for more: jitctl extend {other}",
            elevation.id
        )));
    }
    match (&elevation.grant, elevation.shown_state(now)) {
        (Some(grant), State::Active | State::Scheduled) => Ok(grant.ends_at),
        (_, state) => Err(Refusal::WrongState(format!(
            "elevation {} is {state}, and only an active one can be extended; to ask anew: jitctl request {}",
            elevation.id, elevation.role
        ))),
    }
}

fn pending(
    caller: &Caller,
    role: &Role,
    terms: Terms,
    extends: Option<&Elevation>,
    now: &Now,
) -> Elevation {
    let lapses_at = now.wall.after(role.request_ttl);
    let over = terms.start.map(|start| start.after(terms.duration));
    Elevation {
        id: ElevationId(0),
        state: State::Pending,
        user: caller.account.name.clone(),
        uid: caller.account.uid,
        login_uid: caller.login.as_ref().map(|login| login.uid),
        role: role.name.clone(),
        reason: terms.reason,
        ticket: terms.ticket,
        duration: terms.duration,
        requested_at: now.wall,
        start: terms.start,
        extends: extends.map(|elevation| elevation.id),
        break_glass: false,
        acknowledged: None,
        lapses_at: over.map_or(lapses_at, |over| lapses_at.min(over)),
        grant: None,
        ended: None,
        decisions: Vec::new(),
    }
}

/// Gives what was asked for: from now, or from the time that was set for it. A set time is a
/// window: who is given it late has what is left of it.
///
/// # Errors
/// The window is over.
pub(super) fn give(
    elevation: &mut Elevation,
    role: &Role,
    extends: Option<&Elevation>,
    now: &Now,
) -> Result<(), Refusal> {
    let set = elevation.start;
    let starts_at = set.map_or(now.wall, |start| start.max(now.wall));
    let ends_at = set.unwrap_or(now.wall).after(elevation.duration);
    if ends_at <= now.wall {
        return Err(Refusal::WrongState(format!(
            "the time that elevation {} was asked for is over",
            elevation.id
        )));
    }
    let boot_at = |wall: Wall| Boot(now.boot.0.saturating_add(wall.0.saturating_sub(now.wall.0)));
    let mut starts_at_boot = boot_at(starts_at);
    let mut ends_at_boot = boot_at(ends_at);
    // One that is extended may end early by the boot clock: this one begins there.
    let joint = extends.and_then(|elevation| elevation.grant.as_ref());
    if let Some(joint) = joint.filter(|joint| joint.boot_id == now.boot_id)
        && joint.ends_at_boot < starts_at_boot
        && now.boot < joint.ends_at_boot
    {
        starts_at_boot = joint.ends_at_boot;
        ends_at_boot = joint.ends_at_boot.after(elevation.duration);
    }
    elevation.state = if starts_at > now.wall {
        State::Scheduled
    } else {
        State::Active
    };
    elevation.grant = Some(Grant {
        groups: role.groups.clone(),
        services: role.services.clone(),
        starts_at,
        starts_at_boot,
        ends_at,
        ends_at_boot,
        boot_id: now.boot_id.clone(),
    });
    Ok(())
}

/// The time that an elevation used its role, or is going to; none for one that never did.
#[must_use]
pub fn span_of(elevation: &Elevation) -> Option<Span> {
    let grant = elevation.grant.as_ref()?;
    let ended = elevation
        .ended
        .as_ref()
        .map_or(grant.ends_at, |act: &Act| act.at);
    let to = ended.min(grant.ends_at);
    (grant.starts_at < to).then_some(Span {
        from: grant.starts_at,
        to,
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
