//! Values on the command line as people write them.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use jitd_api::{MAX_ACCOUNT_NAME, MAX_TEXT, MAX_TICKET};

/// A length of time of at least a second, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u64);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected a duration like 90m, 1h30m or 45s";
        let length = humantime::parse_duration(text).map_err(|_| expected.to_owned())?;
        if length.subsec_nanos() != 0 || length.as_secs() == 0 {
            return Err(format!("{expected}, of whole seconds and at least 1s"));
        }
        Ok(Self(length.as_secs()))
    }
}

/// A point in time, as written; some need to know what day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// RFC 3339, with its offset.
    Instant(Timestamp),
    /// Local date and time.
    Local(DateTime),
    /// Local time of today.
    Today(Time),
    /// So far from now; which way, the option knows.
    Away(Seconds),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(instant) = text.parse() {
            return Ok(Self::Instant(instant));
        }
        // jiff reads T1730 and 17 as times too; people who write 17 mean something else.
        if text.contains(':') && !text.contains('-') {
            if let Ok(time) = text.parse() {
                return Ok(Self::Today(time));
            }
        } else if text.contains('-') {
            if let Ok(local) = text.parse::<DateTime>() {
                return Ok(Self::Local(local));
            }
        } else if let Ok(distance) = text.parse() {
            return Ok(Self::Away(distance));
        }
        Err(
            "expected a time like 17:30, \"2026-12-01 09:00\" or 2026-12-01T09:00:00Z, \
             or how far from now, like 2h"
                .to_owned(),
        )
    }
}

impl Moment {
    /// Milliseconds since the Unix epoch, where a bare duration means so long ago; nothing when
    /// it lies outside of the calendar.
    pub(crate) fn since(self, now: &Zoned) -> Option<i64> {
        self.resolve(now, i64::checked_sub)
    }

    /// As [`Moment::since`], where a bare duration means in so long.
    pub(crate) fn to_come(self, now: &Zoned) -> Option<i64> {
        self.resolve(now, i64::checked_add)
    }

    fn resolve(self, now: &Zoned, away: fn(i64, i64) -> Option<i64>) -> Option<i64> {
        let local = |civil: DateTime| in_zone(civil, now.time_zone());
        match self {
            Self::Instant(instant) => Some(instant.as_millisecond()),
            Self::Local(civil) => local(civil),
            Self::Today(time) => local(DateTime::from_parts(Date::from(now), time)),
            Self::Away(Seconds(seconds)) => {
                let ms = i64::try_from(seconds).ok()?.checked_mul(1000)?;
                away(now.timestamp().as_millisecond(), ms)
            }
        }
    }
}

fn in_zone(civil: DateTime, zone: &TimeZone) -> Option<i64> {
    let at = zone.to_timestamp(civil).ok()?;
    Some(at.as_millisecond())
}

/// The number of an elevation: of digits, from 1 on.
pub(crate) fn id(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(id) if id > 0 => Ok(id),
        _ => {
            Err("expected the number of an elevation, as jitctl status and list show it".to_owned())
        }
    }
}

/// The name of a role, user or group: not empty, not longer than the bus takes.
pub(crate) fn name(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("a name cannot be empty".to_owned()),
        length if length > MAX_ACCOUNT_NAME => {
            Err(format!("a name has at most {MAX_ACCOUNT_NAME} bytes"))
        }
        _ => Ok(text.to_owned()),
    }
}

/// A reason or comment: not longer than the bus takes.
pub(crate) fn text(text: &str) -> Result<String, String> {
    at_most(MAX_TEXT, text)
}

/// A ticket: not longer than the bus takes.
pub(crate) fn ticket(text: &str) -> Result<String, String> {
    at_most(MAX_TICKET, text)
}

fn at_most(most: usize, text: &str) -> Result<String, String> {
    if text.len() > most {
        return Err(format!(
            "it has {} bytes, and at most {most} are taken",
            text.len()
        ));
    }
    Ok(text.to_owned())
}

/// A reason or comment that must say something.
pub(crate) fn comment(given: &str) -> Result<String, String> {
    if given.trim().is_empty() {
        return Err("it must say why: the person and the record will show it".to_owned());
    }
    text(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [
            ("90m", 5400),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("45s", 45),
        ] {
            assert_eq!(text.parse(), Ok(Seconds(seconds)), "{text}");
        }
        for text in [
            "",
            "10",
            "0s",
            "1ms",
            "1500ms",
            "-1h",
            "soon",
            "99999999999999999999h",
        ] {
            let refused: Result<Seconds, _> = text.parse();
            assert!(refused.is_err_and(|why| why.contains("90m")), "{text}");
        }
    }

    #[test]
    fn a_number_is_one_or_the_error_says_what_would_be() {
        assert_eq!(id("42"), Ok(42));
        for text in ["", "0", "-1", "abc", "4 2", "18446744073709551616"] {
            let refused = id(text);
            assert!(refused.is_err_and(|why| why.contains("number")), "{text}");
        }
    }

    #[test]
    fn moments_as_people_write_them() {
        let now: Zoned = "2026-11-23T14:20:00+01:00[Europe/Berlin]"
            .parse()
            .expect("a time");
        for (text, instant) in [
            ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01T09:00:00+05:00", "2026-12-01T04:00:00Z"),
            ("2026-12-01 09:00", "2026-12-01T08:00:00Z"),
            ("2026-07-01 09:00:30", "2026-07-01T07:00:30Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("17:30", "2026-11-23T16:30:00Z"),
        ] {
            let expected: Timestamp = instant.parse().expect("a time");
            let moment: Moment = text.parse().expect(text);
            let expected = Some(expected.as_millisecond());
            assert_eq!(moment.since(&now), expected, "{text}");
            assert_eq!(moment.to_come(&now), expected, "{text}");
        }
        for text in [
            "",
            "17",
            "25:00",
            "yesterday",
            "2026-13-01",
            "2h ago",
            "-2h",
        ] {
            let refused: Result<Moment, _> = text.parse();
            assert!(refused.is_err_and(|why| why.contains("17:30")), "{text}");
        }
    }

    #[test]
    fn a_bare_duration_lies_behind_or_ahead() {
        let now: Zoned = "2026-11-23T14:20:00+01:00[Europe/Berlin]"
            .parse()
            .expect("a time");
        let moment: Moment = "1h30m".parse().expect("a moment");
        let away = 90 * 60 * 1000;
        let now_ms = now.timestamp().as_millisecond();
        assert_eq!(moment.since(&now), Some(now_ms - away));
        assert_eq!(moment.to_come(&now), Some(now_ms + away));
        let endless = Moment::Away(Seconds(u64::MAX));
        assert_eq!(endless.since(&now), None);
        assert_eq!(endless.to_come(&now), None);
    }

    #[test]
    fn texts_and_tickets_are_bounded() {
        assert!(text(&"x".repeat(MAX_TEXT)).is_ok());
        assert!(text(&"x".repeat(MAX_TEXT + 1)).is_err());
        assert!(ticket(&"x".repeat(MAX_TICKET)).is_ok());
        assert!(ticket(&"x".repeat(MAX_TICKET + 1)).is_err());
    }
}
