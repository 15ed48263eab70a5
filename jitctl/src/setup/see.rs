//! What is in PAM's folders, as libpam would find it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::pam::folder::{Files, Flavour, PAM_DIR, VENDOR_DIR};
use crate::pam::line::{self, Reader, words};

type Unreadable = (PathBuf, io::Error);

/// The service files below a root, those included by absolute paths too.
///
/// # Errors
/// A file that may be read, and can't be.
pub(super) fn files(root: &Path) -> Result<Files, Unreadable> {
    let mut files = Files {
        flavour: flavour(root),
        ..Files::default()
    };
    for folder in [PAM_DIR, VENDOR_DIR] {
        for name in names(&root.join(folder))? {
            file(root, &format!("{folder}/{name}"), &mut files)?;
        }
    }
    let mut looked: BTreeSet<String> = BTreeSet::new();
    loop {
        let all = files
            .contents
            .values()
            .flat_map(|content| absolute(content));
        let new: Vec<_> = all.filter(|path| looked.insert(path.clone())).collect();
        if new.is_empty() {
            return Ok(files);
        }
        for path in new {
            if !files.contents.contains_key(&path) {
                file(root, &path, &mut files)?;
            }
        }
    }
}

fn names(folder: &Path) -> Result<Vec<String>, Unreadable> {
    let entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err((folder.to_owned(), cause)),
    };
    let names = entries.flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    // What is hidden is what is being written.
    Ok(names.filter(|name| !name.starts_with('.')).collect())
}

fn file(root: &Path, path: &str, files: &mut Files) -> Result<(), Unreadable> {
    let full = root.join(path);
    match fs::metadata(&full) {
        Ok(meta) if meta.is_file() => {}
        // libpam finds nothing there either.
        _ => return Ok(()),
    }
    match fs::read(&full) {
        Ok(content) => files.contents.insert(path.to_owned(), content),
        Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
            files.closed.insert(path.to_owned());
            return Ok(());
        }
        Err(cause) => return Err((full, cause)),
    };
    if full.is_symlink() {
        let target = full.canonicalize().map_err(|cause| (full, cause))?;
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let target = target.strip_prefix(&root).unwrap_or(&target);
        let target = target.to_string_lossy().trim_start_matches('/').to_owned();
        files.links.insert(path.to_owned(), target);
    }
    Ok(())
}

/// What a file includes by an absolute path, as paths below the root.
fn absolute(content: &[u8]) -> Vec<String> {
    let mut targets = Vec::new();
    for reader in Reader::ALL {
        for line in line::lines(content, reader).0 {
            let words = words(&line.text);
            let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
            let target = match word(1) {
                _ if word(0).eq_ignore_ascii_case("@include") => word(1),
                how if how.eq_ignore_ascii_case("include") => word(2),
                how if how.eq_ignore_ascii_case("substack") => word(2),
                _ => continue,
            };
            targets.extend(target.strip_prefix('/').map(str::to_owned));
        }
    }
    targets
}

/// Debian's libpam has a word in it that others do not know.
fn flavour(root: &Path) -> Flavour {
    let mut found = None;
    for library in ["usr/lib64", "usr/lib", "lib64", "lib"] {
        let library = root.join(library);
        let deeper = library.read_dir().into_iter().flatten().flatten();
        let folders = std::iter::once(library).chain(deeper.map(|entry| entry.path()));
        for folder in folders {
            if let Ok(content) = fs::read(folder.join("libpam.so.0")) {
                let word = b"@include";
                if content.windows(word.len()).any(|it| it == word) {
                    return Flavour::Debian;
                }
                found = Some(Flavour::Upstream);
            }
        }
    }
    found.unwrap_or_default()
}
