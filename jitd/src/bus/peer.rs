//! The process at the other end, held so that its number can't come to mean another one.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::UnixStream;

/// The kernel's word for a process that nobody logged in for, and for one that is in no session of
/// its audit.
const UNSET: u32 = u32::MAX;

/// A process and what tells it from a later one of the same number.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pid: u32,
    held: Held,
}

#[derive(Debug, Clone)]
enum Held {
    /// A descriptor of the process itself (`pidfd_open(2)`), from whoever knew it when it came.
    ByPidfd(Arc<OwnedFd>),
    /// When it began, in ticks since the boot. It was looked at as it connected.
    SinceItConnected(u64),
    /// The same, looked at some time later: who had the number before, nobody knows.
    SinceNow(u64),
}

/// What the kernel keeps of who logged in for a process (`/proc/PID/loginuid`, `sessionid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Login {
    /// Who; none where nobody did, or where the kernel keeps no such record.
    pub(super) uid: Option<u32>,
    /// The session of the kernel's audit. Whoever sets a login uid gets a new one.
    pub(super) session: Option<u32>,
}

impl Process {
    /// Who connected, and their process.
    ///
    /// # Errors
    /// The kernel does not say; the process has ended.
    pub(super) fn at_the_other_end(stream: &UnixStream) -> io::Result<(u32, Self)> {
        let peer = stream.peer_cred()?;
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
        let pid = pid.ok_or_else(|| io::Error::other("the kernel does not say which process"))?;
        let process = match getsockopt(stream, PeerPidfd) {
            Ok(pidfd) => Self::by_pidfd(pid, pidfd),
            // Before Linux 6.5.
            Err(nix::Error::ENOPROTOOPT) => Self {
                pid,
                held: Held::SinceItConnected(began(pid)?),
            },
            Err(error) => return Err(error.into()),
        };
        Ok((peer.uid(), process))
    }

    /// A process that somebody else has held for us.
    pub(super) fn by_pidfd(pid: u32, pidfd: OwnedFd) -> Self {
        Self {
            pid,
            held: Held::ByPidfd(Arc::new(pidfd)),
        }
    }

    /// Whoever has this number now.
    ///
    /// # Errors
    /// Nobody has.
    pub(super) fn since_now(pid: u32) -> io::Result<Self> {
        Ok(Self {
            pid,
            held: Held::SinceNow(began(pid)?),
        })
    }

    /// Its number, for as long as it [runs](Self::login).
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it is for certain the process that connected.
    pub(super) fn is_certain(&self) -> bool {
        !matches!(self.held, Held::SinceNow(_))
    }

    /// Who logged in for it.
    ///
    /// # Errors
    /// It has ended: then nobody knows.
    pub(super) fn login(&self) -> io::Result<Login> {
        let login = Login {
            uid: number(self.pid, "loginuid")?,
            session: number(self.pid, "sessionid")?,
        };
        self.still_runs()?;
        Ok(login)
    }

    /// # Errors
    /// It does not.
    pub(super) fn still_runs(&self) -> io::Result<()> {
        let runs = match &self.held {
            Held::ByPidfd(pidfd) => {
                let mut ended = [PollFd::new(&**pidfd, PollFlags::IN)];
                poll(&mut ended, Some(&Timespec::default()))? == 0
            }
            Held::SinceItConnected(since) | Held::SinceNow(since) => began(self.pid)? == *since,
        };
        if runs {
            Ok(())
        } else {
            Err(io::Error::other("it has ended"))
        }
    }
}

/// A number in a file of a process; none where it is not set, or where the kernel has no such file.
fn number(pid: u32, file: &str) -> io::Result<Option<u32>> {
    let folder = format!("/proc/{pid}");
    let text = match fs::read_to_string(format!("{folder}/{file}")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return fs::metadata(folder).map(|_| None);
        }
        Err(error) => return Err(error),
    };
    let number: u32 = text.trim().parse().map_err(io::Error::other)?;
    Ok((number != UNSET).then_some(number))
}

/// When a process began, in ticks since the boot (`proc(5)`).
fn began(pid: u32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before it may have anything in it.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest);
    let began = rest.and_then(|rest| rest.split_whitespace().nth(19)?.parse().ok());
    began.ok_or_else(|| io::Error::other("the kernel does not say when it began"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test]
    async fn whoever_connected_is_known_until_they_end() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (uid, process) = Process::at_the_other_end(&ours).unwrap();
        assert_eq!(uid, nix::unistd::getuid().as_raw());
        assert_eq!(process.pid(), std::process::id());
        assert!(process.login().is_ok());
        drop(theirs);
    }

    #[test]
    fn who_has_ended_has_no_login() {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = i32::try_from(cat.id()).unwrap();
        let pidfd = rustix::process::pidfd_open(
            rustix::process::Pid::from_raw(pid).unwrap(),
            rustix::process::PidfdFlags::empty(),
        );
        let held = [
            Process::by_pidfd(cat.id(), pidfd.unwrap()),
            Process::since_now(cat.id()).unwrap(),
        ];
        assert!(held.iter().all(|process| process.login().is_ok()));
        assert_eq!(held.each_ref().map(Process::is_certain), [true, false]);
        drop(cat.stdin.take());
        cat.wait().unwrap();
        assert!(held.iter().all(|process| process.login().is_err()));
    }

    #[test]
    fn a_number_that_came_again_is_another_process() {
        let mut process = Process::since_now(std::process::id()).unwrap();
        assert!(process.still_runs().is_ok());
        process.held = Held::SinceNow(0);
        assert!(process.login().is_err());
    }
}
