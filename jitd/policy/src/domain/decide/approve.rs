//! Answering.

use jitd_api::{State, Verdict};

use super::request::give;
use super::{
    Refusal, act_of, end_as, may_decide, may_hold, required_comment, role_in_force, still_pending,
};
use crate::domain::approvals::{counts, outstanding};
use crate::domain::assess::{Ask, Way, within_budget};
use crate::domain::budget::Span;
use crate::domain::elevation::{Decision, Elevation};
use crate::domain::person::{Caller, Person};
use crate::domain::policy::Role;
use crate::domain::text;
use crate::domain::time::{Now, Seconds};

/// What an approval depends on besides the role, the caller and the elevation: everybody as the
/// directory knows them now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bench<'a> {
    /// Who has the requester's account.
    pub holder: Option<&'a Person>,
    /// Who has agreed before.
    pub agreed: &'a [Person],
    /// When the holder held the role, and when they are going to.
    pub used: &'a [Span],
    /// The elevation that this one extends, while it is open.
    pub extends: Option<&'a Elevation>,
}

/// What came of an approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Active or scheduled; or pending still.
    pub elevation: Elevation,
    /// What it still needs, in words; nothing once it is given.
    pub missing: Vec<String>,
}

/// One person's yes. With the last one that is needed it begins, or is scheduled. `shorter`
/// (seconds) may only shorten it. Who agreed before and has lost the authority since does not
/// count any more.
///
/// # Errors
/// Not an approver, one's own request, no longer pending, said already, longer than asked for,
/// or the requester may not hold it any more.
pub fn approve(
    role: &Role,
    caller: &Caller,
    elevation: &Elevation,
    bench: &Bench<'_>,
    shorter: Option<u64>,
    comment: &str,
    now: &Now,
) -> Result<Approved, Refusal> {
    may_decide(role, caller, elevation)?;
    is_there(caller)?;
    still_pending(elevation, now)?;
    let person = caller.person();
    if elevation
        .decisions
        .iter()
        .any(|decision| decision.uid == person.uid)
    {
        return Err(Refusal::WrongState(format!(
            "{} has agreed to {} already; it needs somebody else's yes too",
            person.name, elevation.id
        )));
    }
    if !role.approvals.is_empty() && !counts(&role.approvals, person) {
        return Err(Refusal::NotAllowed(format!(
            "the yes of {} does not count for role {}; it needs {}",
            person.name,
            role.name,
            super::wanted(role)
        )));
    }
    let holder = bench
        .holder
        .filter(|holder| may_hold(role, holder, elevation))
        .ok_or_else(|| not_eligible_any_more(role, elevation))?;
    let mut approved = elevation.clone();
    // A policy that was tightened while the request waited counts.
    approved.duration = shortened(elevation, shorter)?.min(role.max_duration);
    approved
        .decisions
        .push(decision(caller, Verdict::Approved, comment, now)?);
    let agreed: Vec<_> = bench.agreed.iter().chain([person]).cloned().collect();
    let missing = outstanding(&role.approvals, &agreed);
    if missing.is_empty() {
        let ask = Ask {
            person: holder,
            role: role.name.as_str(),
            way: Way::Request,
            duration: Some(approved.duration),
            start: approved.start,
            reason: &approved.reason,
            ticket: &approved.ticket,
            to_come: false,
        };
        within_budget(role, &ask, approved.duration, bench.used, now.wall)?;
        give(&mut approved, role, bench.extends, now)?;
    }
    Ok(Approved {
        elevation: approved,
        missing: missing
            .into_iter()
            .map(|(people, count)| format!("{count} of {people}"))
            .collect(),
    })
}

fn shortened(elevation: &Elevation, shorter: Option<u64>) -> Result<Seconds, Refusal> {
    match shorter.map(Seconds) {
        None => Ok(elevation.duration),
        Some(Seconds(0)) => Err(Refusal::InvalidArgument("the duration is zero".to_owned())),
        Some(asked) if asked > elevation.duration => Err(Refusal::InvalidArgument(format!(
            "an approver may shorten an elevation, never lengthen it: {} was asked for",
            elevation.duration
        ))),
        Some(asked) => Ok(asked),
    }
}

fn not_eligible_any_more(role: &Role, elevation: &Elevation) -> Refusal {
    Refusal::WrongState(format!(
        "{0} is not eligible for role {1} any more; deny the request: jitctl deny {2} --comment \"…\"",
        elevation.user, role.name, elevation.id
    ))
}

/// A refusal by an approver, or by root; a comment is needed. One is enough.
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
    if !caller.is_root() || caller.had_a_hand_in(elevation) {
        may_decide(role_in_force(role, elevation)?, caller, elevation)?;
    }
    still_pending(elevation, now)?;
    let comment = required_comment(comment)?;
    let denial = decision(caller, Verdict::Denied, comment, now)?;
    let mut denied = elevation.clone();
    denied
        .decisions
        .retain(|decision| decision.uid != denial.uid);
    denied.decisions.push(denial);
    end_as(&mut denied, State::Denied, caller, now);
    Ok(denied)
}

/// An approver takes note that the glass was broken; root, where the role is gone.
///
/// # Errors
/// Not an approver, one's own elevation, nothing to acknowledge, a comment that is too long.
pub fn acknowledge(
    role: Option<&Role>,
    caller: &Caller,
    elevation: &Elevation,
    comment: &str,
    now: &Now,
) -> Result<Elevation, Refusal> {
    if role.is_some() || !caller.is_root() || caller.had_a_hand_in(elevation) {
        may_decide(role_in_force(role, elevation)?, caller, elevation)?;
    }
    is_there(caller)?;
    text::bounded("comment", comment)?;
    if !elevation.break_glass {
        return Err(Refusal::WrongState(format!(
            "elevation {} was not taken by breaking the glass; there is nothing to acknowledge",
            elevation.id
        )));
    }
    if let Some(act) = &elevation.acknowledged {
        return Err(Refusal::WrongState(format!(
            "{} has acknowledged elevation {} already",
            act.by, elevation.id
        )));
    }
    Ok(Elevation {
        acknowledged: Some(act_of(caller, now)),
        ..elevation.clone()
    })
}

/// What gives, or settles, is somebody's own act. (To take away, anybody will do who may.)
fn is_there(caller: &Caller) -> Result<(), Refusal> {
    match &caller.absent {
        None => Ok(()),
        Some(why) => Err(Refusal::NotAllowed(format!(
            "{} decides only in a login session of their own, and {why}: log in, by ssh or at a console, and say it there",
            caller.person().name
        ))),
    }
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
