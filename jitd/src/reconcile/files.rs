//! Memberships in /etc/group and /etc/gshadow.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::ReconcileError;
use super::backend::{MembershipBackend, Recalled};
use super::book::Book;
use super::drift::DriftKind;
use super::etc_file::{EtcFile, beside};
use super::etc_lock::EtcLock;
use super::group_file::GroupFile;
use super::groups;
use super::plan::{Plan, plan};
use crate::crash::crash_point;
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::GroupName;
use crate::paths;
use crate::record::{Priority, note};

/// How often a file may be changed under our hands before that is an error.
const MOST_TRIES: usize = 10;

/// The file that says who is in which group.
const GROUP: &str = "group";
/// The file that follows it.
const GSHADOW: &str = "gshadow";

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

/// The account files of a host.
#[derive(Debug)]
pub(super) struct Files {
    etc: PathBuf,
}

impl Files {
    /// `etc` is where `group` is.
    pub(super) fn new(etc: PathBuf) -> Self {
        Self { etc }
    }

    /// What of `held` is in the files, `elsewhere` being what is kept in another place.
    pub(super) fn recall(
        &self,
        held: &BTreeSet<Membership>,
        elsewhere: &BTreeSet<Membership>,
    ) -> Recalled {
        let here = self.kept(held).unwrap_or_default();
        let is_ours = |one: &&Membership| here.contains(one) || !elsewhere.contains(one);
        let held: BTreeSet<_> = held.iter().filter(is_ours).cloned().collect();
        let mut unseen = BTreeSet::new();
        for name in [GROUP, GSHADOW] {
            // Left behind where jitd was stopped in mid-change; mostly there is none.
            let beside = beside(&self.etc.join(name));
            if let Ok(Some(left)) = EtcFile::read(&beside) {
                let left = GroupFile::parse(&left.bytes);
                unseen.extend(held.iter().filter(|held| is_in(&left, held)).cloned());
            }
            let _ = std::fs::remove_file(beside);
        }
        Recalled { held, unseen }
    }

    /// Adds a group with this number, which groupadd(8) would not: the host has a group of that
    /// name, in another place.
    fn add(&self, group: &GroupName, gid: u32) -> Result<(), ReconcileError> {
        let _lock = EtcLock::take(&self.etc)?;
        // gshadow first: a start that finds the group thinks that all of it is there.
        for (name, line) in [
            (GSHADOW, format!("{group}:!::")),
            (GROUP, format!("{group}:x:{gid}:")),
        ] {
            let Some(read) = EtcFile::read(&self.etc.join(name))? else {
                continue;
            };
            let file = GroupFile::parse(&read.bytes);
            if !file.has(group.as_str()) {
                let bytes = file.with_line(line.as_bytes());
                read.prepare(&bytes)?.put_in_place()?;
            }
        }
        Ok(())
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

    fn group_bytes(&self) -> Result<Vec<u8>, ReconcileError> {
        let path = self.etc.join(GROUP);
        match EtcFile::read(&path)? {
            Some(file) => Ok(file.bytes),
            None => Err(ReconcileError::file(&path, "open")(
                std::io::ErrorKind::NotFound.into(),
            )),
        }
    }

    /// Whether there is anything to do, from a look without the lock.
    fn differs(&self, desired: &Desired, book: &Book) -> Result<bool, ReconcileError> {
        for name in [GROUP, GSHADOW] {
            let file = EtcFile::read(&self.etc.join(name))?;
            let differs = |file: EtcFile| {
                let file = GroupFile::parse(&file.bytes);
                !plan_file(name, &file, &wanted(name, desired, book), book).is_empty()
            };
            if file.is_some_and(differs) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn change_file(
        &self,
        turn: &Turn,
        name: &str,
        desired: &Desired,
        book: &mut Book,
    ) -> Result<(), ReconcileError> {
        let Some(read) = EtcFile::read(&self.etc.join(name))? else {
            return Ok(());
        };
        let mut file = GroupFile::parse(&read.bytes);
        let mut wanted = wanted(name, desired, book).into_owned();
        if matches!(turn, Turn::Overdue(_)) {
            wanted.memberships.retain(|wanted| is_in(&file, wanted));
        }
        let plan = plan_file(name, &file, &wanted, book);
        if plan.changed.is_empty() {
            return book.enter(&plan);
        }
        for (group, members) in &plan.changed {
            file.set_members(group.as_str(), members);
        }
        // Beside the old one before it is noted: a start that finds it there knows that what is
        // noted may not have got into the old one.
        let bytes = file.to_bytes();
        if book.is_news(&plan) {
            read.prepare(&bytes)?.discard()?;
            book.tell(&plan);
        }
        let prepared = read.prepare(&bytes)?;
        crash_point!("files.prepared");
        if let Err(error) = book.enter(&plan) {
            prepared.discard()?;
            return Err(error);
        }
        crash_point!("files.noted");
        // Whether it worked shows the next time round.
        prepared.put_in_place().map(drop)
    }
}

impl MembershipBackend for Files {
    fn name(&self) -> String {
        self.etc.join(GROUP).to_string_lossy().into_owned()
    }

    fn absent(&self, of: &BTreeSet<GroupName>) -> Result<BTreeSet<GroupName>, ReconcileError> {
        let bytes = self.group_bytes()?;
        let file = GroupFile::parse(&bytes);
        let absent = of.iter().filter(|group| !file.has(group.as_str()));
        Ok(absent.cloned().collect())
    }

    fn create_group(&self, group: &GroupName, gid: Option<u32>) -> Result<(), ReconcileError> {
        if let Some(gid) = gid {
            return self.add(group, gid);
        }
        self.is_the_hosts()?;
        groups::create(group)
    }

    fn delete_group(&self, group: &GroupName) -> Result<(), ReconcileError> {
        if !GroupFile::parse(&self.group_bytes()?).has(group.as_str()) {
            return Ok(());
        }
        self.is_the_hosts()?;
        groups::delete(group)
    }

    fn kept(&self, of: &BTreeSet<Membership>) -> Result<BTreeSet<Membership>, ReconcileError> {
        if of.is_empty() {
            return Ok(BTreeSet::new());
        }
        let bytes = self.group_bytes()?;
        let file = GroupFile::parse(&bytes);
        Ok(of.iter().filter(|one| is_in(&file, one)).cloned().collect())
    }

    fn apply(&self, desired: &Desired, book: &mut Book) -> Result<(), ReconcileError> {
        for _ in 0..MOST_TRIES {
            if !self.differs(desired, book)? {
                book.close();
                return Ok(());
            }
            let turn = Turn::wait(&self.etc)?;
            for name in [GROUP, GSHADOW] {
                self.change_file(&turn, name, desired, book)?;
                crash_point!("files.put");
            }
            if let Turn::Overdue(locked) = turn
                && self.differs(desired, book)?
            {
                return Err(locked);
            }
        }
        let busy = std::io::Error::other("somebody keeps changing it without taking the lock");
        Err(ReconcileError::file(&self.etc.join(GROUP), "replace")(busy))
    }
}

fn is_in(file: &GroupFile<'_>, (group, user): &Membership) -> bool {
    file.members(group.as_str())
        .contains(&user.as_str().as_bytes())
}

/// What is desired of one of the files. gshadow follows what was added to group: someone who
/// was in the group anyway is not written into it, so as not to be taken out of it later.
fn wanted<'a>(name: &str, desired: &'a Desired, book: &Book) -> Cow<'a, Desired> {
    if name == GROUP {
        return Cow::Borrowed(desired);
    }
    let ours = &book.ours;
    let mut wanted = desired.clone();
    wanted
        .memberships
        .retain(|membership| ours.held.contains(membership) || ours.owned.contains(&membership.0));
    Cow::Owned(wanted)
}

/// Who lacks in gshadow alone is in the group all the same, and was taken out by nobody.
fn plan_file(name: &str, file: &GroupFile<'_>, wanted: &Desired, book: &Book) -> Plan {
    let mut plan = plan(|group| file.listed(group.as_str()), wanted, &book.ours);
    if name != GROUP {
        plan.drift.retain(|drift| drift.kind == DriftKind::Removed);
    }
    plan
}
