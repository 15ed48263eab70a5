//! The old end of the record as a file: lines of JSON, as the record is read.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::events::{self, EventQuery, Head, Place};
use super::{Reader, StoreError};
use crate::domain::time::Wall;

/// How many events are read at once.
const PAGE: usize = 2_000;

/// A file with events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Where it is.
    pub file: PathBuf,
    /// The number of its first event.
    pub first: u64,
    /// Its last event.
    pub head: Head,
    /// The SHA-256 of the file, as hexadecimal digits.
    pub sha256: String,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The database is broken.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Somebody has changed the record.
    #[error(
        "event {0} is not what was put on record, so that nothing is archived: jitctl audit verify"
    )]
    Broken(u64),
}

impl Reader {
    /// Writes the events that are not archived yet, from before this time, into a file of this
    /// folder. What is of something that is still open stays, and so does all that came after.
    /// None where nothing is left to archive.
    ///
    /// # Errors
    /// The chain is broken, or the disk is full; then there is no file.
    pub fn archive(&self, folder: &Path, before: Wall) -> Result<Option<Archive>, ArchiveError> {
        let from = events::archived(&self.db)?;
        let to = events::settled_before(&self.db, before)?;
        if to <= from.seq {
            return Ok(None);
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(folder).map_err(failed(folder))?;
        let first = from.seq + 1;
        let file = folder.join(format!("events-{first:010}-{to:010}.jsonl"));
        let beside = folder.join(".events.jsonl");
        let written = self.write(&beside, from, to);
        let (head, sha256) = written.inspect_err(|_| {
            // What is left of it is of no use; the next one writes over it.
            let _ = std::fs::remove_file(&beside);
        })?;
        std::fs::rename(&beside, &file).map_err(failed(&file))?;
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed(folder))?;
        Ok(Some(Archive {
            file,
            first,
            head,
            sha256,
        }))
    }

    fn write(&self, path: &Path, from: Head, to: u64) -> Result<(Head, String), ArchiveError> {
        let failed = failed(path);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = BufWriter::new(options.open(path).map_err(&failed)?);
        let everything = EventQuery::default();
        let mut digest = Sha256::new();
        let mut head = from;
        let mut place = Place {
            after: from.seq,
            to,
        };
        while place.after < place.to {
            let (page, next) = self.page(&everything, place, PAGE)?;
            for event in &page {
                if event.seq != head.seq + 1 || event.chain != event.link(&head.link) {
                    return Err(ArchiveError::Broken(head.seq + 1));
                }
                head = Head {
                    seq: event.seq,
                    link: event.chain,
                };
                let mut line = serde_json::to_vec(event).map_err(|error| failed(error.into()))?;
                line.push(b'\n');
                digest.update(&line);
                file.write_all(&line).map_err(&failed)?;
            }
            place = next;
        }
        if head.seq != to {
            return Err(ArchiveError::Broken(head.seq + 1));
        }
        let file = file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(&failed)?;
        Ok((head, format!("{:x}", digest.finalize())))
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ArchiveError {
    move |cause| ArchiveError::File {
        path: path.display().to_string(),
        cause,
    }
}
