//! Accounts and groups, as the host's directory (NSS) knows them.
#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashSet};
use std::ffi::CString;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getgrouplist};
use tokio::sync::Semaphore;
use users::os::unix::GroupExt;
use users::{User, get_group_by_gid, get_group_by_name, get_user_by_name, get_user_by_uid};

use crate::domain::account::{Found, Look};
use crate::domain::desired::Holder;
use crate::domain::names::UserName;
use crate::domain::person::Person;
use crate::paths;

/// Most look-ups at a time: a slow directory holds up no more than this many callers.
const MOST_AT_A_TIME: usize = 8;

/// How long the directory may take for somebody, unless less is said.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where accounts are looked up.
pub trait Directory: Send + Sync {
    /// The account of this number and its groups.
    fn person(&self, uid: u32) -> Lookup<'_>;

    /// What is known now of the names and the numbers of these, in their order.
    fn looks(&self, holders: Vec<Holder>) -> Lookup<'_, Vec<Look>>;
}

/// A look-up under way.
pub type Lookup<'a, T = Person> =
    Pin<Box<dyn Future<Output = Result<T, DirectoryError>> + Send + 'a>>;

/// The host's. Look-ups run beside the bus, and give up after a while.
#[derive(Debug, Clone)]
pub struct HostDirectory {
    places: Arc<Semaphore>,
}

/// Why a person could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No such account.
    #[error("there is no account with uid {0}")]
    NoSuchAccount(u32),
    /// No such name.
    #[error("there is no account of that name")]
    NoSuchName,
    /// Its name cannot stand in a member list.
    #[error("the account with uid {0} has a name that jitd cannot use")]
    UnusableName(u32),
    /// LDAP or whatever is behind NSS did not answer.
    #[error("the directory of accounts did not answer in time")]
    Slow,
}

impl Default for HostDirectory {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST_AT_A_TIME)),
        }
    }
}

impl Directory for HostDirectory {
    fn person(&self, uid: u32) -> Lookup<'_> {
        Box::pin(self.person_within(PATIENCE, uid))
    }

    fn looks(&self, holders: Vec<Holder>) -> Lookup<'_, Vec<Look>> {
        Box::pin(self.within(PATIENCE, move || Ok(looks(&holders))))
    }
}

/// Who has these accounts, in any order; those that are gone are left out.
///
/// # Errors
/// The directory does not say.
pub async fn everybody(
    directory: &dyn Directory,
    uids: Vec<u32>,
) -> Result<Vec<Person>, DirectoryError> {
    let mut people = Vec::new();
    for uid in uids {
        people.extend(holder(directory, uid).await?);
    }
    Ok(people)
}

/// Who has an account now; nobody when it is gone.
///
/// # Errors
/// The directory does not say.
pub async fn holder(directory: &dyn Directory, uid: u32) -> Result<Option<Person>, DirectoryError> {
    match directory.person(uid).await {
        Ok(person) => Ok(Some(person)),
        Err(DirectoryError::NoSuchAccount(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl HostDirectory {
    /// The account and its groups.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn person_within(
        &self,
        patience: Duration,
        uid: u32,
    ) -> Result<Person, DirectoryError> {
        let look_up = move || {
            let user = get_user_by_uid(uid).ok_or(DirectoryError::NoSuchAccount(uid))?;
            person_of(&user)
        };
        self.within(patience, look_up).await
    }

    /// The account of this name and its groups.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn named(&self, name: &str) -> Result<Person, DirectoryError> {
        let name = name.to_owned();
        let look_up = move || {
            let user = get_user_by_name(&name).ok_or(DirectoryError::NoSuchName)?;
            person_of(&user)
        };
        self.within(PATIENCE, look_up).await
    }

    /// Who is in a group, by its own list and, of the accounts in the host's own file, by their
    /// primary group; of more than so many, these. Nobody, where there is no such group.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn members(&self, group: &str, most: usize) -> Result<Vec<String>, DirectoryError> {
        let group = group.to_owned();
        let look_up = move || {
            let Some(group) = get_group_by_name(&group) else {
                return Ok(Vec::new());
            };
            let listed = group.members().iter();
            let listed = listed.map(|name| name.to_string_lossy().into_owned());
            Ok(listed.chain(at_home_in(group.gid())).take(most).collect())
        };
        self.within(PATIENCE, look_up).await
    }

    async fn within<T: Send + 'static>(
        &self,
        patience: Duration,
        look_up: impl FnOnce() -> Result<T, DirectoryError> + Send + 'static,
    ) -> Result<T, DirectoryError> {
        let looked_up = async {
            let place = self
                .places
                .clone()
                .acquire_owned()
                .await
                .map_err(|_| DirectoryError::Slow)?;
            tokio::task::spawn_blocking(move || {
                // Kept until the look-up is over, also when its caller has given up.
                let _place = place;
                look_up()
            })
            .await
            .map_err(|_| DirectoryError::Slow)?
        };
        tokio::time::timeout(patience, looked_up)
            .await
            .unwrap_or(Err(DirectoryError::Slow))
    }
}

/// The number of a group, however many members it has.
#[must_use]
pub fn gid_of_group(name: &str) -> Option<u32> {
    get_group_by_name(name).map(|group| group.gid())
}

/// Of the accounts in the host's own file, those whose primary group it is.
fn at_home_in(gid: u32) -> Vec<String> {
    let gid = gid.to_string();
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(2) == Some(&gid)).then(|| name.to_owned())
    };
    accounts_file().lines().filter_map(of_line).collect()
}

fn accounts_file() -> String {
    let file = std::fs::read(Path::new(paths::ETC).join("passwd")).unwrap_or_default();
    String::from_utf8_lossy(&file).into_owned()
}

/// Both ways round: a name can lead to another number, and a number to another name.
fn looks(holders: &[Holder]) -> Vec<Look> {
    let file = accounts_file();
    let local: HashSet<(&str, &str)> = file.lines().filter_map(name_and_number).collect();
    let look = |(name, uid): &Holder| {
        let of_number = nix::unistd::User::from_uid(Uid::from_raw(*uid));
        let of_name = nix::unistd::User::from_name(name.as_str());
        Look {
            name: found(of_number, |user| user.name),
            number: found(of_name, |user| user.uid.as_raw()),
            is_local: local.contains(&(name.as_str(), uid.to_string().as_str())),
        }
    };
    holders.iter().map(look).collect()
}

fn found<T, F>(answer: Result<Option<T>, Errno>, what: impl FnOnce(T) -> F) -> Found<F> {
    match answer {
        Ok(Some(it)) => Found::It(what(it)),
        Ok(None) => Found::Nothing,
        Err(_) => Found::Unknown,
    }
}

/// Of a line of passwd(5).
fn name_and_number(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.split(':');
    let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
    Some((name, number))
}

fn person_of(user: &User) -> Result<Person, DirectoryError> {
    let uid = user.uid();
    let name = user
        .name()
        .to_str()
        .and_then(|name| UserName::new(name).ok());
    let name = name.ok_or(DirectoryError::UnusableName(uid))?;
    let c_name = CString::new(name.as_str()).map_err(|_| DirectoryError::UnusableName(uid))?;
    // Theirs are asked for, never a group's members: those can be many.
    let gids = getgrouplist(&c_name, Gid::from_raw(user.primary_group_id()));
    let gids: BTreeSet<u32> = gids
        .map_err(|_| DirectoryError::Slow)?
        .into_iter()
        .map(Gid::as_raw)
        .collect();
    let named = gids.into_iter().filter_map(get_group_by_gid);
    let groups = named.map(|group| group.name().to_string_lossy().into_owned());
    Ok(Person {
        uid,
        name,
        groups: groups.collect(),
    })
}
