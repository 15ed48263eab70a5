//! What goes with `policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::help;
use crate::args::{self, Moment, Seconds};

/// What `jitctl policy` can do.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true, subcommand_value_name = "COMMAND", after_help = help::of("policy"))]
pub enum Policy {
    /// Say what is wrong with policy files
    ///
    /// Needs neither jitd nor root. Without PATH it looks at /etc/jitd as jitd would: at who
    /// owns the files and whether the groups they name are there, too.
    Check(Check),
    /// Print the policy with every default said
    ///
    /// That of jitd, as it is in force; or, with PATH, that of files.
    Show(Show),
    /// Say what would come of a request, and why
    ///
    /// Asks jitd, which knows the policy in force and how much of a budget is used; or, with
    /// --policy, looks at files, at the groups that the person has on this host, and at
    /// nothing else.
    Explain(Explain),
    /// Hold a policy against a table of expectations
    ///
    /// Needs neither jitd nor root.
    Test(Test),
    /// Have jitd read its policy again
    ///
    /// It comes into force whole or not at all. What it no longer allows ends; a policy without
    /// any role, which would end everything that is held, is taken only with --yes. Needs root.
    Reload(Reload),
}

/// What goes with `policy reload`.
#[derive(Debug, Args)]
#[command(after_help = help::of("policy reload"))]
pub struct Reload {
    /// Also where the policy has no role, so that all elevations end
    #[arg(long)]
    pub yes: bool,
}

/// What goes with `policy check`.
#[derive(Debug, Args)]
#[command(after_help = help::of("policy check"))]
pub struct Check {
    /// A folder like /etc/jitd, or a file; /etc/jitd without it
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `policy show`.
#[derive(Debug, Args)]
#[command(after_help = help::of("policy show"))]
pub struct Show {
    /// A folder like /etc/jitd, or a file; what is in force without it
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `policy explain`.
#[derive(Debug, Args)]
#[command(after_help = help::of("policy explain"))]
pub struct Explain {
    /// Who would ask
    #[arg(value_name = "USER", value_parser = args::name, value_hint = ValueHint::Username)]
    pub user: String,
    /// For which role
    #[arg(value_name = "ROLE", value_parser = args::name)]
    pub role: String,
    /// For how long; the role's default without it
    #[arg(long = "for", value_name = "DUR")]
    pub length: Option<Seconds>,
    /// To begin when: 17:30, "2026-12-01 09:00", RFC 3339, or 2h for in two hours; at once without it
    #[arg(long = "at", value_name = "TIME")]
    pub start: Option<Moment>,
    /// With which reason
    #[arg(long, value_name = "TEXT", value_parser = args::text)]
    pub reason: Option<String>,
    /// For which ticket
    #[arg(long, value_name = "ID", value_parser = args::ticket)]
    pub ticket: Option<String>,
    /// By these files instead of what is in force
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub policy: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `policy test`.
#[derive(Debug, Args)]
#[command(after_help = help::of("policy test"))]
pub struct Test {
    /// The table
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The policy: a folder like /etc/jitd, or a file; /etc/jitd without it
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub policy: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
