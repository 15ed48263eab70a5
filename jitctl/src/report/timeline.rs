//! The drawing of who held what when, as numbers: rows, bars and the marks of the axis.

use std::collections::HashMap;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span as Distance, Timestamp, ToSpan, Zoned};

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
/// Most marks on the axis.
const MOST_MARKS: usize = 14;

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

/// A mark on the axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Where, in units.
    pub(crate) x: i64,
    pub(crate) label: String,
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

/// Where a time is, in units.
fn place(at: i64, period: Span) -> i64 {
    let length = i128::from(period.length().max(1));
    let x = i128::from(at - period.from) * i128::from(WIDTH) / length;
    i64::try_from(x).unwrap_or(0).clamp(0, WIDTH)
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

/// The period in at most so many stretches, whole days or parts of one where there is room, and how
/// long they are in words.
fn stretches(period: Span, most: usize, zone: &TimeZone) -> (Vec<Span>, &'static str) {
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
fn marks(period: Span, zone: &TimeZone) -> Vec<Mark> {
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

#[cfg(test)]
mod tests {
    use jitd_api::State;
    use proptest::prelude::*;

    use super::super::life::tests::elevation;
    use super::*;

    const DAY: i64 = 86_400_000;
    const HOUR: i64 = DAY / 24;

    /// So many days from the first of March 2026 on, in UTC.
    fn days(count: i64) -> Span {
        let from: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let from = from.as_millisecond();
        Span {
            from,
            to: from + count * DAY,
        }
    }

    /// Elevations of carol's, newest first, each used in its first half.
    fn lives(period: Span, held: &[(i64, i64)]) -> Vec<Life> {
        let life = |(id, (after, length)): (u64, &(i64, i64))| {
            let from = period.from + after;
            let mut elevation = elevation(id, State::Expired);
            elevation.starts_at = Some(from);
            elevation.ends_at = Some(from + length);
            elevation.ended_at = elevation.ends_at;
            let session = Span::new(from, from + length / 2);
            Life::new(elevation, &Vec::from_iter(session), period, period.to)
        };
        let mut lives: Vec<_> = (1..).zip(held).map(life).collect();
        lives.reverse();
        lives
    }

    fn drawn(period: Span, held: &[(i64, i64)]) -> Timeline {
        let lives = lives(period, held);
        let sums = Sums::of(&lives, period, period.to);
        Timeline::of(&lives, &sums, period, &TimeZone::UTC)
    }

    fn labels(timeline: &Timeline) -> Vec<&str> {
        timeline
            .marks
            .iter()
            .map(|mark| mark.label.as_str())
            .collect()
    }

    #[test]
    fn few_are_drawn_one_by_one_where_they_were() {
        let timeline = drawn(days(1), &[(6 * HOUR, HOUR), (12 * HOUR, 6 * HOUR)]);
        let bars = &timeline.rows[0].bars;
        let shown: Vec<_> = bars.iter().map(|bar| (bar.x, bar.width)).collect();
        assert_eq!(shown, [(500, 83), (1_000, 500)]);
        assert_eq!((bars[0].holds.one, bars[1].holds.one), (Some(1), Some(2)));
        assert_eq!((bars[1].holds.share(), timeline.stretch), (50, None));
    }

    #[test]
    fn what_overlaps_is_one_bar_from_its_first_to_its_last() {
        let held = [(HOUR, 2 * HOUR), (2 * HOUR, 2 * HOUR), (9 * HOUR, HOUR)];
        let timeline = drawn(days(1), &held);
        let bars = &timeline.rows[0].bars;
        let shown: Vec<_> = bars
            .iter()
            .map(|bar| (bar.holds.count, bar.holds.held, bar.span.length()))
            .collect();
        assert_eq!(shown, [(2, 3 * HOUR, 3 * HOUR), (1, HOUR, HOUR)]);
    }

    #[test]
    fn the_shortest_can_be_seen_at_the_edges_too() {
        let timeline = drawn(days(30), &[(0, 1_000), (30 * DAY - 1_000, 1_000)]);
        let bars = &timeline.rows[0].bars;
        assert_eq!((bars[0].x, bars[0].width), (0, LEAST));
        assert_eq!((bars[1].x, bars[1].width), (WIDTH - LEAST, LEAST));
    }

    #[test]
    fn many_are_drawn_by_the_day() {
        let held: Vec<_> = (0..365)
            .flat_map(|day| [8, 9, 10].map(|hour| (day * DAY + hour * HOUR, HOUR / 2)))
            .collect();
        let timeline = drawn(days(365), &held);
        let bars = &timeline.rows[0].bars;
        assert_eq!((bars.len(), timeline.stretch), (365, Some("a day")));
        let expected = Holds {
            one: None,
            count: 3,
            held: 3 * HOUR / 2,
            used: 3 * HOUR / 4,
            glass: false,
        };
        assert_eq!(bars[100].holds, expected);
        assert_eq!(
            bars[100].span,
            Span {
                from: days(100).to,
                to: days(101).to
            }
        );
    }

    #[test]
    fn glass_shows_in_what_it_is_drawn_with() {
        let period = days(365);
        let mut lives = lives(period, &[(0, HOUR), (2 * HOUR, HOUR), (9 * DAY, HOUR)]);
        lives[1].elevation.break_glass = true;
        let sums = Sums::of(&lives, period, period.to);
        let timeline = Timeline::of(&lives, &sums, period, &TimeZone::UTC);
        let glass: Vec<_> = timeline.rows[0]
            .bars
            .iter()
            .map(|bar| bar.holds.glass)
            .collect();
        assert_eq!(glass, [true, false]);
    }

    #[test]
    fn there_are_no_more_rows_than_can_be_read_and_those_left_out_are_counted() {
        let period = days(365);
        let held: Vec<_> = (0..400).map(|n| (n % 7 * HOUR, (n + 1) * 60_000)).collect();
        let mut lives = lives(period, &held);
        for (number, life) in lives.iter_mut().enumerate() {
            life.elevation.role = format!("role{}", number % 100);
        }
        let sums = Sums::of(&lives, period, period.to);
        let timeline = Timeline::of(&lives, &sums, period, &TimeZone::UTC);
        assert_eq!((timeline.rows.len(), timeline.left_out), (80, 20));
    }

    #[test]
    fn marks_are_where_people_expect_them() {
        let of = |count| drawn(days(count), &[]);
        assert_eq!(labels(&of(365))[..2], ["Mar 2026", "Apr 2026"]);
        assert_eq!(of(365).marks[1].x, 31 * WIDTH / 365);
        // The first Monday of that month is the second.
        assert_eq!(
            labels(&of(30)),
            ["2 Mar", "9 Mar", "16 Mar", "23 Mar", "30 Mar"]
        );
        assert_eq!(labels(&of(2))[..2], ["1 Mar 00:00", "1 Mar 12:00"]);
        assert_eq!(labels(&of(4_000))[..2], ["2027", "2028"]);
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let march = marks(days(31), &zone);
        assert_eq!(march[4].label, "30 Mar", "summer time began on the 29th");
    }

    proptest! {
        #[test]
        fn stretches_cover_the_period_once(
            from in 0..4_000_000_000_000_i64, length in 1..40_000_000_000_000_i64,
            most in 150..366_usize,
        ) {
            let period = Span { from, to: from + length };
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            let (stretches, _) = stretches(period, most, &zone);
            prop_assert!(stretches.len() <= most);
            prop_assert!(!stretches.is_empty());
            prop_assert_eq!(stretches[0].from, period.from);
            prop_assert_eq!(stretches.last().unwrap().to, period.to);
            prop_assert!(stretches.windows(2).all(|two| two[0].to == two[1].from));
            prop_assert!(marks(period, &TimeZone::UTC).len() <= MOST_MARKS);
        }

        #[test]
        fn bars_stay_in_the_drawing_and_apart(
            held in proptest::collection::vec((0..30 * DAY, 1..DAY), 0..40),
        ) {
            let timeline = drawn(days(30), &held);
            for row in &timeline.rows {
                prop_assert!(row.bars.iter().all(|bar| bar.x >= 0 && bar.x + bar.width <= WIDTH));
                prop_assert!(row.bars.windows(2).all(|two| two[0].x + two[0].width <= two[1].x));
                let counted: i64 = row.bars.iter().map(|bar| bar.holds.held).sum();
                prop_assert_eq!(counted, row.time.held, "no time is lost in the drawing");
            }
        }
    }
}
