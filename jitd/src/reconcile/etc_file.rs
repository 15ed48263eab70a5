//! Rewriting a file in /etc: beside it, synced, renamed; mode and owner as they were.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use xattr::FileExt;

use super::ReconcileError;

/// A file as it was read, and what tells whether it is still the same.
#[derive(Debug)]
pub(super) struct EtcFile {
    path: PathBuf,
    pub(super) bytes: Vec<u8>,
    seen: Seen,
    looks: Looks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// What a file looks like from outside: kept when its content is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looks {
    /// Permission bits.
    pub(super) mode: u32,
    /// User and group.
    pub(super) owner: (u32, u32),
    /// The `SELinux` label. A new file in /etc would get that of the folder, which the programs
    /// that read account files may not read.
    pub(super) label: Option<Vec<u8>>,
}

const LABEL: &str = "security.selinux";

impl Looks {
    fn of(file: &File) -> std::io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            mode: meta.mode() & 0o7777,
            owner: (meta.uid(), meta.gid()),
            // A file system that knows no labels says so with an error.
            label: file.get_xattr(LABEL).ok().flatten(),
        })
    }

    fn give_to(&self, file: &File) -> std::io::Result<()> {
        fchown(file, Some(self.owner.0), Some(self.owner.1))?;
        file.set_permissions(Permissions::from_mode(self.mode))?;
        self.label
            .as_ref()
            .map_or(Ok(()), |label| file.set_xattr(LABEL, label))
    }
}

impl Seen {
    fn of(file: &File) -> std::io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
        })
    }
}

impl EtcFile {
    /// Reads the file; none if there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ReconcileError> {
        let mut file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ReconcileError::file(path, "open")(error)),
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(ReconcileError::file(path, "read"))?;
        let seen = Seen::of(&file).map_err(ReconcileError::file(path, "examine"))?;
        let looks = Looks::of(&file).map_err(ReconcileError::file(path, "examine"))?;
        Ok(Some(Self {
            path: path.to_owned(),
            bytes,
            seen,
            looks,
        }))
    }

    /// What it looks like from outside.
    pub(super) fn looks(&self) -> &Looks {
        &self.looks
    }

    /// Writes new bytes beside it, to be put in its place.
    pub(super) fn prepare(&self, bytes: &[u8]) -> Result<Prepared<'_>, ReconcileError> {
        let beside = beside(&self.path);
        write_beside(&beside, bytes, &self.looks)
            .map_err(ReconcileError::file(&beside, "write"))?;
        Ok(Prepared { file: self, beside })
    }
}

/// What is to replace a file, on the disk already.
#[must_use]
pub(super) struct Prepared<'a> {
    file: &'a EtcFile,
    beside: PathBuf,
}

impl Prepared<'_> {
    /// Puts it in place. False when somebody changed the file meanwhile without taking the lock
    /// (an editor): then nothing was done, and it must be read again.
    pub(super) fn put_in_place(self) -> Result<bool, ReconcileError> {
        let now = open_regular(&self.file.path).and_then(|file| Seen::of(&file));
        if now.ok() != Some(self.file.seen) {
            self.discard()?;
            return Ok(false);
        }
        rename_synced(&self.beside, &self.file.path)?;
        Ok(true)
    }

    /// Puts it away.
    pub(super) fn discard(self) -> Result<(), ReconcileError> {
        std::fs::remove_file(&self.beside).map_err(ReconcileError::file(&self.beside, "remove"))
    }
}

/// Where a file is prepared: in the same folder, with a dot first and another in the name, so
/// that nothing that reads the folder (sudo's includedir, cron) takes it for its own.
pub(super) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.jitd-new"))
}

/// Writes a file that was not there, or was left behind, and syncs it.
pub(super) fn write_beside(path: &Path, bytes: &[u8], looks: &Looks) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path)?;
        looks.give_to(&file)?;
        file.write_all(bytes)?;
        file.sync_all()
    })();
    written.inspect_err(|_| {
        // A full disk leaves a part of it behind; it is in nobody's way, but not ours to leave.
        let _ = std::fs::remove_file(path);
    })
}

/// Renames and syncs the folder, so that a power cut leaves the old file or the new one.
pub(super) fn rename_synced(from: &Path, to: &Path) -> Result<(), ReconcileError> {
    std::fs::rename(from, to).map_err(|error| {
        let _ = std::fs::remove_file(from);
        ReconcileError::file(to, "replace")(error)
    })?;
    sync_folder(to)
}

/// Syncs the folder that the file is in.
pub(super) fn sync_folder(path: &Path) -> Result<(), ReconcileError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(ReconcileError::file(folder, "sync"))
}

fn open_regular(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(std::io::Error::other("not a regular file"))
    }
}
