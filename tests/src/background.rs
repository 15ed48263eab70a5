//! A command that runs while the test goes on.

use std::fmt;
use std::time::Duration;

use crate::door::Door;
use crate::output::Output;
use crate::quote::quote;
use crate::streams::{Streams, lossy};
use crate::wait::LIMIT;

/// A command on an ssh connection of its own. Killed when dropped.
#[must_use = "dropping it ends the command"]
pub struct Background {
    streams: Streams,
    command: String,
}

impl Background {
    #[track_caller]
    pub(crate) fn start(door: &Door, user: &str, command: &str) -> Self {
        let ssh = door.as_user(user, "-T", &quote(command));
        let mut streams = Streams::start(ssh, command);
        streams.feed("");
        Self {
            streams,
            command: command.to_owned(),
        }
    }

    /// Waits until `text` is in its output, within [`LIMIT`], and gives its
    /// standard output so far.
    #[track_caller]
    pub fn wait_for_output(&self, text: &str) -> String {
        self.streams
            .wait_for(LIMIT, |written| {
                let (stdout, stderr) = (lossy(&written.stdout), lossy(&written.stderr));
                (stdout.contains(text) || stderr.contains(text)).then_some(stdout)
            })
            .unwrap_or_else(|(ended, so_far)| {
                let why = if ended { "it ended" } else { "time ran out" };
                panic!("`{}` never said {text:?}: {why}\n{so_far}", self.command)
            })
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.streams.is_running()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> Output {
        self.streams.end_within(limit).unwrap_or_else(|so_far| {
            panic!("`{}` did not end within {limit:?}\n{so_far}", self.command)
        })
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Background({:?})", self.command)
    }
}
