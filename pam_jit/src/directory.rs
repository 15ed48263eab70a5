//! Accounts and groups, as the host's name services give them.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io::ErrorKind;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

/// An account of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    /// Its primary group.
    pub(crate) gid: u32,
}

/// Where accounts and groups are looked up. Absent (`Ok(None)`) and broken
/// (`Err`) are different answers.
pub(crate) trait Directory {
    fn account_of_uid(&self, uid: u32) -> Result<Option<Account>, Errno>;
    fn account_named(&self, name: &str) -> Result<Option<Account>, Errno>;
    /// All numbers that the name of a group leads to; none where there is no such group. It can
    /// be more than one: two lines in the host's file, or one there and one in a directory.
    fn gids_of_group(&self, name: &str) -> Result<BTreeSet<u32>, Errno>;
    /// The name that a number leads to.
    fn name_of_group(&self, gid: u32) -> Result<Option<String>, Errno>;
    /// All groups of an account, the primary one included.
    fn gids_of(&self, account: &Account) -> Result<Vec<u32>, Errno>;
}

/// The name services of the host: files, LDAP, userdb, whatever nsswitch says.
///
/// They can hang, and a thread to outwait them is not a guest's to start. sudo
/// and sshd have made the same look-ups before they come to us.
pub(crate) struct Nss;

impl Directory for Nss {
    fn account_of_uid(&self, uid: u32) -> Result<Option<Account>, Errno> {
        Ok(User::from_uid(Uid::from_raw(uid))?.map(account))
    }

    fn account_named(&self, name: &str) -> Result<Option<Account>, Errno> {
        Ok(User::from_name(name)?.map(account))
    }

    fn gids_of_group(&self, name: &str) -> Result<BTreeSet<u32>, Errno> {
        let mut gids = gids_in_file(Path::new(GROUP_FILE), name)?;
        match users::get_group_by_name(name) {
            Some(group) => gids.extend([group.gid()]),
            // Absent or out of reach: only the other one tells which.
            None => gids.extend(Group::from_name(name)?.map(|group| group.gid.as_raw())),
        }
        Ok(gids)
    }

    fn name_of_group(&self, gid: u32) -> Result<Option<String>, Errno> {
        match users::get_group_by_gid(gid) {
            Some(group) => Ok(Some(group.name().to_string_lossy().into_owned())),
            None => Ok(Group::from_gid(Gid::from_raw(gid))?.map(|group| group.name)),
        }
    }

    fn gids_of(&self, account: &Account) -> Result<Vec<u32>, Errno> {
        let name = CString::new(account.name.as_str()).map_err(|_| Errno::EINVAL)?;
        let gids = getgrouplist(&name, Gid::from_raw(account.gid))?;
        Ok(gids.into_iter().map(Gid::as_raw).collect())
    }
}

/// The host's own groups.
const GROUP_FILE: &str = "/etc/group";

/// The numbers of all lines of that name: the name services see the first one.
fn gids_in_file(path: &Path, name: &str) -> Result<BTreeSet<u32>, Errno> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Errno::from_raw(error.raw_os_error().unwrap_or_default())),
    };
    let gid = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b':');
        let is_it = fields.next() == Some(name.as_bytes());
        let gid = fields.nth(1).filter(|_| is_it)?;
        std::str::from_utf8(gid).ok()?.parse().ok()
    };
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(gid).collect())
}

fn account(user: User) -> Account {
    Account {
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! A host for tests: who is who, and what is broken.

    use super::{Account, BTreeSet, Directory, Errno};

    /// Accounts with their groups, and groups by number.
    #[derive(Default)]
    pub(crate) struct Host {
        pub(crate) accounts: Vec<(Account, Vec<u32>)>,
        pub(crate) groups: Vec<(&'static str, u32)>,
        /// Groups of a directory whose name leads to another one.
        pub(crate) shadowed: Vec<(&'static str, u32)>,
        pub(crate) accounts_broken: bool,
        pub(crate) groups_broken: bool,
        pub(crate) memberships_broken: bool,
    }

    impl Host {
        /// carol and gus are contractors, gus by his primary group; alice is in
        /// wheel; wendy in both; toor is another root.
        pub(crate) fn new() -> Self {
            let account = |name: &str, uid, gid| Account {
                name: name.to_owned(),
                uid,
                gid,
            };
            Self {
                accounts: vec![
                    (account("root", 0, 0), vec![0]),
                    (account("toor", 0, 0), vec![0]),
                    (account("carol", 1001, 1001), vec![1001, 500]),
                    (account("alice", 1002, 1002), vec![1002, 10]),
                    (account("gus", 1003, 500), vec![500]),
                    (account("wendy", 1004, 1004), vec![1004, 500, 10]),
                ],
                groups: vec![("contractors", 500), ("wheel", 10)],
                ..Self::default()
            }
        }

        fn find(&self, is_it: impl Fn(&Account) -> bool) -> Result<Option<Account>, Errno> {
            if self.accounts_broken {
                return Err(Errno::EIO);
            }
            let found = self.accounts.iter().find(|(account, _)| is_it(account));
            Ok(found.map(|(account, _)| account.clone()))
        }
    }

    impl Directory for Host {
        fn account_of_uid(&self, uid: u32) -> Result<Option<Account>, Errno> {
            self.find(|account| account.uid == uid)
        }

        fn account_named(&self, name: &str) -> Result<Option<Account>, Errno> {
            self.find(|account| account.name == name)
        }

        fn gids_of_group(&self, name: &str) -> Result<BTreeSet<u32>, Errno> {
            if self.groups_broken {
                return Err(Errno::EIO);
            }
            let found = self.groups.iter().filter(|(group, _)| *group == name);
            Ok(found.map(|(_, gid)| *gid).collect())
        }

        fn name_of_group(&self, gid: u32) -> Result<Option<String>, Errno> {
            if self.groups_broken {
                return Err(Errno::EIO);
            }
            let all = self.groups.iter().chain(&self.shadowed);
            let found = all.into_iter().find(|(_, number)| *number == gid);
            Ok(found.map(|(group, _)| (*group).to_owned()))
        }

        fn gids_of(&self, account: &Account) -> Result<Vec<u32>, Errno> {
            if self.memberships_broken {
                return Err(Errno::EIO);
            }
            let found = self.accounts.iter().find(|(known, _)| known == account);
            Ok(found.map(|(_, gids)| gids.clone()).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lines_of_a_name_count() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(3 << 20);
        let text = format!(
            "root:x:0:\ncontractors:x:2000:carol\nbig:x:9:{long}\n#contractors:x:1:\n\
             contractors:x:2001:dan\ncontractors:x:none:\ncontractorsx:x:7:\nDomain Admins:x:8:"
        );
        std::fs::write(file.path(), text).unwrap();
        let gids = |name| gids_in_file(file.path(), name).unwrap();
        assert_eq!(gids("contractors"), BTreeSet::from([2000, 2001]));
        assert_eq!(gids("big"), BTreeSet::from([9]));
        assert_eq!(gids("Domain Admins"), BTreeSet::from([8]));
        assert_eq!(gids("x"), BTreeSet::new());
        let absent = Path::new("/nonexistent/group");
        assert_eq!(gids_in_file(absent, "root"), Ok(BTreeSet::new()));
    }
}
