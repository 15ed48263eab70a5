//! A login on a terminal, for what asks there.

use std::fmt;
use std::time::Duration;

use crate::door::Door;
use crate::streams::{Streams, lossy};
use crate::wait::LIMIT;

/// One ssh login on a terminal of its own, as a person has it: sudo's tickets
/// belong to it, and programs ask their questions there.
pub struct Terminal {
    user: String,
    streams: Streams,
    /// Bytes of the screen that [`Terminal::expect`] has gone past.
    seen: usize,
}

impl Terminal {
    #[track_caller]
    pub(crate) fn open(door: &Door, user: &str) -> Self {
        let mut terminal = Self {
            user: user.to_owned(),
            streams: Streams::start(door.as_user(user, "-tt", ""), "ssh -tt"),
            seen: 0,
        };
        // What is typed is echoed; the quotes keep the echo from being taken
        // for the answer.
        terminal.type_line("PS1='$ '; echo rea''dy");
        terminal.expect("ready\r\n");
        terminal.expect("$ ");
        terminal
    }

    /// Types `line` and Enter.
    pub fn type_line(&mut self, line: &str) {
        self.streams.write(&format!("{line}\n"));
    }

    /// Presses a key with Ctrl held: `'c'` interrupts, `'d'` ends the input.
    pub fn type_ctrl(&mut self, key: char) {
        let code = (key.to_ascii_uppercase() as u8) & 0x1f;
        self.streams.write(&char::from(code).to_string());
    }

    /// Waits within [`LIMIT`] until `text` comes after what was expected
    /// before, and gives the screen up to it.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.expect_within(LIMIT, text)
    }

    /// The same with a limit of its own.
    #[track_caller]
    pub fn expect_within(&mut self, limit: Duration, text: &str) -> String {
        let seen = self.seen;
        let found = self.streams.wait_for(limit, |written| {
            let new = &written.stdout[seen..];
            let at = new
                .windows(text.len())
                .position(|window| window == text.as_bytes())?;
            let end = at + text.len();
            Some((end, lossy(&new[..end])))
        });
        match found {
            Ok((end, screen)) => {
                self.seen += end;
                screen
            }
            Err((ended, so_far)) => {
                let why = if ended { "it ended" } else { "time ran out" };
                panic!("{self:?} never showed {text:?}: {why}\n{so_far}")
            }
        }
    }

    /// Waits within `limit` until the login is ended.
    #[track_caller]
    pub fn expect_end(&mut self, limit: Duration) {
        if let Err(so_far) = self.streams.end_within(limit) {
            panic!("{self:?} was still open after {limit:?}\n{so_far}");
        }
    }

    /// Whether the login still stands.
    pub fn is_open(&mut self) -> bool {
        self.streams.is_running()
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the terminal of {}", self.user)
    }
}
