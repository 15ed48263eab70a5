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
pub(crate) fn plain(release: Release) -> Vec<PathBuf> {
    vec![root_of(release)]
}

/// The folders of a machine with the built .deb installed, topmost first. It
/// is installed once, by apt, in a booted machine; what that changed is the
/// layer.
pub(crate) fn with_package(release: Release) -> Vec<PathBuf> {
    let root = root_of(release);
    let deb = packages::deb();
    let content = fs::read(&deb).expect("the .deb can be read");
    let root_name = root.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("{root_name}+{}", fingerprint(&content));
    let layer = lab("").join(name);
    made_once(&layer, |partial| {
        drop_older(release, partial);
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

/// Removes the layers of earlier builds: each is as large as the package.
fn drop_older(release: Release, keep: &Path) {
    let Some(lab) = keep.parent() else { return };
    for entry in fs::read_dir(lab).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name.starts_with(release.codename()) && name.contains('+');
        let kept = keep
            .file_stem()
            .is_some_and(|stem| name.starts_with(&*stem.to_string_lossy()));
        if ours && !kept {
            // A leftover costs disk space, nothing else.
            let path = entry.path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
    }
}
