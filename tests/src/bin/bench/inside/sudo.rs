//! A real sudo, whose PAM file has our line or does not.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{sample, turns};

const FILE: &str = "/etc/pam.d/sudo";
const LINE: &str = "account required pam_jit.so managed_group=contractors\n";
/// After all others.
const SESSION: &str = "session required pam_jit.so managed_group=contractors\n";
/// Rounds that warm the caches.
const WARM_UP: usize = 5;

/// carol's `sudo -n true` with the account line, with the session line too, and
/// without them, once each in each round. bob has no elevation: he shows that the line does what it should.
pub(super) fn run(rounds: usize) {
    let [carol, bob] = ["carol", "bob"].map(|name| {
        let user = nix::unistd::User::from_name(name);
        user.ok().flatten().expect("carol and bob are there")
    });
    let stock = fs::read_to_string(FILE).expect("sudo is installed");
    let files = [
        ("without", stock.clone()),
        ("with", format!("{LINE}{stock}")),
        ("session", format!("{LINE}{stock}{SESSION}")),
    ];
    for round in 0..WARM_UP + rounds {
        for turn in turns(round, files.len()) {
            let (name, content) = &files[turn];
            install(content);
            let (took, passed) = sudo(&carol);
            assert!(passed, "carol's sudo was refused {name} the line");
            if round >= WARM_UP {
                sample(name, took);
            }
        }
    }
    for (name, content) in &files {
        install(content);
        let (_, passed) = sudo(&bob);
        assert_eq!(passed, *name == "without", "bob's sudo, {name} the line");
    }
    install(&stock);
}

fn sudo(user: &nix::unistd::User) -> (Duration, bool) {
    let mut command = Command::new("/usr/bin/sudo");
    command
        .args(["-n", "true"])
        .uid(user.uid.as_raw())
        .gid(user.gid.as_raw())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let before = Instant::now();
    let status = command.status().expect("sudo starts");
    (before.elapsed(), status.success())
}

fn install(content: &str) {
    let beside = format!("{FILE}.new");
    fs::write(&beside, content)
        .and_then(|()| fs::rename(&beside, FILE))
        .expect("sudo's PAM file can be replaced");
}
