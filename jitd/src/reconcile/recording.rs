//! sudo's I/O logs: found in the sudo that writes one, and opened for those who may read it.
//!
//! A process has its log open before it opens its session. Which one that is, the kernel says;
//! nothing is concluded from names or times. Whoever starts sudo leaves it what files they like: only
//! what is below the folder of the recordings counts, which root alone can write in, and only of a
//! program that keeps a log at all.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use jitd_policy::sudoers::RECORDINGS;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

/// The file that sudo writes with every other one, and that has the order of all of them.
const TIMING: &str = "timing";
/// Where sudo keeps them that was not told otherwise, as where sudo-rs would not take the setting.
const SUDOS_OWN: &str = "/var/log/sudo-io";
/// What keeps logs, of sudo's (`sudo_plugin(5)`).
const PLUGIN: &str = "/sudoers.so";
/// Most files that are looked through: sudo has ten or so open, and more are its caller's.
const MOST_FILES: usize = 4096;
/// What a log may consist of (sudoreplay(8)).
const FILES: [&str; 8] = [
    "log", "log.json", TIMING, "stdin", "stdout", "stderr", "ttyin", "ttyout",
];

/// Why there is no recording, or none to be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// The process writes none.
    #[error(
        "it keeps no I/O log: sudo-rs has none, and sudo is told to by sudoers.d/jitd, unless /etc/sudo.conf or another rule says otherwise"
    )]
    None,
    /// Which of two is its own, nobody can say.
    #[error("it writes two I/O logs, in {0} and in {1}")]
    Several(String, String),
    /// Nobody looks through so many.
    #[error("it has more than {0} files open: start it with fewer")]
    TooMany(usize),
    /// Others could change it.
    #[error("its I/O log is in {0}, which others than root could change")]
    Unsafe(String),
    /// What jitd sees there is not what is written.
    #[error("its I/O log is in {0}, where jitd sees another file")]
    Other(String),
    /// It can't be read.
    #[error("{0}: {1}")]
    Unreadable(String, String),
}

/// The folder of the recording that a process is writing. Blocks for as long as it takes to look
/// through its descriptors.
///
/// # Errors
/// There is none, or not a safe one, or more than one.
pub(super) fn written_by(pid: u32) -> Result<String, RecordingError> {
    if !keeps_logs(pid) {
        return Err(RecordingError::None);
    }
    written_below(&recordings(), pid)
}

/// Where recordings can be. Root may have put them elsewhere, and left a link.
fn recordings() -> Vec<PathBuf> {
    let folders = [RECORDINGS, SUDOS_OWN].into_iter();
    folders
        .filter_map(|folder| fs::canonicalize(folder).ok())
        .collect()
}

/// Whether a program is the sudo whose plug-in keeps logs: sudo-rs has none, and su neither.
fn keeps_logs(pid: u32) -> bool {
    let mapped = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    mapped.lines().any(|line| line.ends_with(PLUGIN))
}

fn written_below(recordings: &[PathBuf], pid: u32) -> Result<String, RecordingError> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|_| RecordingError::None)?;
    let mut found: Option<(PathBuf, PathBuf)> = None;
    for (count, entry) in open.flatten().enumerate() {
        if count == MOST_FILES {
            return Err(RecordingError::TooMany(MOST_FILES));
        }
        let name = entry.file_name();
        let one = name.to_str().and_then(|name| candidate(pid, name));
        let Some(one) = one.filter(|(folder, _)| is_below(folder, recordings)) else {
            continue;
        };
        if let Some((folder, _)) = found.as_ref().filter(|(folder, _)| *folder != one.0) {
            let shown = |path: &Path| path.to_string_lossy().into_owned();
            return Err(RecordingError::Several(shown(folder), shown(&one.0)));
        }
        found = Some(one);
    }
    let (folder, link) = found.ok_or(RecordingError::None)?;
    let shown = folder.to_string_lossy().into_owned();
    let opened = open_folder(&folder)?;
    // The name that the kernel has for a file need not be the way to it.
    let named = fstatat(&opened, TIMING, AtFlags::AT_SYMLINK_NOFOLLOW);
    let written = fs::metadata(&link).map_err(|_| RecordingError::None)?;
    match named {
        Ok(named) if (named.st_dev, named.st_ino) == (written.dev(), written.ino()) => {
            if is_roots(&named) {
                Ok(shown)
            } else {
                Err(RecordingError::Unsafe(shown))
            }
        }
        _ => Err(RecordingError::Other(shown)),
    }
}

fn is_below(path: &Path, recordings: &[PathBuf]) -> bool {
    recordings.iter().any(|top| path.starts_with(top))
}

/// A log that a descriptor of a process is open to, for writing; and the way to that descriptor.
fn candidate(pid: u32, descriptor: &str) -> Option<(PathBuf, PathBuf)> {
    // The first three are whatever its caller gave it.
    if descriptor.parse::<u32>().ok()? < 3 {
        return None;
    }
    let link = PathBuf::from(format!("/proc/{pid}/fd/{descriptor}"));
    let path = fs::read_link(&link).ok()?;
    if path.file_name()? != TIMING {
        return None;
    }
    let state = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).ok()?;
    let flags = state.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = OFlag::from_bits_retain(i32::from_str_radix(flags.trim(), 8).ok()?);
    let writes = flags & OFlag::O_ACCMODE != OFlag::O_RDONLY;
    writes.then_some((path.parent()?.to_owned(), link))
}

/// The files of a recording, by their names, to be read. No link is followed, and what others
/// than root could have put there is not opened.
///
/// # Errors
/// The recording is gone, or not a safe one.
pub fn open_recording(folder: &str) -> Result<Vec<(&'static str, OwnedFd)>, RecordingError> {
    let opened = open_folder(Path::new(folder))?;
    let mut files = Vec::new();
    for name in FILES {
        match open_file(opened.as_fd(), name) {
            Ok(Some(file)) => files.push((name, file)),
            Ok(None) => return Err(RecordingError::Unsafe(folder.to_owned())),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(unreadable(Path::new(folder), errno)),
        }
    }
    if !files.iter().any(|(name, _)| *name == TIMING) {
        return Err(unreadable(Path::new(folder), Errno::ENOENT));
    }
    Ok(files)
}

/// None for what is no file of root's.
fn open_file(folder: BorrowedFd<'_>, name: &str) -> nix::Result<Option<OwnedFd>> {
    // A pipe in its place must not keep us waiting.
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(folder, name, flags, Mode::empty())?;
    let is = fstat(&file)?;
    let is_file = SFlag::from_bits_truncate(is.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    Ok((is_file && is_roots(&is)).then_some(file))
}

/// Step by step, from folder to folder; each must be root's and not be anybody else's to write in.
fn open_folder(path: &Path) -> Result<OwnedFd, RecordingError> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let failed = |errno| unreadable(path, errno);
    let unsafe_path = || RecordingError::Unsafe(path.to_string_lossy().into_owned());
    let mut folder = open("/", flags | OFlag::O_PATH, Mode::empty()).map_err(failed)?;
    for part in path.components() {
        match part {
            Component::RootDir => {}
            Component::Normal(name) => {
                let next = openat(&folder, name, flags | OFlag::O_PATH, Mode::empty());
                folder = next.map_err(failed)?;
            }
            _ => return Err(unsafe_path()),
        }
        if !is_roots(&fstat(&folder).map_err(failed)?) {
            return Err(unsafe_path());
        }
    }
    Ok(folder)
}

/// Root's group is root's.
fn is_roots(it: &FileStat) -> bool {
    let mode = Mode::from_bits_truncate(it.st_mode);
    let is_groups = mode.contains(Mode::S_IWGRP) && it.st_gid != 0;
    it.st_uid == 0 && !mode.contains(Mode::S_IWOTH) && !is_groups
}

fn unreadable(path: &Path, errno: Errno) -> RecordingError {
    let path = path.to_string_lossy().into_owned();
    RecordingError::Unreadable(path, errno.desc().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    /// A recording beside the test, where all folders are root's if root has built it; none
    /// where others test.
    fn recording() -> Option<(TempDir, PathBuf)> {
        if !nix::unistd::geteuid().is_root() {
            return None;
        }
        let test = std::env::current_exe().unwrap();
        let folder = TempDir::new_in(test.parent().unwrap()).unwrap();
        let log = folder.path().join("00");
        fs::create_dir(&log).unwrap();
        Some((folder, log))
    }

    #[test]
    fn what_a_process_writes_is_found_by_what_it_has_open() {
        let Some((_folder, log)) = recording() else {
            return;
        };
        let own = std::process::id();
        assert_eq!(written_by(own), Err(RecordingError::None), "no sudo");
        let top = log.parent().unwrap();
        let tops = [top.to_owned()];
        let written_by = |pid| written_below(&tops, pid);
        assert_eq!(written_by(own), Err(RecordingError::None));
        fs::write(log.join(TIMING), "").unwrap();
        let reading = File::open(log.join(TIMING)).unwrap();
        assert_eq!(written_by(own), Err(RecordingError::None), "it only reads");
        drop(reading);
        let writing = File::create(log.join(TIMING)).unwrap();
        let shown = log.to_str().unwrap();
        assert_eq!(written_by(own).as_deref(), Ok(shown));

        // One of another folder does not count, and of two nobody knows.
        assert_eq!(
            written_below(&[top.join("01")], own),
            Err(RecordingError::None)
        );
        fs::create_dir(top.join("02")).unwrap();
        let inherited = File::create(top.join("02/timing")).unwrap();
        assert!(matches!(written_by(own), Err(RecordingError::Several(..))));
        drop(inherited);
        let second = writing.try_clone().unwrap();
        assert_eq!(written_by(own).as_deref(), Ok(shown), "twice the same");
        drop(second);
        let many: Vec<File> = (0..MOST_FILES)
            .map_while(|_| File::open("/dev/null").ok())
            .collect();
        if many.len() == MOST_FILES {
            assert_eq!(written_by(own), Err(RecordingError::TooMany(MOST_FILES)));
        }
        drop(many);

        // Another one in its place is not the one that is written.
        fs::rename(log.join(TIMING), log.join("away")).unwrap();
        fs::write(log.join(TIMING), "").unwrap();
        assert_eq!(written_by(own), Err(RecordingError::None));
        fs::remove_file(log.join(TIMING)).unwrap();
        fs::rename(log.join("away"), log.join(TIMING)).unwrap();

        for (path, mode) in [(&log, 0o777), (&log, 0o770), (&log.join(TIMING), 0o660)] {
            let old = fs::metadata(path).unwrap().permissions();
            std::os::unix::fs::chown(path, None, Some(1)).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let unsafe_log = RecordingError::Unsafe(shown.to_owned());
            assert_eq!(written_by(own), Err(unsafe_log), "{mode:o}");
            fs::set_permissions(path, old).unwrap();
        }
        drop(writing);
    }

    #[test]
    fn links_and_pipes_in_a_recording_are_not_opened() {
        let Some((folder, log)) = recording() else {
            return;
        };
        let shown = log.to_str().unwrap();
        let names = || -> Result<Vec<_>, _> {
            let files = open_recording(shown)?;
            Ok(files.into_iter().map(|(name, _)| name).collect())
        };
        let gone: Result<Vec<&str>, RecordingError> = names();
        assert!(matches!(gone, Err(RecordingError::Unreadable(..))));
        fs::write(log.join(TIMING), "").unwrap();
        fs::write(log.join("stdin"), "").unwrap();
        fs::write(log.join("other"), "").unwrap();
        assert_eq!(names().as_deref(), Ok(&[TIMING, "stdin"][..]));

        symlink("/etc/shadow", log.join("ttyout")).unwrap();
        assert!(matches!(names(), Err(RecordingError::Unreadable(..))));
        fs::remove_file(log.join("ttyout")).unwrap();
        nix::unistd::mkfifo(&log.join("ttyout"), Mode::S_IRUSR).unwrap();
        assert_eq!(names(), Err(RecordingError::Unsafe(shown.to_owned())));
        fs::remove_file(log.join("ttyout")).unwrap();

        let way = folder.path().join("way");
        symlink(&log, &way).unwrap();
        assert!(open_recording(way.to_str().unwrap()).is_err());
    }
}
