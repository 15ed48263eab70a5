//! A D-Bus socket with bounds, for zbus to speak over.
//!
//! zbus takes what comes whatever its length, and begins a task for each call. Here a message is
//! weighed by its first sixteen bytes, before anything of it is copied; calls under way are counted
//! until they are answered; and whoever sends more is told so.

mod under_way;

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use jitd_api::Error;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use zbus::DBusError;
use zbus::connection::socket::{BoxedSplit, ReadHalf, Split, WriteHalf};
use zbus::export::async_trait::async_trait;
use zbus::message::{Message, Type};

use under_way::{Refused, UnderWay};

/// Longest call or signal that is taken, in bytes; the longest call that can be answered with
/// anything but an error has less than a quarter of it.
pub(crate) const MOST_BYTES: usize = 16 * 1024;
/// Longest answer to a call of ours. The bus lets nobody answer who was not asked.
const MOST_ANSWER: usize = 16 * 1024 * 1024;
/// How long the other end may take for an answer of ours before we hang up.
const PATIENCE: Duration = Duration::from_secs(10);
/// What every message begins with.
const START: usize = 16;
/// Most descriptors that come with one message of the bus.
const MOST_FDS: usize = 16;
/// What is thrown away at a time.
const GULP: usize = 64 * 1024;
/// Where the type of a message is.
const TYPE: usize = 1;
/// The flag of a call that wants no answer, and where it is.
const NO_REPLY: (usize, u8) = (2, 1);

/// What one connection takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most calls of one sender that are not answered yet.
    pub(crate) of_one: usize,
    /// Most calls of all senders together.
    pub(crate) of_all: usize,
    /// Whether who sends is in the messages: the bus puts it there, others could put anything.
    pub(crate) names_senders: bool,
    /// Whether it is systemd that speaks, which calls itself by a name that is none of a sender.
    pub(crate) is_systemd: bool,
}

/// Both halves of a connection; `begun` is what was read of it already.
pub(crate) fn halves(stream: UnixStream, begun: Vec<u8>, bounds: Bounds) -> BoxedSplit {
    let wire = Arc::new(Wire {
        stream,
        turn: Mutex::new(()),
        calls: UnderWay::new(bounds),
        takes_fds: bounds.names_senders,
        is_systemd: bounds.is_systemd,
    });
    let reader = Reader {
        wire: wire.clone(),
        begun,
    };
    Split::new(Box::new(reader), Box::new(Writer { wire }))
}

#[derive(Debug)]
struct Wire {
    stream: UnixStream,
    /// Whoever holds this writes.
    turn: Mutex<()>,
    calls: UnderWay,
    /// Descriptors come with answers of the bus. Nobody else is let to fill our table with them.
    takes_fds: bool,
    is_systemd: bool,
}

impl Wire {
    async fn send(&self, message: &Message) -> io::Result<()> {
        let _turn = self.turn.lock().await;
        let sent = timeout(PATIENCE, self.send_all(message)).await;
        let sent = sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if sent.is_err() {
            // Half a message was sent: nothing that comes after it makes sense.
            let _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Both);
        }
        sent
    }

    async fn send_all(&self, message: &Message) -> io::Result<()> {
        let data = message.data();
        let fds: Vec<_> = data.fds().iter().map(AsFd::as_fd).collect();
        let mut at = 0;
        while let Some(rest) = data.get(at..).filter(|rest| !rest.is_empty()) {
            at += self
                .send_some(rest, if at == 0 { &fds } else { &[] })
                .await?;
        }
        Ok(())
    }

    async fn send_some(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.stream
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
                let mut with = SendAncillaryBuffer::new(&mut space);
                if !fds.is_empty() && !with.push(SendAncillaryMessage::ScmRights(fds)) {
                    return Err(io::ErrorKind::InvalidInput.into());
                }
                let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
                Ok(sendmsg(
                    &self.stream,
                    &[IoSlice::new(bytes)],
                    &mut with,
                    flags,
                )?)
            })
            .await
    }

    /// Reads at least a byte.
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let read = self
            .stream
            .async_io(Interest::READABLE, || self.try_receive(buffer))
            .await?;
        match read.0 {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(read),
        }
    }

    fn try_receive(&self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        if !self.takes_fds {
            return Ok((self.stream.try_read(buffer)?, Vec::new()));
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
        let mut with = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let read = recvmsg(
            &self.stream,
            &mut [IoSliceMut::new(buffer)],
            &mut with,
            flags,
        )?;
        let mut fds = Vec::new();
        for message in with.drain() {
            if let RecvAncillaryMessage::ScmRights(came) = message {
                fds.extend(came);
            }
        }
        Ok((read.bytes, fds))
    }
}

#[derive(Debug)]
struct Reader {
    wire: Arc<Wire>,
    /// What was read before anybody asked for a message.
    begun: Vec<u8>,
}

#[async_trait]
impl ReadHalf for Reader {
    async fn receive_message(
        &mut self,
        seq: u64,
        begun: &mut Vec<u8>,
        begun_fds: &mut Vec<OwnedFd>,
    ) -> zbus::Result<Message> {
        self.begun.append(begun);
        let mut fds = std::mem::take(begun_fds);
        loop {
            let mut start = [0; START];
            self.fill(&mut start, &mut fds).await?;
            let length = Length::of(&start)?;
            if length.all() > self.most(start[TYPE]) {
                self.refuse_long(start, length, std::mem::take(&mut fds))
                    .await?;
                continue;
            }
            let wants_reply = start[NO_REPLY.0] & NO_REPLY.1 == 0;
            start[NO_REPLY.0] &= !NO_REPLY.1;
            let mut bytes = vec![0; length.all()];
            bytes[..START].copy_from_slice(&start);
            self.fill(&mut bytes[START..], &mut fds).await?;
            if self.wire.is_systemd {
                rename_systemd(&mut bytes[..length.head()]);
            }
            let has_fds = !fds.is_empty();
            let message = Whole::of(bytes, std::mem::take(&mut fds)).read(seq).await?;
            match self.wire.calls.begin(&message, wants_reply, has_fds) {
                Ok(()) => return Ok(message),
                Err(refused) => self.answer(&message, wants_reply, refused).await?,
            }
        }
    }

    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.wire.receive(buffer).await
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

impl Reader {
    fn most(&self, kind: u8) -> usize {
        let is_answer = kind == Type::MethodReturn as u8 || kind == Type::Error as u8;
        if is_answer && self.wire.takes_fds {
            MOST_ANSWER
        } else {
            MOST_BYTES
        }
    }

    async fn fill(&mut self, mut buffer: &mut [u8], fds: &mut Vec<OwnedFd>) -> io::Result<()> {
        let from_begun = buffer.len().min(self.begun.len());
        let (first, rest) = buffer.split_at_mut(from_begun);
        first.copy_from_slice(&self.begun[..from_begun]);
        self.begun.drain(..from_begun);
        buffer = rest;
        while !buffer.is_empty() {
            let (read, came) = self.wire.receive(buffer).await?;
            fds.extend(came);
            buffer = &mut buffer[read..];
        }
        Ok(())
    }

    /// Lets a message pass by, without its body, and says that it was too long.
    async fn refuse_long(
        &mut self,
        mut start: [u8; START],
        length: Length,
        mut fds: Vec<OwnedFd>,
    ) -> zbus::Result<()> {
        if length.head() > MOST_BYTES {
            // Nobody knows whom to tell.
            self.pass_over(length.all() - START).await?;
            return Ok(());
        }
        let wants_reply = start[NO_REPLY.0] & NO_REPLY.1 == 0;
        // As if it had no body.
        start[4..8].fill(0);
        let mut head = vec![0; length.head()];
        head[..START].copy_from_slice(&start);
        self.fill(&mut head[START..], &mut fds).await?;
        self.pass_over(length.all() - length.head()).await?;
        let message = Whole::of(head, fds).read(0).await?;
        self.answer(&message, wants_reply, Refused::TooLong).await
    }

    async fn pass_over(&mut self, mut bytes: usize) -> io::Result<()> {
        let from_begun = bytes.min(self.begun.len());
        self.begun.drain(..from_begun);
        bytes -= from_begun;
        let mut gulp = vec![0; GULP.min(bytes)];
        while bytes > 0 {
            let most = GULP.min(bytes);
            let (read, _closed) = self.wire.receive(&mut gulp[..most]).await?;
            bytes -= read;
        }
        Ok(())
    }

    async fn answer(
        &self,
        message: &Message,
        wants_reply: bool,
        refused: Refused,
    ) -> zbus::Result<()> {
        if message.message_type() == Type::MethodCall && wants_reply {
            let error = Error::LimitExceeded(refused.to_string());
            let reply = error.create_reply(&message.header())?;
            self.wire.send(&reply).await?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Writer {
    wire: Arc<Wire>,
}

#[async_trait]
impl WriteHalf for Writer {
    async fn send_message(&mut self, message: &Message) -> zbus::Result<()> {
        let wanted = self.wire.calls.is_wanted(message);
        if wanted {
            self.wire.send(message).await?;
        }
        self.wire.calls.end(message);
        Ok(())
    }

    async fn sendmsg(&mut self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        self.wire.send_some(bytes, fds).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(rustix::net::shutdown(
            &self.wire.stream,
            rustix::net::Shutdown::Both,
        )?)
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

/// systemd's own socket gives its name on the bus for the sender, where the specification, and
/// zbus with it, have a unique name: one of the same length takes its place.
fn rename_systemd(head: &mut [u8]) {
    const SENDER: &[u8] = b"\x07\x01s\0";
    const LENGTH: usize = 4;
    const NAME: &[u8] = b"org.freedesktop.systemd1\0";
    const UNIQUE: &[u8] = b":org.freedesktop.systemd\0";
    let name_at = SENDER.len() + LENGTH;
    let is_it = |field: &[u8]| field.starts_with(SENDER) && field.ends_with(NAME);
    let mut fields = head.windows(name_at + NAME.len());
    if let Some(at) = fields.position(is_it) {
        head[at + name_at..][..UNIQUE.len()].copy_from_slice(UNIQUE);
    }
}

/// How long a message says that it is, by the form of the D-Bus specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Length {
    body: u32,
    fields: u32,
}

impl Length {
    /// # Errors
    /// No message begins so.
    fn of(start: &[u8; START]) -> io::Result<Self> {
        let number = |at: usize| {
            let bytes = [start[at], start[at + 1], start[at + 2], start[at + 3]];
            match start[0] {
                b'l' => Ok(u32::from_le_bytes(bytes)),
                b'B' => Ok(u32::from_be_bytes(bytes)),
                _ => Err(io::ErrorKind::InvalidData),
            }
        };
        Ok(Self {
            body: number(4)?,
            fields: number(12)?,
        })
    }

    /// What comes before the body.
    fn head(self) -> usize {
        START + (self.fields as usize).next_multiple_of(8)
    }

    fn all(self) -> usize {
        self.head() + self.body as usize
    }
}

/// A message that was read, for zbus to make sense of.
#[derive(Debug)]
struct Whole {
    bytes: io::Cursor<Vec<u8>>,
    fds: Vec<OwnedFd>,
}

impl Whole {
    fn of(bytes: Vec<u8>, fds: Vec<OwnedFd>) -> Self {
        Self {
            bytes: io::Cursor::new(bytes),
            fds,
        }
    }

    async fn read(mut self, seq: u64) -> zbus::Result<Message> {
        let (mut bytes, mut fds) = (Vec::new(), Vec::new());
        self.receive_message(seq, &mut bytes, &mut fds).await
    }
}

#[async_trait]
impl ReadHalf for Whole {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let read = io::Read::read(&mut self.bytes, buffer)?;
        Ok((read, std::mem::take(&mut self.fds)))
    }
}

#[cfg(test)]
mod tests;
