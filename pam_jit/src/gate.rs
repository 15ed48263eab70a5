//! The one question to jitd, over its socket.
//!
//! The socket carries D-Bus messages without a bus between and without the bus' handshake: a
//! question is one message there and one back, on this thread, without a runtime. The kernel
//! says who is at either end, and does so for a fraction of what a connection to the bus costs,
//! which was most of what a sudo paid.

use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use jitd_api::{GATE_INTERFACE, GATE_SOCKET, GateAnswer, OBJECT_PATH};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, getsockopt, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use zbus::connection::socket::ReadHalf;
use zbus::export::async_trait::async_trait;
use zbus::message::{Message, Type};

/// A question: about whom, by number and name, since either could have another owner than it had
/// when jitd learnt of it; for which service; where; and whether a session is to be opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// 0 for somebody who needs no elevation.
    pub(crate) uid: u32,
    pub(crate) name: &'a str,
    pub(crate) service: &'a str,
    pub(crate) place: Place<'a>,
    /// Whether a session is opened; else the question is only whether it may be.
    pub(crate) opens: bool,
}

/// Where somebody is, as the program says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) terminal: &'a str,
    pub(crate) remote: &'a str,
    /// The session that this process was in, where it is out of it: in the session stage,
    /// another module may have made a login of it.
    pub(crate) left: Option<u64>,
}

/// Who is asked whether a service is open to a person.
pub(crate) trait Gate {
    /// The answer, within `timeout`. Without one that is certainly jitd's: why not.
    fn ask(&self, question: &Question<'_>, timeout: Duration) -> Result<GateAnswer, Failure>;
}

/// Why there is no answer. All of these are refusals.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("jitd is not running (nobody listens at {GATE_SOCKET})")]
    NotRunning,
    #[error("this program may not ask jitd: it does not run as root")]
    Forbidden,
    #[error("jitd is not reachable ({0})")]
    Unreachable(String),
    #[error("{GATE_SOCKET} is served by uid {0}, not by root")]
    Impostor(u32),
    #[error("jitd did not answer within {}", in_words(.0))]
    Silent(Duration),
    #[error("jitd went away before it answered")]
    Vanished,
    #[error("jitd says: {0}")]
    Declined(String),
    #[error("jitd's answer is not understood ({0})")]
    Unintelligible(String),
}

fn in_words(time: &Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds.is_multiple_of(1000) {
        format!("{} s", milliseconds / 1000)
    } else {
        format!("{milliseconds} ms")
    }
}

/// jitd, at a path that nobody's environment can change, in a folder that is root's.
pub(crate) struct Jitd;

impl Gate for Jitd {
    fn ask(&self, question: &Question<'_>, timeout: Duration) -> Result<GateAnswer, Failure> {
        let call = call(question)?;
        ask(Path::new(GATE_SOCKET), &call, timeout)
    }
}

fn call(question: &Question<'_>) -> Result<Message, Failure> {
    let Question {
        uid,
        name,
        service,
        place,
        opens,
    } = question;
    let named = |member| Message::method_call(OBJECT_PATH, member).interface(GATE_INTERFACE);
    let (terminal, remote) = (place.terminal, place.remote);
    let call = if *opens {
        let left = place.left.unwrap_or_default();
        named("Open").build(&(uid, name, service, terminal, remote, left))
    } else {
        named("Check").build(&(uid, name, service, terminal, remote))
    };
    call.map_err(|error| Failure::Unintelligible(error.to_string()))
}

/// Asks whoever listens, if that is root. Everything has the one deadline.
fn ask(path: &Path, question: &Message, timeout: Duration) -> Result<GateAnswer, Failure> {
    let deadline = Deadline(Instant::now() + timeout);
    let failed = |error: Failed| match error {
        Failed::Late => Failure::Silent(timeout),
        Failed::HungUp => Failure::Vanished,
        Failed::Errno(Errno::ENOENT | Errno::ECONNREFUSED) => Failure::NotRunning,
        Failed::Errno(Errno::EACCES) => Failure::Forbidden,
        Failed::Errno(other) => Failure::Unreachable(other.desc().to_owned()),
    };
    let stream = Stream::connect(path, deadline).map_err(failed)?;
    match stream.served_by().map_err(failed)? {
        0 => {}
        other => return Err(Failure::Impostor(other)),
    }
    stream.send(question.data()).map_err(failed)?;
    let serial = question.primary_header().serial_num();
    let reply = stream.receive().map_err(|error| match error {
        zbus::Error::InputOutput(error) => failed(Failed::from(&*error)),
        other => Failure::Unintelligible(other.to_string()),
    })?;
    if reply.header().reply_serial() != Some(serial) {
        return Err(Failure::Unintelligible("of another question".to_owned()));
    }
    understood(&reply)
}

fn understood(reply: &Message) -> Result<GateAnswer, Failure> {
    if reply.message_type() == Type::Error {
        return Err(Failure::Declined(error_text(reply)));
    }
    reply
        .body()
        .deserialize()
        .map_err(|error| Failure::Unintelligible(error.to_string()))
}

fn error_text(reply: &Message) -> String {
    let text = reply.body().deserialize::<String>();
    text.unwrap_or_else(|_| match reply.header().error_name() {
        Some(name) => name.to_string(),
        None => "an error without a name".to_owned(),
    })
}

/// Why the socket did not do.
enum Failed {
    /// The deadline has come.
    Late,
    /// The other end closed.
    HungUp,
    Errno(Errno),
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Self {
        match errno {
            // What a socket says when its time is up (socket(7), SO_RCVTIMEO).
            Errno::EAGAIN => Self::Late,
            Errno::EPIPE | Errno::ECONNRESET => Self::HungUp,
            other => Self::Errno(other),
        }
    }
}

impl From<&io::Error> for Failed {
    fn from(error: &io::Error) -> Self {
        match (error.kind(), error.raw_os_error()) {
            (_, Some(code)) => Errno::from_raw(code).into(),
            (ErrorKind::TimedOut, None) => Self::Late,
            _ => Self::HungUp,
        }
    }
}

/// When everything must be over.
#[derive(Debug, Clone, Copy)]
struct Deadline(Instant);

impl Deadline {
    /// What is left of it, as the kernel takes it; there zero would be for ever.
    fn left(self) -> Result<TimeVal, Errno> {
        let left = self.0.saturating_duration_since(Instant::now());
        let microseconds = i64::try_from(left.as_micros()).unwrap_or(i64::MAX);
        match microseconds {
            0 => Err(Errno::EAGAIN),
            some => Ok(TimeVal::new(some / 1_000_000, some % 1_000_000)),
        }
    }

    /// Runs what waits for no longer than it is told to, until it is done or late. A signal to
    /// the program interrupts such a wait whatever its handler's flags say (signal(7)).
    fn within<T>(self, mut wait: impl FnMut(TimeVal) -> Result<T, Errno>) -> Result<T, Errno> {
        loop {
            match wait(self.left()?) {
                Err(Errno::EINTR) => {}
                done => return done,
            }
        }
    }
}

/// One connection; dropping it closes it.
#[derive(Debug)]
struct Stream {
    socket: OwnedFd,
    deadline: Deadline,
}

impl Stream {
    /// Connecting too waits when the other end does not keep up (`SO_SNDTIMEO` bounds that).
    fn connect(path: &Path, deadline: Deadline) -> Result<Self, Failed> {
        let address = UnixAddr::new(path)?;
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        deadline.within(|left| {
            setsockopt(&socket, sockopt::SendTimeout, &left)?;
            connect(socket.as_raw_fd(), &address)
        })?;
        Ok(Self { socket, deadline })
    }

    /// The uid of the process that listens, from the kernel (unix(7), `SO_PEERCRED`).
    fn served_by(&self) -> Result<u32, Failed> {
        Ok(getsockopt(&self.socket, sockopt::PeerCredentials)?.uid())
    }

    /// `MSG_NOSIGNAL`: what SIGPIPE does is the program's affair.
    fn send(&self, mut bytes: &[u8]) -> Result<(), Failed> {
        while !bytes.is_empty() {
            let sent = self.deadline.within(|left| {
                setsockopt(&self.socket, sockopt::SendTimeout, &left)?;
                send(self.socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)
            })?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// zbus reads and checks one message. It waits inside the system call, so its future is
    /// finished when it is first looked at.
    fn receive(mut self) -> zbus::Result<Message> {
        let (mut bytes, mut fds) = (Vec::new(), Vec::new());
        let message = self.receive_message(0, &mut bytes, &mut fds);
        message
            .now_or_never()
            .unwrap_or(Err(zbus::Error::InvalidReply))
    }
}

#[async_trait]
impl ReadHalf for Stream {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let received = self.deadline.within(|left| {
            setsockopt(&self.socket, sockopt::ReceiveTimeout, &left)?;
            recv(self.socket.as_raw_fd(), buffer, MsgFlags::empty())
        })?;
        // No descriptors: without room for them the kernel drops what was sent.
        Ok((received, Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::thread;

    use zbus::Variant;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(300);

    fn question(opens: bool) -> Message {
        let place = Place {
            terminal: "/dev/pts/0",
            remote: "192.0.2.1",
            left: Some(7),
        };
        let carol = Question {
            uid: 1001,
            name: "carol",
            service: "sudo",
            place,
            opens,
        };
        super::call(&carol).unwrap()
    }

    fn call() -> Message {
        question(false)
    }

    fn answer(call: &Message, entries: &[(&str, Variant<'_>)]) -> Message {
        let body: HashMap<&str, &Variant<'_>> =
            entries.iter().map(|(key, value)| (*key, value)).collect();
        let builder = Message::method_return(&call.header());
        builder.build(&body).unwrap()
    }

    fn yes(call: &Message) -> Message {
        answer(call, &[("allowed", true.into())])
    }

    /// What comes of asking where somebody serves the one who asks. Only root's answers count;
    /// who tests as another user sees that instead.
    fn asked_of(serve: impl FnOnce(UnixStream, &Message) + Send) -> Result<GateAnswer, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        let listener = UnixListener::bind(&path).unwrap();
        let call = call();
        thread::scope(|scope| {
            scope.spawn(|| serve(listener.accept().unwrap().0, &call));
            ask(&path, &call, PATIENCE)
        })
    }

    fn if_root(expected: Result<GateAnswer, Failure>) -> Result<GateAnswer, Failure> {
        match nix::unistd::geteuid().as_raw() {
            0 => expected,
            other => Err(Failure::Impostor(other)),
        }
    }

    fn take_question(stream: &mut UnixStream, call: &Message) {
        let mut question = vec![0; call.data().len()];
        if stream.read_exact(&mut question).is_ok() {
            assert_eq!(question, call.data().to_vec());
        }
    }

    #[test]
    fn asks_what_the_contract_says() {
        let call = call();
        let header = call.header();
        assert_eq!(header.path().unwrap().as_str(), "/org/jitd1");
        assert_eq!(header.interface().unwrap().as_str(), "org.jitd1.Gate");
        assert_eq!(header.member().unwrap().as_str(), "Check");
        let body = call.body();
        let words: (u32, &str, &str, &str, &str) = body.deserialize().unwrap();
        let expected = (1001, "carol", "sudo", "/dev/pts/0", "192.0.2.1");
        assert_eq!(words, expected);
        let call = question(true);
        assert_eq!(call.header().member().unwrap().as_str(), "Open");
        let body = call.body();
        let words: (u32, &str, &str, &str, &str, u64) = body.deserialize().unwrap();
        let expected = (1001, "carol", "sudo", "/dev/pts/0", "192.0.2.1", 7);
        assert_eq!(words, expected);
    }

    #[test]
    fn understands_an_answer_of_a_newer_jitd() {
        let reply = answer(
            &call(),
            &[
                ("allowed", true.into()),
                ("elevation", 42_u64.into()),
                ("colour", "green".into()),
            ],
        );
        let answer = understood(&reply).unwrap();
        assert!(answer.allowed);
        assert_eq!(answer.elevation, Some(42));
    }

    #[test]
    fn an_answer_that_does_not_say_allowed_does_not_allow() {
        let call = call();
        for reply in [
            answer(&call, &[]),
            answer(&call, &[("elevation", 42_u64.into())]),
            answer(&call, &[("allowed", "true".into())]),
            answer(&call, &[("allowed", 1_u32.into())]),
            Message::method_return(&call.header()).build(&true).unwrap(),
            Message::method_return(&call.header()).build(&()).unwrap(),
        ] {
            assert!(
                !understood(&reply).is_ok_and(|answer| answer.allowed),
                "{reply:?}"
            );
        }
    }

    #[test]
    fn errors_of_jitd_keep_their_text() {
        let error = Message::error(&call().header(), "org.jitd1.Error.Failed");
        assert_eq!(
            understood(&error.build(&"the disk is full").unwrap()),
            Err(Failure::Declined("the disk is full".to_owned()))
        );
    }

    #[test]
    fn an_answer_is_taken_whole_also_when_it_comes_in_pieces() {
        let asked = asked_of(|mut stream, call| {
            take_question(&mut stream, call);
            for byte in yes(call).data().to_vec() {
                let _ = stream.write_all(&[byte]);
            }
        });
        let open = GateAnswer {
            allowed: true,
            ..GateAnswer::default()
        };
        assert_eq!(asked, if_root(Ok(open)));
    }

    #[test]
    fn half_an_answer_is_none() {
        let asked = asked_of(|mut stream, call| {
            take_question(&mut stream, call);
            let reply = yes(call).data().to_vec();
            let _ = stream.write_all(&reply[..reply.len() - 1]);
        });
        assert_eq!(asked, if_root(Err(Failure::Vanished)));
    }

    #[test]
    fn the_answer_to_another_question_is_none() {
        let other = call();
        let asked = asked_of(|mut stream, call| {
            take_question(&mut stream, call);
            let _ = stream.write_all(yes(&other).data());
        });
        let other = Failure::Unintelligible("of another question".to_owned());
        assert_eq!(asked, if_root(Err(other)));
    }

    #[test]
    fn noise_is_no_answer() {
        let asked = asked_of(|mut stream, call| {
            take_question(&mut stream, call);
            let _ = stream.write_all(&[b'x'; 4096]);
        });
        let unintelligible = matches!(
            asked,
            Err(Failure::Unintelligible(_) | Failure::Impostor(_))
        );
        assert!(unintelligible, "{asked:?}");
    }

    #[test]
    fn who_hangs_up_has_vanished() {
        let asked = asked_of(|stream, _| drop(stream));
        assert_eq!(asked, if_root(Err(Failure::Vanished)));
    }

    #[test]
    fn silence_and_dribble_end_at_the_deadline() {
        let silent = |stream: UnixStream, _: &Message| {
            let mut until_it_closes = Vec::new();
            let _ = (&stream).read_to_end(&mut until_it_closes);
        };
        let dribbling = |mut stream: UnixStream, call: &Message| {
            // Each byte comes in time, all of them do not.
            for byte in yes(call).data().to_vec() {
                thread::sleep(PATIENCE / 10);
                if stream.write_all(&[byte]).is_err() {
                    break;
                }
            }
        };
        for asked in [timed(|| asked_of(silent)), timed(|| asked_of(dribbling))] {
            let (result, took) = asked;
            assert_eq!(result, if_root(Err(Failure::Silent(PATIENCE))));
            assert!(took < PATIENCE * 3, "{took:?}");
        }
    }

    /// The kernel keeps who connects waiting once so many are not taken in (listen(2)).
    #[test]
    fn a_full_queue_is_silence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        let flags = SockFlag::SOCK_CLOEXEC;
        let listener = socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
        let address = UnixAddr::new(&path).unwrap();
        nix::sys::socket::bind(listener.as_raw_fd(), &address).unwrap();
        let one = nix::sys::socket::Backlog::new(1).unwrap();
        nix::sys::socket::listen(&listener, one).unwrap();
        let _waiting = [(); 2].map(|()| UnixStream::connect(&path).unwrap());
        let (asked, took) = timed(|| ask(&path, &call(), PATIENCE));
        assert_eq!(asked, Err(Failure::Silent(PATIENCE)));
        assert!(took < PATIENCE * 3, "{took:?}");
    }

    #[test]
    fn nobody_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate");
        let asked = || ask(&path, &call(), PATIENCE);
        assert_eq!(asked(), Err(Failure::NotRunning));
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(asked(), Err(Failure::NotRunning), "a socket left behind");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(asked(), Err(Failure::NotRunning), "a file");
    }

    #[test]
    fn times_in_words() {
        assert_eq!(in_words(&Duration::from_secs(2)), "2 s");
        assert_eq!(in_words(&Duration::from_millis(1500)), "1500 ms");
    }

    fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
        let begin = Instant::now();
        let result = what();
        (result, begin.elapsed())
    }
}
