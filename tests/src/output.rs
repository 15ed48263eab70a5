//! What a command gave, and asserts on it.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

/// What a command gave.
#[must_use = "an unread result hides a failure: say .ok(), .fails_with(…) or look at it"]
#[derive(Clone, Debug)]
pub struct Output {
    /// The command, as it was given.
    pub command: String,
    /// Its exit status; 128 + the signal's number if a signal ended it.
    pub status: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Output {
    /// Asserts success.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        assert!(self.status == 0, "expected success of {self}");
        self
    }

    /// Asserts this exit status.
    #[track_caller]
    pub fn fails_with(&self, status: i32) -> &Self {
        assert!(status != 0, "0 is not a failure: say .ok()");
        assert!(
            self.status == status,
            "expected exit status {status} of {self}"
        );
        self
    }

    /// Asserts that `text` is in standard output or standard error.
    #[track_caller]
    pub fn contains(&self, text: &str) -> &Self {
        assert!(self.has(text), "expected {text:?} in what came of {self}");
        self
    }

    /// Asserts that `text` is in neither standard output nor standard error.
    #[track_caller]
    pub fn lacks(&self, text: &str) -> &Self {
        assert!(
            !self.has(text),
            "unexpected {text:?} in what came of {self}"
        );
        self
    }

    /// Standard output without the space around it.
    pub fn text(&self) -> &str {
        self.stdout.trim()
    }

    fn has(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`\n  exit status {} after {:?}\n  stdout: {}\n  stderr: {}",
            self.command,
            self.status,
            self.took,
            indented(&self.stdout),
            indented(&self.stderr)
        )
    }
}

fn indented(text: &str) -> String {
    match text.trim_end() {
        "" => "(nothing)".to_owned(),
        text => text.replace('\n', "\n          "),
    }
}

/// The exit status as a shell would tell it.
pub(crate) fn shell_status(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
