//! The drawing of made-up elevations.

use jiff::Timestamp;
use jitd_api::State;
use proptest::prelude::*;

use super::super::life::tests::elevation;
use super::axis::{MOST_MARKS, marks, stretches};
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
