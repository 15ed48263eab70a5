//! How long after the end of their elevations sessions are gone.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::{must, sample};

/// Where the scopes of sessions are.
const SLICE: &str = "/sys/fs/cgroup/jit.slice";
/// How long to wait for them to come, and to go.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// So many people hold an elevation and have so many sessions each, every other one deaf to
/// everything but SIGKILL; then all elevations are revoked at once.
pub(super) fn run(elevations: u32, each: u32) {
    for person in 0..elevations {
        let person = format!("s{person}");
        as_person(&person, &["jitctl", "request", "deploy", "--for", "1h"]);
        for number in 0..each {
            let deaf = if number % 2 == 0 {
                "trap '' TERM HUP; "
            } else {
                ""
            };
            let script = format!("{deaf}exec sleep 3600");
            as_person(&person, &["sudo", "-n", "-b", "sh", "-c", &script]);
        }
    }
    let all = usize::try_from(elevations * each).expect("few");
    wait("all of them run", || scopes().len() == all);
    let mut left = scopes();
    let end = Instant::now();
    must("jitctl", &["revoke", "--all", "--comment", "measured"]);
    wait("all of them are gone", || {
        let there = scopes();
        left.retain(|scope| {
            let is_there = there.contains(scope);
            if !is_there {
                sample("gone", end.elapsed());
            }
            is_there
        });
        left.is_empty()
    });
    sample("all", end.elapsed());
}

fn as_person(person: &str, command: &[&str]) {
    let who = [format!("--reuid={person}"), format!("--regid={person}")];
    let mut words = vec![who[0].as_str(), who[1].as_str(), "--init-groups"];
    words.extend(command);
    must("setpriv", &words);
}

fn scopes() -> BTreeSet<String> {
    let entries = fs::read_dir(SLICE).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("jit-")).collect()
}

fn wait(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(PAUSE);
    }
}
