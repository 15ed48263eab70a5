//! Reading and writing the files, below a root directory.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::plan::{Change, SUDO_CONF};
use super::see;
use crate::pam::folder::{Files, PAM_DIR};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A symbolic link, a directory or a device where a file or directory should be.
    #[error("{0} is a symbolic link or no regular file: not touched")]
    NotPlain(PathBuf),
    /// The file is not what the plan was made from.
    #[error("{0} was changed by someone else in the meantime: not touched")]
    Changed(PathBuf),
    /// Another `setup` is at work.
    #[error("another jitctl setup is running")]
    Busy,
    /// The system said no.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A change failed, and what was changed before could not all be put back.
    #[error("{cause}; and not everything could be put back: {}", left.join("; "))]
    NotPutBack {
        /// The first failure.
        cause: String,
        /// What is left changed, and why.
        left: Vec<String>,
    },
}

/// Reads what is configured for PAM and for sudo's front end below a root.
///
/// # Errors
/// [`ApplyError::NotPlain`] where sudo.conf is a symbolic link, [`ApplyError::Io`] for what can't
/// be read though it may be.
pub fn read(root: &Path) -> Result<Files, ApplyError> {
    let mut files = see::files(root).map_err(|(path, cause)| ApplyError::Io { path, cause })?;
    match read_one(&root.join(SUDO_CONF)) {
        Ok(content) => files.set(SUDO_CONF, content.as_deref()),
        Err(ApplyError::Io { cause, .. }) if cause.kind() == io::ErrorKind::PermissionDenied => {
            files.closed.insert(SUDO_CONF.to_owned());
        }
        Err(error) => return Err(error),
    }
    Ok(files)
}

/// The right to write below a root; one at a time.
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    _lock: File,
}

impl Host {
    /// Takes the lock.
    ///
    /// # Errors
    /// [`ApplyError::Busy`] when another one holds it, [`ApplyError::Io`] without /etc/pam.d.
    pub fn lock(root: &Path) -> Result<Self, ApplyError> {
        let dir = root.join(PAM_DIR);
        let lock = File::open(&dir).map_err(io_error(&dir))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_owned(),
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(ApplyError::Busy),
            Err(fs::TryLockError::Error(cause)) => Err(ApplyError::Io { path: dir, cause }),
        }
    }

    /// Reads the files, which nobody else of us changes while this lives.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&mut self) -> Result<Files, ApplyError> {
        read(&self.root)
    }

    /// Makes all changes or none.
    ///
    /// # Errors
    /// What failed; [`ApplyError::NotPutBack`] when undoing the others failed too.
    pub fn apply(&mut self, changes: &[Change]) -> Result<(), ApplyError> {
        for (done, change) in changes.iter().enumerate() {
            if let Err(cause) = self.write(change) {
                return match self.put_back(&changes[..done]) {
                    Ok(()) => Err(cause),
                    Err(ApplyError::NotPutBack { left, .. }) => Err(ApplyError::NotPutBack {
                        cause: cause.to_string(),
                        left,
                    }),
                    Err(other) => Err(other),
                };
            }
        }
        Ok(())
    }

    /// Undoes changes that were made, all that can be undone.
    ///
    /// # Errors
    /// [`ApplyError::NotPutBack`] naming each file that stays changed.
    pub fn put_back(&mut self, changes: &[Change]) -> Result<(), ApplyError> {
        let mut left = Vec::new();
        for change in changes.iter().rev() {
            let back = Change {
                path: change.path.clone(),
                before: change.after.clone(),
                after: change.before.clone(),
            };
            if let Err(cause) = self.write(&back) {
                left.push(cause.to_string());
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(ApplyError::NotPutBack {
            cause: "the change was given up".to_owned(),
            left,
        })
    }

    fn write(&mut self, change: &Change) -> Result<(), ApplyError> {
        let path = self.root.join(&change.path);
        if read_one(&path)? != change.before {
            return Err(ApplyError::Changed(path));
        }
        match &change.after {
            Some(content) => replace(&path, content),
            None => fs::remove_file(&path),
        }
        .and_then(|()| sync_directory_of(&path))
        .map_err(io_error(&path))
    }
}

/// The content of a regular file; nothing when there is none.
fn read_one(path: &Path) -> Result<Option<Vec<u8>>, ApplyError> {
    if let Some(directory) = path.parent() {
        match fs::symlink_metadata(directory) {
            Ok(meta) if !meta.is_dir() => return Err(ApplyError::NotPlain(directory.to_owned())),
            _ => {}
        }
    }
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => fs::read(path).map(Some).map_err(io_error(path)),
        Ok(_) => Err(ApplyError::NotPlain(path.to_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(io_error(path)(cause)),
    }
}

/// Writes beside and renames, so that sudo finds the old file or the new one at
/// any instant; mode and owner are those of the old one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    // Left over by a run that was killed.
    match fs::remove_file(&beside) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let written = write_new(&beside, path, content).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written
}

fn write_new(beside: &Path, like: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(beside)?;
    file.write_all(content)?;
    let mode = match fs::symlink_metadata(like) {
        Ok(old) => {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
            old.mode() & 0o7777
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => 0o644,
        Err(cause) => return Err(cause),
    };
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(".jitd-new");
    Ok(path.with_file_name(hidden))
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> ApplyError {
    let path = path.to_owned();
    move |cause| ApplyError::Io {
        path: path.clone(),
        cause,
    }
}
