//! The lock that the shadow tools honour.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::ReconcileError;

/// How long to wait for the lock: longer than any shadow tool holds it, shorter than an end may
/// take to be the end.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often to ask.
const INTERVAL: Duration = Duration::from_millis(1);

/// Proof that the account files are ours to change, until it is dropped.
///
/// This is the lock of lckpwdf(3), a write lock on `/etc/.pwd.lock`, taken by open file
/// description as systemd does: glibc's function uses SIGALRM and is one lock per process.
#[derive(Debug)]
pub struct EtcLock {
    _file: File,
}

impl EtcLock {
    /// Takes the lock below `etc`.
    ///
    /// # Errors
    /// Somebody else keeps it, or the file cannot be opened.
    pub fn take(etc: &Path) -> Result<Self, ReconcileError> {
        let path = etc.join(".pwd.lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(ReconcileError::file(&path, "open"))?;
        let tries = PATIENCE.as_millis() / INTERVAL.as_millis();
        for _ in 0..tries {
            match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
                Ok(_) => return Ok(Self { _file: file }),
                Err(Errno::EAGAIN | Errno::EACCES | Errno::EINTR) => pause(),
                Err(error) => return Err(ReconcileError::file(&path, "lock")(error.into())),
            }
        }
        Err(ReconcileError::Locked {
            holder: holder(&file),
            path: path.to_string_lossy().into_owned(),
            seconds: PATIENCE.as_secs(),
        })
    }
}

/// Who has the lock, where the kernel knows: ` by process 4711`.
fn holder(file: &File) -> String {
    let mut lock = whole_file();
    match fcntl(file, FcntlArg::F_GETLK(&mut lock)) {
        Ok(_) if lock.l_pid > 0 => format!(" by process {}", lock.l_pid),
        _ => String::new(),
    }
}

fn whole_file() -> nix::libc::flock {
    nix::libc::flock {
        l_type: i16::try_from(nix::libc::F_WRLCK).unwrap_or_default(),
        l_whence: i16::try_from(nix::libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "polling a lock that has no bounded blocking form"
)]
fn pause() {
    std::thread::sleep(INTERVAL);
}
