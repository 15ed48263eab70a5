//! Lines for syslog.
//!
//! Not by syslog(3): its connection and identity are the program's, a guest can
//! neither set them nor put them back, and it waits without end for a log that
//! nobody reads. A datagram of our own leaves nothing behind. Should it not be
//! taken, the verdict stands and the line is lost.

use std::fmt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use crate::text::harmless;
use crate::verdict::Stage;

const SOCKET: &str = "/dev/log";
/// The longest that one line may hold up the program.
const PATIENCE: Duration = Duration::from_millis(100);
const AUTHPRIV: u8 = 10;
const MAX_LINE: usize = 600;

/// How much a line matters, by syslog's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Critical = 2,
    Error = 3,
    Warning = 4,
    Notice = 5,
    Debug = 7,
}

/// Where a line comes from, as `pam_syslog` has it: `pam_jit(sudo:account)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) service: &'a str,
    pub(crate) stage: Stage,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = harmless(self.service, jitd_api::MAX_NAME);
        write!(f, "pam_jit({service}:{})", self.stage)
    }
}

/// Writes one line to the facility authpriv, identifier `pam_jit`.
pub(crate) fn write(origin: Origin<'_>, severity: Severity, text: &str) {
    let _lost_if_it_fails = send(Path::new(SOCKET), &datagram(origin, severity, text));
}

/// Without a time: whoever reads the socket knows it, and we would have to read
/// the time zone from the environment.
fn datagram(origin: Origin<'_>, severity: Severity, text: &str) -> String {
    let priority = (AUTHPRIV << 3) | severity as u8;
    let pid = std::process::id();
    let text = harmless(text, MAX_LINE);
    format!("<{priority}>pam_jit[{pid}]: {origin}: {text}")
}

/// `send_to` and not `send`: only it passes `MSG_NOSIGNAL`.
fn send(socket: &Path, datagram: &str) -> std::io::Result<()> {
    let log = UnixDatagram::unbound()?;
    log.set_write_timeout(Some(PATIENCE))?;
    log.send_to(datagram.as_bytes(), socket)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const ORIGIN: Origin<'_> = Origin {
        service: "sudo",
        stage: Stage::Account,
    };

    #[test]
    fn a_line_is_one_line() {
        let pid = std::process::id();
        assert_eq!(
            datagram(ORIGIN, Severity::Notice, "carol\n<34>forged"),
            format!("<85>pam_jit[{pid}]: pam_jit(sudo:account): carol\\u{{a}}<34>forged")
        );
    }

    #[test]
    fn is_received() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = UnixDatagram::bind(&path).unwrap();
        send(&path, "<85>line").unwrap();
        let mut buffer = [0; 64];
        let length = log.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"<85>line");
    }

    #[test]
    fn a_log_nobody_reads_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let _unread = UnixDatagram::bind(&path).unwrap();
        let begin = Instant::now();
        let lost = (0..10_000).find_map(|_| send(&path, "<85>line").err());
        assert!(lost.is_some(), "the queue never filled");
        assert!(begin.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn no_log_is_no_failure_of_ours() {
        assert!(send(Path::new("/nonexistent/log"), "x").is_err());
        write(ORIGIN, Severity::Debug, "into the void");
    }
}
