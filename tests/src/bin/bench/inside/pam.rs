//! PAM stacks, each time in a fresh process.

use std::process::Command;
use std::time::Duration;

use super::{sample, turns};
use crate::scene::PAM_TIME;

/// Where the stacks are.
const FOLDER: &str = "/etc/bench-pam";
/// Rounds that warm the caches.
const WARM_UP: usize = 5;

/// Each stack, given as `SERVICE/USER`, once in each round.
pub(super) fn run(rounds: usize, stacks: &[&str]) {
    for round in 0..WARM_UP + rounds {
        for turn in turns(round, stacks.len()) {
            let stack = stacks[turn];
            let took = ask(stack);
            if round >= WARM_UP {
                sample(stack, took);
            }
        }
    }
}

fn ask(stack: &str) -> Duration {
    let (service, user) = stack.split_once('/').expect("SERVICE/USER");
    let output = Command::new(PAM_TIME)
        .args([FOLDER, service, user])
        .output()
        .expect("pam_time starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let nanoseconds = said
        .trim()
        .strip_prefix("0 ")
        .and_then(|took| took.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_else(|| panic!("{stack}: {output:?}")))
}
