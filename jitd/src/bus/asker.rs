//! The process that asks at the gate, by the kernel's word.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use jitd_api::Error;
use nix::sys::socket::{getsockopt, sockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::domain::time::Boot;

/// Longest `/proc/PID/stat` and `status` that are read, in bytes; they have some hundred.
const MOST_STAT: u64 = 8 * 1024;
/// Ticks of the kernel's clock in `/proc/PID/stat` (`USER_HZ`), in milliseconds.
const TICK: i64 = 10;

/// The services whose program decides, when it is started, by what its caller holds: it acts for
/// whoever started it.
const DECIDES_EARLIER: [&str; 4] = ["sudo", "sudo-i", "su", "su-l"];

/// Who asks.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) pid: u32,
    /// With it, the number is known to be theirs; none before Linux 6.5.
    pidfd: Option<OwnedFd>,
    /// When it was started, in ticks.
    started: i64,
}

impl Asker {
    /// Whoever is at the other end of a connection.
    ///
    /// # Errors
    /// The kernel does not say, or they have gone.
    pub(super) fn at(stream: &impl AsFd) -> io::Result<Self> {
        let peer = getsockopt(stream, sockopt::PeerCredentials)?;
        let pid = u32::try_from(peer.pid()).ok().filter(|pid| *pid != 0);
        let pid = pid.ok_or_else(|| io::Error::other("the kernel does not say which process"))?;
        let pidfd = getsockopt(stream, sockopt::PeerPidfd).ok();
        let started = started(pid)?;
        let asker = Self {
            pid,
            pidfd,
            started,
        };
        asker.is_still_there()?;
        Ok(asker)
    }

    /// What was read of the number was of this process.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn is_still_there(&self) -> io::Result<()> {
        let gone = || io::Error::other(format!("process {} has ended", self.pid));
        let Some(pidfd) = &self.pidfd else {
            let now = started(self.pid)?;
            return (now == self.started).then_some(()).ok_or_else(gone);
        };
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // It is readable once the process has ended (pidfd_open(2)).
        let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
        match poll(&mut polled, Some(&at_once))? {
            0 => Ok(()),
            _ => Err(gone()),
        }
    }

    /// Since when it could have decided by what this person holds, for a service; none where it
    /// is none of theirs: a daemon that lets people in, who come later than it was started.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn since(&self, uid: u32, service: &str) -> io::Result<Option<Boot>> {
        let theirs = DECIDES_EARLIER.contains(&service) || self.real_uid()? == uid;
        Ok(theirs.then_some(Boot(self.started.saturating_mul(TICK))))
    }

    fn real_uid(&self) -> io::Result<u32> {
        let status = read(self.pid, "status", MOST_STAT)?;
        let status = String::from_utf8_lossy(&status);
        let real = status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next());
        real.and_then(|uid| uid.parse().ok())
            .ok_or_else(|| io::Error::other("/proc says nothing of its uid"))
    }
}

/// Nobody can be let in who is not known.
pub(super) fn unknown(error: &io::Error) -> Error {
    Error::Failed(format!("the process that asks is not known: {error}"))
}

/// When a process was started, in ticks since boot (proc(5), field 22).
fn started(pid: u32) -> io::Result<i64> {
    let stat = read(pid, "stat", MOST_STAT)?;
    let stat = String::from_utf8_lossy(&stat);
    // The name before it may have anything in it.
    let ticks = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok());
    ticks.ok_or_else(|| io::Error::other("/proc does not say when it was started"))
}

fn read(pid: u32, name: &str, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(format!("/proc/{pid}/{name}"))?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::clock::{Clock, HostClock};

    #[test]
    fn who_connects_is_known_with_the_time_of_its_start() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let asker = Asker::at(&ours).unwrap();
        assert_eq!(asker.pid, std::process::id());
        let uid = nix::unistd::getuid().as_raw();
        let started = asker.since(uid, "doas").unwrap().unwrap();
        let now = HostClock::new().unwrap().now().boot;
        assert!(started.0 > 0 && started <= now, "{started:?} {now:?}");
        let daemon = asker.since(uid.wrapping_add(1), "sshd").unwrap();
        assert_eq!(daemon, None, "it runs for somebody else");
        let sudo = asker.since(uid.wrapping_add(1), "sudo").unwrap();
        assert_eq!(sudo, Some(started));
    }

    #[test]
    fn who_has_gone_is_nobody() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let asker = Asker {
            pid: child.id(),
            pidfd: None,
            started: started(child.id()).unwrap(),
        };
        asker.is_still_there().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(asker.is_still_there().is_err());
    }
}
