//! Lines of text: what syslogd writes before a message, and the message.

use jitd_api::Link;

use super::Said;

/// How every line of jitd's begins.
const EVENT: &str = "event=";

/// The message of a line that the log says to be jitd's, where it is an event.
pub(super) fn message(line: &str) -> Option<&str> {
    if line.starts_with(EVENT) {
        return Some(line);
    }
    // So journalctl shows what goes on from the line before: anybody's text.
    if line.starts_with(' ') {
        return None;
    }
    let rest = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((priority, rest)) if priority.bytes().all(|byte| byte.is_ascii_digit()) => {
            match rest.strip_prefix("1 ") {
                Some(rest) => return of_rfc5424(rest),
                None => rest,
            }
        }
        _ => line,
    };
    let (_host, rest) = word(after_time(rest)?)?;
    let (tag, message) = word(rest)?;
    let tag = tag.strip_suffix(':')?;
    let name = match tag.strip_suffix(']').and_then(|tag| tag.split_once('[')) {
        Some((name, pid)) if pid.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => tag,
    };
    let message = message.trim_start_matches(' ');
    (name == "jitd" && message.starts_with(EVENT)).then_some(message)
}

/// After `<85>1 `: time, host, program, process, kind, data, message.
fn of_rfc5424(line: &str) -> Option<&str> {
    let (_time, rest) = word(line)?;
    let (_host, rest) = word(rest)?;
    let (name, rest) = word(rest)?;
    let (_process, rest) = word(rest)?;
    let (_kind, rest) = word(rest)?;
    let message = match rest.strip_prefix('-') {
        Some(rest) => rest,
        None => after_data(rest)?,
    };
    let message = message.trim_start_matches(' ');
    let message = message.strip_prefix('\u{feff}').unwrap_or(message);
    (name == "jitd" && message.starts_with(EVENT)).then_some(message)
}

/// What comes after `[id name="value" …][…]`, in whose values a quote, a backslash and a
/// bracket have a backslash before them.
fn after_data(text: &str) -> Option<&str> {
    let (mut within, mut quoted, mut escaped) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if within => quoted = !quoted,
            _ if quoted => {}
            '[' if !within => within = true,
            ']' if within => within = false,
            _ if within => {}
            _ => return text.get(at..),
        }
    }
    None
}

/// What comes after the time, in one of the forms of rsyslog and journalctl.
fn after_time(line: &str) -> Option<&str> {
    // [ 1234.567890] since boot
    if let Some(rest) = line.strip_prefix('[') {
        let (time, rest) = rest.split_once(']')?;
        let number = |c: char| c.is_ascii_digit() || c == '.' || c == ' ';
        return time.chars().all(number).then(|| rest.trim_start());
    }
    let (first, rest) = word(line)?;
    let words = match first.as_bytes() {
        // 2026-11-24T12:52:48.013+00:00, or seconds since the epoch
        [b'0'..=b'9', ..] => 0,
        // Nov 24 12:52:48, or Tue 2026-11-24 12:52:48 UTC
        [a, b, c] if [a, b, c].iter().all(|byte| byte.is_ascii_alphabetic()) => {
            let dated = rest.trim_start().as_bytes().get(4) == Some(&b'-');
            if dated { 3 } else { 2 }
        }
        _ => return None,
    };
    (0..words).try_fold(rest, |rest, _| Some(word(rest)?.1))
}

/// The first word, and what comes after the one space that ends it.
fn word(text: &str) -> Option<(&str, &str)> {
    text.trim_start_matches(' ').split_once(' ')
}

/// What an event's line pins: its `seq` and its `chain`, each of which it has once.
pub(super) fn pin(message: &str) -> Said {
    pinned(message).map_or(Said::Unreadable, |(seq, link)| Said::Pin(seq, link))
}

fn pinned(message: &str) -> Option<(u64, Link)> {
    let (mut seq, mut link) = (None, None);
    let mut rest = message.trim_end_matches(' ');
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = end_of_quoted(quoted)?;
                (quoted.get(..end)?, quoted.get(end + 1..)?)
            }
            None => after.split_at(after.find(' ').unwrap_or(after.len())),
        };
        let twice = match key {
            "seq" => seq.replace(value.parse::<u64>().ok()?).is_some(),
            "chain" => link.replace(value.parse::<Link>().ok()?).is_some(),
            _ => false,
        };
        if twice {
            return None;
        }
        rest = match after.strip_prefix(' ') {
            Some(rest) => rest,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some((seq?, link?))
}

/// Where the closing quote is.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Some(at),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}
