//! Who is calling: the account from the bus or the socket, the login from the kernel.

use std::ops::Deref;

use jitd_api::Error;
use zbus::Connection;
use zbus::fdo::{ConnectionCredentials, DBusProxy};
use zbus::message::Header;
use zbus::names::BusName;

use super::peer::Process;
use super::presence;
use super::slots::{Slot, Slots};
use crate::directory::{Directory, DirectoryError, HostDirectory};
use crate::domain::person::{Caller, Person};
use crate::domain::text;

/// Tells callers apart.
#[derive(Clone)]
pub(super) struct Callers {
    door: Door,
    directory: HostDirectory,
    slots: Slots,
}

/// Whose word it is who calls.
#[derive(Clone)]
enum Door {
    /// The bus', for each message.
    Bus(DBusProxy<'static>),
    /// The kernel's, for whoever connected.
    Socket { uid: u32, process: Process },
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
    /// Those who call over this connection to the bus.
    ///
    /// # Errors
    /// It is closed.
    pub(super) async fn on_the_bus(
        connection: &Connection,
        directory: HostDirectory,
        slots: Slots,
    ) -> zbus::Result<Self> {
        Ok(Self {
            door: Door::Bus(DBusProxy::new(connection).await?),
            directory,
            slots,
        })
    }

    /// The one at the other end of a socket.
    pub(super) fn at_the_socket(
        uid: u32,
        process: Process,
        directory: HostDirectory,
        slots: Slots,
    ) -> Self {
        Self {
            door: Door::Socket { uid, process },
            directory,
            slots,
        }
    }

    /// Identifies the sender of a message. Nothing that the message says counts.
    pub(super) async fn identify(&self, header: &Header<'_>) -> Result<Visitor, Error> {
        let (uid, process) = match &self.door {
            Door::Bus(bus) => sender(bus, header).await?,
            Door::Socket { uid, process } => (*uid, process.clone()),
        };
        let slot = self.slots.take(uid).await;
        Ok(Visitor {
            caller: self.caller(uid, &process).await?,
            _slot: slot,
        })
    }

    /// The one at the other end, between their calls. Nobody, where there are several.
    pub(super) async fn peer(&self) -> Option<Caller> {
        match &self.door {
            Door::Bus(_) => None,
            Door::Socket { uid, process } => self.caller(*uid, process).await.ok(),
        }
    }

    async fn caller(&self, uid: u32, process: &Process) -> Result<Caller, Error> {
        let login = process
            .login()
            .map_err(|error| unknown(&format!("process {}: {error}", process.pid())))?;
        let account = self.person(uid).await?;
        let login_person = match login.uid {
            Some(login_uid) if login_uid != uid => Some(self.person(login_uid).await?),
            _ => None,
        };
        Ok(Caller {
            account,
            login: login_person,
            logged_in: login.uid.is_some(),
            absent: presence::why_absent(process, login),
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
    let uid = nix::unistd::getuid().as_raw();
    let process = Process::since_now(std::process::id()).ok()?;
    let directory = HostDirectory::default();
    let callers = Callers::at_the_socket(uid, process, directory, Slots::new());
    callers.peer().await
}

/// The account and the process that sent a message, by the bus' word.
async fn sender(bus: &DBusProxy<'_>, header: &Header<'_>) -> Result<(u32, Process), Error> {
    let sender = header
        .sender()
        .ok_or_else(|| unknown("the message has no sender"))?;
    let credentials = bus
        .get_connection_credentials(BusName::Unique(sender.to_owned()))
        .await
        .map_err(|error| unknown(&error.to_string()))?;
    let uid = credentials
        .unix_user_id()
        .ok_or_else(|| unknown("the bus does not know the uid"))?;
    Ok((uid, process(credentials)?))
}

fn process(credentials: ConnectionCredentials) -> Result<Process, Error> {
    let pid = credentials
        .process_id()
        .ok_or_else(|| unknown("the bus does not know the process"))?;
    match credentials.into_process_fd() {
        Some(pidfd) => Ok(Process::by_pidfd(pid, pidfd.into())),
        None => {
            Process::since_now(pid).map_err(|error| unknown(&format!("process {pid}: {error}")))
        }
    }
}

fn unknown(why: &str) -> Error {
    Error::NotAllowed(format!("jitd could not tell who is calling: {why}"))
}
