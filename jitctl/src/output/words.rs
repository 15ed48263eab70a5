//! Sentences about an elevation, everything from people escaped.

use jiff::Zoned;
use jitd_api::Elevation;

use super::escape::escape;
use super::{people, time};

/// `until 14:30 (for 10m)`: what is left of an active elevation.
pub(crate) fn until(elevation: &Elevation, now: &Zoned) -> String {
    let Some(end) = elevation.ends_at else {
        return format!("for {}", time::duration(elevation.duration));
    };
    let left = end.saturating_sub(now.timestamp().as_millisecond()).max(0);
    let left = left.unsigned_abs().saturating_add(500) / 1000;
    format!(
        "until {} (for {})",
        time::local(end, now),
        time::duration(left.min(elevation.duration))
    )
}

/// `from 14:30 until 15:00 (in 10m)`: when a scheduled elevation begins and ends.
pub(crate) fn window(elevation: &Elevation, now: &Zoned) -> String {
    let (Some(start), Some(end)) = (elevation.starts_at, elevation.ends_at) else {
        return format!("for {}", time::duration(elevation.duration));
    };
    format!(
        "from {} until {} ({})",
        time::local(start, now),
        time::local(end, now),
        time::relative(start, now)
    )
}

/// `Waiting for approval by … (lapses in 2h)`, with what has been said so far.
pub(crate) fn waits_for(elevation: &Elevation, now: &Zoned) -> String {
    let so_far: Vec<_> = elevation
        .decisions
        .iter()
        .map(|decision| format!("{} by {}", escape(&decision.verdict), escape(&decision.by)))
        .collect();
    let so_far = if so_far.is_empty() {
        String::new()
    } else {
        format!("; so far {}", so_far.join(", "))
    };
    let lapses = elevation
        .lapses_at
        .map(|at| format!(" (lapses {})", time::relative(at, now)))
        .unwrap_or_default();
    let whom = match elevation.needs.as_slice() {
        [] => people::approvers(&elevation.approvers),
        needs => people::needs(needs),
    };
    format!("approval by {whom}{lapses}{so_far}")
}

/// What an approver said with the last word, when they said something: `: "not today"`.
pub(crate) fn last_comment(elevation: &Elevation) -> String {
    match elevation.decisions.last() {
        Some(decision) if !decision.comment.is_empty() => {
            format!(": \"{}\"", escape(&decision.comment))
        }
        _ => String::new(),
    }
}

/// Whether somebody still has to take note that the glass was broken.
pub(crate) fn is_unacknowledged(elevation: &Elevation) -> bool {
    elevation.break_glass && elevation.acknowledged_at.is_none()
}
