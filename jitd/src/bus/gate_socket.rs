//! The socket at which `pam_jit` asks.
//!
//! It carries D-Bus messages without a bus between and without its handshake: connecting to the
//! bus was most of what a sudo paid. Only root gets there, by the folder's mode and by the
//! kernel's word for who connects, and nothing that others send to jitd stands before it.
//!
//! What can't be taken back is not given: while nobody new could reach jitd to revoke, the gate says
//! no.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use jitd_api::{CONTROL_SOCKET, Error, GATE_INTERFACE, GateAnswer};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zbus::DBusError;
use zbus::connection::socket::ReadHalf;
use zbus::export::async_trait::async_trait;
use zbus::message::{Message, Type};
use zbus::names::{InterfaceName, MemberName};

use super::asker::{Asker, unknown};
use super::gate::{GateInterface, refused_because};
use super::judging::Judge;
use super::patience;
use super::question::Question;
use super::{breathe, listen};
use crate::dbus;
use crate::engine::Refusal;
use crate::record::{Priority, note};

/// Most connections at a time. Whoever may stop a sudo in the middle of its question can hold
/// one, until [`patience::IDLE`] is over.
const MOST_CONNECTIONS: usize = 4096;

/// The socket, before anybody is answered: who connects waits.
pub struct GateSocket(std::os::unix::net::UnixListener);

impl GateSocket {
    /// Listens at `path`, for root alone.
    ///
    /// # Errors
    /// The folder is missing, or something that is not a socket of ours is in the way.
    pub fn bind(path: &Path) -> io::Result<Self> {
        listen(path, 0o600).map(Self)
    }

    /// Answers whoever connects, for ever.
    ///
    /// # Errors
    /// The socket is of no use any more.
    pub(super) async fn answer(self, gate: GateInterface) -> io::Result<()> {
        let listener = UnixListener::from_std(self.0)?;
        let porter = Arc::new(Porter {
            gate,
            judge: Judge::default(),
        });
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

/// Nothing where somebody new could reach jitd to revoke, or a refusal that says why not.
async fn hindrance() -> Option<GateAnswer> {
    let ping = dbus::ping(Path::new(CONTROL_SOCKET));
    let why = match timeout(patience::REACH, ping).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", patience::REACH.as_secs()),
    };
    let why = format!("nobody could reach jitd at {CONTROL_SOCKET} to revoke ({why})");
    Some(refused_because(&why, "systemctl status jitd"))
}

/// Answers at the door.
struct Porter {
    gate: GateInterface,
    judge: Judge,
}

impl Porter {
    async fn attend(&self, stream: UnixStream) -> zbus::Result<()> {
        let peer = stream.peer_cred()?;
        if peer.uid() != 0 {
            return Ok(());
        }
        let asker = Asker::at(&stream)?;
        let (read, write) = stream.into_split();
        let mut incoming = Incoming(read);
        loop {
            let (mut bytes, mut fds) = (Vec::new(), Vec::new());
            let message = incoming.receive_message(0, &mut bytes, &mut fds);
            let Ok(message) = timeout(patience::IDLE, message).await else {
                return Ok(());
            };
            let message = message?;
            if message.message_type() != Type::MethodCall {
                return Ok(());
            }
            let (reply, refusal) = self.reply(&message, &asker).await?;
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
        asker: &Asker,
    ) -> zbus::Result<(Message, Option<Refusal>)> {
        let header = call.header();
        let interface = header.interface().map(InterfaceName::as_str);
        let member = header.member().map(MemberName::as_str);
        let member = member.filter(|_| interface.is_none_or(|name| name == GATE_INTERFACE));
        let question = match member {
            Some("Check") => Question::of_check(call, asker),
            Some("Open") => Question::of_open(call, asker),
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
        let answer = self.answer(&question, asker).await;
        let refusal = question.refusal(answer.as_ref());
        let reply = match answer {
            Ok(answer) => Message::method_return(&header).build(&answer)?,
            Err(error) => error.create_reply(&header)?,
        };
        Ok((reply, refusal))
    }

    async fn answer(&self, question: &Question, asker: &Asker) -> Result<GateAnswer, Error> {
        // Who is not let in anyway is told so before anything is looked at.
        let answer = self.gate.answer(&question.opening).await?;
        if !answer.allowed {
            return Ok(answer);
        }
        let judged = self.gate.judged(&self.judge, &question.opening).await;
        asker.is_still_there().map_err(|error| unknown(&error))?;
        let opening = match judged {
            Ok(opening) => opening,
            Err(refusal) => return Ok(refusal),
        };
        if let Some(refusal) = hindrance().await {
            return Ok(refusal);
        }
        if question.opens {
            self.gate.open(&opening).await
        } else {
            self.gate.answer(&opening).await
        }
    }
}

async fn send(stream: &OwnedWriteHalf, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        timeout(patience::IDLE, stream.writable()).await??;
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
