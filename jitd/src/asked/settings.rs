//! What sudo's own files say of where it looks, and as whom it runs what nobody said.
//!
//! Whom and where a setting is for is left out: where files say several things, all of them count.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Where they begin: sudo's, and what sudo-rs prefers.
const FILES: [&str; 2] = ["/etc/sudoers", "/etc/sudoers-rs"];
/// Most files and folders that are looked at.
const MOST: usize = 1000;

/// Where programs are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Search {
    /// The folders that are set, each list as it is set.
    pub(super) secure_paths: Vec<Vec<u8>>,
    /// Whether somebody's own `PATH` can count.
    pub(super) goes_by_own: bool,
}

/// Settings, and the files that they are from, as these were.
#[derive(Debug, Default)]
struct Known {
    seen: Vec<(PathBuf, Stamp)>,
    search: Search,
    run_as: BTreeSet<String>,
}

/// What changes with a file.
type Stamp = Option<(SystemTime, u64)>;

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

/// Where sudo looks for programs.
pub(super) fn search() -> Search {
    known(|known| known.search.clone())
}

/// As whom sudo runs what nobody said; mostly root.
pub(super) fn run_as_default() -> Vec<String> {
    known(|known| {
        let mut names: Vec<String> = known.run_as.iter().cloned().collect();
        if names.is_empty() {
            names.push("root".to_owned());
        }
        names
    })
}

/// They are read again when one of the files has changed.
fn known<T>(of: impl FnOnce(&Known) -> T) -> T {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let is_as_it_was = |known: &Known| known.seen.iter().all(|(path, was)| stamp(path) == *was);
    match known.as_ref().filter(|known| is_as_it_was(known)) {
        Some(known) => of(known),
        None => of(known.insert(Known::read(FILES.iter().map(PathBuf::from).collect()))),
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

impl Known {
    fn read(mut left: Vec<PathBuf>) -> Self {
        let mut known = Self::default();
        let mut global = false;
        while let Some(path) = left.pop() {
            if known.seen.len() >= MOST || known.seen.iter().any(|(seen, _)| *seen == path) {
                continue;
            }
            known.seen.push((path.clone(), stamp(&path)));
            if path.is_dir() {
                let entries = fs::read_dir(&path).into_iter().flatten().flatten();
                left.extend(
                    entries
                        .map(|entry| entry.path())
                        .filter(|path| is_read(path)),
                );
                continue;
            }
            let text = fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).replace("\\\n", " ");
            for line in text.lines() {
                global |= known.take(line, &path, &mut left);
            }
        }
        // Without one that counts for everybody, it depends on how sudo was built.
        known.search.goes_by_own |= !global;
        known
    }

    /// Whether a line sets for everybody where programs are looked for.
    fn take(&mut self, line: &str, file: &Path, left: &mut Vec<PathBuf>) -> bool {
        if let Some(included) = included(line, file) {
            left.push(included);
            return false;
        }
        let Some(settings) = line.trim_start().strip_prefix("Defaults") else {
            return false;
        };
        let is_global = settings.starts_with([' ', '\t']);
        self.search.goes_by_own |= settings.contains("!secure_path");
        self.search.goes_by_own |= settings.contains("exempt_group");
        let path = value(settings, "secure_path");
        let sets = path.is_some();
        if let Some(path) = path.map(String::into_bytes)
            && !self.search.secure_paths.contains(&path)
        {
            self.search.secure_paths.push(path);
        }
        if let Some(name) = value(settings, "runas_default") {
            self.run_as.insert(name);
            if !is_global {
                self.run_as.insert("root".to_owned());
            }
        }
        sets && is_global
    }
}

/// What an include folder leaves out (sudoers(5)).
fn is_read(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.contains('.') && !name.ends_with('~')
}

fn included(line: &str, file: &Path) -> Option<PathBuf> {
    let rest = line.trim().strip_prefix(['#', '@'])?;
    let path = rest
        .strip_prefix("includedir")
        .or_else(|| rest.strip_prefix("include"))?;
    let path = path.strip_prefix([' ', '\t'])?.trim().trim_matches('"');
    Some(file.parent()?.join(path.replace("\\ ", " ")))
}

/// The value of a setting in a line of them: `name=value`, blanks around the sign or none, the
/// value in quotes or up to a comma.
fn value(settings: &str, name: &str) -> Option<String> {
    let at = settings.find(name)?;
    let rest = settings.get(at + name.len()..)?.trim_start();
    let rest = rest.strip_prefix(['=', '+', '-'])?;
    let rest = rest.trim_start_matches('=').trim_start();
    let quoted = rest
        .strip_prefix('"')
        .and_then(|rest| rest.split('"').next());
    let bare = || rest.split([',', ' ', '\t']).next().unwrap_or_default();
    Some(quoted.map_or_else(|| bare().replace("\\:", ":"), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_say_counts_with_what_they_include() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let main = write(
            "sudoers",
            "Defaults env_reset\nDefaults\tsecure_path=\"/usr/sbin:/usr/bin\"\n@includedir more\n",
        );
        let known = Known::read(vec![main.clone()]);
        assert_eq!(known.search.secure_paths, [b"/usr/sbin:/usr/bin".to_vec()]);
        assert!(!known.search.goes_by_own);
        write(
            "more/one",
            "Defaults:dave secure_path = /opt/bin\\:/bin, runas_default=\\\noperator\n",
        );
        write("more/two.bak", "Defaults secure_path=/evil\n");
        write("more/three", "Defaults:eve !secure_path\n");
        let known = Known::read(vec![main]);
        let mut paths = known.search.secure_paths.clone();
        paths.sort();
        let expected = [b"/opt/bin:/bin".to_vec(), b"/usr/sbin:/usr/bin".to_vec()];
        assert_eq!(paths, expected);
        assert!(known.search.goes_by_own);
        let names: Vec<_> = known.run_as.iter().map(String::as_str).collect();
        assert_eq!(names, ["operator", "root"]);
    }

    #[test]
    fn without_a_word_it_depends_on_how_sudo_was_built() {
        let known = Known::read(vec![PathBuf::from("/nonexistent/sudoers")]);
        assert!(known.search.goes_by_own && known.search.secure_paths.is_empty());
    }
}
