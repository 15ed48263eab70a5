//! Where roots, layers and machines live: the folder `lab` under the target
//! folder.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target folder of the build.
pub(crate) fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder).expect("the target folder can be made");
    folder.canonicalize().expect("the target folder exists")
}

/// A folder of the lab, made if missing.
pub(crate) fn lab(part: &str) -> PathBuf {
    let folder = target().join("lab").join(part);
    fs::create_dir_all(&folder)
        .unwrap_or_else(|error| panic!("can't make {}: {error}", folder.display()));
    folder
}

/// `finished`, made by `make` if it does not exist: beside it first, then
/// renamed, so that it is whole or not there. Processes and threads that want
/// it at the same time wait for the one that makes it.
pub(crate) fn made_once(finished: &Path, make: impl FnOnce(&Path)) {
    if finished.exists() {
        return;
    }
    let lock = File::create(finished.with_extension("lock")).expect("a lock file can be made");
    lock.lock().expect("a lock file can be locked");
    if finished.exists() {
        return;
    }
    let partial = finished.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).expect("what was left half made can be removed");
    }
    make(&partial);
    fs::rename(&partial, finished).expect("a finished folder can be renamed");
}

/// A short name for `content`, the same on every machine.
pub(crate) fn fingerprint(content: &[u8]) -> String {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(content).expect("sha256sum reads");
    drop(stdin);
    let output = child.wait_with_output().expect("sha256sum ends");
    assert!(output.status.success(), "sha256sum failed");
    String::from_utf8_lossy(&output.stdout)
        .chars()
        .take(12)
        .collect()
}
