//! Waiting for the end of a process. An island: tokio wants its word for an fd that stays open.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;

/// A process, also once its number is somebody else's.
pub(crate) struct ProcessEnd(AsyncFd<Fd>);

struct Fd(OwnedFd);

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl ProcessEnd {
    /// The process that has this number now; needs a tokio runtime. None where there is none.
    #[must_use]
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let process = Fd(pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?);
        // SAFETY: `Fd` owns its descriptor, always gives the same one, and is dropped, which
        // closes it, only after `AsyncFd` has taken it out of the reactor.
        unsafe { AsyncFd::register(process) }.ok().map(Self)
    }

    /// Waits until it has ended: that makes it readable (`pidfd_open(2)`).
    pub(crate) async fn wait(&self) {
        // An error of the reactor is the end of the runtime.
        let _ended = self.0.readable().await;
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test]
    async fn the_end_of_a_process_is_told_when_it_comes() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let end = ProcessEnd::of(cat.id()).unwrap();
        let ended = tokio::spawn(async move { end.wait().await });
        tokio::task::yield_now().await;
        assert!(!ended.is_finished());
        drop(cat.stdin.take());
        ended.await.unwrap();
        cat.wait().unwrap();
        assert!(ProcessEnd::of(0).is_none());
    }
}
