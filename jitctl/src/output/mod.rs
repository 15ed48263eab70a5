//! What leaves the program: results on stdout, everything else on stderr.

pub(crate) mod escape;
pub(crate) mod events;
pub(crate) mod fit;
pub(crate) mod json;
pub(crate) mod people;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod words;

use std::io::{self, IsTerminal, Write};

use crate::error::Failure;

/// What stdout or stderr can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Colours: only on a terminal that has them, and without `NO_COLOR`.
    pub(crate) colour: bool,
    /// Columns, when it is a terminal.
    pub(crate) width: Option<u16>,
}

impl Screen {
    /// What stdout is.
    pub(crate) fn of_stdout() -> Self {
        Self::of(io::stdout().is_terminal())
    }

    /// What stderr is.
    pub(crate) fn of_stderr() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    fn of(terminal: bool) -> Self {
        Self {
            colour: terminal && colour_wanted(),
            width: terminal.then(|| comfy_table::Table::new().width().unwrap_or(80).max(40)),
        }
    }

    /// The text in bold, where there is bold.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// The text in an SGR style, where there are styles.
    pub(crate) fn paint(self, style: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{style}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// <https://no-color.org>: set and not empty.
fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Writes a result to stdout, with a newline at its end.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    Ok(stdout.flush()?)
}

/// Writes a line for the person to stderr. That nobody reads it is no failure.
pub(crate) fn tell(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
