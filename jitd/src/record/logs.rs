//! Which logs this host has.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Where logs listen.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Where journald takes entries.
    pub(super) journal: PathBuf,
    /// Where a syslogd takes what journald hands on to it.
    pub(super) handed_on: PathBuf,
    /// Where programs find syslog, whoever it is.
    pub(super) dev_log: PathBuf,
}

/// A syslogd that this host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syslogd {
    /// It takes what journald hands on to it.
    HandedOn,
    /// It listens itself.
    Direct,
}

impl Places {
    /// This host's.
    pub(super) fn of_host() -> Self {
        Self {
            journal: "/run/systemd/journal/socket".into(),
            handed_on: "/run/systemd/journal/syslog".into(),
            dev_log: "/dev/log".into(),
        }
    }

    /// Whether there is a journal. Nobody may be listening.
    pub(super) fn has_journal(&self) -> bool {
        is_socket(&self.journal)
    }

    /// The syslogd, if there is one. Nobody may be listening.
    pub(super) fn syslogd(&self) -> Option<Syslogd> {
        if is_socket(&self.handed_on) {
            return Some(Syslogd::HandedOn);
        }
        // journald listens there too, and hands it on.
        let behind = std::fs::canonicalize(&self.dev_log).ok()?;
        let is_journald = behind.parent().is_some() && behind.parent() == self.journal.parent();
        (is_socket(&behind) && !is_journald).then_some(Syslogd::Direct)
    }
}

fn is_socket(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.file_type().is_socket())
}
