//! Who is in which group: what is desired, given and taken where memberships are kept.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::ReconcileError;
use super::backend::Backend;
use super::book::Book;
use super::drift::Witness;
use super::files::Files;
use super::processes::Processes;
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::GroupName;
use crate::store::Store;

/// Gives and takes memberships.
#[derive(Debug)]
pub struct Memberships {
    store: Store,
    processes: Box<dyn Processes>,
    files: Place,
}

/// A place where memberships are kept, and what of ours is there.
#[derive(Debug)]
struct Place {
    backend: Box<dyn Backend>,
    book: Book,
}

impl Memberships {
    /// Knows from the database what jitd has added so far. `etc` is where `group` is; `processes`
    /// ends what holds a group on; `witness` is told of what others changed.
    ///
    /// # Errors
    /// The database is broken.
    pub fn new(
        etc: PathBuf,
        store: Store,
        processes: Box<dyn Processes>,
        witness: Witness,
    ) -> Result<Self, ReconcileError> {
        let witness = Arc::new(witness);
        let held: BTreeSet<Membership> = store.held()?.into_iter().collect();
        let owned: BTreeSet<GroupName> = store.owned_groups()?.into_iter().collect();
        let mut book = Book::new(store.clone(), witness);
        let mut backend = Box::new(Files::new(etc));
        let recalled = backend.recall(&held, &BTreeSet::new());
        book.ours.held = recalled.held;
        book.ours.unseen = recalled.unseen;
        book.ours.owned = owned;
        Ok(Self {
            store,
            processes,
            files: Place { backend, book },
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
        match self.files.backend.apply(desired, &mut self.files.book) {
            Ok(()) => {
                self.forget(desired)?;
                errors.extend(self.missing(desired).err());
            }
            Err(error) => errors.push(error),
        }
        ReconcileError::together(errors)
    }

    /// Removes the groups that jitd created. For the package's removal, after everybody was
    /// taken out of them.
    ///
    /// # Errors
    /// groupdel(8) failed, or the database.
    pub fn remove_owned_groups(&mut self) -> Result<(), ReconcileError> {
        for group in std::mem::take(&mut self.files.book.ours.owned) {
            self.files.backend.delete_group(&group)?;
            self.store.note_owned(group, false)?;
        }
        Ok(())
    }

    fn create_missing_groups(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let mut errors = Vec::new();
        for group in &desired.groups {
            if self.files.backend.has_group(group)? {
                continue;
            }
            // Noted first: were we stopped in between, the group would be nobody's.
            self.store.note_owned(group.clone(), true)?;
            match self.files.backend.create_group(group, None) {
                Ok(()) => {
                    self.files.book.ours.owned.insert(group.clone());
                }
                Err(error) => {
                    self.store.note_owned(group.clone(), false)?;
                    errors.push(error);
                }
            }
        }
        ReconcileError::together(errors)
    }

    /// Notes what is no longer in the files as no longer ours, and ends what holds it on. In this
    /// order: were we stopped in between, the next start would do both again.
    fn forget(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let mut gone = self.files.book.left_over(&desired.memberships);
        gone.retain(|(group, _)| !desired.untouched.contains(group));
        if gone.is_empty() {
            return Ok(());
        }
        let kept = |(group, _): &&Membership| desired.kept.contains(group);
        let lost: Vec<_> = gone.iter().filter(|one| !kept(one)).cloned().collect();
        if !lost.is_empty() {
            self.processes.end(lost);
        }
        self.store
            .note_held(Vec::new(), gone.iter().cloned().collect())?;
        self.files
            .book
            .ours
            .held
            .retain(|held| !gone.contains(held));
        Ok(())
    }

    fn missing(&self, desired: &Desired) -> Result<(), ReconcileError> {
        let groups: BTreeSet<_> = desired.memberships.iter().map(|(group, _)| group).collect();
        let mut errors = Vec::new();
        for group in groups {
            if !self.files.backend.has_group(group)? {
                errors.push(ReconcileError::NoSuchGroup {
                    group: group.to_string(),
                    path: self.files.backend.name(),
                });
            }
        }
        ReconcileError::together(errors)
    }
}
