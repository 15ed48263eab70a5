//! Memberships in /etc/group and /etc/gshadow.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::ReconcileError;
use super::etc_file::{EtcFile, beside};
use super::etc_lock::EtcLock;
use super::group_file::GroupFile;
use super::groups;
use super::plan::{Ours, plan};
use super::processes::Processes;
use crate::domain::desired::{Desired, Membership};
use crate::paths;
use crate::record::{Priority, note};
use crate::store::Store;

/// How often a file may be changed under our hands before that is an error.
const MOST_TRIES: usize = 10;

/// The files that say who is in which group.
const FILES: [&str; 2] = ["group", "gshadow"];

/// Our turn to change the account files.
enum Turn {
    /// With the lock, for as long as this lives.
    Locked(#[expect(dead_code, reason = "held, not looked at")] EtcLock),
    /// Somebody sits on it: a stopped passwd(1) is enough, which anyone can have. Taking away
    /// must not wait for them; giving must.
    Overdue(ReconcileError),
}

impl Turn {
    fn wait(etc: &Path) -> Result<Self, ReconcileError> {
        match EtcLock::take(etc) {
            Ok(lock) => Ok(Self::Locked(lock)),
            Err(locked @ ReconcileError::Locked { .. }) => {
                note(
                    Priority::Warning,
                    &format!("{locked}; memberships are taken away all the same, none is given"),
                );
                Ok(Self::Overdue(locked))
            }
            Err(error) => Err(error),
        }
    }
}

/// Gives and takes memberships.
#[derive(Debug)]
pub struct Memberships {
    etc: PathBuf,
    store: Store,
    processes: Box<dyn Processes>,
    ours: Ours,
}

impl Memberships {
    /// Knows from the database what jitd has added so far. `etc` is where `group` is; `processes`
    /// ends what holds a group on.
    ///
    /// # Errors
    /// The database is broken.
    pub fn new(
        etc: PathBuf,
        store: Store,
        processes: Box<dyn Processes>,
    ) -> Result<Self, ReconcileError> {
        for name in FILES {
            // Left behind where jitd was stopped in mid-change; mostly there is none.
            let _ = std::fs::remove_file(beside(&etc.join(name)));
        }
        let ours = Ours {
            held: store.held()?.into_iter().collect(),
            owned: store.owned_groups()?.into_iter().collect(),
        };
        Ok(Self {
            etc,
            store,
            processes,
            ours,
        })
    }

    /// Makes the group files match.
    ///
    /// # Errors
    /// What stood in the way; what could be done was done.
    pub fn apply(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        self.processes.spare(&desired.memberships);
        let mut errors = Vec::new();
        errors.extend(self.create_missing_groups(desired).err());
        errors.extend(self.change_members(desired).err());
        ReconcileError::together(errors)
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
                self.is_the_hosts()?;
                groups::delete(&group)?;
            }
            self.store.note_owned(group, false)?;
        }
        Ok(())
    }

    fn create_missing_groups(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let bytes = self.group_bytes()?;
        let file = GroupFile::parse(&bytes);
        let mut errors = Vec::new();
        for group in desired
            .groups
            .iter()
            .filter(|group| !file.has(group.as_str()))
        {
            self.is_the_hosts()?;
            // Noted first: were we stopped in between, the group would be nobody's.
            self.store.note_owned(group.clone(), true)?;
            match groups::create(group) {
                Ok(()) => {
                    self.ours.owned.insert(group.clone());
                }
                Err(error) => {
                    self.store.note_owned(group.clone(), false)?;
                    errors.push(error);
                }
            }
        }
        ReconcileError::together(errors)
    }

    /// The shadow tools know no other files than those of the host that they run on.
    fn is_the_hosts(&self) -> Result<(), ReconcileError> {
        if self.etc == Path::new(paths::ETC) {
            return Ok(());
        }
        Err(ReconcileError::Program {
            program: "/usr/sbin/groupadd".to_owned(),
            output: format!("does not know the files in {}", self.etc.display()),
        })
    }

    fn change_members(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        for _ in 0..MOST_TRIES {
            if !self.differs(desired)? {
                self.forget(desired)?;
                return self.missing(desired);
            }
            let turn = Turn::wait(&self.etc)?;
            for name in FILES {
                // Whether it worked shows the next time round.
                self.change_file(&turn, name, desired)?;
            }
            if let Turn::Overdue(locked) = turn
                && self.differs(desired)?
            {
                return Err(locked);
            }
        }
        let busy = std::io::Error::other("somebody keeps changing it without taking the lock");
        Err(ReconcileError::file(&self.etc.join("group"), "replace")(
            busy,
        ))
    }

    /// Whether there is anything to do, from a look without the lock.
    fn differs(&self, desired: &Desired) -> Result<bool, ReconcileError> {
        for name in FILES {
            let file = EtcFile::read(&self.etc.join(name))?;
            let wanted = self.wanted(name, desired);
            if file.is_some_and(|file| plan(&file.bytes, &wanted, &self.ours).bytes.is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is desired of one of the files. gshadow follows what was added to group: someone who
    /// was in the group anyway is not written into it, so as not to be taken out of it later.
    fn wanted<'a>(&self, name: &str, desired: &'a Desired) -> Cow<'a, Desired> {
        if name == "group" {
            return Cow::Borrowed(desired);
        }
        let mut wanted = desired.clone();
        wanted.memberships.retain(|membership| {
            self.ours.held.contains(membership) || self.ours.owned.contains(&membership.0)
        });
        Cow::Owned(wanted)
    }

    fn change_file(
        &mut self,
        turn: &Turn,
        name: &str,
        desired: &Desired,
    ) -> Result<(), ReconcileError> {
        let Some(file) = EtcFile::read(&self.etc.join(name))? else {
            return Ok(());
        };
        let mut wanted = self.wanted(name, desired).into_owned();
        if matches!(turn, Turn::Overdue(_)) {
            let present = GroupFile::parse(&file.bytes);
            wanted.memberships.retain(|(group, user)| {
                present
                    .members(group.as_str())
                    .contains(&user.as_str().as_bytes())
            });
        }
        let plan = plan(&file.bytes, &wanted, &self.ours);
        if let Some(bytes) = plan.bytes {
            self.remember(plan.added)?;
            file.replace(&bytes)?;
        }
        Ok(())
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

    /// Notes what is no longer in the files as no longer ours, and ends what holds it on. In this
    /// order: were we stopped in between, the next start would do both again.
    fn forget(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let gone: Vec<_> = self
            .ours
            .held
            .difference(&desired.memberships)
            .filter(|(group, _)| !desired.untouched.contains(group))
            .cloned()
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut lost = gone.clone();
        lost.retain(|(group, _)| !desired.kept.contains(group));
        if !lost.is_empty() {
            self.processes.end(lost);
        }
        self.store.note_held(Vec::new(), gone.clone())?;
        for membership in &gone {
            self.ours.held.remove(membership);
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
