//! The marked block that `setup` owns in a file of somebody else's: everything
//! outside of it stays byte for byte as it is.

/// First line of a block in a file that was there before.
pub const BEGIN: &str = "# jitd: begin. jitctl setup --undo removes this block.";
/// First line of a block in a file that `setup` made.
pub const BEGIN_FILE: &str = "# jitd: begin. jitctl setup --undo removes this file.";
/// First line of a block that stands after a last line which had no end.
pub const BEGIN_AFTER_NO_END: &str =
    "# jitd: begin. jitctl setup --undo removes this block, and the end of the line before it.";
/// Last line of a block.
pub const END: &str = "# jitd: end";

const ANY_BEGIN: &str = "# jitd: begin";

/// A block that somebody damaged: what to cut is a guess then, so nothing is cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// A first line without a last one.
    #[error("line {0}: \"# jitd: begin\" without a \"# jitd: end\" after it")]
    NoEnd(usize),
    /// A last line without a first one.
    #[error("line {0}: \"# jitd: end\" without a \"# jitd: begin\" before it")]
    NoBegin(usize),
}

/// A file without our blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripped {
    /// What belongs to others.
    pub rest: Vec<u8>,
    /// Whether `setup` made the file.
    pub made_by_us: bool,
}

/// Takes our blocks out.
///
/// # Errors
/// [`Damaged`] when a first or last line stands alone.
pub fn strip(content: &[u8]) -> Result<Stripped, Damaged> {
    let mut rest = Vec::with_capacity(content.len());
    let mut made_by_us = false;
    let mut open = None;
    for (number, line) in (1..).zip(lines(content)) {
        let text = line.trim_ascii_end();
        match open {
            None if text.starts_with(ANY_BEGIN.as_bytes()) => {
                open = Some(number);
                made_by_us |= text == BEGIN_FILE.as_bytes();
                if text == BEGIN_AFTER_NO_END.as_bytes() {
                    rest.pop();
                }
            }
            None if text == END.as_bytes() => return Err(Damaged::NoBegin(number)),
            None => rest.extend_from_slice(line),
            Some(begin) if text.starts_with(ANY_BEGIN.as_bytes()) => {
                return Err(Damaged::NoEnd(begin));
            }
            Some(_) if text == END.as_bytes() => open = None,
            Some(_) => {}
        }
    }
    match open {
        Some(begin) => Err(Damaged::NoEnd(begin)),
        None => Ok(Stripped { rest, made_by_us }),
    }
}

/// A block around lines that each end in a newline.
#[must_use]
pub fn wrap(begin: &str, body: &str) -> Vec<u8> {
    format!("{begin}\n{body}{END}\n").into_bytes()
}

/// Puts a block in after the comments at the top.
#[must_use]
pub fn insert_at_top(rest: &[u8], block: &[u8]) -> Vec<u8> {
    let mut at = 0;
    for line in lines(rest) {
        let whole_comment = line.starts_with(b"#") && line.ends_with(b"\n");
        // A comment that ends in a backslash may go on in the next line.
        if !whole_comment || line.trim_ascii_end().ends_with(b"\\") {
            break;
        }
        at += line.len();
    }
    insert(rest, at, block)
}

/// Puts lines in after all others, as a block. A last line without an end gets one; one that
/// would go on in ours is left alone, and they come to the very top.
#[must_use]
pub fn append(rest: &[u8], body: &str) -> Vec<u8> {
    if rest.is_empty() || rest.ends_with(b"\n") || rest.ends_with(b"\\") {
        return insert_at_end(rest, &wrap(BEGIN, body));
    }
    [rest, b"\n", &wrap(BEGIN_AFTER_NO_END, body)].concat()
}

/// Puts a block in at the end, or at the very top where the last line is unfinished.
#[must_use]
pub fn insert_at_end(rest: &[u8], block: &[u8]) -> Vec<u8> {
    let finished = rest.is_empty() || (rest.ends_with(b"\n") && !rest.ends_with(b"\\\n"));
    insert(rest, if finished { rest.len() } else { 0 }, block)
}

/// Puts a block in before the line that begins there.
#[must_use]
pub fn insert(rest: &[u8], at: usize, block: &[u8]) -> Vec<u8> {
    let (before, after) = rest.split_at(at);
    [before, block, after].concat()
}

/// The lines of a file, each with its newline.
pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split_inclusive(|byte| *byte == b'\n')
}
