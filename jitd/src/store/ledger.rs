//! Ends that the database could not take: noted in space that was there before.
//!
//! What is taken away must not need room on the disk. The file `ends` beside the database has its
//! size from the first start on, and is written in place: a disk that is full, and a database that
//! is broken or locked, do not stand in the way. It has two halves, and the newer one that is whole
//! counts, so that a crash while one is written loses nothing that was noted before.
//!
//! Whatever happens to it, more ends and not less: where neither half can be read, or there was no
//! room for what ended, all that is active has.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Change;

/// How much each half takes, in bytes.
const HALF: usize = 128 * 1024;
/// Before the content of a half: its number, its length, and the SHA-256 of both and the content.
const HEAD: usize = 8 + 8 + 32;

/// An end, as it is noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedEnd {
    /// Of which elevation.
    pub id: u64,
    /// Of whom; with the next one, what tells it from one that has its number in another record.
    pub uid: u32,
    /// When it was asked for, in milliseconds since the epoch.
    pub requested_at: i64,
    /// The state that it ended in.
    pub state: String,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// Who ended it.
    pub by: String,
    /// What is to be on record of it.
    pub event: String,
    /// The fields of that.
    pub fields: Vec<(String, String)>,
}

/// What has ended and may not be on record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedEnds {
    /// Whether everything that was active has.
    pub all: bool,
    /// What has.
    pub ends: Vec<NotedEnd>,
}

impl NotedEnds {
    /// The ends among these changes.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let ends = changes.iter().filter_map(|change| {
            let elevation = change.elevation.as_ref()?;
            let ended = elevation.ended.as_ref()?;
            let fields = change.event.fields.iter();
            Some(NotedEnd {
                id: elevation.id.0,
                uid: elevation.uid,
                requested_at: elevation.requested_at.0,
                state: elevation.state.as_str().to_owned(),
                at: ended.at.0,
                by: ended.by.clone(),
                event: change.event.name.as_str().to_owned(),
                fields: fields
                    .map(|(key, value)| ((*key).to_owned(), value.clone()))
                    .collect(),
            })
        });
        Self {
            all: false,
            ends: ends.collect(),
        }
    }

    /// As large as there is room for: without words where these are too many, and everything where
    /// even the numbers are.
    fn content(&self) -> Vec<u8> {
        let mut noted = self.clone();
        for round in 0..2 {
            let content = serde_json::to_vec(&noted).unwrap_or_default();
            if !content.is_empty() && content.len() <= HALF - HEAD {
                return content;
            }
            match round {
                0 => noted.ends.iter_mut().for_each(|end| end.fields.clear()),
                _ => break,
            }
        }
        br#"{"all":true,"ends":[]}"#.to_vec()
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    file: Option<File>,
    /// The number of the newest half.
    newest: u64,
}

impl Ledger {
    /// The one beside a database; where it can't be made yet, that is tried again when it is
    /// needed.
    pub(super) fn beside(database: &Path) -> Self {
        let mut ledger = Self {
            path: database.with_file_name("ends"),
            file: None,
            newest: 0,
        };
        // It says so when it is needed and is not there.
        let _ = ledger.open();
        ledger
    }

    /// What was noted last.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn read(&mut self) -> io::Result<NotedEnds> {
        let halves = match self.open().and_then(halves) {
            Ok(halves) => halves,
            // Nothing can have been noted where there is none, and no room to make one.
            Err(_) if !self.path.exists() => return Ok(NotedEnds::default()),
            Err(error) => return Err(error),
        };
        let whole = halves.iter().filter_map(|half| whole(half));
        match whole.max_by_key(|(number, _)| *number) {
            Some((number, noted)) => {
                self.newest = number;
                Ok(noted)
            }
            None if halves.iter().flatten().all(|byte| *byte == 0) => Ok(NotedEnds::default()),
            None => Ok(NotedEnds {
                all: true,
                ends: Vec::new(),
            }),
        }
    }

    /// Notes these, and nothing else; durable when it comes back.
    ///
    /// # Errors
    /// The device does not take it, or the file could not even be made.
    pub(super) fn write(&mut self, noted: &NotedEnds) -> io::Result<()> {
        let number = self.newest.saturating_add(1);
        let content = noted.content();
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let sum = sum(number, length, &content);
        let half = [
            &number.to_le_bytes()[..],
            &length.to_le_bytes(),
            &sum,
            &content,
        ]
        .concat();
        let file = self.open()?;
        file.write_all_at(&half, place(number))?;
        file.sync_data()?;
        self.newest = number;
        Ok(())
    }

    /// The file, with all the room that it will ever need.
    fn open(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&self.path)?;
            let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
            if size < 2 * HALF {
                let missing = vec![0; 2 * HALF - size];
                file.write_all_at(&missing, u64::try_from(size).unwrap_or(0))?;
                file.sync_all()?;
            }
            self.file = Some(file);
        }
        self.file
            .as_ref()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

fn place(number: u64) -> u64 {
    let half = u64::try_from(HALF).unwrap_or(0);
    (number % 2) * half
}

fn halves(file: &File) -> io::Result<[Vec<u8>; 2]> {
    let half = |number: u64| {
        let mut bytes = vec![0; HALF];
        file.read_exact_at(&mut bytes, place(number))?;
        Ok::<_, io::Error>(bytes)
    };
    Ok([half(0)?, half(1)?])
}

/// The number and the content of a half that was written to its end.
fn whole(half: &[u8]) -> Option<(u64, NotedEnds)> {
    let (head, rest) = half.split_at_checked(HEAD)?;
    let (numbers, expected) = head.split_at_checked(16)?;
    let (number, length) = numbers.split_at_checked(8)?;
    let number = u64::from_le_bytes(number.try_into().ok()?);
    let length = u64::from_le_bytes(length.try_into().ok()?);
    let content = rest.get(..usize::try_from(length).ok()?)?;
    let is_whole = sum(number, length, content) == expected;
    let noted = is_whole.then(|| serde_json::from_slice(content).ok())??;
    Some((number, noted))
}

fn sum(number: u64, length: u64, content: &[u8]) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update(number.to_le_bytes())
        .chain_update(length.to_le_bytes())
        .chain_update(content);
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(ids: std::ops::Range<u64>, comment: &str) -> NotedEnds {
        let end = |id| NotedEnd {
            id,
            uid: 1001,
            requested_at: 3,
            state: "revoked".to_owned(),
            at: 7,
            by: "alice".to_owned(),
            event: "elevation.revoked".to_owned(),
            fields: vec![("comment".to_owned(), comment.to_owned())],
        };
        NotedEnds {
            all: false,
            ends: ids.map(end).collect(),
        }
    }

    fn beside(folder: &tempfile::TempDir) -> Ledger {
        Ledger::beside(&folder.path().join("jitd.db"))
    }

    #[test]
    fn what_was_noted_last_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(beside(&folder).read().unwrap(), NotedEnds::default());
        for count in 1..5 {
            let mut ledger = beside(&folder);
            ledger.read().unwrap();
            ledger.write(&ends(0..count, "x")).unwrap();
            assert_eq!(beside(&folder).read().unwrap(), ends(0..count, "x"));
        }
    }

    #[test]
    fn a_half_that_was_not_written_to_its_end_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = beside(&folder);
        ledger.write(&ends(0..1, "first")).unwrap();
        ledger.write(&ends(0..2, "second")).unwrap();
        let file = ledger.open().unwrap();
        file.write_all_at(b"\0\0\0\0", place(2) + 60).unwrap();
        assert_eq!(beside(&folder).read().unwrap(), ends(0..1, "first"));
        // And where neither counts, everything has ended.
        file.write_all_at(b"\0\0\0\0", place(1) + 60).unwrap();
        assert!(beside(&folder).read().unwrap().all);
    }

    #[test]
    fn too_much_is_noted_in_fewer_words_and_never_as_less() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = beside(&folder);
        ledger.write(&ends(0..500, &"x".repeat(1000))).unwrap();
        let noted = beside(&folder).read().unwrap();
        assert_eq!(noted.ends.len(), 500);
        assert!(!noted.all && noted.ends.iter().all(|end| end.fields.is_empty()));
        ledger.write(&ends(0..5_000, "x")).unwrap();
        assert!(beside(&folder).read().unwrap().all);
    }

    #[test]
    fn its_size_is_there_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = beside(&folder);
        let size = |ledger: &mut Ledger| ledger.open().unwrap().metadata().unwrap().len();
        let before = size(&mut ledger);
        ledger.write(&ends(0..5_000, "x")).unwrap();
        assert_eq!(size(&mut ledger), before);
        assert_eq!(before, 2 * HALF as u64);
    }
}
