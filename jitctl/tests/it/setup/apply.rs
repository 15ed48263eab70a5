//! Writing below a root of its own, and the proofs.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jitctl::setup::apply::{self, ApplyError, Host};
use jitctl::setup::plan::PlanError;
use jitctl::setup::prove::{self, Check};
use tempfile::TempDir;

use super::{applied, fixture, install};

/// A copy of a fixture that can be written to.
fn root_of(system: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join("etc/pam.d")).unwrap();
    for (path, content) in fixture(system).contents {
        fs::write(root.path().join(path), content).unwrap();
    }
    root
}

fn names(directory: PathBuf) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn writing_keeps_the_mode_and_leaves_nothing_beside() {
    let root = root_of("debian12");
    let sudo = root.path().join("etc/pam.d/sudo");
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(
        root.path().join("etc/pam.d/.sudo.jitd-new"),
        "of a run that was killed",
    )
    .unwrap();
    fs::remove_file(root.path().join("etc/sudo.conf")).unwrap();
    let mut host = Host::lock(root.path()).unwrap();
    let before = host.read().unwrap();
    let changes = install(&before).unwrap();
    host.apply(&changes).unwrap();
    assert_eq!(host.read().unwrap(), applied(&before, &changes));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&sudo), 0o640);
    assert_eq!(mode(&root.path().join("etc/sudo.conf")), 0o644);
    let there: Vec<_> = before.contents.keys().collect();
    assert_eq!(names(root.path().join("etc/pam.d")).len(), there.len());

    host.put_back(&changes).unwrap();
    assert_eq!(host.read().unwrap(), before);
    assert_eq!(names(root.path().join("etc")), ["pam.d"]);
}

#[test]
fn all_changes_or_none() {
    let root = root_of("debian12");
    let mut host = Host::lock(root.path()).unwrap();
    let before = host.read().unwrap();
    let changes = install(&before).unwrap();
    // Somebody edits the last file between plan and writing.
    let conf = root.path().join("etc/sudo.conf");
    fs::write(&conf, "# mine\n").unwrap();
    assert!(matches!(host.apply(&changes), Err(ApplyError::Changed(path)) if path == conf));
    let mut expected = before;
    expected.set("etc/sudo.conf", Some(b"# mine\n"));
    assert_eq!(host.read().unwrap(), expected);
}

#[test]
fn what_cannot_be_put_back_is_named() {
    let root = root_of("debian12");
    let mut host = Host::lock(root.path()).unwrap();
    let changes = install(&host.read().unwrap()).unwrap();
    host.apply(&changes).unwrap();
    let sudo = root.path().join("etc/pam.d/sudo");
    fs::write(&sudo, "mine").unwrap();
    let left = host.put_back(&changes).unwrap_err().to_string();
    assert!(left.contains(&sudo.display().to_string()), "{left}");
    let su = fs::read_to_string(root.path().join("etc/pam.d/su")).unwrap();
    assert!(!su.contains("jitd"), "the others are back");
}

#[test]
fn a_link_out_of_the_folder_is_not_touched_and_one_within_is_what_it_leads_to() {
    let root = root_of("debian12");
    let sudo = root.path().join("etc/pam.d/sudo");
    fs::rename(&sudo, root.path().join("elsewhere")).unwrap();
    symlink(root.path().join("elsewhere"), &sudo).unwrap();
    let refused = install(&apply::read(root.path()).unwrap()).unwrap_err();
    assert_eq!(
        refused,
        PlanError::Link {
            path: "etc/pam.d/sudo".into(),
            target: "elsewhere".into()
        }
    );

    let root = root_of("debian12");
    let login = root.path().join("etc/pam.d/sudo-i");
    fs::remove_file(&login).unwrap();
    symlink("sudo", &login).unwrap();
    let mut host = Host::lock(root.path()).unwrap();
    let changes = install(&host.read().unwrap()).unwrap();
    assert!(changes.iter().all(|it| it.path != "etc/pam.d/sudo-i"));
    host.apply(&changes).unwrap();
    assert!(fs::read_to_string(&login).unwrap().contains("pam_jit.so"));
    assert!(login.is_symlink());
    assert_eq!(install(&host.read().unwrap()), Ok(vec![]));
}

#[test]
fn one_at_a_time() {
    let root = root_of("debian12");
    let first = Host::lock(root.path()).unwrap();
    assert!(matches!(Host::lock(root.path()), Err(ApplyError::Busy)));
    drop(first);
    drop(Host::lock(root.path()).unwrap());
}

#[test]
fn the_module_must_be_where_libpam_looks() {
    let root = TempDir::new().unwrap();
    assert!(prove::module_is_installed(root.path()).is_err());
    let folder = root.path().join("usr/lib/x86_64-linux-gnu/security");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(root.path().join("usr/lib64/security")).unwrap();
    fs::write(root.path().join("usr/lib64/security/pam_jit.so"), "").unwrap();
    fs::write(folder.join("pam_permit.so"), "").unwrap();
    let missing = prove::module_is_installed(root.path()).unwrap_err();
    assert!(missing.contains("x86_64-linux-gnu/security"), "{missing}");
    fs::write(folder.join("pam_jit.so"), "").unwrap();
    assert_eq!(prove::module_is_installed(root.path()), Ok(()));
}

#[tokio::test]
async fn a_check_succeeds_fails_or_takes_too_long() {
    let shell = |script: &str| Check {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
    };
    assert_eq!(shell("exit 0").run().await, Ok(()));
    let failed = shell("echo one >&2; echo two >&2; exit 3").run().await;
    let failed = failed.unwrap_err().to_string();
    assert!(
        failed.ends_with("ended with exit status: 3: two"),
        "{failed}"
    );
    let hung = shell("exec sleep 1000")
        .run_for(Duration::from_millis(50))
        .await;
    assert_eq!(hung.unwrap_err().how, "did not end within 0 s");
    let absent = Check {
        program: "/nonexistent".into(),
        arguments: vec![],
    };
    assert!(absent.run().await.is_err());
}
