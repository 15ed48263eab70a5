//! What jitd has to say about itself: to stderr, which systemd carries to the journal.

use std::io::Write;
use std::time::Duration;

use super::datagrams::is_writable;
use crate::domain::text;

/// How serious it is; the number is syslog's, as sd-daemon(3) has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Somebody must look.
    Error = 3,
    /// Somebody should know.
    Warning = 4,
    /// For the record.
    Info = 6,
}

/// Writes one line, escaped. A closed stderr is nobody's concern, and a journal that reads nothing
/// is not waited for: the line is lost then.
pub fn note(priority: Priority, message: &str) {
    let line = format!("<{}>{}\n", priority as u8, text::escaped(message));
    let mut stderr = std::io::stderr();
    if is_writable(&stderr, Duration::ZERO) {
        let _ = stderr.write_all(line.as_bytes());
    }
}
