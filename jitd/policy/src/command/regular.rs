//! Regular expressions as regcomp(3) reads them (extended ones, in the C locale), in the words of
//! another engine. What the two could take differently is refused.

use std::fmt::Write as _;

use regex::bytes::{Regex, RegexBuilder};

/// Longest one; sudo takes no longer ones.
const MOST: usize = 1024;

/// Whether it can be judged by.
///
/// # Errors
/// What of it can't.
pub fn check(pattern: &str) -> Result<(), String> {
    compile(pattern.as_bytes()).map(drop)
}

/// # Errors
/// What of it can't be judged by.
pub(super) fn compile(pattern: &[u8]) -> Result<Regex, String> {
    if pattern.len() > MOST {
        return Err(format!("it has more than {MOST} bytes"));
    }
    let bare = pattern.strip_prefix(b"^").unwrap_or(pattern);
    let any_case = bare.strip_prefix(b"(?i)");
    let translated = translated(any_case.unwrap_or(bare))?;
    RegexBuilder::new(&format!("^{translated}"))
        .case_insensitive(any_case.is_some())
        .dot_matches_new_line(true)
        .unicode(false)
        .build()
        .map_err(|_| "it is not well formed".to_owned())
}

fn translated(pattern: &[u8]) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = pattern;
    // Whether something is there to be repeated.
    let mut repeatable = false;
    while let [byte, after @ ..] = rest {
        rest = after;
        match byte {
            b'\\' => {
                let (byte, after) = rest.split_first().ok_or("it ends in a backslash")?;
                rest = after;
                push_escaped(&mut text, *byte)?;
                repeatable = true;
            }
            b'[' => {
                rest = push_bracket(&mut text, rest)?;
                repeatable = true;
            }
            b'*' | b'+' | b'?' | b'{' => {
                if !repeatable {
                    let byte = char::from(*byte);
                    return Err(format!(
                        "\"{byte}\" repeats nothing, or what is repeated already"
                    ));
                }
                repeatable = false;
                if *byte == b'{' {
                    rest = push_bounds(&mut text, rest)?;
                } else {
                    text.push(char::from(*byte));
                }
            }
            b'(' | b'|' | b'^' => {
                text.push(char::from(*byte));
                repeatable = false;
            }
            b')' | b'.' => {
                text.push(char::from(*byte));
                repeatable = true;
            }
            b'$' => {
                text.push('$');
                repeatable = false;
            }
            other => {
                push_literal(&mut text, *other);
                repeatable = true;
            }
        }
    }
    Ok(text)
}

fn push_escaped(text: &mut String, byte: u8) -> Result<(), String> {
    match byte {
        b'w' => text.push_str("[_[:alnum:]]"),
        b'W' => text.push_str("[^_[:alnum:]]"),
        b's' => text.push_str("[[:space:]]"),
        b'S' => text.push_str("[^[:space:]]"),
        b'b' | b'B' | b'<' | b'>' | b'`' | b'\'' | b'1'..=b'9' => {
            let byte = char::from(byte);
            return Err(format!("jitd can't judge by \"\\{byte}\""));
        }
        other => push_literal(text, other),
    }
    Ok(())
}

/// A String takes all that is written to it.
fn push_literal(text: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"_ /".contains(&byte) {
        text.push(char::from(byte));
    } else {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// `{2}`, `{2,}`, `{,3}`, `{2,3}`; sudoers files have a backslash before the comma. Gives what comes after.
fn push_bounds<'a>(text: &mut String, rest: &'a [u8]) -> Result<&'a [u8], String> {
    let wrong = || "the bounds between { and } are not numbers".to_owned();
    let end = rest
        .iter()
        .position(|byte| *byte == b'}')
        .ok_or_else(wrong)?;
    let (bounds, after) = rest.split_at(end);
    let bounds = std::str::from_utf8(bounds).map_err(|_| wrong())?;
    let bounds = bounds.replacen("\\,", ",", 1);
    let bounds = bounds.as_str();
    let (from, to) = bounds
        .split_once(',')
        .map_or((bounds, None), |(a, b)| (a, Some(b)));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(is_number(from) || from.is_empty() && to.is_some_and(is_number))
        || !to.is_none_or(|to| to.is_empty() || is_number(to))
    {
        return Err(wrong());
    }
    let from = if from.is_empty() { "0" } else { from };
    let comma = to.map(|to| format!(",{to}")).unwrap_or_default();
    let _ = write!(text, "{{{from}{comma}}}");
    Ok(after.get(1..).unwrap_or_default())
}

/// What is between brackets, where a backslash is nothing special. Gives what comes after.
fn push_bracket<'a>(text: &mut String, inside: &'a [u8]) -> Result<&'a [u8], String> {
    let open = || "[ without ]".to_owned();
    let mut rest = inside;
    text.push('[');
    if let Some(after) = rest.strip_prefix(b"^") {
        text.push('^');
        rest = after;
    }
    let mut first = true;
    loop {
        match rest {
            [b']', after @ ..] if !first => {
                text.push(']');
                return Ok(after);
            }
            [b'[', b':', after @ ..] => {
                let end = after
                    .windows(2)
                    .position(|two| two == b":]")
                    .ok_or_else(open)?;
                let name = after.get(..end).unwrap_or_default();
                if !name.iter().all(u8::is_ascii_lowercase) {
                    return Err("jitd can't judge by such a class".to_owned());
                }
                let _ = write!(text, "[:{}:]", String::from_utf8_lossy(name));
                rest = after.get(end + 2..).unwrap_or_default();
            }
            [b'[', b'.' | b'=', ..] => {
                return Err("jitd can't judge by collating symbols".to_owned());
            }
            [from, b'-', to, after @ ..] if *to != b']' => {
                if *to == b'[' && after.first().is_some_and(|next| b".=:".contains(next)) {
                    return Err("jitd can't judge by collating symbols".to_owned());
                }
                push_literal(text, *from);
                text.push('-');
                push_literal(text, *to);
                rest = after;
            }
            [byte, after @ ..] => {
                push_literal(text, *byte);
                rest = after;
            }
            [] => return Err(open()),
        }
        first = false;
    }
}
