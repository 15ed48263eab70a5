//! Changes as a unified diff.

use similar::TextDiff;

use super::plan::Change;
use crate::output::escape::escape;

/// The changes as a unified diff, safe for a terminal.
#[must_use]
pub fn unified(changes: &[Change]) -> String {
    changes.iter().map(one).collect()
}

fn one(change: &Change) -> String {
    let text = |content: &Option<Vec<u8>>| {
        String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned()
    };
    let name = |content: &Option<Vec<u8>>| match content {
        Some(_) => format!("/{}", change.path),
        None => "/dev/null".to_owned(),
    };
    let (before, after) = (text(&change.before), text(&change.after));
    let diff = TextDiff::from_lines(&before, &after)
        .unified_diff()
        .header(&name(&change.before), &name(&change.after))
        .to_string();
    diff.lines().map(|line| safe(line) + "\n").collect()
}

/// PAM files are full of tabs; those may stay.
fn safe(line: &str) -> String {
    let parts: Vec<_> = line.split('\t').map(escape).collect();
    parts.join("\t")
}
