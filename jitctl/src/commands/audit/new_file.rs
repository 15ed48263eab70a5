//! A file that is written whole or not at all, and never in the place of another.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Failure, Kind};

/// Removed again when it is dropped before it is kept: a part must not be taken for the whole.
pub(super) struct NewFile {
    path: PathBuf,
    file: BufWriter<File>,
    is_kept: bool,
}

impl NewFile {
    /// For its owner alone.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(path).map_err(|cause| about(path, &cause))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            is_kept: false,
        })
    }

    /// The file reaches the disk, and that it is in its folder.
    pub(super) fn keep(mut self) -> Result<(), Failure> {
        let kept = self.sync();
        self.is_kept = kept.is_ok();
        kept.map_err(|cause| about(&self.path, &cause))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        File::open(folder)?.sync_all()
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // Whoever reads of the failure knows that nothing is there.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn about(path: &Path, cause: &io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{}: {cause}", path.display()))
}
