//! Lines for a syslogd, as those that journald hands on to it.

use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use syslog::{Facility, LogFormat, Logger};

use super::Severity;
use crate::domain::time::Wall;

/// The datagram with a line that has no control characters in it, sent at this time.
pub(super) fn datagram(severity: Severity, line: &str, now: Wall) -> Vec<u8> {
    let mut logger = Logger::new(Vec::with_capacity(line.len() + 64), LocalTime(now));
    // A vector takes everything.
    let _ = match severity {
        Severity::Alert => logger.alert(line),
        Severity::Error => logger.err(line),
        Severity::Warning => logger.warning(line),
        Severity::Notice => logger.notice(line),
    };
    logger.backend
}

/// RFC 3164 without a host's name, as syslog(3) writes it. (The crate's own has the time in UTC,
/// which nobody expects there, and reads the clock by itself.)
struct LocalTime(Wall);

impl LogFormat<&str> for LocalTime {
    fn format<W: Write>(
        &self,
        to: &mut W,
        severity: syslog::Severity,
        line: &str,
    ) -> syslog::Result<()> {
        let now = Timestamp::from_millisecond(self.0.0).unwrap_or_default();
        let now = now.to_zoned(TimeZone::system());
        let priority = Facility::LOG_AUTHPRIV as u8 | severity as u8;
        let pid = std::process::id();
        let written = write!(
            to,
            "<{priority}>{} jitd[{pid}]: {line}",
            now.strftime("%b %e %T")
        );
        written.map_err(syslog::Error::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_syslog_3_writes_it() {
        let datagram = datagram(Severity::Warning, "event=x", Wall(1_700_000_000_000));
        let text = String::from_utf8(datagram).unwrap();
        let pid = std::process::id();
        assert!(text.starts_with("<84>Nov 1"), "{text}");
        assert!(text.ends_with(&format!(" jitd[{pid}]: event=x")), "{text}");
    }
}
