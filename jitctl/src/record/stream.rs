//! The record from jitd, line by line.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;

use jitd_api::EventFilter;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;
use zbus::proxy::MethodFlags;
use zbus::wire::OwnedFd as ZbusFd;

use crate::bus;
use crate::error::{Failure, Kind};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// What jitd sends.
pub(crate) struct Stream {
    socket: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl Stream {
    /// Asks for events.
    ///
    /// # Errors
    /// jitd is not there, or does not let the caller read them.
    pub(crate) async fn open(filter: &EventFilter) -> Result<Self, Failure> {
        let audit = bus::audit().await?;
        Self::of(audit.read(filter).await.map_err(bus::failure)?)
    }

    /// The same, where jitd is there already; nobody starts it for that.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub(crate) async fn open_again(filter: &EventFilter) -> Result<Self, Failure> {
        let audit = bus::audit().await?;
        let stream = audit
            .inner()
            .call_with_flags("Read", MethodFlags::NO_AUTO_START, filter)
            .await;
        match stream.map_err(|cause| bus::failure(cause.into()))? {
            Some(stream) => Self::of(stream),
            None => Err(cut()),
        }
    }

    fn of(stream: ZbusFd) -> Result<Self, Failure> {
        let socket = StdStream::from(OwnedFd::from(stream));
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: BufReader::with_capacity(CHUNK, UnixStream::from_std(socket)?),
            line: Vec::new(),
        })
    }

    /// The next line, without its end; nothing where jitd, or the way to it, went away.
    ///
    /// # Errors
    /// The socket is broken.
    pub(crate) async fn line(&mut self) -> Result<Option<&[u8]>, Failure> {
        self.line.clear();
        self.socket.read_until(b'\n', &mut self.line).await?;
        // What has no end is not whole.
        Ok(self.line.strip_suffix(b"\n"))
    }

    /// Whether the next line is there already.
    pub(crate) fn has_more(&self) -> bool {
        self.socket.buffer().contains(&b'\n')
    }
}

/// The stream ended without saying that all was said.
pub(crate) fn cut() -> Failure {
    Failure::new(
        Kind::Failed,
        "the record was not read to its end: jitd went away, or took this for stopped",
    )
    .hint("systemctl status jitd")
}

/// jitd said that it can't go on.
pub(crate) fn broken(why: &str) -> Failure {
    Failure::new(
        Kind::Failed,
        format!("jitd can't read the record to its end: {why}"),
    )
    .hint("journalctl -u jitd")
}

/// A line that no jitd writes.
pub(crate) fn nonsense(why: &str) -> Failure {
    Failure::new(Kind::Failed, format!("the record can't be read: {why}"))
        .hint("jitctl audit verify")
}
