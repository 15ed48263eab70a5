//! Accounts and groups, as the host's directory (NSS) knows them.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::Group;
use tokio::sync::Semaphore;
use users::{User, get_user_by_name, get_user_by_uid, get_user_groups};

use crate::domain::names::UserName;
use crate::domain::person::Person;

/// Most look-ups at a time: a slow directory holds up no more than this many callers.
const MOST_AT_A_TIME: usize = 8;

/// How long the directory may take for somebody, unless less is said.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where accounts are looked up.
pub trait Directory: Send + Sync {
    /// The account of this number and its groups.
    fn person(&self, uid: u32) -> Lookup<'_>;
}

/// A look-up under way.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = Result<Person, DirectoryError>> + Send + 'a>>;

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

    /// Who is in a group, by its own list: whose primary group it is need not be. Nobody, where
    /// there is no such group.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub async fn members(&self, group: &str) -> Result<Vec<String>, DirectoryError> {
        let group = group.to_owned();
        let look_up = move || match Group::from_name(&group) {
            Ok(group) => Ok(group.map(|group| group.mem).unwrap_or_default()),
            Err(_) => Err(DirectoryError::Slow),
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

fn person_of(user: &User) -> Result<Person, DirectoryError> {
    let uid = user.uid();
    let name = user
        .name()
        .to_str()
        .and_then(|name| UserName::new(name).ok());
    let name = name.ok_or(DirectoryError::UnusableName(uid))?;
    let groups = get_user_groups(OsStr::new(name.as_str()), user.primary_group_id())
        .ok_or(DirectoryError::Slow)?
        .iter()
        .map(|group| group.name().to_string_lossy().into_owned())
        .collect();
    Ok(Person { uid, name, groups })
}
