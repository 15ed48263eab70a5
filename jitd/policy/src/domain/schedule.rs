//! Days and hours, as people write them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::time::Wall;

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// Days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days([bool; 7]);

impl Days {
    /// All of them.
    pub const ALL: Self = Self([true; 7]);

    fn contains(self, day: Weekday) -> bool {
        let index = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
        self.0[index]
    }
}

/// `Mon-Fri`, `Sat,Sun`, `Mon,Wed-Fri`. A range may go over the weekend: `Fri-Mon`.
impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut days = [false; 7];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (mut day, last) = (day(first)?, day(last)?);
            days[day] = true;
            while day != last {
                day = (day + 1) % 7;
                days[day] = true;
            }
        }
        Ok(Self(days))
    }
}

fn day(name: &str) -> Result<usize, String> {
    let known = |day: &&str| day.eq_ignore_ascii_case(name.trim());
    NAMES.iter().position(known).ok_or_else(|| {
        format!(
            "\"{}\" is not a day: expected days like \"Mon-Fri\" or \"Sat,Sun\"",
            super::text::escaped(name.trim())
        )
    })
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMES.iter().zip(self.0).filter(|(_, is_in)| *is_in);
        let named: Vec<_> = named.map(|(name, _)| *name).collect();
        f.write_str(&named.join(","))
    }
}

/// A stretch of a day, in minutes since midnight, its end excluded. One that ends before it
/// begins goes over midnight, and belongs to the day on which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

impl Hours {
    /// The whole day.
    pub const ALL: Self = Self {
        from: 0,
        to: MINUTES_OF_A_DAY,
    };
}

/// `09:00-17:00`, `22:00-06:00`, `18:00-24:00`.
impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || {
            format!(
                "\"{}\" is not a time of day: expected hours like \"09:00-17:00\"",
                super::text::escaped(text)
            )
        };
        let (from, to) = text.split_once('-').ok_or_else(expected)?;
        let from = minute(from).ok_or_else(expected)?;
        let to = minute(to).ok_or_else(expected)?;
        if from == to || from == MINUTES_OF_A_DAY {
            return Err(format!(
                "\"{}\" is no stretch of a day: for the whole of it, say \"00:00-24:00\"",
                super::text::escaped(text)
            ));
        }
        Ok(Self { from, to })
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u16>().ok())
            .flatten()
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= MINUTES_OF_A_DAY).then_some(minutes)
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = [self.from, self.to].map(|at| (at / 60, at % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", from.0, from.1, to.0, to.1)
    }
}

/// Some hours of some days, somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The days.
    pub days: Days,
    /// The hours of each.
    pub hours: Hours,
    /// Whose days and hours.
    pub timezone: TimeZone,
}

impl Schedule {
    /// Whether a moment lies in it.
    #[must_use]
    pub fn contains(&self, at: Wall) -> bool {
        let Ok(at) = Timestamp::from_millisecond(at.0) else {
            return false;
        };
        let local = at.to_zoned(self.timezone.clone());
        let time = local.time();
        let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
        let (from, to) = (i32::from(self.hours.from), i32::from(self.hours.to));
        let today = local.weekday();
        if from < to {
            return from <= minute && minute < to && self.days.contains(today);
        }
        let yesterday = local.date().checked_sub(1.day()).map(Date::weekday);
        (from <= minute && self.days.contains(today))
            || (minute < to && yesterday.is_ok_and(|day| self.days.contains(day)))
    }

    /// The name of its time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.timezone.iana_name().unwrap_or("UTC")
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.days, self.hours, self.zone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(days: &str, hours: &str, zone: &str) -> Schedule {
        Schedule {
            days: days.parse().unwrap(),
            hours: hours.parse().unwrap(),
            timezone: TimeZone::get(zone).unwrap(),
        }
    }

    fn at(text: &str) -> Wall {
        Wall(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn office_hours() {
        let office = schedule("Mon-Fri", "09:00-17:00", "Europe/Berlin");
        assert!(office.contains(at("2026-11-24T09:00:00+01:00")));
        assert!(office.contains(at("2026-11-24T16:59:59+01:00")));
        assert!(!office.contains(at("2026-11-24T17:00:00+01:00")));
        assert!(!office.contains(at("2026-11-24T08:59:59+01:00")));
        assert!(
            !office.contains(at("2026-11-28T12:00:00+01:00")),
            "Saturday"
        );
        // Summer time: 09:00 there is 07:00 UTC.
        assert!(office.contains(at("2026-07-01T07:00:00Z")));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = schedule("Fri", "22:00-06:00", "UTC");
        assert!(night.contains(at("2026-11-27T23:00:00Z")), "Friday");
        assert!(night.contains(at("2026-11-28T05:59:00Z")), "Saturday");
        assert!(
            !night.contains(at("2026-11-27T05:00:00Z")),
            "Friday morning"
        );
        assert!(
            !night.contains(at("2026-11-28T23:00:00Z")),
            "Saturday night"
        );
    }

    #[test]
    fn shown_as_written() {
        for (days, shown) in [
            ("Mon-Fri", "Mon,Tue,Wed,Thu,Fri"),
            ("sat, SUN", "Sat,Sun"),
            ("Sat-Mon", "Mon,Sat,Sun"),
        ] {
            assert_eq!(days.parse::<Days>().unwrap().to_string(), shown);
        }
        for hours in ["09:00-17:00", "22:00-06:00", "18:30-24:00", "00:00-24:00"] {
            assert_eq!(hours.parse::<Hours>().unwrap().to_string(), hours);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for days in ["", "Mo", "Mon-", "Mon--Fri", "Mon;Tue", "weekdays"] {
            assert!(days.parse::<Days>().is_err(), "{days}");
        }
        for hours in [
            "",
            "9-17",
            "9:00-17:00",
            "09:00",
            "09:60-10:00",
            "24:01-25:00",
            "09:00-09:00",
            "24:00-06:00",
            "+9:00-17:00",
        ] {
            assert!(hours.parse::<Hours>().is_err(), "{hours}");
        }
    }
}
