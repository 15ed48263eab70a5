//! Entries with fields: of the journal, as JSON and in its export format, and of our exports.

use std::io::{self, BufRead, Read};

use jitd_api::Link;
use serde::Deserialize;
use serde_json::Value;

use super::{LONGEST, Said, text};

/// What matters of an entry. Fields that begin with `_` are journald's own: no program can say
/// them of itself.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "MESSAGE")]
    message: Option<Value>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<Value>,
    #[serde(rename = "_UID")]
    uid: Option<Value>,
    #[serde(rename = "_COMM")]
    program: Option<Value>,
    /// These two: a line of an export of the record.
    seq: Option<Value>,
    chain: Option<Value>,
}

impl Entry {
    pub(super) fn of_json(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    pub(super) fn said(&self) -> Said {
        if let (Some(Value::Number(seq)), Some(chain)) = (&self.seq, &self.chain) {
            let link: Option<Link> = chain.as_str().and_then(|chain| chain.parse().ok());
            return match (seq.as_u64(), link) {
                (Some(seq), Some(link)) => Said::Pin(seq, link),
                _ => Said::Unreadable,
            };
        }
        let Some(message) = self.message.as_ref().and_then(Value::as_str) else {
            return Said::Nothing;
        };
        let is = |field: &Option<Value>, expected: &str| {
            field
                .as_ref()
                .is_none_or(|value| value.as_str() == Some(expected))
        };
        if !message.starts_with("event=") || !is(&self.identifier, "jitd") {
            return Said::Nothing;
        }
        if !is(&self.uid, "0") || !is(&self.program, "jitd") {
            return Said::Other;
        }
        text::pin(message)
    }

    fn field(&mut self, key: &[u8], value: &[u8]) {
        let place = match key {
            b"MESSAGE" => &mut self.message,
            b"SYSLOG_IDENTIFIER" => &mut self.identifier,
            b"_UID" => &mut self.uid,
            b"_COMM" => &mut self.program,
            _ => return,
        };
        *place = Some(Value::String(String::from_utf8_lossy(value).into_owned()));
    }
}

/// The next entry of `journalctl -o export`; counts its lines on. A field is `KEY=value`, or,
/// where there are bytes in it that lines can't have, `KEY`, its length in 64 bits little endian,
/// and the bytes.
pub(super) fn exported(from: &mut impl BufRead, lines: &mut u64) -> io::Result<Option<Entry>> {
    let mut entry = Entry::default();
    let mut line = Vec::new();
    let mut empty = true;
    loop {
        line.clear();
        if from.take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok((!empty).then_some(entry));
        }
        *lines += 1;
        if !line.ends_with(b"\n") {
            from.skip_until(b'\n')?;
        }
        let field = line.trim_ascii_end();
        if field.is_empty() {
            if empty {
                continue;
            }
            return Ok(Some(entry));
        }
        empty = false;
        if let Some(at) = field.iter().position(|byte| *byte == b'=') {
            entry.field(&field[..at], &field[at + 1..]);
            continue;
        }
        let mut length = [0; 8];
        from.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let mut value = Vec::new();
        from.take(length.min(LONGEST)).read_to_end(&mut value)?;
        let rest = length.saturating_sub(LONGEST);
        io::copy(&mut from.take(rest), &mut io::sink())?;
        from.skip_until(b'\n')?;
        let breaks = value.split(|byte| *byte == b'\n').count();
        *lines += u64::try_from(breaks).unwrap_or(0);
        entry.field(field, &value);
    }
}
