//! fnmatch(3), in the C locale that sudo compares in.

/// Whether a text is as a pattern says, without anything special about a slash.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when it fails after a star: the star's rest, and what of the text is left.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match step(pattern, text) {
            Step::Done => return true,
            Step::Star(rest) => {
                star = Some((rest, text));
                pattern = rest;
            }
            Step::On(rest, left) => (pattern, text) = (rest, left),
            Step::Not => {
                let Some((rest, [_, left @ ..])) = star else {
                    return false;
                };
                star = Some((rest, left));
                (pattern, text) = (rest, left);
            }
        }
    }
}

/// The same for a path: a slash is matched by a slash alone, and, as glob(3) has it, a dot in
/// front of a name by a dot alone.
pub(super) fn matches_path(pattern: &[u8], path: &[u8], dots: Dots) -> bool {
    let parts = slashed(pattern);
    let names: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    parts.len() == names.len()
        && parts.iter().zip(names).all(|(part, name)| {
            let is_hidden = dots == Dots::Alone && name.starts_with(b".");
            let says_so = part.starts_with(b".") || part.starts_with(b"\\.");
            (!is_hidden || says_so) && matches(part, name)
        })
}

/// What matches a dot in front of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dots {
    /// A dot alone.
    Alone,
    /// A wildcard too.
    Any,
}

/// A pattern's parts between slashes, of which one may be escaped.
fn slashed(pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = pattern.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        match (byte, escaped) {
            (b'/', _) | (_, Some(b'/')) => parts.push(Vec::new()),
            (byte, escaped) => {
                if let Some(last) = parts.last_mut() {
                    last.push(byte);
                    last.extend(escaped);
                }
            }
        }
    }
    parts
}

enum Step<'a> {
    Done,
    Star(&'a [u8]),
    /// One of the pattern has matched one of the text.
    On(&'a [u8], &'a [u8]),
    Not,
}

fn step<'a>(pattern: &'a [u8], text: &'a [u8]) -> Step<'a> {
    match (pattern, text) {
        ([], []) => Step::Done,
        ([b'*', rest @ ..], _) => Step::Star(rest),
        ([b'?', rest @ ..], [_, left @ ..]) => Step::On(rest, left),
        ([b'[', rest @ ..], [first, left @ ..]) => match bracket(rest, *first) {
            Some((true, rest)) => Step::On(rest, left),
            // Without its end it is itself.
            None if *first == b'[' => Step::On(rest, left),
            Some((false, _)) | None => Step::Not,
        },
        ([b'\\', wanted, rest @ ..], [first, left @ ..]) if wanted == first => Step::On(rest, left),
        ([b'\\', ..], _) => Step::Not,
        ([wanted, rest @ ..], [first, left @ ..]) if wanted == first => Step::On(rest, left),
        _ => Step::Not,
    }
}

/// Whether a byte is one of those between brackets, and what comes after; none where they don't
/// end. `inside` begins after the first one.
fn bracket(inside: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let negated = matches!(inside, [b'!' | b'^', ..]);
    let mut rest = if negated { inside.get(1..)? } else { inside };
    let (mut is_in, mut first) = (false, true);
    loop {
        match rest {
            [b']', after @ ..] if !first => return Some((is_in != negated, after)),
            [b'[', b':', after @ ..] => {
                let end = after.windows(2).position(|two| two == b":]")?;
                is_in |= class(after.get(..end)?, byte)?;
                rest = after.get(end + 2..)?;
            }
            // Collating symbols: nobody writes them.
            [b'[', b'.' | b'=', ..] => return None,
            _ => {
                let (from, after) = one(rest)?;
                let range = match after {
                    [b'-', to @ ..] if !to.starts_with(b"]") => Some(one(to)?),
                    _ => None,
                };
                let (to, after) = range.unwrap_or((from, after));
                is_in |= (from..=to).contains(&byte);
                rest = after;
            }
        }
        first = false;
    }
}

fn one(rest: &[u8]) -> Option<(u8, &[u8])> {
    match rest {
        [b'\\', byte, after @ ..] | [byte, after @ ..] => Some((*byte, after)),
        [] => None,
    }
}

fn class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}
