//! The table.

use std::fmt;

use crate::numbers::Samples;

/// What a number counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Milliseconds,
    PerSecond,
    Megabytes,
    Times,
}

/// Median and what 95 of 100 samples do not do worse than.
#[derive(Debug)]
pub(crate) struct Figures {
    median: f64,
    tail: f64,
    unit: Unit,
}

impl Figures {
    /// Of durations in nanoseconds.
    pub(crate) fn of_nanoseconds(samples: &Samples) -> Self {
        Self::of(&samples.scaled(1e-6), Unit::Milliseconds)
    }

    /// Of samples in `unit`.
    pub(crate) fn of(samples: &Samples, unit: Unit) -> Self {
        let worst = match unit {
            Unit::PerSecond => 5.0,
            Unit::Milliseconds | Unit::Megabytes | Unit::Times => 95.0,
        };
        Self {
            median: samples.median(),
            tail: samples.percentile(worst),
            unit,
        }
    }

    /// As the table shows them: `0.25 ms` and `0.31`.
    fn columns(&self) -> [String; 2] {
        let unit = match self.unit {
            Unit::Milliseconds => "ms",
            Unit::PerSecond => "/s",
            Unit::Megabytes => "MB",
            Unit::Times => "",
        };
        let median = format!("{} {unit}", short(self.median));
        [median.trim_end().to_owned(), short(self.tail)]
    }
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    ours: Figures,
    baseline: Option<(String, Figures)>,
    judgement: Option<Judgement>,
}

/// What the target says to it.
#[derive(Debug)]
struct Judgement {
    found: String,
    limit: String,
    met: bool,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, ours: Figures) -> Self {
        Self {
            what: what.into(),
            ours,
            baseline: None,
            judgement: None,
        }
    }

    /// What was measured beside it, and how.
    pub(crate) fn beside(mut self, name: impl Into<String>, baseline: Figures) -> Self {
        self.baseline = Some((name.into(), baseline));
        self
    }

    /// The target: `found` is not more than `limit`.
    pub(crate) fn at_most(self, limit: f64, found: f64, unit: &str) -> Self {
        self.judged(found, unit, format!("≤ {}", short(limit)), found <= limit)
    }

    /// The target: `found` is less than `limit`.
    pub(crate) fn under(self, limit: f64, found: f64, unit: &str) -> Self {
        self.judged(found, unit, format!("< {}", short(limit)), found < limit)
    }

    fn judged(mut self, found: f64, unit: &str, limit: String, met: bool) -> Self {
        self.judgement = Some(Judgement {
            found: format!("{} {unit}", short(found)).trim_end().to_owned(),
            limit,
            met,
        });
        self
    }

    fn cells(&self) -> [String; 9] {
        let [median, tail] = self.ours.columns();
        let (beside, [base_median, base_tail]) = match &self.baseline {
            Some((name, figures)) => (name.clone(), figures.columns()),
            None => Default::default(),
        };
        let (found, limit, met) = match &self.judgement {
            Some(judged) => (
                judged.found.clone(),
                judged.limit.clone(),
                if judged.met { "met" } else { "NOT met" }.to_owned(),
            ),
            None => Default::default(),
        };
        [
            self.what.clone(),
            median,
            tail,
            beside,
            base_median,
            base_tail,
            found,
            limit,
            met,
        ]
    }
}

/// All rows, aligned.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

const HEADINGS: [&str; 9] = [
    "", "median", "p95", "baseline", "median", "p95", "found", "target", "",
];

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEADINGS.map(str::to_owned)];
        lines.extend(self.0.iter().map(Row::cells));
        let width = |column: usize| {
            let widths = lines.iter().map(|line| line[column].chars().count());
            widths.max().unwrap_or(0)
        };
        let widths: [usize; 9] = std::array::from_fn(width);
        for line in &lines {
            let cells = line.iter().zip(widths).enumerate();
            let padded = cells.map(|(column, (cell, width))| match column {
                // Numbers end at the same place, words begin there.
                0 | 3 | 8 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            let shown = padded.collect::<Vec<_>>().join("  ");
            writeln!(f, "{}", shown.trim_end())?;
        }
        Ok(())
    }
}

/// Three digits that count; whole thousands as they are.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Series;

    #[test]
    fn rows_are_judged_and_aligned() {
        let series = Series::parse("ours 1000000\nours 3000000\ntheirs 8000000\n");
        let figures = |name: &str| Figures::of_nanoseconds(&series.samples(name));
        let rows = [
            Row::new("one", figures("ours"))
                .beside("theirs", figures("theirs"))
                .at_most(0.1, 0.125, "×"),
            Row::new("another", figures("theirs")).under(50.0, 8.0, "ms"),
        ];
        let shown = Table(&rows).to_string();
        assert!(shown.contains("NOT met"), "{shown}");
        assert!(shown.contains("8.00 ms"), "{shown}");
        let starts = shown.lines().map(|line| line.find("< 50.0"));
        assert_eq!(starts.flatten().count(), 1, "{shown}");
    }
}
