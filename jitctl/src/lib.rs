//! `jitctl`: ask for a role, decide about requests, see what is held.
//!
//! The definition of the command line is public, so that manual pages and
//! completions are made from it; so are the rooms of `setup` and `doctor`, which work
//! on a root directory that their caller names.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub mod cli;
pub mod doctor;
pub mod error;
pub mod pam;
pub mod setup;

mod args;
mod bus;
mod clock;
mod commands;
mod output;
mod record;
mod report;

use cli::{Cli, Command};
use error::Failure;

/// The whole program: arguments of the process in, exit status out.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let outcome = match Cli::try_parse_from(arguments) {
        Ok(cli) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::from)
            .and_then(|runtime| runtime.block_on(carry_out(cli))),
        Err(parsing) => return show_parsing(&parsing),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn carry_out(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => Ok(Cli::command().print_help()?),
        Some(Command::Request(options)) => Box::pin(commands::request::request(options)).await,
        Some(Command::Run(options)) => commands::run::run(options).await,
        Some(Command::Extend(options)) => Box::pin(commands::request::extend(options)).await,
        Some(Command::BreakGlass(options)) => commands::break_glass::run(options).await,
        Some(Command::Status(options)) => commands::status::run(options).await,
        Some(Command::List(options)) => commands::read::list(options).await,
        Some(Command::Pending(options)) => commands::read::pending(options).await,
        Some(Command::Report(options)) => commands::report::run(options).await,
        Some(Command::Show(options)) => commands::show::run(options).await,
        Some(Command::Sessions(options)) => commands::sessions::run(options).await,
        Some(Command::Replay(options)) => commands::replay::run(options).await,
        Some(Command::Approve(options)) => commands::decide::approve(options).await,
        Some(Command::Deny(options)) => commands::decide::deny(options).await,
        Some(Command::Acknowledge(options)) => commands::decide::acknowledge(options).await,
        Some(Command::Cancel(options)) => commands::finish::cancel(options).await,
        Some(Command::End(options)) => commands::finish::end(options).await,
        Some(Command::Revoke(options)) => commands::finish::revoke(options).await,
        Some(Command::Completions { shell }) => commands::completions(shell),
        Some(Command::Audit(options)) => commands::audit::run(options).await,
        Some(Command::Policy(command)) => commands::policy::run(command).await,
        Some(Command::Setup(options)) => commands::setup::run(options).await,
        Some(Command::Doctor(options)) => commands::doctor::run(options).await,
    }
}

/// Help and version go to stdout with status 0, wrong usage to stderr with 2.
fn show_parsing(parsing: &clap::Error) -> ExitCode {
    // A reader that has gone away is a normal end.
    drop(parsing.print());
    ExitCode::from(u8::try_from(parsing.exit_code()).unwrap_or(1))
}
