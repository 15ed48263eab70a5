//! Datagrams to a log, and whether it has read them.
//!
//! A log acknowledges nothing. But the kernel counts what a socket has sent and nobody has read
//! yet, and `poll(2)` calls the socket writable only while that is little: with the smallest
//! buffer, while it is at most one empty datagram (`unix_writable` in the kernel). So an empty
//! datagram follows each one that counts: as soon as the socket is writable again, the one that
//! counts was read. After another empty one, the first of them was, too: its reader is done with
//! what went before. rsyslog, syslog-ng and journald ignore empty datagrams.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_send_buffer_size;

/// The buffer that any datagram of ours fits into, in bytes.
const AMPLE: usize = 1 << 20;
/// The buffer that two empty datagrams fill: the kernel takes its smallest.
const LEAST: usize = 0;

/// When a datagram counts as read; how many empty ones have to follow it for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Its reader has taken it.
    Taken = 1,
    /// Its reader, which takes one at a time, is done with it.
    Done = 2,
}

/// Why a datagram was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its reader has as many unread ones as it may.
    Full,
    /// Nobody will read it.
    Gone,
    /// No datagram can be so large.
    TooLarge,
}

/// A socket that is connected to a log.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UnixDatagram,
    /// Device and inode of the log's socket.
    place: Option<(u64, u64)>,
    sign: Sign,
    /// How many empty datagrams have to follow yet.
    fences: u8,
}

impl Datagrams {
    /// Connects to the log that listens at `path`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn connect(path: &Path, sign: Sign) -> io::Result<Self> {
        let place = place(path);
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(path)?;
        Ok(Self {
            socket,
            place,
            sign,
            fences: 0,
        })
    }

    /// Whether its reader is still the one that is found at `path`.
    pub(super) fn leads_to(&self, path: &Path) -> bool {
        self.place.is_some() && self.place == place(path)
    }

    /// Sends one; never waits.
    pub(super) fn send(&mut self, content: &[u8]) -> Result<(), Refusal> {
        self.push(content)?;
        self.fences = self.sign as u8;
        Ok(())
    }

    /// Sends an empty one, to see whether it is read.
    pub(super) fn ask(&mut self) {
        self.fences = 2;
    }

    /// Waits until its reader has read everything, at most so long; whether it has.
    pub(super) fn is_read(&mut self, patience: Duration) -> Result<bool, Refusal> {
        while self.fences > 0 {
            match self.push(&[]) {
                Ok(()) => self.fences -= 1,
                Err(Refusal::Full) if self.has_room(patience) => {}
                Err(Refusal::Full) => return Ok(false),
                Err(refusal) => return Err(refusal),
            }
        }
        self.buffer(LEAST)?;
        if !self.is_writable(patience) {
            return Ok(false);
        }
        // What a reader leaves unread when it goes counts as read: it has to be still there.
        match self.push(&[]) {
            Ok(()) | Err(Refusal::Full) => Ok(true),
            Err(refusal) => Err(refusal),
        }
    }

    /// Whether its reader could be sent more, within so long.
    pub(super) fn has_room(&self, patience: Duration) -> bool {
        self.buffer(AMPLE).is_ok() && self.is_writable(patience)
    }

    fn push(&self, content: &[u8]) -> Result<(), Refusal> {
        self.buffer(AMPLE)?;
        match self.socket.send(content) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Refusal::Full),
            Err(error) if error.raw_os_error() == Some(nix::libc::EMSGSIZE) => {
                Err(Refusal::TooLarge)
            }
            Err(_) => Err(Refusal::Gone),
        }
    }

    fn buffer(&self, size: usize) -> Result<(), Refusal> {
        set_socket_send_buffer_size(&self.socket, size).map_err(|_| Refusal::Gone)
    }

    fn is_writable(&self, patience: Duration) -> bool {
        is_writable(&self.socket, patience)
    }
}

/// Whether a descriptor takes something, within so long.
pub(super) fn is_writable(file: &impl std::os::fd::AsFd, patience: Duration) -> bool {
    let Ok(timeout) = Timespec::try_from(patience) else {
        return false;
    };
    let mut polled = [PollFd::new(file, PollFlags::OUT)];
    // A signal ends the wait early; whoever asks asks again.
    poll(&mut polled, Some(&timeout)).is_ok_and(|ready| ready > 0)
        && polled[0].revents().contains(PollFlags::OUT)
}

fn place(path: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    struct Scene {
        folder: tempfile::TempDir,
        reader: UnixDatagram,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let reader = UnixDatagram::bind(folder.path().join("log")).unwrap();
            reader.set_nonblocking(true).unwrap();
            Self { folder, reader }
        }

        fn connect(&self, sign: Sign) -> Datagrams {
            Datagrams::connect(&self.folder.path().join("log"), sign).unwrap()
        }

        /// Reads one datagram; gives its length.
        fn read(&self) -> Option<usize> {
            self.reader.recv(&mut vec![0; 100_000]).ok()
        }
    }

    #[test]
    fn it_is_known_when_a_datagram_was_read() {
        for size in [1, 100, 200, 1_000, 60_000] {
            for sign in [Sign::Taken, Sign::Done] {
                let scene = Scene::new();
                let mut datagrams = scene.connect(sign);
                for _ in 0..3 {
                    datagrams.send(&vec![b'x'; size]).unwrap();
                    assert_eq!(datagrams.is_read(NOW), Ok(false), "{size}");
                    while scene.read() != Some(size) {}
                    if sign == Sign::Done {
                        assert_eq!(datagrams.is_read(NOW), Ok(false), "{size}");
                        assert_eq!(scene.read(), Some(0));
                    }
                    assert_eq!(datagrams.is_read(NOW), Ok(true), "{size}");
                }
            }
        }
    }

    #[test]
    fn a_question_is_answered_by_who_reads() {
        let scene = Scene::new();
        let mut datagrams = scene.connect(Sign::Taken);
        datagrams.ask();
        assert_eq!(datagrams.is_read(NOW), Ok(false));
        assert_eq!(scene.read(), Some(0));
        assert_eq!(datagrams.is_read(NOW), Ok(true));
    }

    #[test]
    fn what_a_reader_leaves_behind_is_not_read() {
        let Scene { folder, reader } = Scene::new();
        let mut datagrams = Datagrams::connect(&folder.path().join("log"), Sign::Taken).unwrap();
        datagrams.send(b"x").unwrap();
        assert_eq!(datagrams.is_read(NOW), Ok(false));
        drop(reader);
        assert_eq!(datagrams.is_read(NOW), Err(Refusal::Gone));
        assert_eq!(datagrams.send(b"x"), Err(Refusal::Gone));
    }

    #[test]
    fn a_reader_that_does_not_read_is_full_at_last() {
        let scene = Scene::new();
        let mut datagrams = scene.connect(Sign::Done);
        while datagrams.send(b"x").is_ok() {}
        assert_eq!(datagrams.send(b"x"), Err(Refusal::Full));
        assert!(!datagrams.has_room(NOW));
        assert_eq!(datagrams.is_read(NOW), Ok(false));
        while scene.read().is_some() {}
        // The empty ones that did not fit follow now.
        assert_eq!(datagrams.is_read(NOW), Ok(false));
        while scene.read().is_some() {}
        assert_eq!(datagrams.is_read(NOW), Ok(true));
    }

    #[test]
    fn a_stream_that_nobody_reads_is_not_written_to() {
        let (mut ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(is_writable(&ours, NOW));
        ours.set_nonblocking(true).unwrap();
        while io::Write::write(&mut ours, &[b'x'; 1_000]).is_ok() {}
        assert!(!is_writable(&ours, NOW));
    }

    #[test]
    fn a_socket_in_the_place_of_another_is_noticed() {
        let Scene { folder, reader } = Scene::new();
        let path = folder.path().join("log");
        let datagrams = Datagrams::connect(&path, Sign::Taken).unwrap();
        assert!(datagrams.leads_to(&path));
        // The old one stays open: its inode is not used again.
        std::fs::remove_file(&path).unwrap();
        assert!(!datagrams.leads_to(&path));
        let _next = UnixDatagram::bind(&path).unwrap();
        assert!(!datagrams.leads_to(&path));
        drop(reader);
    }
}
