//! Samples and what is said of them.

use std::collections::BTreeMap;

/// Samples by what was sampled, each list in the order of sampling.
#[derive(Debug, Default)]
pub(crate) struct Series(BTreeMap<String, Vec<f64>>);

impl Series {
    /// Reads lines of a name and a number.
    pub(crate) fn parse(text: &str) -> Self {
        let mut series = Self::default();
        for line in text.lines() {
            let (name, number) = line
                .rsplit_once(' ')
                .unwrap_or_else(|| panic!("not a name and a number: {line:?}"));
            let number = number
                .parse()
                .unwrap_or_else(|_| panic!("not a number: {line:?}"));
            series.0.entry(name.to_owned()).or_default().push(number);
        }
        series
    }

    /// Adds the samples of another series behind these.
    pub(crate) fn extend(&mut self, other: Self) {
        for (name, numbers) in other.0 {
            self.0.entry(name).or_default().extend(numbers);
        }
    }

    pub(crate) fn samples(&self, name: &str) -> Samples {
        let found = self.0.get(name).filter(|numbers| !numbers.is_empty());
        Samples(
            found
                .unwrap_or_else(|| panic!("no samples of {name}"))
                .clone(),
        )
    }
}

/// Samples of one thing; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The smallest sample that so many percent of all do not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (percent / 100.0 * as_f64(sorted.len())).ceil();
        let place = (1..sorted.len()).find(|place| as_f64(*place) >= rank);
        sorted[place.unwrap_or(sorted.len()) - 1]
    }

    /// What it adds to a baseline that was sampled in the same rounds.
    pub(crate) fn beyond(&self, baseline: &Self) -> Self {
        self.paired(baseline, |own, base| own - base)
    }

    /// How many times the baseline of the same round.
    pub(crate) fn over(&self, baseline: &Self) -> Self {
        self.paired(baseline, |own, base| own / base)
    }

    /// So much by each of them.
    pub(crate) fn rate(&self, much: f64) -> Self {
        Self(self.0.iter().map(|number| much / number).collect())
    }

    pub(crate) fn scaled(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|number| number * factor).collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    fn paired(&self, other: &Self, join: impl Fn(f64, f64) -> f64) -> Self {
        assert_eq!(self.count(), other.count(), "samples come in pairs");
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(own, base)| join(*own, *base)).collect())
    }
}

/// Exact for every count that occurs here.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let samples = Samples((1..=200).rev().map(f64::from).collect());
        let found = [50.0, 95.0, 99.0, 100.0].map(|percent| samples.percentile(percent));
        assert_eq!(
            found.map(|found| format!("{found}")),
            ["100", "190", "198", "200"]
        );
        assert_eq!(format!("{}", Samples(vec![7.0]).median()), "7");
    }

    #[test]
    fn series_keep_names_and_order() {
        let series = Series::parse("give ours 2\nother 1\ngive ours 3\n");
        assert_eq!(format!("{:?}", series.samples("give ours").0), "[2.0, 3.0]");
        assert_eq!(format!("{}", series.samples("other").median()), "1");
    }
}
