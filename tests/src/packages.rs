//! The packages under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workplace::{fingerprint, lab, made_once, target};

/// The .deb that `make deb` left; the newest if there are several.
pub fn deb() -> PathBuf {
    newest("deb")
}

/// The .rpm that `make rpm` left; the newest if there are several.
pub fn rpm() -> PathBuf {
    newest("rpm")
}

/// The files of [`deb`], in a folder as they would lie under `/`; its control
/// files are in `DEBIAN`.
pub fn unpacked_deb() -> PathBuf {
    unpacked(&deb(), |deb, folder| {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--raw-extract").arg(deb).arg(folder);
        unpack
    })
}

/// The files of [`rpm`], installed by rpm into a root of their own, without
/// scripts.
pub fn installed_rpm() -> PathBuf {
    unpacked(&rpm(), |rpm, folder| {
        let mut install = Command::new("rpm");
        install
            .args(["--install", "--nodeps", "--noscripts", "--root"])
            .arg(folder)
            .arg(rpm);
        install
    })
}

fn newest(ending: &str) -> PathBuf {
    let folder = target().join("packages");
    fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .max_by_key(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
        .unwrap_or_else(|| panic!("no .{ending} in {}: run `make {ending}`", folder.display()))
}

/// A folder that `unpack` has filled from `package`, once for each content.
fn unpacked(package: &Path, unpack: impl FnOnce(&Path, &Path) -> Command) -> PathBuf {
    let content = fs::read(package).expect("the package can be read");
    let ending = package.extension().unwrap_or_default().to_string_lossy();
    let folder = lab("unpacked").join(format!("{ending}-{}", fingerprint(&content)));
    made_once(&folder, |partial| {
        drop_older(&ending, &folder);
        fs::create_dir(partial).expect("a folder can be made in the lab");
        let output = unpack(package, partial).output();
        let output = output.expect("the packager's tool starts");
        assert!(output.status.success(), "{output:?}");
    });
    folder
}

/// Removes what earlier builds left.
fn drop_older(ending: &str, keep: &Path) {
    for entry in fs::read_dir(lab("unpacked"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&format!("{ending}-")) && path.file_stem() != keep.file_stem() {
            // A leftover costs disk space, nothing else.
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }
}
