//! `bench inside …`: what runs in a throwaway machine. It changes that machine
//! as it likes, and prints each sample as a line of a name and a number.

mod bus;
mod daemon;
mod ends;
mod membership;
mod pam;
mod policy;
mod record;
mod records;
mod sessions;
mod sudo;
mod sync;

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Does what the words say.
pub(crate) fn run(words: &[&str]) {
    assert!(
        is_throwaway(),
        "this is not a throwaway machine: it would be damaged"
    );
    match words {
        ["pam", rounds, stacks @ ..] => pam::run(number(rounds), stacks),
        ["sudo", rounds] => sudo::run(number(rounds)),
        ["records", past, active] => records::fill(number(past), number(active)),
        ["calls", connections, milliseconds] => {
            bus::run(
                number(connections),
                Duration::from_millis(number(milliseconds)),
            );
        }
        ["append", events, rounds] => record::append(number(events), number(rounds)),
        ["read", events, rounds] => record::read(number(events), number(rounds)),
        ["memory"] => daemon::memory(),
        ["starts", count] => daemon::starts(number(count)),
        ["membership", rounds] => membership::run(number(rounds)),
        ["membership-ours", rounds] => membership::ours_alone(number(rounds)),
        ["ends", count, spread] => ends::run(number(count), number(spread)),
        ["sessions", elevations, each] => sessions::run(number(elevations), number(each)),
        ["timers", count] => ends::timers(number(count)),
        ["policy", rounds] => policy::run(number(rounds)),
        ["sync", count] => sync::run(number(count)),
        _ => panic!("bench inside {words:?}?"),
    }
}

fn number<T: std::str::FromStr>(word: &str) -> T {
    let parsed = word.parse();
    parsed.unwrap_or_else(|_| panic!("not a number: {word:?}"))
}

/// Told by where systemd-nspawn leaves its mark on what it boots.
fn is_throwaway() -> bool {
    let container = std::fs::read_to_string("/run/systemd/container").unwrap_or_default();
    container.trim() == "systemd-nspawn"
}

/// Runs a program to its end, which must be a good one.
fn must(program: &str, arguments: &[&str]) {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "{program} {}: {status:?}",
        arguments.join(" ")
    );
}

/// Nanoseconds as a sample.
fn sample(name: &str, took: Duration) {
    println!("{name} {}", took.as_nanos());
}

/// Nanoseconds on the wall clock.
fn wall() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = since.expect("it is after 1970").as_nanos();
    i128::try_from(nanoseconds).expect("it is before 10^22")
}

/// The order of a round's turns: each begins elsewhere, every other runs
/// backwards, so that nobody always follows the same other.
fn turns(round: usize, count: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..count).map(|turn| (turn + round) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}
