//! `policy`: checked, shown, explained and tested with the code that jitd decides by.

pub(crate) mod check;
mod explain;
mod reload;
mod show;
mod test;

use std::path::Path;

use jitd_policy::file::{self, Loaded, PolicyError, Trust};

use crate::cli::Policy;
use crate::error::Failure;
use crate::output;
use crate::output::escape::escape;

/// The policy of the host.
pub(crate) const POLICY: &str = "/etc/jitd";

/// `policy`.
pub(crate) async fn run(command: Policy) -> Result<(), Failure> {
    match command {
        Policy::Check(options) => check::run(&options),
        Policy::Show(options) => show::run(options).await,
        Policy::Explain(options) => explain::run(options).await,
        Policy::Test(options) => test::run(&options),
        Policy::Reload(options) => reload::run(&options).await,
    }
}

/// The policy of files that are only looked at.
fn load(path: &Path) -> Result<Loaded, Failure> {
    file::load(path, Trust::Anyones).map_err(|errors| mistakes(&errors))
}

/// Tells the mistakes, one a line.
fn mistakes(errors: &[PolicyError]) -> Failure {
    for error in errors {
        output::tell(&escape(&error.to_string()));
    }
    Failure::told()
}

/// `1 role`, `3 roles`.
fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
