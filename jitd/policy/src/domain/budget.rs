//! How much time was used within a sliding window.

use super::time::{Seconds, Wall};

/// A stretch of time, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Its beginning.
    pub from: Wall,
    /// Its end.
    pub to: Wall,
}

impl Span {
    fn millis(self) -> i64 {
        self.to.0.saturating_sub(self.from.0).max(0)
    }

    fn within(self, window: Self) -> Self {
        Self {
            from: self.from.max(window.from),
            to: self.to.min(window.to),
        }
    }
}

/// The most milliseconds that any window of length `per` holds of these spans together with
/// `new`, among the windows that touch `new`. Time that several spans share counts once.
///
/// The sum changes by straight lines as the window slides, and bends only where one of its edges
/// meets one of a span; so the most is found at one of those places, or where a window begins or
/// ends with `new`: one whose edge is within `new` can only lose by sliding further out.
#[must_use]
pub fn peak(used: &[Span], new: Span, per: Seconds) -> i64 {
    let spans = merged(used.iter().copied().chain([new]));
    let per = per.millis();
    // Merged with others, `new` has no edges of its own there any more.
    let edges = spans.iter().copied().chain([new]);
    let starts = edges.flat_map(|span| [span.from.0, span.to.0.saturating_sub(per)]);
    starts
        .map(|from| Span {
            from: Wall(from),
            to: Wall(from.saturating_add(per)),
        })
        .filter(|window| window.from < new.to && new.from < window.to)
        .map(|window| spans.iter().map(|span| span.within(window).millis()).sum())
        .max()
        .unwrap_or_default()
}

/// The same time, in spans that do not touch, in their order.
fn merged(spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<_> = spans.filter(|span| span.from < span.to).collect();
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(from: i64, to: i64) -> Span {
        Span {
            from: Wall(from),
            to: Wall(to),
        }
    }

    const TEN_SECONDS: Seconds = Seconds(10);

    #[test]
    fn only_what_one_window_can_hold_counts() {
        let new = span(20_000, 22_000);
        assert_eq!(peak(&[], new, TEN_SECONDS), 2_000);
        assert_eq!(peak(&[span(0, 5_000)], new, TEN_SECONDS), 2_000);
        assert_eq!(peak(&[span(9_000, 15_000)], new, TEN_SECONDS), 5_000);
        assert_eq!(peak(&[span(18_000, 21_000)], new, TEN_SECONDS), 4_000);
    }

    #[test]
    fn what_is_planned_after_it_counts_too() {
        let new = span(0, 2_000);
        assert_eq!(peak(&[span(5_000, 9_000)], new, TEN_SECONDS), 6_000);
    }

    #[test]
    fn new_time_amid_time_that_is_used_already_counts() {
        let used = [span(0, 17_000), span(24_000, 40_000)];
        assert_eq!(peak(&used, span(8_000, 24_000), Seconds(1)), 1_000);
    }

    #[test]
    fn longer_than_the_window_is_the_window() {
        assert_eq!(peak(&[], span(0, 60_000), TEN_SECONDS), 10_000);
    }

    proptest! {
        /// As found by trying every window.
        #[test]
        fn is_the_most_of_all_windows(
            used in prop::collection::vec((0_i64..60, 1_i64..20), 0..6),
            from in 0_i64..60,
            length in 1_i64..20,
            per in 1_u64..30,
        ) {
            let second = |at: i64, length: i64| span(at * 1000, (at + length) * 1000);
            let used: Vec<_> = used.into_iter().map(|(at, length)| second(at, length)).collect();
            let new = second(from, length);
            let window = i64::try_from(per).unwrap();
            let holds = |at: i64| (at..at + window)
                .filter(|s| used.iter().chain([&new]).any(|u| u.from.0 <= s * 1000 && s * 1000 < u.to.0))
                .count();
            let touching = (from - window + 1)..(from + length);
            let most = touching.map(holds).max().unwrap();
            prop_assert_eq!(peak(&used, new, Seconds(per)), i64::try_from(most).unwrap() * 1000);
        }
    }
}
