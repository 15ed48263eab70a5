//! Native entries in systemd's journal.

use libsystemd::logging::{Priority, journal_send};

use super::{EventName, Recorded, Severity};
use crate::domain::text;

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Facility authpriv.
const FACILITY: &str = "10";

/// Sends one event with all its fields. The journal hands the message on to syslog where the
/// host is set up so.
pub(super) fn send(recorded: &Recorded, line: &str) -> Result<(), libsystemd::errors::SdError> {
    let fixed = [("SYSLOG_FACILITY", FACILITY), ("SYSLOG_IDENTIFIER", "jitd")];
    let id = EventName::named(&recorded.event).map(|name| ("MESSAGE_ID", name.message_id()));
    let fixed = fixed.into_iter().chain(id);
    let fixed = fixed.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let own = recorded.told().into_iter().map(|(key, value)| {
        // A reader that prints a field as it is (journalctl -o verbose) is a terminal too.
        (
            format!("JITD_{}", key.to_ascii_uppercase()),
            text::escaped(&value),
        )
    });
    let priority = match recorded.severity() {
        Severity::Alert => Priority::Alert,
        Severity::Error => Priority::Error,
        Severity::Warning => Priority::Warning,
        Severity::Notice => Priority::Notice,
    };
    journal_send(priority, line, fixed.chain(own))
}
