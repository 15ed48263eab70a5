//! The packages under test.

use std::fs;
use std::path::PathBuf;

use crate::workplace::target;

/// The .deb that `make deb` left; the newest if there are several.
pub(crate) fn deb() -> PathBuf {
    let folder = target().join("packages");
    fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "deb"))
        .max_by_key(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
        .unwrap_or_else(|| panic!("no .deb in {}: run `make deb`", folder.display()))
}
