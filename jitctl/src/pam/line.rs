//! From bytes to lines and words.

/// How libpam puts lines together has changed; what is judged must hold either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Until 1.6: a line goes on over blank ones and comments, and has 1023 bytes at most.
    Until16,
    /// From 1.7: a blank line or a comment ends it.
    From17,
}

impl Reader {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Until16, Self::From17];
}

/// The longest line that every libpam takes.
pub const LONGEST: usize = 1023;

/// A line, put together from one or several of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says, without comment.
    pub text: Vec<u8>,
    /// Where its first byte is in the file, and where the byte after its last one.
    pub span: (usize, usize),
}

/// The file ends within a line, or has one that is too long: libpam refuses all that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished;

/// The lines that say something, and whether the file ends there.
pub fn lines(content: &[u8], reader: Reader) -> (Vec<Line>, Result<(), Unfinished>) {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let next = match reader {
            Reader::Until16 => until16(content, &mut at),
            Reader::From17 => from17(content, &mut at),
        };
        match next {
            Ok(Some(line)) => lines.push(line),
            Ok(None) => return (lines, Ok(())),
            Err(unfinished) => return (lines, Err(unfinished)),
        }
    }
}

/// `_pam_assemble_line`.
fn until16(content: &[u8], at: &mut usize) -> Result<Option<Line>, Unfinished> {
    let mut text: Vec<u8> = Vec::new();
    let mut begin = None;
    loop {
        let room = LONGEST.saturating_sub(text.len());
        if room == 0 {
            return Err(Unfinished);
        }
        let from = *at;
        let chunk = chunk(content, at, room);
        if chunk.is_empty() {
            return if begin.is_some() {
                Err(Unfinished)
            } else {
                Ok(None)
            };
        }
        let skipped = chunk.iter().take_while(|byte| is_blank(**byte)).count();
        if skipped == chunk.len() || chunk[skipped] == b'#' {
            continue;
        }
        let begin = *begin.get_or_insert(from);
        if let Some(hash) = chunk.iter().position(|byte| *byte == b'#') {
            text.extend_from_slice(&chunk[..hash]);
        } else if let Some(before) = goes_on(chunk) {
            text.extend_from_slice(before);
            text.push(b' ');
            continue;
        } else {
            text.extend_from_slice(chunk);
        }
        let span = (begin, *at);
        return Ok(Some(Line { text, span }));
    }
}

/// `_pam_line_assemble`.
fn from17(content: &[u8], at: &mut usize) -> Result<Option<Line>, Unfinished> {
    let mut text: Vec<u8> = Vec::new();
    let mut begin = None;
    loop {
        let from = *at;
        let chunk = chunk(content, at, usize::MAX);
        if chunk.is_empty() {
            return if begin.is_some() {
                Err(Unfinished)
            } else {
                Ok(None)
            };
        }
        let before = goes_on(chunk);
        let hash = chunk.iter().position(|byte| *byte == b'#');
        let open = before.is_some() && hash.is_none();
        let said = match (hash, before) {
            (Some(hash), _) => &chunk[..hash],
            (None, Some(before)) => before,
            (None, None) => chunk,
        };
        let skipped = said
            .iter()
            .take_while(|byte| matches!(**byte, b' ' | b'\t'));
        let said = &said[skipped.count()..];
        if open {
            begin.get_or_insert(from);
            text.extend_from_slice(said);
            // A line of nothing but the backslash adds nothing.
            if !said.is_empty() {
                text.push(b' ');
            }
            continue;
        }
        if !text.is_empty() || !matches!(said.first(), None | Some(b'\n')) {
            text.extend_from_slice(said);
        }
        if text.is_empty() {
            begin = None;
            continue;
        }
        let span = (begin.unwrap_or(from), *at);
        return Ok(Some(Line { text, span }));
    }
}

/// To the end of the line, and no more than so many bytes; nothing at the end of the file.
fn chunk<'a>(content: &'a [u8], at: &mut usize, longest: usize) -> &'a [u8] {
    let rest = content.get(*at..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == b'\n');
    let length = end.map_or(rest.len(), |end| end + 1).min(longest);
    *at += length;
    &rest[..length]
}

/// What stands before the backslash, where the line goes on in the next one.
fn goes_on(chunk: &[u8]) -> Option<&[u8]> {
    let last = chunk.iter().rposition(|byte| !is_blank(*byte))?;
    (chunk[last] == b'\\').then(|| &chunk[..last])
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t')
}

/// The words of a line. One in brackets may have blanks in it, and loses the brackets.
#[must_use]
pub fn words(text: &[u8]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let skipped = rest.iter().take_while(|byte| is_blank(**byte)).count();
        rest = &rest[skipped..];
        let (word, after) = match rest.split_first() {
            None => return words,
            Some((b'[', inner)) => bracketed(inner),
            Some(_) => {
                let length = rest.iter().position(|byte| is_blank(*byte));
                let (word, after) = rest.split_at(length.unwrap_or(rest.len()));
                (word.to_vec(), after)
            }
        };
        words.push(String::from_utf8_lossy(&word).into_owned());
        // The byte that ended it is gone, whatever it was.
        rest = after.get(1..).unwrap_or_default();
    }
}

/// To the first bracket that closes; `\]` is a bracket.
fn bracketed(inner: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut word = Vec::new();
    let mut at = 0;
    while at < inner.len() && inner[at] != b']' {
        if inner[at] == b'\\' && inner.get(at + 1) == Some(&b']') {
            at += 1;
        }
        word.push(inner[at]);
        at += 1;
    }
    (word, &inner[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(content: &str, reader: Reader) -> Vec<Vec<String>> {
        let (lines, _) = lines(content.as_bytes(), reader);
        lines.iter().map(|line| words(&line.text)).collect()
    }

    #[test]
    fn lines_go_on_end_and_say_nothing() {
        for reader in Reader::ALL {
            assert_eq!(
                said("# c\n\n auth \\ \n\trequired\\\nx # y\n\nb", reader),
                [vec!["auth", "required", "x"], vec!["b"]]
            );
            for unfinished in ["a \\\n", "a \\", "\\\n"] {
                assert_eq!(
                    lines(unfinished.as_bytes(), reader),
                    (vec![], Err(Unfinished))
                );
            }
        }
    }

    #[test]
    fn a_comment_within_a_line_is_where_they_differ() {
        let text = "a \\\n# c \\\nb\n";
        assert_eq!(said(text, Reader::Until16), [["a", "b"]]);
        assert_eq!(said(text, Reader::From17), [["a"], ["b"]]);
    }

    #[test]
    fn a_long_line_is_two_until_1_6() {
        let text = format!("# {}\n", "x".repeat(2000));
        assert_eq!(said(&text, Reader::Until16).len(), 1);
        assert_eq!(said(&text, Reader::From17).len(), 0);
    }

    #[test]
    fn brackets_keep_words_together() {
        assert_eq!(words(b"a [b c]d [e\\]f] [g"), ["a", "b c", "d", "e]f", "g"]);
        assert_eq!(words(b" \t\n"), Vec::<String>::new());
    }
}
