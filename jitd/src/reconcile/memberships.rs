//! Who is in which group: given where the policy has memberships kept, and taken where they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::ReconcileError;
use super::backend::{MembershipBackend, Recalled};
use super::book::Book;
use super::drift::Witness;
use super::files::Files;
use super::notes::Notes;
use super::processes::Processes;
use super::userdb::Userdb;
use crate::clock::Clock;
use crate::crash::crash_point;
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::GroupName;
use crate::domain::rules::Backend;
use crate::paths;
use crate::record::{Priority, note};
use crate::store::Store;

/// Between giving in one place and taking in another: who looked into the first before it was
/// given there must have looked into the other before it is taken there.
const OVERLAP: Duration = Duration::from_millis(100);

/// Where a host keeps memberships.
#[derive(Debug, Clone)]
pub struct Places {
    /// Where `group` is.
    pub etc: PathBuf,
    /// Where drop-ins are.
    pub userdb: PathBuf,
}

impl Places {
    /// Those of this host.
    #[must_use]
    pub fn of_host() -> Self {
        Self {
            etc: Path::new(paths::ETC).to_owned(),
            userdb: Path::new(paths::USERDB).to_owned(),
        }
    }
}

/// Gives and takes memberships.
#[derive(Debug)]
pub struct Memberships {
    store: Store,
    notes: Notes,
    processes: Box<dyn Processes>,
    /// Where they are kept; unknown until there is a policy.
    in_force: Option<Backend>,
    files: Place<Files>,
    userdb: Place<Userdb>,
}

/// A place where memberships are kept, and what of ours is there.
#[derive(Debug)]
struct Place<B: MembershipBackend + ?Sized> {
    book: Book,
    /// What was ours, and is not there any more.
    gone: BTreeSet<Membership>,
    backend: B,
}

impl<B: MembershipBackend> Place<B> {
    fn new(backend: B, mut book: Book, recalled: Recalled, owned: &BTreeSet<GroupName>) -> Self {
        book.ours.held = recalled.held;
        book.ours.unseen = recalled.unseen;
        book.ours.owned.clone_from(owned);
        let gone = BTreeSet::new();
        Self {
            book,
            gone,
            backend,
        }
    }
}

impl<B: MembershipBackend + ?Sized> Place<B> {
    fn make(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        self.backend.apply(desired, &mut self.book)?;
        let mut gone = self.book.left_over(&desired.memberships);
        gone.retain(|(group, _)| !desired.untouched.contains(group));
        self.gone = gone;
        Ok(())
    }

    /// The same, with no more than these memberships.
    fn make_only(
        &mut self,
        desired: &Desired,
        memberships: BTreeSet<Membership>,
    ) -> Result<(), ReconcileError> {
        self.make(&Desired {
            memberships,
            ..desired.clone()
        })
    }

    fn held_of(&self, desired: &Desired) -> BTreeSet<Membership> {
        let held = &self.book.ours.held;
        held.intersection(&desired.memberships).cloned().collect()
    }

    /// What is ours there still.
    fn left(&self) -> impl Iterator<Item = &Membership> {
        self.book.ours.held.difference(&self.gone)
    }

    fn missing(&self, desired: &Desired) -> Result<(), ReconcileError> {
        let groups = desired.memberships.iter().map(|(group, _)| group.clone());
        let groups: BTreeSet<_> = groups.collect();
        if groups.is_empty() {
            return Ok(());
        }
        let error = |group: GroupName| ReconcileError::NoSuchGroup {
            group: group.to_string(),
            path: self.backend.name(),
        };
        let absent = self.backend.absent(&groups)?;
        ReconcileError::together(absent.into_iter().map(error).collect())
    }
}

impl Memberships {
    /// Knows from the database what jitd has added so far. `clock` says when; `processes` ends what holds a group
    /// on; `witness` is told of what others changed.
    ///
    /// # Errors
    /// The database is broken.
    pub fn new(
        places: Places,
        store: Store,
        clock: Arc<dyn Clock>,
        processes: Box<dyn Processes>,
        witness: Witness,
    ) -> Result<Self, ReconcileError> {
        let witness = Arc::new(witness);
        let held: BTreeSet<Membership> = store.held()?.into_iter().collect();
        let owned: BTreeSet<GroupName> = store.owned_groups()?.into_iter().collect();
        let notes = Notes::new(store.clone(), clock);
        let book = || Book::new(notes.clone(), witness.clone());
        let files = Files::new(places.etc.clone());
        let userdb = Userdb::new(places.userdb, places.etc);
        let in_userdb = userdb.recall(&held);
        // Marked, nothing of ours is in the files; what is there of them in mid-change goes.
        let (none, marked) = (BTreeSet::new(), userdb.is_marked());
        let in_files = files.recall(if marked { &none } else { &held }, &in_userdb.held);
        Ok(Self {
            in_force: marked.then_some(Backend::Userdb),
            files: Place::new(files, book(), in_files, &owned),
            userdb: Place::new(userdb, book(), in_userdb, &owned),
            store,
            notes,
            processes,
        })
    }

    /// Makes the host match.
    ///
    /// # Errors
    /// What stood in the way; what could be done was done.
    pub fn apply(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        self.processes.spare(&desired.memberships);
        self.in_force = desired.backend.or(self.in_force);
        let mut errors = self.follow_renamed(desired);
        errors.extend(match self.in_force {
            Some(backend) => self.keep_in(backend, desired),
            None => self.keep_where_it_is(desired),
        });
        errors.extend(self.forget(desired).err());
        // After the end of those who are not among them any more.
        self.processes.know(&desired.holders);
        ReconcileError::together(errors)
    }

    /// Removes the groups that jitd created. For the package's removal, after everybody was
    /// taken out of them.
    ///
    /// # Errors
    /// groupdel(8) failed, or the database.
    pub fn remove_owned_groups(&mut self) -> Result<(), ReconcileError> {
        self.userdb.book.ours.owned.clear();
        for group in std::mem::take(&mut self.files.book.ours.owned) {
            self.userdb.backend.delete_group(&group)?;
            self.files.backend.delete_group(&group)?;
            self.store.note_owned(group, false)?;
        }
        self.userdb.backend.clear()
    }

    /// What was ours under an old name is ours under the new one.
    fn follow_renamed(&mut self, desired: &Desired) -> Vec<ReconcileError> {
        let places: [&mut Place<dyn MembershipBackend>; 2] = [&mut self.files, &mut self.userdb];
        let follow = |place: &mut Place<dyn MembershipBackend>| {
            let held = &place.book.ours.held;
            let heirs = held.iter().flat_map(|(group, user)| {
                let renamed = desired.renamed.iter().filter(move |(old, _)| old == user);
                renamed.map(move |(_, new)| (group.clone(), new.clone()))
            });
            let ours = |one: &Membership| held.contains(one) || desired.memberships.contains(one);
            let heirs: BTreeSet<_> = heirs.filter(|one| !ours(one)).collect();
            let there = place.backend.kept(&heirs)?;
            place.book.take_over(there)
        };
        places
            .into_iter()
            .filter_map(|place| follow(place).err())
            .collect()
    }

    /// Gives in one place, and then takes what is in the other: nobody lacks what is theirs
    /// meanwhile.
    fn keep_in(&mut self, backend: Backend, desired: &Desired) -> Vec<ReconcileError> {
        let mut errors = Vec::new();
        if backend == Backend::Files {
            errors.extend(self.userdb.backend.mark(false).err());
        }
        errors.extend(self.create_missing_groups(backend, desired).err());
        let (files, userdb): (&mut Place<dyn MembershipBackend>, &mut Place<_>) = (
            &mut self.files,
            &mut self.userdb as &mut Place<dyn MembershipBackend>,
        );
        let (used, other) = match backend {
            Backend::Files => (files, userdb),
            Backend::Userdb => (userdb, files),
        };
        errors.extend(used.make(desired).err());
        errors.extend(used.missing(desired).err());
        let moving = other.held_of(desired);
        let given = used.backend.kept(&moving).unwrap_or_default();
        if !given.is_empty() {
            overlap();
        }
        // What could not be given there yet stays where it is.
        let staying: BTreeSet<_> = moving.difference(&given).cloned().collect();
        let all_moved = staying.is_empty();
        match other.make_only(desired, staying) {
            Ok(()) if all_moved => errors.extend(self.leave_the_other(backend).err()),
            Ok(()) => {}
            Err(error) => errors.push(error),
        }
        errors
    }

    /// Nothing of ours is kept in the other place any more.
    fn leave_the_other(&mut self, backend: Backend) -> Result<(), ReconcileError> {
        if backend == Backend::Userdb {
            return self.userdb.backend.mark(true);
        }
        let owned = &self.userdb.book.ours.owned;
        let absent = self.files.backend.absent(owned)?;
        for group in owned.difference(&absent) {
            self.userdb.backend.delete_group(group)?;
        }
        Ok(())
    }

    /// Without a policy nobody knows where to give, so nothing is given.
    fn keep_where_it_is(&mut self, desired: &Desired) -> Vec<ReconcileError> {
        let places: [&mut Place<dyn MembershipBackend>; 2] = [&mut self.files, &mut self.userdb];
        let keep = |place: &mut Place<dyn MembershipBackend>| {
            let kept = place.backend.kept(&place.held_of(desired))?;
            place.make_only(desired, kept)
        };
        places
            .into_iter()
            .filter_map(|place| keep(place).err())
            .collect()
    }

    fn create_missing_groups(
        &mut self,
        backend: Backend,
        desired: &Desired,
    ) -> Result<(), ReconcileError> {
        let place: &dyn MembershipBackend = match backend {
            Backend::Files => &self.files.backend,
            Backend::Userdb => &self.userdb.backend,
        };
        let mut errors = Vec::new();
        for group in place.absent(&desired.groups)? {
            // Noted first: were we stopped in between, the group would be nobody's.
            let known = self.files.book.ours.owned.contains(&group);
            self.store.note_owned(group.clone(), true)?;
            crash_point!("groups.noted");
            match place.create_group(&group, self.userdb.backend.gid_of_ours(&group)) {
                Ok(()) => {
                    crash_point!("groups.made");
                    self.files.book.ours.owned.insert(group.clone());
                    self.userdb.book.ours.owned.insert(group);
                }
                Err(error) => {
                    self.store.note_owned(group, known)?;
                    errors.push(error);
                }
            }
        }
        ReconcileError::together(errors)
    }

    /// Ends what holds on what is no longer there, and notes that as no longer ours. In this order,
    /// and not before it has ended: were we stopped in between, the next start would do both again.
    fn forget(&mut self, desired: &Desired) -> Result<(), ReconcileError> {
        let left: BTreeSet<_> = self.files.left().chain(self.userdb.left()).collect();
        let gone = self.files.gone.union(&self.userdb.gone);
        let lost: Vec<_> = gone.filter(|one| !left.contains(one)).cloned().collect();
        if !lost.is_empty() {
            crash_point!("memberships.taken");
            let (kept, ended): (Vec<_>, Vec<_>) = lost
                .into_iter()
                .partition(|(group, _)| desired.kept.contains(group));
            if !ended.is_empty() {
                let notes = self.notes.clone();
                let gone = move |ended| note_forgotten(&notes, ended);
                let ours = &self.files.book.ours.owned;
                self.processes.end(ended, ours, Box::new(gone));
            }
            if !kept.is_empty() {
                self.notes.taken(kept)?;
            }
            crash_point!("memberships.forgotten");
        }
        for (book, gone) in [
            (&mut self.files.book, &mut self.files.gone),
            (&mut self.userdb.book, &mut self.userdb.gone),
        ] {
            book.ours.held.retain(|held| !gone.contains(held));
            gone.clear();
        }
        Ok(())
    }
}

/// Where it cannot be noted, the next start finds nothing to end, and notes it then.
fn note_forgotten(notes: &Notes, ended: Vec<Membership>) {
    if let Err(error) = notes.taken(ended) {
        let text = format!("memberships that were taken could not be forgotten yet: {error}");
        note(Priority::Warning, &text);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing ends by it, and nobody tells when all who look have looked"
)]
fn overlap() {
    std::thread::sleep(OVERLAP);
}
