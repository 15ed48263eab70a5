//! Files that are not read.

use std::fmt::Write;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use super::told;
use crate::file::{Trust, load};

const MEBIBYTE: u64 = 1024 * 1024;

/// What is done to a good policy in a folder.
type Damage = fn(&Path);

const DAMAGES: &[(&str, Damage)] = &[
    ("no file", |folder| {
        fs::remove_file(folder.join("jitd.toml")).unwrap();
    }),
    ("a byte over a mebibyte", |folder| {
        grow(&folder.join("jitd.toml"), MEBIBYTE + 1);
    }),
    ("ten mebibytes", |folder| {
        grow(&folder.join("roles.d/a.toml"), 10 * MEBIBYTE);
    }),
    ("no UTF-8", |folder| {
        fs::write(folder.join("jitd.toml"), b"# \xff\n").unwrap();
    }),
    ("a symbolic link", |folder| {
        link(&folder.join("roles.d/b.toml"));
    }),
    ("a pipe", |folder| pipe(&folder.join("roles.d/b.toml"))),
    ("a folder for a file", |folder| {
        fs::create_dir(folder.join("roles.d/b.toml")).unwrap();
    }),
    ("a file that everybody can write", |folder| {
        permit(&folder.join("jitd.toml"), 0o646);
    }),
    ("a file that its group can write", |folder| {
        permit(&folder.join("roles.d/a.toml"), 0o664);
    }),
    ("a folder that its group can write", |folder| {
        permit(folder, 0o775);
    }),
    ("a folder of roles that everybody can write", |folder| {
        permit(&folder.join("roles.d"), 0o1777);
    }),
    ("a link for a folder", |folder| {
        fs::rename(folder.join("roles.d"), folder.join("elsewhere")).unwrap();
        symlink("elsewhere", folder.join("roles.d")).unwrap();
    }),
    ("two files at once", |folder| {
        permit(&folder.join("jitd.toml"), 0o666);
        link(&folder.join("roles.d/b.toml"));
    }),
];

fn grow(file: &Path, size: u64) {
    File::create(file).unwrap().set_len(size).unwrap();
}

fn link(at: &Path) {
    symlink("a.toml", at).unwrap();
}

fn pipe(at: &Path) {
    mkfifo(at, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn good() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("roles.d")).unwrap();
    permit(&folder.path().join("roles.d"), 0o755);
    for file in ["jitd.toml", "roles.d/a.toml", "roles.d/not-read.txt"] {
        let file = folder.path().join(file);
        fs::write(&file, "# nothing\n").unwrap();
        permit(&file, 0o644);
    }
    folder
}

fn errors_of(path: &Path, folder: &Path, trust: Trust) -> Vec<String> {
    let errors = load(path, trust).err().unwrap_or_default();
    let folder = folder.to_str().unwrap();
    let place = |error: String| error.replace(folder, "/etc/jitd");
    told(&errors).into_iter().map(place).collect()
}

#[test]
fn files_that_others_could_have_written_or_that_are_none_are_not_read() {
    let mut listed = String::new();
    for (name, damage) in DAMAGES {
        let folder = good();
        let errors = || errors_of(folder.path(), folder.path(), Trust::Roots);
        assert_eq!(errors(), [""; 0]);
        damage(folder.path());
        writeln!(listed, "{name}:").unwrap();
        for error in errors() {
            writeln!(listed, "    {error}").unwrap();
        }
    }
    insta::assert_snapshot!(listed);
}

#[test]
fn what_is_only_looked_at_may_be_anyones_but_must_be_a_file() {
    let folder = good();
    permit(&folder.path().join("jitd.toml"), 0o666);
    let anyones = |path: &Path| errors_of(path, folder.path(), Trust::Anyones);
    assert_eq!(anyones(folder.path()), [""; 0]);
    assert_eq!(anyones(&folder.path().join("jitd.toml")), [""; 0]);
    let pipe_alone = folder.path().join("pipe");
    pipe(&pipe_alone);
    assert_eq!(
        anyones(&pipe_alone),
        ["/etc/jitd/pipe: is neither a file nor a folder"]
    );
    assert_eq!(
        anyones(&folder.path().join("nothing")),
        ["/etc/jitd/nothing: there is no such file or folder"]
    );
}

#[test]
fn a_file_of_somebody_else_is_not_read() {
    if !geteuid().is_root() {
        return;
    }
    let folder = good();
    chown(folder.path().join("roles.d/a.toml"), Some(1001), None).unwrap();
    assert_eq!(
        errors_of(folder.path(), folder.path(), Trust::Roots),
        ["/etc/jitd/roles.d/a.toml: belongs to uid 1001, not to root: chown root it"]
    );
}
