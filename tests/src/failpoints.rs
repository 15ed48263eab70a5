//! A jitd that can be killed between any two steps, and where.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::workplace::target;

/// jitd, built with the feature `failpoints`: in a target folder of its own, so that nothing of
/// it gets into a package.
pub fn jitd() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = target().join("failpoints");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "--package", "jitd"])
            .args(["--features", "failpoints", "--target-dir"])
            .arg(&folder)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo starts");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        folder.join("debug/jitd")
    })
}

/// The names of all crash points, by jitd's sources.
pub fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../jitd/src");
    collect(&sources, &mut names);
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("jitd has sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let source = fs::read_to_string(&path).expect("a source can be read");
            let uses = source.split("crash_point!(\"").skip(1);
            let quoted = uses.filter_map(|rest| rest.split_once("\")"));
            names.extend(quoted.map(|(name, _)| name.to_owned()));
        }
    }
}
