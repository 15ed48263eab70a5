//! Who is calling: the account from the bus, the login from the kernel.

use std::ops::Deref;

use jitd_api::Error;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::BusName;

use super::slots::{Slot, Slots};
use crate::directory::{Directory, DirectoryError, HostDirectory};
use crate::domain::person::{Caller, Person};
use crate::domain::text;

/// The kernel's word for a process that nobody logged in for.
const UNSET: u32 = u32::MAX;

/// Tells callers apart.
#[derive(Clone)]
pub(super) struct Callers {
    bus: DBusProxy<'static>,
    directory: HostDirectory,
    slots: Slots,
}

/// A caller, for as long as their call is under way.
pub(super) struct Visitor {
    caller: Caller,
    _slot: Slot,
}

impl Deref for Visitor {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Callers {
    pub(super) async fn new(
        connection: &Connection,
        directory: HostDirectory,
    ) -> zbus::Result<Self> {
        Ok(Self {
            bus: DBusProxy::new(connection).await?,
            directory,
            slots: Slots::new(),
        })
    }

    /// Identifies the sender of a message. Nothing that the message says counts.
    pub(super) async fn identify(&self, header: &Header<'_>) -> Result<Visitor, Error> {
        let unknown =
            |why: &str| Error::NotAllowed(format!("jitd could not tell who is calling: {why}"));
        let sender = header
            .sender()
            .ok_or_else(|| unknown("the message has no sender"))?;
        let slot = self.slots.take(sender).await?;
        let credentials = self
            .bus
            .get_connection_credentials(BusName::Unique(sender.to_owned()))
            .await
            .map_err(|error| unknown(&error.to_string()))?;
        let uid = credentials
            .unix_user_id()
            .ok_or_else(|| unknown("the bus does not know the uid"))?;
        let pid = credentials
            .process_id()
            .ok_or_else(|| unknown("the bus does not know the process"))?;
        let login_uid =
            login_uid(pid).map_err(|error| unknown(&format!("process {pid}: {error}")))?;
        let account = self.person(uid).await?;
        let login = match login_uid {
            Some(login_uid) if login_uid != uid => Some(self.person(login_uid).await?),
            _ => None,
        };
        let caller = Caller {
            account,
            login,
            logged_in: login_uid.is_some(),
        };
        Ok(Visitor {
            caller,
            _slot: slot,
        })
    }

    /// Where people are looked up.
    pub(super) fn directory(&self) -> &HostDirectory {
        &self.directory
    }

    /// Who has an account name.
    pub(super) async fn named(&self, name: &str) -> Result<Person, Error> {
        self.directory
            .named(name)
            .await
            .map_err(|error| match error {
                DirectoryError::NoSuchName => {
                    Error::NotFound(format!("there is no account \"{}\"", text::escaped(name)))
                }
                other => Error::Failed(other.to_string()),
            })
    }

    async fn person(&self, uid: u32) -> Result<Person, Error> {
        self.directory
            .person(uid)
            .await
            .map_err(|error| Error::Failed(error.to_string()))
    }
}

/// Who runs this program; none where the directory does not say.
pub async fn ourselves() -> Option<Caller> {
    let directory = HostDirectory::default();
    let uid = nix::unistd::getuid().as_raw();
    let login_uid = login_uid(std::process::id()).ok()?;
    let login = match login_uid {
        Some(login_uid) if login_uid != uid => Some(directory.person(login_uid).await.ok()?),
        _ => None,
    };
    Some(Caller {
        account: directory.person(uid).await.ok()?,
        login,
        logged_in: login_uid.is_some(),
    })
}

/// The login uid of a process (proc(5)); none where nobody logged in, or where the kernel keeps
/// no such record. A process that is gone is an error: then nobody knows.
fn login_uid(pid: u32) -> std::io::Result<Option<u32>> {
    let folder = format!("/proc/{pid}");
    let text = match std::fs::read_to_string(format!("{folder}/loginuid")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return std::fs::metadata(folder).map(|_| None);
        }
        Err(error) => return Err(error),
    };
    let uid: u32 = text.trim().parse().map_err(std::io::Error::other)?;
    Ok((uid != UNSET).then_some(uid))
}
