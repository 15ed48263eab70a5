//! Examples and exit statuses: said once, shown in the help and in the manual.

use std::fmt::Write;

use examples::EXAMPLES;

mod examples;

/// What the exit statuses mean.
pub const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "done"),
    (1, "failed"),
    (2, "wrong usage"),
    (3, "not allowed"),
    (4, "jitd is not reachable"),
    (5, "denied, lapsed, or not decided in time while waiting"),
    (130, "interrupted by Ctrl-C; a request stays"),
];

/// Command lines that work, each with what it does; of one command, like `policy check`, or of
/// the whole for `jitctl`.
#[must_use]
pub fn examples(command: &str) -> &'static [(&'static str, &'static str)] {
    let found = EXAMPLES.iter().find(|(name, _)| *name == command);
    found.map_or(&[], |(_, lines)| lines)
}

/// The end of the help of one command.
pub(super) fn of(command: &str) -> String {
    let mut text = String::from("Examples:");
    for (line, meaning) in examples(command) {
        text.push_str("\n  ");
        text.push_str(line);
        text.push_str("\n        ");
        text.push_str(meaning);
    }
    text
}

/// The end of the help of the whole.
pub(super) fn top() -> String {
    let mut text = of("jitctl");
    text.push_str("\n\nExit status:");
    for (status, meaning) in EXIT_STATUS {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {status:>3}  {meaning}");
    }
    text
}

/// An example as the words a shell would make of it.
#[cfg(test)]
pub(super) fn words(line: &str) -> Vec<String> {
    let line = line.replace("id=$(", "id=$( ");
    let line = line.strip_suffix(')').unwrap_or(&line);
    let command = line.split(" > ").next().unwrap_or(line);
    command
        .split('"')
        .enumerate()
        .flat_map(|(nth, part)| match nth % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}
