//! Memberships in /etc/group and /etc/gshadow.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::ReconcileError;
use super::etc_file::EtcFile;
use super::etc_lock::EtcLock;
use super::group_file::GroupFile;
use super::groups;
use super::plan::{Ours, plan};
use crate::domain::desired::{Desired, Membership};
use crate::store::Store;

/// How often a file may be changed under our hands before that is an error.
const MOST_TRIES: usize = 10;

/// Gives and takes memberships.
#[derive(Debug)]
pub struct Memberships {
    etc: PathBuf,
    store: Store,
    ours: Ours,
}

impl Memberships {
    /// Knows from the database what jitd has added so far. `etc` is where `group` is.
    ///
    /// # Errors
    /// The database is broken.
    pub fn new(etc: PathBuf, store: Store) -> Result<Self, ReconcileError> {
        let ours = Ours {
            held: store.held()?.into_iter().collect(),
            owned: store.owned_groups()?.into_iter().collect(),
        };
        Ok(Self { etc, store, ours })
    }

    /// Makes the group files match.
    ///
    /// # Errors
    /// What stood in the way; what could be done was done.
    pub fn apply(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let mut errors = Vec::new();
        errors.extend(self.create_missing_groups(desired).err());
        errors.extend(self.change_members(desired).err());
        ReconcileError::together(errors)
    }

    /// The members of a group that no elevation put there.
    pub(super) fn standing_members(&self, group: &str) -> Result<Vec<String>, ReconcileError> {
        if self.ours.owned.iter().any(|owned| owned.as_str() == group) {
            return Ok(Vec::new());
        }
        let bytes = self.group_bytes()?;
        let file = GroupFile::parse(&bytes);
        let mut standing: Vec<String> = file
            .members(group)
            .into_iter()
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .filter(|name| {
                !self
                    .ours
                    .held
                    .iter()
                    .any(|(g, u)| g.as_str() == group && u.as_str() == name)
            })
            .collect();
        standing.extend(groups::primary_members(&self.etc, file.gid(group))?);
        Ok(standing)
    }

    /// Removes the groups that jitd created. For the package's removal, after everybody was
    /// taken out of them.
    ///
    /// # Errors
    /// groupdel(8) failed, or the database.
    pub fn remove_owned_groups(&mut self) -> Result<(), ReconcileError> {
        let bytes = self.group_bytes()?;
        let file = GroupFile::parse(&bytes);
        for group in std::mem::take(&mut self.ours.owned) {
            if file.has(group.as_str()) {
                groups::delete(&group)?;
            }
            self.store.note_owned(group, false)?;
        }
        Ok(())
    }

    fn create_missing_groups(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let bytes = self.group_bytes()?;
        let file = GroupFile::parse(&bytes);
        for group in desired
            .groups
            .iter()
            .filter(|group| !file.has(group.as_str()))
        {
            // Noted first: were we stopped in between, the group would be nobody's.
            self.store.note_owned(group.clone(), true)?;
            if let Err(error) = groups::create(group) {
                self.store.note_owned(group.clone(), false)?;
                return Err(error);
            }
            self.ours.owned.insert(group.clone());
        }
        Ok(())
    }

    fn change_members(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let group = self.etc.join("group");
        let gshadow = self.etc.join("gshadow");
        let mut tries = 0;
        while self.differs(desired)? {
            let lock = EtcLock::take(&self.etc)?;
            let done = self.change_file(&lock, &group, desired)?
                && self.change_file(&lock, &gshadow, desired)?;
            drop(lock);
            if done {
                break;
            }
            tries += 1;
            if tries == MOST_TRIES {
                let busy =
                    std::io::Error::other("somebody keeps changing it without taking the lock");
                return Err(ReconcileError::file(&group, "replace")(busy));
            }
        }
        self.forget(desired)?;
        self.missing(desired)
    }

    /// Whether there is anything to do, from a look without the lock.
    fn differs(&self, desired: &Desired) -> Result<bool, ReconcileError> {
        for name in ["group", "gshadow"] {
            let file = EtcFile::read(&self.etc.join(name))?;
            if file.is_some_and(|file| plan(&file.bytes, desired, &self.ours).bytes.is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// False when it must be tried again. The lock is proof that it may be done at all.
    fn change_file(
        &mut self,
        _lock: &EtcLock,
        path: &std::path::Path,
        desired: &Desired,
    ) -> Result<bool, ReconcileError> {
        let Some(file) = EtcFile::read(path)? else {
            return Ok(true);
        };
        let plan = plan(&file.bytes, desired, &self.ours);
        let Some(bytes) = plan.bytes else {
            return Ok(true);
        };
        self.remember(plan.added)?;
        file.replace(&bytes)
    }

    /// Notes what is about to be added, durably, before the file has it: what was not noted
    /// would never be taken away again.
    fn remember(&mut self, added: BTreeSet<Membership>) -> Result<(), ReconcileError> {
        let new: Vec<_> = added
            .into_iter()
            .filter(|m| !self.ours.held.contains(m))
            .collect();
        if !new.is_empty() {
            self.store.note_held(new.clone(), Vec::new())?;
            self.ours.held.extend(new);
        }
        Ok(())
    }

    /// Notes what is no longer in the files as no longer ours.
    fn forget(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let gone: Vec<_> = self
            .ours
            .held
            .difference(&desired.memberships)
            .cloned()
            .collect();
        if !gone.is_empty() {
            self.store.note_held(Vec::new(), gone.clone())?;
            self.ours
                .held
                .retain(|membership| desired.memberships.contains(membership));
        }
        Ok(())
    }

    fn missing(&self, desired: &Desired) -> Result<(), ReconcileError> {
        if desired.memberships.is_empty() {
            return Ok(());
        }
        let bytes = self.group_bytes()?;
        let file = GroupFile::parse(&bytes);
        let groups: BTreeSet<_> = desired.memberships.iter().map(|(group, _)| group).collect();
        ReconcileError::together(
            groups
                .into_iter()
                .filter(|group| !file.has(group.as_str()))
                .map(|group| ReconcileError::NoSuchGroup {
                    group: group.to_string(),
                    path: self.etc.join("group").to_string_lossy().into_owned(),
                })
                .collect(),
        )
    }

    fn group_bytes(&self) -> Result<Vec<u8>, ReconcileError> {
        let path = self.etc.join("group");
        match EtcFile::read(&path)? {
            Some(file) => Ok(file.bytes),
            None => Err(ReconcileError::file(&path, "open")(
                std::io::ErrorKind::NotFound.into(),
            )),
        }
    }
}
