//! The drawing of who held what when, as numbers: rows, bars and the marks of the axis.

mod axis;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use jiff::tz::TimeZone;

use axis::{Mark, marks, place, stretches};

use super::life::Life;
use super::spans::{self, Span};
use super::sums::{Person, Sums, Time, percent};

/// The width of the drawing, in its own units: a bar begins and ends at one.
pub(crate) const WIDTH: i64 = 2_000;
/// A bar is at least so wide, to be seen.
const LEAST: i64 = 5;
/// Most rows: those that held most.
const MOST_ROWS: usize = 80;
/// Most stretches into which the period is divided, in all rows together.
const MOST_STRETCHES: usize = 12_000;
/// Most of them in a row: more can't be told apart.
const MOST_IN_A_ROW: usize = 366;

/// The whole drawing.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) rows: Vec<Row>,
    /// How many rows there was no room for.
    pub(crate) left_out: usize,
    pub(crate) marks: Vec<Mark>,
    /// How long a stretch is, where rows are drawn by stretches.
    pub(crate) stretch: Option<&'static str>,
}

/// One person in one role.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) person: Person,
    pub(crate) role: String,
    pub(crate) time: Time,
    pub(crate) bars: Vec<Bar>,
}

/// A stretch in which something was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Where it begins, in units.
    pub(crate) x: i64,
    pub(crate) width: i64,
    /// From when to when.
    pub(crate) span: Span,
    pub(crate) holds: Holds,
}

/// What is in a bar. Lengths are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holds {
    /// The number of the elevation, where it is one.
    pub(crate) one: Option<u64>,
    pub(crate) count: usize,
    pub(crate) held: i64,
    pub(crate) used: i64,
    /// Whether one of them was taken by breaking the glass.
    pub(crate) glass: bool,
}

impl Holds {
    /// Used of held, in percent.
    pub(crate) fn share(self) -> u64 {
        percent(self.used, self.held)
    }
}

impl Timeline {
    /// The drawing of a period, in a time zone.
    pub(crate) fn of(lives: &[Life], sums: &Sums, period: Span, zone: &TimeZone) -> Self {
        let mut by_pair: HashMap<(&str, u32, &str), Vec<&Life>> = HashMap::new();
        for life in lives.iter().rev().filter(|life| life.held.is_some()) {
            let elevation = &life.elevation;
            let key = (
                elevation.user.as_str(),
                elevation.uid,
                elevation.role.as_str(),
            );
            by_pair.entry(key).or_default().push(life);
        }
        let shown = sums.pairs.len().min(MOST_ROWS);
        let most = (MOST_STRETCHES / shown.max(1)).min(MOST_IN_A_ROW);
        let (stretches, length) = stretches(period, most, zone);
        let mut by_stretch = false;
        let row = |((person, role), time): &((Person, String), Time)| {
            let key = (person.name.as_str(), person.uid, role.as_str());
            let lives = by_pair.get(&key).map_or(&[][..], Vec::as_slice);
            let each = each(lives, period);
            by_stretch |= each.is_none();
            Row {
                person: person.clone(),
                role: role.clone(),
                time: *time,
                bars: each.unwrap_or_else(|| together(lives, &stretches, period)),
            }
        };
        let mut rows: Vec<_> = sums.pairs[..shown].iter().map(row).collect();
        rows.sort_by(|a, b| (&a.person, &a.role).cmp(&(&b.person, &b.role)));
        Self {
            rows,
            left_out: sums.pairs.len() - shown,
            marks: marks(period, zone),
            stretch: by_stretch.then_some(length),
        }
    }
}

fn bar(span: Span, period: Span, holds: Holds) -> Bar {
    let x = place(span.from, period).min(WIDTH - LEAST);
    let width = (place(span.to, period) - x).max(LEAST);
    Bar {
        x,
        width,
        span,
        holds,
    }
}

/// A bar for each elevation, or for several that overlap, where these can be told apart.
fn each(lives: &[&Life], period: Span) -> Option<Vec<Bar>> {
    let apart = spans::union(lives.iter().filter_map(|life| life.held));
    let mut bars = Vec::new();
    for span in apart {
        let bar = bar(span, period, holds(lives, span)?);
        let last: Option<&Bar> = bars.last();
        if last.is_some_and(|last| last.x + last.width > bar.x) {
            return None;
        }
        bars.push(bar);
    }
    Some(bars)
}

/// A bar for each stretch of the period in which something was held.
fn together(lives: &[&Life], stretches: &[Span], period: Span) -> Vec<Bar> {
    let bar = |stretch: &Span| {
        let mut bar = bar(*stretch, period, holds(lives, *stretch)?);
        // A hair of paper between two.
        bar.width = (bar.width - 1).max(1);
        Some(bar)
    };
    stretches.iter().filter_map(bar).collect()
}

/// What was held in a stretch of time; nothing when nothing was.
fn holds(lives: &[&Life], stretch: Span) -> Option<Holds> {
    let within = |span: Span| span.within(stretch);
    let there: Vec<_> = lives
        .iter()
        .filter(|life| life.held.and_then(within).is_some())
        .collect();
    let held = there.iter().filter_map(|life| life.held.and_then(within));
    let used = there.iter().flat_map(|life| life.used.iter().copied());
    Some(Holds {
        one: match there[..] {
            [] => return None,
            [life] => Some(life.elevation.id),
            _ => None,
        },
        count: there.len(),
        held: spans::total(&spans::union(held)),
        used: spans::total(&spans::union(used.filter_map(within))),
        glass: there.iter().any(|life| life.elevation.break_glass),
    })
}
