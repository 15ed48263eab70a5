//! The socket at which `pam_jit` asks.
//!
//! It carries D-Bus messages without a bus between and without its handshake: connecting to the
//! bus was most of what a sudo paid. Only root gets there, by the folder's mode and by the
//! kernel's word for who connects, and nothing that others send to jitd stands before it.
//!
//! It does not make the gate independent of the bus: what can't be taken back is not given. While
//! nobody can reach jitd over the bus to revoke, the gate says no.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jitd_api::{BUS_NAME, Error, GATE_INTERFACE, GateAnswer};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zbus::connection::socket::ReadHalf;
use zbus::export::async_trait::async_trait;
use zbus::fdo::DBusProxy;
use zbus::message::{Message, Type};
use zbus::names::{BusName, InterfaceName, MemberName, OwnedUniqueName};
use zbus::{Connection, DBusError};

use super::gate::{GateInterface, refused_because};
use super::question::Question;
use crate::engine::{Opening, Refusal};
use crate::record::{Priority, note};

/// Most connections at a time. Whoever may stop a sudo in the middle of its question can hold
/// one, until [`IDLE`] is over.
const MOST_CONNECTIONS: usize = 4096;
/// How long a connection may stay without a whole question on it.
const IDLE: Duration = Duration::from_secs(3);
/// How long the bus may take to say who has our name: the module has two seconds for everything.
const BUS_PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait when there is no descriptor for one who connects.
const BREATH: Duration = Duration::from_millis(50);

/// The socket, before anybody is answered: who connects waits.
pub struct GateSocket(std::os::unix::net::UnixListener);

impl GateSocket {
    /// Listens at `path`, whose folder must be root's alone. What a former process left there is
    /// replaced: there is one jitd at a time.
    ///
    /// # Errors
    /// The folder is missing, or something that is not a socket of ours is in the way.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// Answers whoever connects, for ever.
    ///
    /// # Errors
    /// The socket is of no use any more.
    pub(super) async fn answer(self, gate: GateInterface, reach: Reach) -> io::Result<()> {
        let listener = UnixListener::from_std(self.0)?;
        let porter = Arc::new(Porter { gate, reach });
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                return Ok(());
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let porter = porter.clone();
                    tokio::spawn(async move {
                        // Who hangs up or falls silent is just not answered any more.
                        let _gone = porter.attend(stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    let text = format!("the gate could not let somebody in: {error}");
                    note(Priority::Error, &text);
                    breathe().await;
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "no end depends on it")]
async fn breathe() {
    tokio::time::sleep(BREATH).await;
}

/// Whether people can reach jitd over the bus.
pub(super) struct Reach {
    bus: DBusProxy<'static>,
    name: BusName<'static>,
    /// The connection that must have the name.
    ours: OwnedUniqueName,
}

impl Reach {
    /// Asks over a connection of its own, on which there is nothing else to wait for.
    ///
    /// # Errors
    /// The bus is not reachable.
    pub(super) async fn new(own: &Connection, ours: OwnedUniqueName) -> zbus::Result<Self> {
        Ok(Self {
            bus: DBusProxy::new(own).await?,
            name: BusName::try_from(BUS_NAME)?,
            ours,
        })
    }

    /// Nothing, or a refusal that says why.
    async fn hindrance(&self) -> Option<GateAnswer> {
        let why = self.why_not().await?;
        Some(refused_because(&why, "systemctl status dbus"))
    }

    async fn why_not(&self) -> Option<String> {
        let owner = self.bus.get_name_owner(self.name.clone());
        match timeout(BUS_PATIENCE, owner).await {
            Ok(Ok(owner)) if owner == self.ours => None,
            Ok(Ok(other)) => Some(format!("{BUS_NAME} belongs to {other} and not to jitd")),
            Ok(Err(error)) => Some(format!("the system bus does not know jitd ({error})")),
            Err(_) => Some(format!(
                "the system bus did not answer jitd within {} s",
                BUS_PATIENCE.as_secs()
            )),
        }
    }
}

/// Answers at the door.
struct Porter {
    gate: GateInterface,
    reach: Reach,
}

impl Porter {
    async fn attend(&self, stream: UnixStream) -> zbus::Result<()> {
        let peer = stream.peer_cred()?;
        if peer.uid() != 0 {
            return Ok(());
        }
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
        let (read, write) = stream.into_split();
        let mut incoming = Incoming(read);
        loop {
            let (mut bytes, mut fds) = (Vec::new(), Vec::new());
            let message = incoming.receive_message(0, &mut bytes, &mut fds);
            let Ok(message) = timeout(IDLE, message).await else {
                return Ok(());
            };
            let message = message?;
            if message.message_type() != Type::MethodCall {
                return Ok(());
            }
            let (reply, refusal) = self.reply(&message, pid).await?;
            let sent = send(&write, reply.data()).await;
            // Whoever waits has their answer first.
            if let Some(refusal) = refusal {
                self.gate.refused(refusal);
            }
            sent?;
        }
    }

    /// The reply, and what it refuses.
    async fn reply(
        &self,
        call: &Message,
        pid: Option<u32>,
    ) -> zbus::Result<(Message, Option<Refusal>)> {
        let header = call.header();
        let interface = header.interface().map(InterfaceName::as_str);
        let member = header.member().map(MemberName::as_str);
        let member = member.filter(|_| interface.is_none_or(|name| name == GATE_INTERFACE));
        let question = match member {
            Some("Check") => Question::of_check(call),
            Some("Open") => Question::of_open(call, pid),
            _ => {
                let text = format!("only {GATE_INTERFACE}.Check and Open are answered here");
                let reply = zbus::fdo::Error::UnknownMethod(text).create_reply(&header)?;
                return Ok((reply, None));
            }
        };
        let question = match question {
            Ok(question) => question,
            Err(error) => return Ok((error.create_reply(&header)?, None)),
        };
        let answer = self.answer(&question).await;
        let refusal = question.refusal(answer.as_ref());
        let reply = match answer {
            Ok(answer) => Message::method_return(&header).build(&answer)?,
            Err(error) => error.create_reply(&header)?,
        };
        Ok((reply, refusal))
    }

    async fn answer(&self, question: &Question) -> Result<GateAnswer, Error> {
        let opening = &question.opening;
        if !question.opens {
            let Opening {
                uid, name, service, ..
            } = opening;
            let answer = self.gate.answer(*uid, name, service).await?;
            if !answer.allowed {
                return Ok(answer);
            }
            return Ok(self.reach.hindrance().await.unwrap_or(answer));
        }
        if opening.leader == 0 {
            let text = "the kernel does not say which process asks";
            return Err(Error::Failed(text.to_owned()));
        }
        if let Some(refusal) = self.reach.hindrance().await {
            return Ok(refusal);
        }
        self.gate.open(opening).await
    }
}

async fn send(stream: &OwnedWriteHalf, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        timeout(IDLE, stream.writable()).await??;
        match stream.try_write(bytes) {
            Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What comes in on a connection, for zbus to read messages from.
#[derive(Debug)]
struct Incoming(OwnedReadHalf);

#[async_trait]
impl ReadHalf for Incoming {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        loop {
            self.0.readable().await?;
            match self.0.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Ok((read?, Vec::new())),
            }
        }
    }
}
