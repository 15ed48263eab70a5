//! A recording as text: what was shown, in its order, with nothing that acts on a terminal.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};

use crate::error::{Failure, Kind};
use crate::output::escape::escape;

/// Longest piece of a line that is kept in memory, in bytes.
const MOST: usize = 64 * 1024;
/// What a compressed file begins with (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The streams of a recording: the number by which its timing file knows each, its file, and
/// whether somebody typed it.
const STREAMS: [(&str, &str, bool); 5] = [
    ("0", "stdin", true),
    ("1", "stdout", false),
    ("2", "stderr", false),
    ("3", "ttyin", true),
    ("4", "ttyout", false),
];

/// Prints it; with what was typed and piped in, after a `>`, where that is wanted.
pub(super) fn print(
    mut files: HashMap<String, File>,
    input: bool,
    session: u64,
) -> Result<(), Failure> {
    let timing = files.remove("timing").map(BufReader::new);
    let mut timing = timing.ok_or_else(|| broken("it has no timing file"))?;
    if timing.fill_buf()?.starts_with(&GZIP) {
        return Err(broken("it is compressed").hint(format!("jitctl replay {session}")));
    }
    let mut streams: HashMap<&str, Stream> = STREAMS
        .into_iter()
        .filter(|(_, _, typed)| input || !typed)
        .filter_map(|(number, name, typed)| {
            let file = BufReader::new(files.remove(name)?);
            let prefix = if typed { "> " } else { "" };
            Some((
                number,
                Stream {
                    file,
                    prefix,
                    line: Vec::new(),
                },
            ))
        })
        .collect();
    let mut out = std::io::stdout().lock();
    for event in timing.lines() {
        let event = event?;
        // TYPE DELAY BYTES, of those that have bytes (iolog_timing in sudo's source).
        let mut fields = event.split_ascii_whitespace();
        let (kind, bytes) = (fields.next(), fields.nth(1));
        let stream = kind.and_then(|kind| streams.get_mut(kind));
        let bytes = bytes.and_then(|bytes| bytes.parse().ok());
        if let (Some(stream), Some(bytes)) = (stream, bytes) {
            stream.pass_on(bytes, &mut out)?;
        }
    }
    for (number, _, _) in STREAMS {
        if let Some(stream) = streams.get_mut(number) {
            stream.end(&mut out)?;
        }
    }
    Ok(out.flush()?)
}

fn broken(why: &str) -> Failure {
    Failure::new(
        Kind::Failed,
        format!("the recording can't be shown as text: {why}"),
    )
}

struct Stream {
    file: BufReader<File>,
    prefix: &'static str,
    /// What no line end has come of yet.
    line: Vec<u8>,
}

impl Stream {
    /// The next bytes of it, as far as they are whole lines.
    fn pass_on(&mut self, bytes: u64, out: &mut impl Write) -> std::io::Result<()> {
        let mut left = (&mut self.file).take(bytes);
        loop {
            let room = MOST.saturating_sub(self.line.len()).max(1);
            let read = (&mut left)
                .take(room as u64)
                .read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(());
            }
            if self.line.ends_with(b"\n") || self.line.len() >= MOST {
                write_line(&self.line, self.prefix, out)?;
                self.line.clear();
            }
        }
    }

    fn end(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        if self.line.is_empty() {
            return Ok(());
        }
        write_line(&self.line, self.prefix, out)
    }
}

/// A terminal's line ends with a carriage return too, and Enter is one.
fn write_line(line: &[u8], prefix: &str, out: &mut impl Write) -> std::io::Result<()> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches(['\r', '\n']);
    let shown: Vec<_> = line.split('\t').map(escape).collect();
    writeln!(out, "{prefix}{}", shown.join("\t"))
}

#[cfg(test)]
mod tests {
    use std::io::Seek;

    use super::*;

    fn stream(text: &[u8]) -> Stream {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file.rewind().unwrap();
        Stream {
            file: BufReader::new(file),
            prefix: "",
            line: Vec::new(),
        }
    }

    #[test]
    fn lines_come_whole_and_harmless() {
        let mut out = Vec::new();
        let mut stream = stream("a\tb\u{1b}]0;x\u{7}\r\ngr\u{fc}n\nrest".as_bytes());
        // Cut in the midst of a letter.
        for bytes in [5, 10, 100] {
            stream.pass_on(bytes, &mut out).unwrap();
        }
        stream.end(&mut out).unwrap();
        let shown = String::from_utf8(out).unwrap();
        assert_eq!(shown, "a\tb\\u{1b}]0;x\\u{7}\ngr\u{fc}n\nrest\n");
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let mut out = Vec::new();
        let mut stream = stream(&vec![b'x'; 3 * MOST + 1]);
        stream.pass_on(u64::MAX, &mut out).unwrap();
        assert_eq!((out.len(), stream.line.len()), (3 * (MOST + 1), 1));
    }
}
