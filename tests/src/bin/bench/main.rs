//! Measures what jitd, its gate and its bookkeeping cost, each beside what one
//! would use instead, in the same run, in throwaway machines.
//!
//! `bench [--quick] [MEASUREMENT…]`; the table goes to standard output. Exits
//! with 1 if something could not be measured. A target that is not met is a
//! result.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    clippy::expect_used,
    reason = "it prints a table, and what can't be measured is told by a panic"
)]
#![forbid(unsafe_code)]

mod ends;
mod gate;
mod host;
mod inside;
mod membership;
mod numbers;
mod pam;
mod policy;
mod record;
mod report;
mod scale;
mod scene;
mod sessions;
mod sudo;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use report::{Row, Table};
use scale::Scale;

/// A measurement gives some lines of the table.
type Measurement = fn(&Scale) -> Vec<Row>;

const MEASUREMENTS: [(&str, Measurement); 8] = [
    ("pam", pam::measure),
    ("sudo", sudo::measure),
    ("gate", gate::measure),
    ("policy", policy::measure),
    ("membership", membership::measure),
    ("ends", ends::measure),
    ("sessions", sessions::measure),
    ("record", record::measure),
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if let [first, rest @ ..] = &words[..]
        && first == "inside"
    {
        inside::run(&rest.iter().map(String::as_str).collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    let (options, names): (Vec<_>, Vec<_>) = words.iter().partition(|word| word.starts_with("--"));
    let scale = match options.iter().map(|word| word.as_str()).collect::<Vec<_>>()[..] {
        [] => Scale::FULL,
        ["--quick"] => Scale::QUICK,
        _ => return usage(),
    };
    let known = |name: &&String| MEASUREMENTS.iter().any(|(known, _)| known == name);
    if !names.iter().all(known) {
        return usage();
    }
    let wanted = MEASUREMENTS
        .into_iter()
        .filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name));
    measure(wanted, &scale)
}

fn usage() -> ExitCode {
    let names = MEASUREMENTS.map(|(name, _)| name).join(", ");
    eprintln!("usage: bench [--quick] [MEASUREMENT…]; there are: {names}");
    ExitCode::from(2)
}

fn measure(wanted: impl Iterator<Item = (&'static str, Measurement)>, scale: &Scale) -> ExitCode {
    let load_before = host::load();
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for (name, measurement) in wanted {
        eprintln!("bench: {name}");
        let start = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| measurement(scale))) {
            Ok(measured) => rows.extend(measured),
            // The panic's text is on standard error already.
            Err(_) => failed.push(name),
        }
        eprintln!("bench: {name} took {:.0} s", start.elapsed().as_secs_f32());
    }
    println!("{}", Table(&rows));
    println!("{}", host::describe());
    println!("load before {load_before}, after {}", host::load());
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("could not be measured, see above: {}", failed.join(", "));
    ExitCode::FAILURE
}
