//! What a set clock, and a reboot, make of what was granted: never more than was given.
//!
//! Within a boot the wall clock and the boot clock gain the same, suspended or not: slewing
//! (`adjtime(3)`, NTP) changes the rate of both (`clock_gettime(2)`). What they differ by can
//! only change when somebody sets the wall clock.

use std::collections::BTreeMap;

use jitd_api::State;

use super::decide::end_by_clock;
use super::elevation::{Elevation, ElevationId, Grant};
use super::time::{Boot, Now, Wall};

/// How far the wall clock may be off before it counts as set, in milliseconds: room for a leap
/// second, and for a host that keeps its clock in a file while it is off.
const TOLERANCE: i64 = 2_000;

/// The wall clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// By so many milliseconds; back, where negative.
    pub by: i64,
    /// What it would show; after a reboot, what it showed at least.
    pub from: Wall,
    /// What it shows.
    pub to: Wall,
}

/// What a reading of the clocks tells beside an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Time has passed.
    Steady,
    /// The wall clock was set.
    Set(Step),
    /// The host was started again; or there is no earlier reading.
    Rebooted,
    /// The host was started again, and its wall clock stands behind what was seen before: it
    /// was set back, and nobody can say how much time has passed.
    RebootedBack(Step),
}

/// What becomes of an elevation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes on, with its times by the clocks as they are now.
    Moved(Elevation),
    /// It ends.
    Ended(Elevation),
}

/// Compares the clocks with an earlier reading. To notice many small steps, that reading must
/// stay the same one until a turn was seen.
#[must_use]
pub fn turn(seen: Option<&Now>, now: &Now) -> Turn {
    let Some(seen) = seen else {
        return Turn::Rebooted;
    };
    let same_boot = seen.boot_id == now.boot_id;
    let expected = if same_boot {
        seen.wall
            .0
            .saturating_add(now.boot.0.saturating_sub(seen.boot.0))
    } else {
        seen.wall.0
    };
    let step = Step {
        by: now.wall.0.saturating_sub(expected),
        from: Wall(expected),
        to: now.wall,
    };
    match same_boot {
        true if step.by.saturating_abs() > TOLERANCE => Turn::Set(step),
        true => Turn::Steady,
        false if step.by < -TOLERANCE => Turn::RebootedBack(step),
        false => Turn::Rebooted,
    }
}

/// What a turn makes of the open elevations; those that stay as they are are left out.
///
/// A window that was set for a time by the wall clock and has not begun stays at that time.
/// Everything else goes by what is left of it.
#[must_use]
pub fn fates(
    turn: Turn,
    open: &BTreeMap<ElevationId, Elevation>,
    seen: Option<&Now>,
    now: &Now,
) -> Vec<Fate> {
    let fate = |elevation| fate(turn, elevation, open, seen, now);
    open.values().filter_map(fate).collect()
}

fn fate(
    turn: Turn,
    elevation: &Elevation,
    open: &BTreeMap<ElevationId, Elevation>,
    seen: Option<&Now>,
    now: &Now,
) -> Option<Fate> {
    let grant = elevation.grant.as_ref()?;
    let runs = runs(elevation, open);
    // Without an earlier reading its beginning is the newest time that was seen.
    let provable = seen.is_some() || now.wall >= grant.starts_at;
    let moved = match (turn, grant.boot_id == now.boot_id) {
        (Turn::Set(_), true) | (Turn::Rebooted | Turn::RebootedBack(_), false) if !runs => {
            at_its_time(grant, now)
        }
        (Turn::Set(step), true) if step.by < 0 => with_the_wall_clock_following(grant, now),
        (Turn::Rebooted, false) if provable => with_what_was_left(grant, seen, now),
        (Turn::Rebooted | Turn::RebootedBack(_), false) => {
            return Some(Fate::Ended(ended(elevation, seen, now)));
        }
        _ => return None,
    };
    (moved != *grant).then(|| {
        Fate::Moved(Elevation {
            grant: Some(moved),
            ..elevation.clone()
        })
    })
}

/// Whether its time runs: it has begun, or it goes on from one whose time runs.
fn runs(elevation: &Elevation, open: &BTreeMap<ElevationId, Elevation>) -> bool {
    if elevation.state == State::Active {
        return true;
    }
    let base = elevation.extends.filter(|base| *base < elevation.id);
    base.is_some_and(|base| open.get(&base).is_none_or(|base| runs(base, open)))
}

/// A window that has not begun: the boot clock's times are counted anew from the wall clock's.
fn at_its_time(grant: &Grant, now: &Now) -> Grant {
    let boot_at = |wall: Wall| later(now.boot, wall.0.saturating_sub(now.wall.0));
    Grant {
        starts_at_boot: boot_at(grant.starts_at),
        ends_at_boot: boot_at(grant.ends_at),
        boot_id: now.boot_id.clone(),
        ..grant.clone()
    }
}

/// The wall clock was set back: its times are what the boot clock leaves, so that they do not
/// promise more, here or after a reboot. The beginning goes along: what was used stays used.
fn with_the_wall_clock_following(grant: &Grant, now: &Now) -> Grant {
    let wall_at = |boot: Boot| {
        let left = boot.0.saturating_sub(now.boot.0);
        Wall(now.wall.0.saturating_add(left))
    };
    Grant {
        starts_at: grant.starts_at.min(wall_at(grant.starts_at_boot)),
        ends_at: grant.ends_at.min(wall_at(grant.ends_at_boot)),
        ..grant.clone()
    }
}

/// The host was started again: what was left by either clock when both were last seen, less
/// what the wall clock has gained since.
fn with_what_was_left(grant: &Grant, seen: Option<&Now>, now: &Now) -> Grant {
    let newest = newest(seen, now);
    let by_boot = seen.filter(|seen| seen.boot_id == grant.boot_id);
    let left = |wall: Wall, boot: Boot| {
        let by_wall = wall.0.saturating_sub(newest.0);
        by_boot.map_or(by_wall, |seen| {
            let gained = newest.0.saturating_sub(seen.wall.0);
            let left = boot.0.saturating_sub(seen.boot.0);
            by_wall.min(left.saturating_sub(gained))
        })
    };
    Grant {
        starts_at_boot: later(now.boot, left(grant.starts_at, grant.starts_at_boot)),
        ends_at_boot: later(now.boot, left(grant.ends_at, grant.ends_at_boot)),
        boot_id: now.boot_id.clone(),
        ..grant.clone()
    }
}

/// Ended at the newest time that was seen, so that what was used stays used.
fn ended(elevation: &Elevation, seen: Option<&Now>, now: &Now) -> Elevation {
    let now = Now {
        wall: newest(seen, now),
        ..now.clone()
    };
    end_by_clock(elevation, &now)
}

fn newest(seen: Option<&Now>, now: &Now) -> Wall {
    seen.map_or(now.wall, |seen| seen.wall.max(now.wall))
}

fn later(boot: Boot, milliseconds: i64) -> Boot {
    Boot(boot.0.saturating_add(milliseconds))
}

#[cfg(test)]
mod tests;
