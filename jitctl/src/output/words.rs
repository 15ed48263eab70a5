//! Sentences about an elevation, everything from people escaped.

use jiff::Zoned;
use jitd_api::Elevation;

use super::escape::escape;
use super::time;

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

/// `alice, or a member of jit-approvers`: who may decide, from `user:NAME` and `group:NAME`.
pub(crate) fn approvers(approvers: &[String]) -> String {
    let people = approvers.iter().filter_map(|a| a.strip_prefix("user:"));
    let groups: Vec<_> = approvers
        .iter()
        .filter_map(|a| a.strip_prefix("group:"))
        .map(escape)
        .collect();
    let mut ways: Vec<_> = people.map(escape).collect();
    if !groups.is_empty() {
        ways.push(format!("a member of {}", groups.join(" or ")));
    }
    match ways.as_slice() {
        [] => "an approver".to_owned(),
        [way] => way.clone(),
        [first @ .., last] => format!("{}, or {last}", first.join(", ")),
    }
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
    format!(
        "approval by {}{lapses}{so_far}",
        approvers(&elevation.approvers)
    )
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

#[cfg(test)]
mod tests {
    use super::approvers;

    #[test]
    fn approvers_read_as_a_sentence() {
        for (list, shown) in [
            (&[][..], "an approver"),
            (&["user:alice"][..], "alice"),
            (&["group:g"][..], "a member of g"),
            (
                &["user:alice", "group:g", "group:h"][..],
                "alice, or a member of g or h",
            ),
            (
                &["user:a", "user:b", "group:g"][..],
                "a, b, or a member of g",
            ),
        ] {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            assert_eq!(approvers(&list), shown);
        }
    }
}
