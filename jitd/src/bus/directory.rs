//! Accounts and groups, as the host's directory (NSS) knows them.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use users::{get_user_by_uid, get_user_groups};

use crate::domain::names::UserName;
use crate::domain::person::Person;

/// Most look-ups at a time: a slow directory holds up no more than this many callers.
const MOST_AT_A_TIME: usize = 8;

/// The directory. Look-ups run beside the bus, and give up after a while.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    places: Arc<Semaphore>,
}

/// Why a person could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DirectoryError {
    /// No such account.
    #[error("there is no account with uid {0}")]
    NoSuchAccount(u32),
    /// Its name cannot stand in a member list.
    #[error("the account with uid {0} has a name that jitd cannot use")]
    UnusableName(u32),
    /// LDAP or whatever is behind NSS did not answer.
    #[error("the directory of accounts did not answer in time")]
    Slow,
}

impl Directory {
    /// The host's.
    #[must_use]
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST_AT_A_TIME)),
        }
    }

    /// The account and its groups.
    ///
    /// # Errors
    /// See [`DirectoryError`].
    pub(super) async fn person(
        &self,
        uid: u32,
        patience: Duration,
    ) -> Result<Person, DirectoryError> {
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
                look_up(uid)
            })
            .await
            .map_err(|_| DirectoryError::Slow)?
        };
        tokio::time::timeout(patience, looked_up)
            .await
            .unwrap_or(Err(DirectoryError::Slow))
    }
}

fn look_up(uid: u32) -> Result<Person, DirectoryError> {
    let user = get_user_by_uid(uid).ok_or(DirectoryError::NoSuchAccount(uid))?;
    let name = user
        .name()
        .to_str()
        .and_then(|name| UserName::new(name).ok());
    let name = name.ok_or(DirectoryError::UnusableName(uid))?;
    let groups = get_user_groups(OsStr::new(name.as_str()), user.primary_group_id())
        .unwrap_or_default()
        .iter()
        .map(|group| group.name().to_string_lossy().into_owned())
        .collect();
    Ok(Person { uid, name, groups })
}
