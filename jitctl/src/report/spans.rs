//! Stretches of time, in milliseconds since the Unix epoch.

/// From a time up to another one, which is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Span {
    /// Nothing when it would be empty.
    pub(crate) fn new(from: i64, to: i64) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// What it has in common with another one.
    pub(crate) fn within(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// How long it is, in milliseconds.
    pub(crate) fn length(self) -> i64 {
        self.to.saturating_sub(self.from)
    }

    /// Whether a time is in it.
    pub(crate) fn has(self, at: i64) -> bool {
        self.from <= at && at < self.to
    }
}

/// The time that is in any of them, as spans that neither overlap nor touch, in their order.
pub(crate) fn union(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<_> = spans.into_iter().collect();
    spans.sort_unstable();
    let mut union: Vec<Span> = Vec::new();
    for span in spans {
        match union.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => union.push(span),
        }
    }
    union
}

/// How long they are together, in milliseconds, where they don't overlap.
pub(crate) fn total(spans: &[Span]) -> i64 {
    spans.iter().map(|span| span.length()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const END: i64 = 200;

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        let span = (0..END, 1..40_i64).prop_map(|(from, length)| Span {
            from,
            to: (from + length).min(END),
        });
        proptest::collection::vec(span, 0..20)
    }

    /// By looking at every millisecond.
    fn counted(spans: &[Span]) -> i64 {
        let in_any = |at: &i64| spans.iter().any(|span| span.has(*at));
        i64::try_from((0..END).filter(in_any).count()).unwrap()
    }

    proptest! {
        #[test]
        fn a_union_is_as_long_as_what_it_covers(spans in spans()) {
            prop_assert_eq!(total(&union(spans.clone())), counted(&spans));
        }

        #[test]
        fn a_union_is_in_order_and_apart_and_its_own_union(spans in spans()) {
            let once = union(spans);
            prop_assert!(once.windows(2).all(|two| two[0].to < two[1].from));
            prop_assert_eq!(union(once.clone()), once);
        }

        #[test]
        fn what_is_cut_out_of_both_is_in_both(
            a in (0..END, 0..END), b in (0..END, 0..END), at in 0..END,
        ) {
            if let (Some(a), Some(b)) = (Span::new(a.0, a.1), Span::new(b.0, b.1)) {
                let both = a.within(b).is_some_and(|both| both.has(at));
                prop_assert_eq!(both, a.has(at) && b.has(at));
            }
        }
    }

    #[test]
    fn an_empty_span_is_none() {
        assert_eq!(Span::new(5, 5), None);
        assert_eq!(Span::new(6, 5), None);
        let span = Span { from: 0, to: 10 };
        assert_eq!(span.within(Span { from: 10, to: 20 }), None);
        assert_eq!(total(&[span]), 10);
    }
}
