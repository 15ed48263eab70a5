//! A request and its withdrawal, and a look at what waits, as people type them.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

use super::sample;

/// carol's requests, which she takes back, and alice's looks at what waits.
pub(super) fn run(rounds: usize) {
    for _ in 0..rounds {
        let id = jitctl(
            "carol",
            "request",
            &["request", "deploy", "--reason", "to be measured"],
        );
        jitctl("alice", "pending", &["pending"]);
        jitctl("carol", "cancel", &["cancel", id.trim()]);
    }
}

fn jitctl(user: &str, name: &str, words: &[&str]) -> String {
    let found = nix::unistd::User::from_name(user).ok().flatten();
    let user = found.expect("they are there");
    let mut command = Command::new("/usr/bin/jitctl");
    command
        .args(words)
        .uid(user.uid.as_raw())
        .gid(user.gid.as_raw());
    let before = Instant::now();
    let output = command.output().expect("jitctl starts");
    sample(name, before.elapsed());
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
