//! A Debian root for each release, made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::door::FORBIDDEN;
use crate::release::Release;
use crate::workplace::{fingerprint, lab, made_once};

/// What is done to the root after debootstrap. `/etc/skel` gives every new
/// user a key that root's ssh client holds; the masked timers would only make
/// machines busy while a test looks at them.
const RECIPE: &str = "
echo web >/etc/hostname
printf '127.0.0.1 localhost web\\n::1 localhost web\\n' >/etc/hosts
install -d -m 700 /root/.ssh /etc/skel/.ssh
ssh-keygen -q -t ed25519 -N '' -C lab -f /root/.ssh/id_ed25519
install -m 600 /root/.ssh/id_ed25519.pub /etc/skel/.ssh/authorized_keys
echo 'MaxStartups 200' >/etc/ssh/sshd_config.d/lab.conf
systemctl --quiet enable ssh.service
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer man-db.timer \\
    e2scrub_reap.service e2scrub_all.timer fstrim.timer systemd-networkd.service
systemctl --quiet set-default multi-user.target
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*
";

/// The root of `release` with `more` of its packages. The first call for a root
/// takes a minute or two.
pub(crate) fn root_of(release: Release, more: &[&str]) -> PathBuf {
    let packages = [&release.packages()[..], more].concat().join(",");
    let recipe = fingerprint(format!("{packages}\n{RECIPE}").as_bytes());
    let root = lab("").join(format!("{release}-{recipe}"));
    made_once(&root, |folder| {
        eprintln!("lab: making a {release} root (once; a minute or two)");
        fs::create_dir_all(folder).expect("a folder can be made in the lab");
        let log = root.with_extension("log");
        make(release, &packages, folder, &log);
    });
    root
}

/// Runs debootstrap and the recipe, in a mount namespace that takes all their
/// mounts with it.
fn make(release: Release, packages: &str, folder: &Path, log: &Path) {
    let script = format!(
        "exec >\"$5\" 2>&1\n\
         debootstrap --variant=minbase --include=\"$1\" \"$2\" \"$3\" \"$4\"\n\
         chroot \"$3\" sh -ec '{}'",
        RECIPE.replace('\'', r"'\''")
    );
    let status = Command::new("setpriv")
        .args(["--bounding-set", FORBIDDEN, "--"])
        .args(["unshare", "--mount", "--propagation", "private", "--"])
        .args(["sh", "-ec", &script, "sh", packages, release.codename()])
        .arg(folder)
        .arg(mirror())
        .arg(log)
        .env("LC_ALL", "C.UTF-8")
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .status()
        .expect("setpriv starts");
    assert!(
        status.success(),
        "can't make a {release} root; the end of {}:\n{}",
        log.display(),
        tail(log)
    );
}

/// The Debian mirror that this machine's apt uses.
fn mirror() -> String {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(LABEL) $(REPO_URI)"])
        .output()
        .expect("apt-get starts");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("Debian "))
        .expect("apt has a Debian mirror and its lists: `apt-get update` fetches them")
        .to_owned()
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
