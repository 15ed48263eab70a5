//! What people are told on their terminals.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs::{DirEntry, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::fcntl::OFlag;

use crate::record::{Priority, note};

/// Where the kernel keeps the terminals of logins (pts(4)).
const PTS: &str = "/dev/pts";

/// Says something to somebody, if they are there.
pub trait Terminals: Send + Sync {
    /// One line for whoever has this account, at these of their terminals, or at all of them where
    /// none is named; does not wait.
    fn tell(&self, uid: u32, at: &BTreeSet<PathBuf>, line: &str);
}

/// Those of this host.
#[derive(Debug, Clone, Copy)]
pub struct HostTerminals;

impl Terminals for HostTerminals {
    fn tell(&self, uid: u32, at: &BTreeSet<PathBuf>, line: &str) {
        let entries = match std::fs::read_dir(PTS) {
            Ok(entries) => entries,
            Err(error) => return note(Priority::Warning, &format!("{PTS}: {error}")),
        };
        let meant = |terminal: &DirEntry| at.is_empty() || at.contains(&terminal.path());
        for terminal in entries.flatten().filter(meant) {
            // One that is gone, or stopped, is told nothing.
            let _ = tell(&terminal, uid, line);
        }
    }
}

/// A terminal belongs to whom it was opened for; `O_NONBLOCK`, since its owner can stop it.
fn tell(terminal: &DirEntry, uid: u32, line: &str) -> std::io::Result<()> {
    if terminal.metadata()?.uid() != uid {
        return Ok(());
    }
    let flags = OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let mut file = OpenOptions::new()
        .write(true)
        .custom_flags(flags.bits())
        .open(terminal.path())?;
    let meta = file.metadata()?;
    if meta.uid() == uid && meta.file_type().is_char_device() {
        write!(file, "\r\n{line}\r\n")?;
    }
    Ok(())
}
