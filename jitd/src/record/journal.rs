//! Entries of systemd's journal, in its native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
//!
//! The crate `libsystemd` waits for as long as journald does, and does not say when it has read
//! an entry; hence the few lines here.

use super::line::Telling;
use super::{EventName, Severity};

/// One entry with all fields. The journal hands the message on to syslog where the host is set
/// up so.
pub(super) fn entry(telling: &Telling<'_>, line: &str) -> Vec<u8> {
    let mut entry = Vec::with_capacity(1024);
    let recorded = telling.recorded;
    push(&mut entry, "MESSAGE", line);
    push(&mut entry, "PRIORITY", priority(recorded.severity()));
    // authpriv
    push(&mut entry, "SYSLOG_FACILITY", "10");
    push(&mut entry, "SYSLOG_IDENTIFIER", "jitd");
    if let Some(name) = EventName::named(&recorded.event) {
        push(&mut entry, "MESSAGE_ID", name.message_id());
    }
    for (key, value) in telling.fields() {
        let key = format!("JITD_{}", key.to_ascii_uppercase());
        push(&mut entry, &key, &value);
    }
    entry
}

/// In the form for all values, which says first how long they are: none can be taken for the
/// next field.
fn push(entry: &mut Vec<u8>, key: &str, value: &str) {
    entry.extend_from_slice(key.as_bytes());
    entry.push(b'\n');
    entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// As syslog(3) numbers them.
const fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Alert => "1",
        Severity::Error => "3",
        Severity::Warning => "4",
        Severity::Notice => "5",
    }
}
