//! What is wrong with a policy, and where.

use std::fmt;
use std::ops::Range;

use super::Source;

/// One mistake in a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The file.
    pub file: String,
    /// Line and column, both from 1, where the mistake has a place in the text.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl PolicyError {
    /// A mistake of a file as a whole.
    pub(super) fn whole(file: &str, message: String) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            message,
        }
    }

    /// A mistake at a place (byte offsets) in a text.
    pub(super) fn at(source: &Source, span: Option<Range<usize>>, message: String) -> Self {
        let place = span.map(|span| line_and_column(&source.text, span.start));
        Self {
            file: source.path.clone(),
            place,
            message,
        }
    }
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for PolicyError {}
