//! The daemon's entry point.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use jitd::daemon;
use jitd::record::{Priority, note};

const USAGE: &str =
    "usage: jitd [enforce | withdraw | remove-groups | --version | --help]; see jitd(8)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Nothing that jitd creates is for anybody else.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => block_on(daemon::run()),
        ["enforce"] => block_on(daemon::enforce()),
        ["withdraw"] => block_on(daemon::withdraw()),
        ["remove-groups"] => block_on(daemon::remove_groups()),
        ["--version"] => return print(concat!("jitd ", env!("CARGO_PKG_VERSION"))),
        ["--help"] => return print(USAGE),
        _ => {
            note(Priority::Error, USAGE);
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(Priority::Error, &error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn block_on<T>(
    work: impl Future<Output = Result<T, daemon::Failure>>,
) -> Result<T, daemon::Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .build()?
        .block_on(work)
}
