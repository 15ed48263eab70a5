//! setup: what its tests have in common, and the refusals of the program.

mod apply;
mod layouts;
mod plan;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use jitctl::pam::folder::Files;
use jitctl::setup::apply::read;
use jitctl::setup::plan::{Change, PlanError, install as planned};
use jitctl::setup::services;
use tempfile::TempDir;
use tokio::process::Command;

use crate::scene::{World, run_at};

const GATE: &str = "\
# jitd: begin. jitctl setup --undo removes this block.
auth     requisite pam_jit.so managed_group=contractors
account  required  pam_jit.so managed_group=contractors
# jitd: end
";
const SESSIONS: &str = "\
# jitd: begin. jitctl setup --undo removes this block.
session  required  pam_jit.so managed_group=contractors
# jitd: end
";
const DYNAMIC: &str = "\
# jitd: begin. jitctl setup --undo removes this block.
Set group_source dynamic
# jitd: end
";

fn contractors() -> Vec<String> {
    vec!["contractors".to_owned()]
}

fn fixture(system: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(system);
    read(&root).unwrap()
}

/// What `other` says where a test does not care.
const OTHER: &str = "\
auth required pam_unix.so
account required pam_unix.so
account required pam_permit.so
session required pam_unix.so
session required pam_permit.so
";

/// A host of these files, and of an `other`.
fn files(contents: &[(&str, &str)]) -> Files {
    let mut files = Files::default();
    files.set("etc/pam.d/other", Some(OTHER.as_bytes()));
    for (path, content) in contents {
        files.set(path, Some(content.as_bytes()));
    }
    files
}

/// The plan for contractors, in the services of which there are files.
fn install(files: &Files) -> Result<Vec<Change>, PlanError> {
    planned(files, &contractors(), &used(files))
}

fn used(files: &Files) -> Vec<String> {
    services::used(Path::new("/nonexistent"), files, &[])
}

/// The files after the changes.
fn applied(files: &Files, changes: &[Change]) -> Files {
    let mut files = files.clone();
    for change in changes {
        files.set(&change.path, change.after.as_deref());
    }
    files
}

fn text<'a>(files: &'a Files, path: &str) -> &'a str {
    std::str::from_utf8(files.get(path).expect(path)).unwrap()
}

/// These read this machine's files and stop before they could write any.
#[tokio::test]
async fn without_managed_groups_there_is_no_setup() {
    let world = World::with(vec![]).await;
    let ran = world.run(&["setup", "--dry-run"]).await.ended(1);
    assert!(ran.stderr.contains("no managed groups"), "{ran:#?}");
    assert!(
        ran.stderr
            .contains("hint: name them in /etc/jitd/jitd.toml"),
        "{ran:#?}"
    );
    assert!(ran.stderr.contains("jitctl policy reload"), "{ran:#?}");
}

#[tokio::test]
async fn undo_needs_no_jitd() {
    let ran = run_at(
        "unix:path=/nonexistent/bus",
        &["setup", "--undo", "--dry-run"],
    )
    .await
    .ended(0);
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
async fn only_root_may_change_pam_files() {
    // A copy, because the target directory may be closed to others.
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("jitctl");
    fs::copy(env!("CARGO_BIN_EXE_jitctl"), &program).unwrap();
    for (arguments, hint) in [
        (&["setup"][..], "hint: sudo jitctl setup\n"),
        (&["setup", "--undo"], "hint: sudo jitctl setup --undo\n"),
    ] {
        let mut command = Command::new(&program);
        command.args(arguments).env_clear();
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            command.uid(65534);
        }
        let output = command.output().await.unwrap();
        assert_eq!(output.status.code(), Some(3));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            stderr,
            format!("jitctl: only root can change PAM files\n{hint}")
        );
    }
}
