//! The lock that all take who change account files.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_WRLCK, SEEK_SET, flock};

use crate::wait::{LIMIT, holds_within};

/// The lock of lckpwdf(3) on a machine's account files. Whoever else wants it
/// waits until it is dropped.
#[must_use = "dropping it gives the lock back"]
#[derive(Debug)]
pub struct AccountLock {
    _file: File,
}

impl AccountLock {
    /// Takes the lock that `path`, a machine's `/etc/.pwd.lock`, stands for.
    #[track_caller]
    pub(crate) fn take(path: &Path) -> Self {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .unwrap_or_else(|error| panic!("can't open {}: {error}", path.display()));
        let taken = holds_within(LIMIT, || {
            match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
                Ok(_) => true,
                Err(Errno::EAGAIN | Errno::EACCES) => false,
                Err(error) => panic!("can't lock {}: {error}", path.display()),
            }
        });
        assert!(taken, "{} stayed locked by another", path.display());
        Self { _file: file }
    }
}

fn whole_file() -> flock {
    flock {
        l_type: F_WRLCK.try_into().expect("it is small"),
        l_whence: SEEK_SET.try_into().expect("it is small"),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}
