//! What is wrong with a policy, and exactly where.

use std::fmt;
use std::ops::Range;

use super::Source;
use crate::domain::policy::Place;

/// One mistake in a policy file, or one oddity that is worth a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The file.
    pub file: String,
    /// Line and column, both from 1, where the mistake has a place in the text.
    pub place: Option<(usize, usize)>,
    /// The key, from the top of the file: `role.deploy.max_duration`. Empty where there is none.
    pub key: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl PolicyError {
    /// A mistake of a file as a whole.
    pub(crate) fn whole(file: &str, message: String) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            key: String::new(),
            message,
        }
    }

    /// A mistake at a place (byte offsets) in a text.
    pub(crate) fn at(
        source: &Source,
        span: Option<Range<usize>>,
        key: &str,
        message: String,
    ) -> Self {
        Self {
            file: source.path.clone(),
            place: span.map(|span| line_and_column(&source.text, span.start)),
            key: key.to_owned(),
            message,
        }
    }

    /// A mistake that is found when the text is no longer at hand.
    #[must_use]
    pub fn in_line(place: &Place, key: String, message: String) -> Self {
        Self {
            file: place.file.clone(),
            place: Some((place.line, 1)),
            key,
            message,
        }
    }
}

/// The line of a place in a text, and the column, in characters; both from 1.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
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
        if !self.key.is_empty() {
            write!(f, " {}:", crate::domain::text::escaped(&self.key))?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for PolicyError {}
