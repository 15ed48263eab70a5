//! A login that stays open.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::time::{Duration, Instant};

use crate::background::Background;
use crate::door::Door;
use crate::output::Output;
use crate::quote::quote;
use crate::streams::{Streams, Written, lossy};
use crate::wait::LIMIT;

/// One ssh login without a terminal, in which commands run one after the other
/// in the same login shell: its groups, variables and folder stay.
pub struct Shell {
    user: String,
    door: Door,
    streams: RefCell<Streams>,
    count: Cell<u32>,
}

/// The login was ended, by the shell itself or from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShellEnded {
    /// What was still read from it.
    pub transcript: String,
}

impl Shell {
    #[track_caller]
    pub(crate) fn open(door: &Door, user: &str) -> Self {
        let shell = Self {
            user: user.to_owned(),
            door: door.clone(),
            streams: RefCell::new(Streams::start(door.as_user(user, "-T", ""), "ssh")),
            count: Cell::new(0),
        };
        // The shell answers: the login is complete, and what it was greeted
        // with is out of the way.
        shell.run("true").ok();
        shell
    }

    /// Runs `command` within [`LIMIT`].
    #[track_caller]
    pub fn run(&self, command: &str) -> Output {
        self.run_within(LIMIT, command)
    }

    /// Runs `command` within `limit`.
    #[track_caller]
    pub fn run_within(&self, limit: Duration, command: &str) -> Output {
        self.try_run_within(limit, command)
            .unwrap_or_else(|ended| panic!("{self:?} ended in `{command}`\n{}", ended.transcript))
    }

    /// Runs `command` in a shell that may be ended while it runs.
    ///
    /// # Errors
    /// When the login ends before the command does.
    #[track_caller]
    pub fn try_run_within(&self, limit: Duration, command: &str) -> Result<Output, ShellEnded> {
        let started = Instant::now();
        let mark = self.next_mark();
        let mut streams = self.streams.borrow_mut();
        // `eval` keeps a command with a syntax error from taking the rest of
        // the line with it.
        streams.write(&format!(
            "eval {} </dev/null; printf '\\n%s %d\\n' {mark} \"$?\"; printf '\\n%s\\n' {mark} >&2\n",
            quote(command)
        ));
        match streams.wait_for(limit, |written| take_answer(written, &mark)) {
            Ok((status, stdout, stderr)) => Ok(Output {
                command: command.to_owned(),
                status,
                stdout,
                stderr,
                took: started.elapsed(),
            }),
            Err((true, transcript)) => Err(ShellEnded { transcript }),
            Err((false, so_far)) => {
                panic!("`{command}` did not end within {limit:?}\n{so_far}")
            }
        }
    }

    /// Starts `command` on an ssh connection of its own, as the same user.
    #[track_caller]
    pub fn spawn(&self, command: &str) -> Background {
        Background::start(&self.door, &self.user, command)
    }

    /// Whether the login still stands.
    pub fn is_open(&self) -> bool {
        self.streams.borrow_mut().is_running()
    }

    fn next_mark(&self) -> String {
        self.count.set(self.count.get() + 1);
        format!("==8==8=={}==", self.count.get())
    }
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the shell of {}", self.user)
    }
}

/// Takes a command's status, standard output and standard error out of what
/// was written, once both streams hold the mark.
fn take_answer(written: &mut Written, mark: &str) -> Option<(i32, String, String)> {
    let stdout = lossy(&written.stdout);
    let stderr = lossy(&written.stderr);
    let (said, rest) = stdout.split_once(&format!("\n{mark} "))?;
    let (status, left) = rest.split_once('\n')?;
    let (complained, err_left) = stderr.split_once(&format!("\n{mark}\n"))?;
    written.stdout = left.to_owned().into_bytes();
    written.stderr = err_left.to_owned().into_bytes();
    Some((status.parse().ok()?, said.to_owned(), complained.to_owned()))
}
