//! Nothing of the module is left in the program that called it.
//!
//! One test alone in its process: the harness starts no thread meanwhile.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[expect(dead_code, reason = "shared with other tests")]
mod stage;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use stage::{CRED_INSUFFICIENT, PERM_DENIED, Scene, somebody};

#[test]
fn leaves_nothing_behind() {
    let (user, _) = somebody();
    let lines = [
        "auth requisite MODULE debug",
        "account required MODULE debug",
    ];
    let scene = Scene::new(&lines);
    let before = Traces::of_this_process();
    for _ in 0..20 {
        assert_eq!(scene.authenticate(Some(&user)).code, CRED_INSUFFICIENT);
        assert_eq!(scene.account(&user).code, PERM_DENIED);
    }
    assert_eq!(Traces::of_this_process(), before);
}

#[derive(Debug, PartialEq)]
struct Traces {
    descriptors: BTreeSet<OsString>,
    threads: BTreeSet<OsString>,
    /// Signals blocked, ignored and caught; limits of privilege; the mask of new files.
    status: Vec<String>,
    environment: Vec<(OsString, OsString)>,
    children: String,
}

impl Traces {
    fn of_this_process() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let kept = [
            "SigBlk",
            "SigIgn",
            "SigCgt",
            "Umask",
            "Uid",
            "Gid",
            "NoNewPrivs",
        ];
        Self {
            descriptors: names("/proc/self/fd"),
            threads: names("/proc/self/task"),
            status: status
                .lines()
                .filter(|line| kept.iter().any(|key| line.starts_with(key)))
                .map(str::to_owned)
                .collect(),
            environment: std::env::vars_os().collect(),
            children: fs::read_to_string("/proc/thread-self/children").unwrap_or_default(),
        }
    }
}

fn names(folder: &str) -> BTreeSet<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}
