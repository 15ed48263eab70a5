//! What a machine boots over: a root, with or without our package installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::container::Container;
use crate::packages;
use crate::quote::quote;
use crate::release::Release;
use crate::root::root_of;
use crate::workplace::{fingerprint, lab, made_once};

/// How long apt may take to install our package.
const INSTALLING: Duration = Duration::from_secs(120);

/// The folders a plain machine boots over, topmost first.
pub(crate) fn plain(release: Release, more: &[&str]) -> Vec<PathBuf> {
    vec![root_of(release, more)]
}

/// The folders of a machine with the built .deb installed, topmost first. It
/// is installed once, by apt, in a booted machine; what that changed is the
/// layer.
pub(crate) fn with_package(release: Release, more: &[&str]) -> Vec<PathBuf> {
    let root = root_of(release, more);
    let deb = packages::deb();
    let content = fs::read(&deb).expect("the .deb can be read");
    let root_name = root.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("{root_name}+{}", fingerprint(&content));
    let layer = lab("").join(name);
    made_once(&layer, |partial| {
        drop_older(&root_name, partial);
        install(&root, &deb, &content, partial);
    });
    vec![layer, root]
}

fn install(root: &Path, deb: &Path, content: &[u8], partial: &Path) {
    let mut container = Container::boot(vec![root.to_owned()]);
    let name = deb.file_name().unwrap_or_default().to_string_lossy();
    let package = quote(&format!("/var/tmp/{name}"));
    fs::write(container.upper().join("var-tmp.deb"), content)
        .expect("the .deb can be put into the machine");
    container
        .run(
            &format!(
                "mv /var-tmp.deb {package} && \
                 DEBIAN_FRONTEND=noninteractive apt-get install --yes {package} && \
                 rm {package} && truncate --size=0 /var/log/auth.log /var/log/syslog && \
                 journalctl --quiet --rotate && journalctl --quiet --vacuum-time=1s && sync"
            ),
            INSTALLING,
        )
        .ok();
    container.power_off();
    fs::rename(container.upper(), partial).expect("a machine's changes can be kept");
}

/// After this long no machine of an earlier build is running any more.
const OLD: Duration = Duration::from_secs(2 * 3600);

/// Removes the root's layers of earlier builds: each is as large as the package. Younger ones
/// stay: another test run may stand on them.
fn drop_older(root_name: &str, keep: &Path) {
    let Some(lab) = keep.parent() else { return };
    for entry in fs::read_dir(lab).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with(&format!("{root_name}+"));
        let kept = keep
            .file_stem()
            .is_some_and(|stem| name.starts_with(&*stem.to_string_lossy()));
        let old = entry
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > OLD));
        if ours && old && !kept {
            // A leftover costs disk space, nothing else.
            let path = entry.path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }
}
