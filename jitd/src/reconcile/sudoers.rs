//! The sudoers file: who may run what, at this moment. Checked by visudo, replaced whole.

use std::collections::HashSet;
use std::path::PathBuf;

use jitd_policy::sudoers::{Dialect, checkers, complaint, render, rules, unnameable};

use super::ReconcileError;
use super::etc_file::{EtcFile, Looks, beside, rename_synced, sync_folder, write_beside};
use crate::crash::crash_point;
use crate::domain::desired::Desired;
use crate::domain::policy::Policy;

/// Mode of a sudoers file.
const MODE: u32 = 0o440;

/// The file of ours in sudo's include folder.
#[derive(Debug)]
pub struct Sudoers {
    path: PathBuf,
}

impl Sudoers {
    /// `path` is `/etc/sudoers.d/jitd`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes the file match. What visudo refuses is never put in place; but then, or when the
    /// new file cannot be written, an old one that gives more than it should is removed.
    ///
    /// # Errors
    /// visudo refuses it, or a file cannot be written or removed.
    pub fn apply(&self, policy: &Policy, desired: &Desired) -> Result<(), ReconcileError> {
        let text = render(policy, desired, Dialect::of_host());
        self.install(&text).or_else(|error| {
            self.remove_what_gives_too_much(&text)?;
            Err(error)
        })?;
        let unnameable = unnameable(policy, desired, Dialect::of_host()).into_iter();
        let error = |(name, uid)| ReconcileError::UnnameableToSudo {
            user: format!("{name} (uid {uid})"),
        };
        ReconcileError::together(unnameable.map(error).collect())
    }

    /// Removes the file.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(&self) -> Result<(), ReconcileError> {
        let absent = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        // Where /etc is read-only, removing what is not there fails too.
        if self
            .path
            .symlink_metadata()
            .is_err_and(|error| absent(&error))
        {
            return Ok(());
        }
        match std::fs::remove_file(&self.path) {
            Ok(()) => sync_folder(&self.path),
            Err(error) if absent(&error) => Ok(()),
            Err(error) => Err(ReconcileError::file(&self.path, "remove")(error)),
        }
    }

    fn install(&self, text: &str) -> Result<(), ReconcileError> {
        if rules(text).next().is_none() {
            return self.remove();
        }
        let old = EtcFile::read(&self.path)?;
        let looks = Looks {
            mode: MODE,
            owner: (0, 0),
            label: old.as_ref().and_then(|file| file.looks().label.clone()),
        };
        if old
            .as_ref()
            .is_some_and(|file| file.bytes == text.as_bytes() && *file.looks() == looks)
        {
            return Ok(());
        }
        // Every rule stands for itself: what is left when some go has been checked before.
        let checked = old.is_some_and(|file| gives_no_more(text, &file.bytes));
        if !checked {
            check(text)?;
        }
        let new = beside(&self.path);
        write_beside(&new, text.as_bytes(), &looks).map_err(ReconcileError::file(&new, "write"))?;
        crash_point!("sudoers.prepared");
        rename_synced(&new, &self.path)
    }

    /// A full disk must not let anybody keep what has ended: removing needs no room.
    fn remove_what_gives_too_much(&self, wanted: &str) -> Result<(), ReconcileError> {
        let Some(old) = EtcFile::read(&self.path)? else {
            return Ok(());
        };
        let old = String::from_utf8_lossy(&old.bytes).into_owned();
        if gives_no_more(&old, wanted.as_bytes()) {
            return Ok(());
        }
        self.remove()
    }
}

/// Whether every rule of a text is also one of the other's.
fn gives_no_more(text: &str, other: &[u8]) -> bool {
    let other = String::from_utf8_lossy(other);
    let known: HashSet<&str> = rules(&other).collect();
    rules(text).all(|rule| known.contains(rule))
}

/// Every visudo of the host must like it; a host without any has no sudo to protect, but a
/// file that nobody checked is not installed.
fn check(text: &str) -> Result<(), ReconcileError> {
    let checkers = checkers();
    let refused = |program: &str, output: String| {
        Err(ReconcileError::Program {
            program: program.to_owned(),
            output,
        })
    };
    if checkers.is_empty() {
        let output = "is not installed; without it no sudoers file is put in place".to_owned();
        return refused("/usr/sbin/visudo", output);
    }
    for visudo in checkers {
        match complaint(&visudo, text) {
            Ok(None) => {}
            Ok(Some(said)) => return refused(&visudo.to_string_lossy(), said),
            Err(error) => return refused(&visudo.to_string_lossy(), error.to_string()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# Written by jitd.\n\n# role deploy (/etc/jitd/jitd.toml)\n";

    #[test]
    fn what_cannot_be_replaced_and_gives_too_much_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jitd");
        let sudoers = Sudoers::new(path.clone());
        let one = format!("{HEAD}carol ALL=(root) /usr/bin/id\n");
        let both = format!("{one}dan ALL=(root) /usr/bin/id\n");
        std::fs::write(&path, &one).unwrap();
        sudoers.remove_what_gives_too_much(&both).unwrap();
        assert!(path.exists(), "what gives less stays in force");
        std::fs::write(&path, &both).unwrap();
        sudoers.remove_what_gives_too_much(&one).unwrap();
        assert!(!path.exists());
    }
}
