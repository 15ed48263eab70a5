//! Times and durations as people and programs read them.

use jiff::{Timestamp, Zoned};

/// Seconds as `1h30m`, `45s`, `2d4h`: exact, largest unit first.
pub(crate) fn duration(seconds: u64) -> String {
    let mut rest = seconds;
    let mut shown = String::new();
    for (length, unit) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= length {
            shown.push_str(&(rest / length).to_string());
            shown.push(unit);
            rest %= length;
        }
    }
    if shown.is_empty() {
        "0s".to_owned()
    } else {
        shown
    }
}

/// How far away, in the largest unit or two that matter: `1h59m`, `12m`, `30s`.
fn roughly(seconds: u64) -> String {
    let grain = match seconds {
        0..600 => 1,
        600..86_400 => 60,
        86_400..604_800 => 3_600,
        _ => 86_400,
    };
    duration((seconds + grain / 2) / grain * grain)
}

/// `in 12m` or `12m ago`, from `now` to a time in milliseconds since the Unix epoch.
pub(crate) fn relative(ms: i64, now: &Zoned) -> String {
    let distance = ms.saturating_sub(now.timestamp().as_millisecond());
    let seconds = distance.unsigned_abs().saturating_add(500) / 1000;
    match (seconds, distance > 0) {
        (0, _) => "now".to_owned(),
        (_, true) => format!("in {}", roughly(seconds)),
        (_, false) => format!("{} ago", roughly(seconds)),
    }
}

/// Local time: `14:30` on the day of `now`, `2026-12-01 09:00` on another.
pub(crate) fn local(ms: i64, now: &Zoned) -> String {
    let Some(at) = zoned(ms, now) else {
        return "?".to_owned();
    };
    let format = if at.date() == now.date() {
        "%H:%M"
    } else {
        "%Y-%m-%d %H:%M"
    };
    at.strftime(format).to_string()
}

/// `2026-12-01 09:00:00 CET (in 12m)`.
pub(crate) fn full(ms: i64, now: &Zoned) -> String {
    match zoned(ms, now) {
        Some(at) => format!(
            "{} ({})",
            at.strftime("%Y-%m-%d %H:%M:%S %Z"),
            relative(ms, now)
        ),
        None => "?".to_owned(),
    }
}

/// Local time to the second, `2026-12-01 09:00:00`; nothing when no calendar has it.
pub(crate) fn seconds(ms: i64, now: &Zoned) -> Option<String> {
    Some(zoned(ms, now)?.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// RFC 3339 in UTC, for programs; nothing when no calendar has such a time.
pub(crate) fn rfc3339(ms: i64) -> Option<String> {
    Some(Timestamp::from_millisecond(ms).ok()?.to_string())
}

fn zoned(ms: i64, now: &Zoned) -> Option<Zoned> {
    let at = Timestamp::from_millisecond(ms).ok()?;
    Some(at.to_zoned(now.time_zone().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-11-23T14:20:00+01:00[Europe/Berlin]"
            .parse()
            .expect("a time")
    }

    fn after(seconds: i64) -> i64 {
        now().timestamp().as_millisecond() + seconds * 1000
    }

    #[test]
    fn durations_are_exact() {
        for (seconds, shown) in [
            (0, "0s"),
            (45, "45s"),
            (600, "10m"),
            (5_400, "1h30m"),
            (187_200, "2d4h"),
            (3_601, "1h1s"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }

    #[test]
    fn distances_are_rough() {
        for (seconds, shown) in [
            (0, "now"),
            (31, "in 31s"),
            (725, "in 12m"),
            (7_199, "in 2h"),
            (-90, "1m30s ago"),
            (-100_000, "1d4h ago"),
            (-1_000_000, "12d ago"),
        ] {
            assert_eq!(relative(after(seconds), &now()), shown);
        }
    }

    #[test]
    fn times_are_local_and_bear_nonsense() {
        assert_eq!(local(after(600), &now()), "14:30");
        assert_eq!(local(after(86_400), &now()), "2026-11-24 14:20");
        assert_eq!(full(after(600), &now()), "2026-11-23 14:30:00 CET (in 10m)");
        assert_eq!(local(i64::MAX, &now()), "?");
        assert_eq!(full(i64::MIN, &now()), "?");
        assert_eq!(rfc3339(i64::MAX), None);
        assert_eq!(rfc3339(1_000).as_deref(), Some("1970-01-01T00:00:01Z"));
        assert_eq!(rfc3339(1_500).as_deref(), Some("1970-01-01T00:00:01.5Z"));
    }
}
