//! Accounts and groups, as the host's name services give them.

use std::ffi::CString;

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
    fn gid_of_group(&self, name: &str) -> Result<Option<u32>, Errno>;
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

    fn gid_of_group(&self, name: &str) -> Result<Option<u32>, Errno> {
        Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()))
    }

    fn gids_of(&self, account: &Account) -> Result<Vec<u32>, Errno> {
        let name = CString::new(account.name.as_str()).map_err(|_| Errno::EINVAL)?;
        let gids = getgrouplist(&name, Gid::from_raw(account.gid))?;
        Ok(gids.into_iter().map(Gid::as_raw).collect())
    }
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

    use super::{Account, Directory, Errno};

    /// Accounts with their groups, and groups by number.
    #[derive(Default)]
    pub(crate) struct Host {
        pub(crate) accounts: Vec<(Account, Vec<u32>)>,
        pub(crate) groups: Vec<(&'static str, u32)>,
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

        fn gid_of_group(&self, name: &str) -> Result<Option<u32>, Errno> {
            if self.groups_broken {
                return Err(Errno::EIO);
            }
            let found = self.groups.iter().find(|(group, _)| *group == name);
            Ok(found.map(|(_, gid)| *gid))
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
