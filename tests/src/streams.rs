//! A child process and what it writes, readable while it runs.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::output::{Output, shell_status};
use crate::wait::holds_within;

/// How long output may still trickle in after its writer ended, when something
/// it left behind keeps the pipe open.
const STRAGGLERS: Duration = Duration::from_millis(300);

/// What has been written so far.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    open: u8,
}

impl Written {
    /// Whether both streams have ended.
    pub(crate) fn ended(&self) -> bool {
        self.open == 0
    }
}

#[derive(Default)]
struct Shared {
    written: Mutex<Written>,
    changed: Condvar,
}

/// A child whose output is collected by two threads. Killed when dropped.
pub(crate) struct Streams {
    command: String,
    started: Instant,
    child: Child,
    stdin: Option<ChildStdin>,
    shared: Arc<Shared>,
}

impl Streams {
    /// Starts `command`; `shown` is what reports call it.
    #[track_caller]
    pub(crate) fn start(mut command: Command, shown: &str) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("can't start {command:?}: {error}"));
        let shared = Arc::new(Shared::default());
        shared.lock().open = 2;
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        collect(&shared, stdout, |written| &mut written.stdout);
        collect(&shared, stderr, |written| &mut written.stderr);
        Self {
            command: shown.to_owned(),
            started: Instant::now(),
            stdin: child.stdin.take(),
            child,
            shared,
        }
    }

    /// Writes `text` to the child. A child that no longer reads is not an
    /// error here: whoever waits for its answer will notice.
    pub(crate) fn write(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin
            && stdin.write_all(text.as_bytes()).is_err()
        {
            self.stdin = None;
        }
    }

    /// Writes all of `text` and closes the child's standard input, without
    /// waiting for the child to read it.
    pub(crate) fn feed(&mut self, text: &str) {
        if let Some(mut stdin) = self.stdin.take()
            && !text.is_empty()
        {
            let text = text.to_owned();
            thread::spawn(move || stdin.write_all(text.as_bytes()));
        }
    }

    /// Looks at what was written, again after each addition, until `look`
    /// finds something. `Err` holds whether the streams ended (else time ran
    /// out) and everything written.
    pub(crate) fn wait_for<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut Written) -> Option<T>,
    ) -> Result<T, (bool, String)> {
        let deadline = Instant::now() + limit;
        let mut written = self.shared.lock();
        loop {
            if let Some(found) = look(&mut written) {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if written.ended() || left.is_zero() {
                return Err((written.ended(), transcript(&written)));
            }
            written = self
                .shared
                .changed
                .wait_timeout(written, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Whether the child still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the child's end; `Err` holds what it wrote until the limit.
    pub(crate) fn end_within(&mut self, limit: Duration) -> Result<Output, String> {
        let mut ended = None;
        let child = &mut self.child;
        holds_within(limit, || {
            ended = child.try_wait().expect("a child can be waited for");
            ended.is_some()
        });
        let Some(status) = ended else {
            return Err(transcript(&self.shared.lock()));
        };
        let took = self.started.elapsed();
        let (stdout, stderr) = self.everything();
        Ok(Output {
            command: self.command.clone(),
            status: shell_status(status),
            stdout,
            stderr,
            took,
        })
    }

    /// Ends the child at once.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn everything(&self) -> (String, String) {
        let _ = self.wait_for(STRAGGLERS, |written| written.ended().then_some(()));
        let written = self.shared.lock();
        (lossy(&written.stdout), lossy(&written.stderr))
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes as text, for asserts and reports.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn collect(
    shared: &Arc<Shared>,
    mut from: impl Read + Send + 'static,
    which: fn(&mut Written) -> &mut Vec<u8>,
) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let mut chunk = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            which(&mut shared.lock()).extend_from_slice(&chunk[..count]);
            shared.changed.notify_all();
        }
        shared.lock().open -= 1;
        shared.changed.notify_all();
    });
}

fn transcript(written: &Written) -> String {
    format!(
        "stdout:\n{}\nstderr:\n{}",
        lossy(&written.stdout),
        lossy(&written.stderr)
    )
}
