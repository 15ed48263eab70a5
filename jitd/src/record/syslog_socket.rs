//! syslog, for hosts without systemd's journal.

use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

use super::Severity;

/// A connection to syslogd that is made anew after every error: syslogd makes its socket anew
/// when it restarts, and the old connection then fails for ever (FACTS 31).
#[derive(Default)]
pub(super) struct SyslogSocket(Option<Logger<LoggerBackend, Formatter3164>>);

impl SyslogSocket {
    /// Sends one line that has no control characters in it.
    pub(super) fn send(&mut self, severity: Severity, line: &str) -> Result<(), syslog::Error> {
        let first = self.attempt(severity, line);
        if first.is_ok() {
            first
        } else {
            self.attempt(severity, line)
        }
    }

    fn attempt(&mut self, severity: Severity, line: &str) -> Result<(), syslog::Error> {
        let mut logger = match self.0.take() {
            Some(logger) => logger,
            None => syslog::unix(Formatter3164 {
                facility: Facility::LOG_AUTHPRIV,
                hostname: None,
                process: "jitd".to_owned(),
                pid: std::process::id(),
            })?,
        };
        match severity {
            Severity::Alert => logger.alert(line),
            Severity::Error => logger.err(line),
            Severity::Warning => logger.warning(line),
            Severity::Notice => logger.notice(line),
        }?;
        self.0 = Some(logger);
        Ok(())
    }
}
