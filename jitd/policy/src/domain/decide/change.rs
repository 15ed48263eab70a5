//! What follows from something else: from a start, from another's end, from a new policy.

use jitd_api::State;

use super::{end_by_policy, may_hold};
use crate::domain::elevation::Elevation;
use crate::domain::person::Person;
use crate::domain::policy::Policy;
use crate::domain::time::{Boot, Now, Seconds};

/// Why the policy does not allow an elevation any more; nothing while it does. `holder` is who
/// has its account now; where nobody is found, nothing is known of them.
#[must_use]
pub fn unfounded(
    policy: &Policy,
    elevation: &Elevation,
    holder: Option<&Person>,
) -> Option<&'static str> {
    let Some(role) = policy.role(elevation.role.as_str()) else {
        return Some("the role is no longer in the policy");
    };
    let may_hold = holder.is_none_or(|holder| may_hold(role, holder, elevation));
    (!may_hold).then_some("its holder is no longer eligible for the role")
}

/// A scheduled elevation at its time: active, or ended where the policy does not allow it any
/// more, and why.
///
/// A clock that was set since it was approved can only shorten it: what is left by either clock
/// counts. `extends` is the elevation that it goes on from, while that is open: where that ends
/// by the boot clock has moved since, this one begins there.
#[must_use]
pub fn begin(
    policy: &Policy,
    elevation: &Elevation,
    holder: &Person,
    extends: Option<&Elevation>,
    now: &Now,
) -> (Elevation, Option<&'static str>) {
    if let Some(why) = unfounded(policy, elevation, Some(holder)) {
        return (end_by_policy(elevation, now), Some(why));
    }
    let mut begun = elevation.clone();
    begun.state = State::Active;
    if let (Some(grant), Some(role)) = (&mut begun.grant, policy.role(elevation.role.as_str())) {
        // A policy that was tightened since counts.
        grant.groups.retain(|group| role.groups.contains(group));
        grant
            .services
            .retain(|service| role.services.contains(service));
        let most = if elevation.break_glass {
            Seconds::LONGEST
        } else {
            role.max_duration
        };
        grant.ends_at = grant.ends_at.min(grant.starts_at.after(most));
        let begins = grant.starts_at.max(now.wall);
        let waits = begins.0.saturating_sub(now.wall.0);
        let length = grant.ends_at.0.saturating_sub(begins.0);
        let starts_at_boot = Boot(now.boot.0.saturating_add(waits));
        let ends_at_boot = Boot(starts_at_boot.0.saturating_add(length));
        if grant.boot_id == now.boot_id {
            grant.starts_at_boot = grant.starts_at_boot.min(starts_at_boot);
            grant.ends_at_boot = grant.ends_at_boot.min(ends_at_boot);
        } else {
            grant.starts_at_boot = starts_at_boot;
            grant.ends_at_boot = ends_at_boot;
            grant.boot_id = now.boot_id.clone();
        }
        let joint = extends.and_then(|elevation| elevation.grant.as_ref());
        if let Some(joint) = joint.filter(|joint| joint.boot_id == grant.boot_id) {
            let early = grant.starts_at_boot.0.saturating_sub(joint.ends_at_boot.0);
            grant.starts_at_boot.0 -= early.max(0);
            grant.ends_at_boot.0 -= early.max(0);
        }
    }
    (begun, None)
}

/// What becomes of an extension when the elevation that it extends ends otherwise than by its
/// time: nobody wants it any more. Nothing, where it has begun or is over.
#[must_use]
pub fn follow(extension: &Elevation, ended: &Elevation, now: &Now) -> Option<Elevation> {
    let state = match extension.shown_state(now) {
        State::Pending => State::Cancelled,
        State::Scheduled => ended.state,
        _ => return None,
    };
    let nobody_wants_it = matches!(
        ended.state,
        State::Released | State::Revoked | State::Cancelled
    );
    nobody_wants_it.then(|| Elevation {
        state,
        ended: ended.ended.clone(),
        ..extension.clone()
    })
}
