//! Python packages, for tests that read with other people's programs.

use std::path::PathBuf;
use std::process::Command;

use crate::workplace::{lab, made_once};

/// The folder with a package from `PyPI`, `NAME==VERSION`, without what it depends on.
pub fn folder_of(package: &str) -> PathBuf {
    let folder = lab("python").join(package);
    made_once(&folder, |partial| {
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
            .arg(partial)
            .arg(package)
            .output()
            .expect("python3 starts");
        assert!(output.status.success(), "{output:?}");
    });
    folder
}
