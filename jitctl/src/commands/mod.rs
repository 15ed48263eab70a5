//! One file for each family of commands.

pub(crate) mod audit;
pub(crate) mod break_glass;
pub(crate) mod decide;
pub(crate) mod doctor;
pub(crate) mod finish;
mod giving;
pub(crate) mod policy;
pub(crate) mod read;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod request;
pub(crate) mod run;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod show;
pub(crate) mod status;
mod sudoers;
mod wait;

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::error::{Failure, Kind};
use crate::output;

/// `completions`: the script on stdout.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "jitctl", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

/// Adds where to look on, when the matter is one elevation and its state.
fn about(id: u64, failure: Failure) -> Failure {
    match failure.kind() {
        Kind::Failed if failure.hints().is_empty() => failure.hint(format!("jitctl show {id}")),
        _ => failure,
    }
}
