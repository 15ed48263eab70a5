//! Memberships as drop-ins for nss-systemd(8): `/run/userdb/USER:GROUP.membership`, files that
//! say who is in which group by their names (systemd-userdbd.service(8)). They are gone with the
//! next boot, and written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::ReconcileError;
use super::backend::{MembershipBackend, Recalled};
use super::book::Book;
use super::group_file::GroupFile;
use super::plan::{Members, Ours, Plan, plan};
use super::userdb_groups;
use crate::directory::gid_of_group;
use crate::domain::desired::{Desired, Membership};
use crate::domain::names::{GroupName, UserName};
use crate::paths;

/// How often others may change it under our hands before that is an error.
const MOST_TRIES: usize = 10;

const SUFFIX: &str = ".membership";
/// Of a file that is not in place yet; nothing but jitd reads it.
const NEW: &str = ".jitd-new";
/// Is there for as long as memberships are kept here, and nothing of ours is in /etc/group.
const MARK: &str = ".jitd";

/// Everybody reads them.
const MODE: u32 = 0o644;

/// The folder of drop-ins of a host.
#[derive(Debug)]
pub(super) struct Userdb {
    folder: PathBuf,
    etc: PathBuf,
}

impl Userdb {
    /// `folder` is `/run/userdb`; `etc` is where `group` is, whose groups are used too.
    pub(super) fn new(folder: PathBuf, etc: PathBuf) -> Self {
        Self { folder, etc }
    }

    /// Whether everything of ours was kept here, before this start and since the boot.
    pub(super) fn is_marked(&self) -> bool {
        self.folder.join(MARK).exists()
    }

    /// Notes whether everything of ours is kept here.
    pub(super) fn mark(&self, all_here: bool) -> Result<(), ReconcileError> {
        if self.is_marked() == all_here {
            return Ok(());
        }
        if all_here {
            put(&self.folder, MARK, b"")
        } else {
            remove(&self.folder.join(MARK))
        }
    }

    /// What of `held` is here.
    pub(super) fn recall(&self, held: &BTreeSet<Membership>) -> Recalled {
        let is_here =
            |one: &&Membership| self.is_marked() || self.has(one) && !self.is_anothers(one);
        let held: BTreeSet<_> = held.iter().filter(is_here).cloned().collect();
        // Left behind where jitd was stopped in mid-change; mostly there is none.
        let left = |one: &&Membership| std::fs::remove_file(self.new_path(one)).is_ok();
        let unseen = held.iter().filter(left).cloned().collect();
        Recalled { held, unseen }
    }

    /// The number of a group that jitd has made here.
    pub(super) fn gid_of_ours(&self, group: &GroupName) -> Option<u32> {
        let ours = userdb_groups::is_ours(&self.folder, group);
        ours.then(|| self.gid_of(group)).flatten()
    }

    fn gid_of(&self, group: &GroupName) -> Option<u32> {
        userdb_groups::gid_of(&self.folder, group)
    }

    /// Leaves nothing behind; the folder stays where others use it.
    pub(super) fn clear(&self) -> Result<(), ReconcileError> {
        self.mark(false)?;
        let _ = std::fs::remove_dir(&self.folder);
        Ok(())
    }

    fn path(&self, (group, user): &Membership) -> PathBuf {
        self.folder.join(format!("{user}:{group}{SUFFIX}"))
    }

    fn new_path(&self, (group, user): &Membership) -> PathBuf {
        self.folder.join(format!(".{user}:{group}{SUFFIX}{NEW}"))
    }

    fn has(&self, membership: &Membership) -> bool {
        self.path(membership).symlink_metadata().is_ok()
    }

    /// Whether a file is there, and was not written by jitd.
    fn is_anothers(&self, membership: &Membership) -> bool {
        let path = self.path(membership);
        self.has(membership) && std::fs::read(path).ok() != Some(record(membership))
    }

    /// Who is in which group by all drop-ins here.
    fn look(&self) -> Result<BTreeMap<GroupName, Members>, ReconcileError> {
        let failed = |error| ReconcileError::file(&self.folder, "read")(error);
        let mut found: BTreeMap<GroupName, Members> = BTreeMap::new();
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            if let Some((group, user)) = name.to_str().and_then(names) {
                let members = found.entry(group).or_default();
                members.push(user.as_bytes().to_vec());
            }
        }
        for members in found.values_mut() {
            members.sort();
        }
        Ok(found)
    }

    fn plan(&self, desired: &Desired, book: &Book) -> Result<Plan, ReconcileError> {
        let found = self.look()?;
        let mut ours = Ours {
            held: book.ours.held.clone(),
            unseen: book.ours.unseen.clone(),
            owned: book.ours.owned.clone(),
        };
        // Written by others meanwhile: it is theirs.
        ours.held
            .retain(|one| ours.owned.contains(&one.0) || !self.is_anothers(one));
        let wanted = desired.memberships.iter().map(|(group, _)| group.clone());
        let absent = self.absent(&wanted.collect())?;
        let members = |group: &GroupName| {
            let found = found.get(group).cloned();
            found.or_else(|| (!absent.contains(group)).then(Members::new))
        };
        Ok(plan(members, desired, &ours))
    }

    fn carry_out(&self, plan: &Plan, book: &mut Book) -> Result<(), ReconcileError> {
        let (mut given, mut taken) = (Vec::new(), Vec::new());
        let found = self.look()?;
        for (group, wanted) in &plan.changed {
            let there = found.get(group).map(Vec::as_slice).unwrap_or_default();
            let name = |member: &Vec<u8>| String::from_utf8_lossy(member).into_owned();
            let missing = wanted.iter().filter(|member| !there.contains(member));
            given
                .extend(missing.filter_map(|member| {
                    Some((group.clone(), UserName::new(&name(member)).ok()?))
                }));
            let surplus = there.iter().filter(|member| !wanted.contains(member));
            taken.extend(surplus.map(|member| format!("{}:{group}{SUFFIX}", name(member))));
        }
        // As in /etc/group: ready before it is noted, noted before it is in place.
        let prepare = || {
            let mut each = given.iter();
            each.try_for_each(|one| write(&self.new_path(one), &record(one)))
        };
        if book.is_news(plan) {
            prepare()?;
            for one in &given {
                remove(&self.new_path(one))?;
            }
            book.tell(plan);
        }
        prepare()?;
        book.enter(plan)?;
        for one in &given {
            let (new, path) = (self.new_path(one), self.path(one));
            std::fs::rename(new, &path).map_err(ReconcileError::file(&path, "replace"))?;
        }
        for name in taken {
            remove(&self.folder.join(name))?;
        }
        Ok(())
    }
}

impl MembershipBackend for Userdb {
    fn name(&self) -> String {
        "the host's account databases".to_owned()
    }

    fn absent(&self, of: &BTreeSet<GroupName>) -> Result<BTreeSet<GroupName>, ReconcileError> {
        let path = self.etc.join("group");
        let bytes = std::fs::read(&path).map_err(ReconcileError::file(&path, "read"))?;
        let file = GroupFile::parse(&bytes);
        // From a directory, where it is in neither.
        let is_known = |group: &GroupName| {
            self.etc == Path::new(paths::ETC) && gid_of_group(group.as_str()).is_some()
        };
        let is_absent = |group: &&GroupName| {
            !file.has(group.as_str()) && self.gid_of(group).is_none() && !is_known(group)
        };
        Ok(of.iter().filter(is_absent).cloned().collect())
    }

    fn create_group(&self, group: &GroupName, _: Option<u32>) -> Result<(), ReconcileError> {
        if !group.can_be_made() {
            return Err(ReconcileError::NotMade {
                group: group.to_string(),
            });
        }
        userdb_groups::create(&self.folder, &self.etc, group)
    }

    fn delete_group(&self, group: &GroupName) -> Result<(), ReconcileError> {
        userdb_groups::delete(&self.folder, group)
    }

    fn kept(&self, of: &BTreeSet<Membership>) -> Result<BTreeSet<Membership>, ReconcileError> {
        Ok(of.iter().filter(|one| self.has(one)).cloned().collect())
    }

    fn apply(&self, desired: &Desired, book: &mut Book) -> Result<(), ReconcileError> {
        let mut nameable = desired.clone();
        nameable.memberships.retain(is_nameable);
        for _ in 0..MOST_TRIES {
            let plan = self.plan(&nameable, book)?;
            if plan.is_empty() {
                book.close();
                return unnameable(desired);
            }
            self.carry_out(&plan, book)?;
        }
        let busy = std::io::Error::other("somebody keeps changing it");
        Err(ReconcileError::file(&self.folder, "change")(busy))
    }
}

/// The group and the user of a drop-in.
fn names(file: &str) -> Option<(GroupName, &str)> {
    let (user, group) = file.strip_suffix(SUFFIX)?.split_once(':')?;
    Some((GroupName::new(group).ok()?, user))
}

/// Longest name of both that a file has room for, before it is in place too.
const MOST: usize = 255 - SUFFIX.len() - NEW.len() - ".:".len();

/// Whether a file can have such a name, and nss-systemd(8) reads it: what could be a number, it
/// takes for none.
fn is_nameable((group, user): &Membership) -> bool {
    let is_number = |name: &str| {
        let digits = name.strip_prefix('-').unwrap_or(name);
        digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_read =
        |name: &str| !name.contains('/') && !is_number(name) && !matches!(name, "." | "..");
    let (group, user) = (group.as_str(), user.as_str());
    is_read(group) && is_read(user) && group.len() + user.len() <= MOST
}

fn unnameable(desired: &Desired) -> Result<(), ReconcileError> {
    let unnameable = desired.memberships.iter().filter(|one| !is_nameable(one));
    let errors = unnameable.map(|(group, user)| ReconcileError::Unnameable {
        user: user.to_string(),
        group: group.to_string(),
    });
    ReconcileError::together(errors.collect())
}

/// By the last field jitd knows its own; others ignore it.
fn record((group, user): &Membership) -> Vec<u8> {
    let record = serde_json::json!({
        "userName": user.as_str(),
        "groupName": group.as_str(),
        "service": "jitd",
    });
    format!("{record}\n").into_bytes()
}

/// Writes a file of the folder, whole or not at all. Without a sync: it lasts no longer than the
/// power does.
pub(super) fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), ReconcileError> {
    let (path, new) = (folder.join(name), folder.join(format!(".{name}{NEW}")));
    write(&new, bytes)?;
    std::fs::rename(&new, &path).map_err(ReconcileError::file(&path, "replace"))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ReconcileError> {
    remove(path)?;
    if let Some(folder) = path.parent() {
        make(folder).map_err(ReconcileError::file(folder, "make"))?;
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path);
    let written = file.and_then(|mut file| {
        // The program's umask is stricter.
        let everybody = PermissionsExt::from_mode(MODE);
        file.set_permissions(everybody)?;
        file.write_all(bytes)
    });
    written.map_err(ReconcileError::file(path, "write"))
}

/// Makes the folder; mostly the unit has made it.
fn make(folder: &Path) -> std::io::Result<()> {
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn remove(path: &Path) -> Result<(), ReconcileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(ReconcileError::file(path, "remove")(error))
        }
        _ => Ok(()),
    }
}
