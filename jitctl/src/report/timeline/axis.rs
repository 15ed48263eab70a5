//! The axis of the drawing: where a time is, into which stretches the period is divided, and where it
//! is marked.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span as Distance, Timestamp, ToSpan, Zoned};

use super::WIDTH;
use crate::report::spans::Span;

/// Most marks on the axis.
pub(super) const MOST_MARKS: usize = 14;

/// A mark on the axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Where, in units.
    pub(crate) x: i64,
    pub(crate) label: String,
}

/// Where a time is, in units.
pub(super) fn place(at: i64, period: Span) -> i64 {
    let length = i128::from(period.length().max(1));
    let x = i128::from(at - period.from) * i128::from(WIDTH) / length;
    i64::try_from(x).unwrap_or(0).clamp(0, WIDTH)
}

/// The period in at most so many stretches, whole days or parts of one where there is room, and how
/// long they are in words.
pub(super) fn stretches(period: Span, most: usize, zone: &TimeZone) -> (Vec<Span>, &'static str) {
    let steps = [
        (15.minutes(), "15 minutes"),
        (1.hours(), "an hour"),
        (3.hours(), "3 hours"),
        (6.hours(), "6 hours"),
        (12.hours(), "12 hours"),
        (1.days(), "a day"),
        (2.days(), "2 days"),
        (7.days(), "a week"),
        (28.days(), "4 weeks"),
        (1.years(), "a year"),
        (10.years(), "10 years"),
    ];
    let (edges, length) = steps
        .into_iter()
        .find_map(|(step, length)| Some((edges(period, step, most, zone)?, length)))
        .unwrap_or_default();
    let ends = edges.iter().copied().skip(1).chain([period.to]);
    let pairs = edges.iter().copied().zip(ends);
    let stretches = pairs.filter_map(|(from, to)| Span::new(from, to)?.within(period));
    (stretches.collect(), length)
}

/// The steps from the first midnight on, as far as they are of the period; nothing when there are
/// more than so many.
fn edges(period: Span, step: Distance, most: usize, zone: &TimeZone) -> Option<Vec<i64>> {
    let first = zoned(period.from, zone)?.start_of_day().ok()?;
    let mut edges = Vec::new();
    for number in 0.. {
        let at = first.checked_add(step.checked_mul(number).ok()?).ok()?;
        let at = at.timestamp().as_millisecond();
        if at >= period.to {
            return Some(edges);
        }
        if at <= period.from {
            edges.clear();
        }
        if edges.len() >= most {
            return None;
        }
        edges.push(at);
    }
    None
}

fn zoned(at: i64, zone: &TimeZone) -> Option<Zoned> {
    let at = Timestamp::from_millisecond(at).ok()?;
    Some(at.to_zoned(zone.clone()))
}

/// The marks of the axis: hours, days, months or years, as many as can be read.
pub(super) fn marks(period: Span, zone: &TimeZone) -> Vec<Mark> {
    let steps = [
        (1.hours(), "%H:%M"),
        (3.hours(), "%-d %b %H:%M"),
        (12.hours(), "%-d %b %H:%M"),
        (1.days(), "%-d %b"),
        (2.days(), "%-d %b"),
        (7.days(), "%-d %b"),
        (1.months(), "%b %Y"),
        (3.months(), "%b %Y"),
        (1.years(), "%Y"),
        (10.years(), "%Y"),
    ];
    let marks = |(step, format): (Distance, &str)| {
        let edges = marked(period, step, zone)?;
        let marks = edges.into_iter().filter(|at| *at >= period.from);
        let mark = |at| {
            Some(Mark {
                x: place(at, period),
                label: zoned(at, zone)?.strftime(format).to_string(),
            })
        };
        Some(marks.filter_map(mark).collect())
    };
    steps.into_iter().find_map(marks).unwrap_or_default()
}

/// As [`edges`], from where people expect a mark: a Monday, the first of a month, a new year.
fn marked(period: Span, step: Distance, zone: &TimeZone) -> Option<Vec<i64>> {
    let first = zoned(period.from, zone)?.start_of_day().ok()?;
    let first = match step {
        step if step.get_years() > 0 => first.first_of_year().ok()?,
        step if step.get_months() > 0 => first.first_of_month().ok()?,
        step if step.get_days() == 7 && first.weekday() != Weekday::Monday => {
            first.nth_weekday(-1, Weekday::Monday).ok()?
        }
        _ => first,
    };
    let from = first.timestamp().as_millisecond();
    edges(Span { from, ..period }, step, MOST_MARKS, zone)
}
