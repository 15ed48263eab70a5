//! What goes with the commands that ask for a role.

use std::ffi::OsString;

use clap::Args;

use super::help;
use crate::args::{self, Moment, Seconds};

/// What is asked for.
#[derive(Debug, Args)]
pub struct Terms {
    /// The role to hold; `jitctl status` lists yours
    #[arg(value_name = "ROLE", value_parser = args::name)]
    pub role: String,
    /// How long to hold it, like 90m or 1h30m; the role's default without it
    #[arg(long = "for", value_name = "DUR")]
    pub length: Option<Seconds>,
    /// When to begin: 17:30, "2026-12-01 09:00", RFC 3339, or 2h for in two hours; at once without it
    #[arg(long = "at", value_name = "TIME")]
    pub start: Option<Moment>,
    /// Why you need it; approvers and auditors read it
    #[arg(long, value_name = "TEXT", value_parser = args::text)]
    pub reason: Option<String>,
    /// For which ticket; some roles want one
    #[arg(long, value_name = "ID", value_parser = args::ticket)]
    pub ticket: Option<String>,
}

/// Whether to wait, and how long.
#[derive(Debug, Args)]
pub struct Waiting {
    /// Wait for the decision
    #[arg(long)]
    pub wait: bool,
    /// Wait no longer than this; the request stays
    #[arg(long, value_name = "DUR", requires = "wait")]
    pub timeout: Option<Seconds>,
}

/// What goes with `request`.
#[derive(Debug, Args)]
#[command(after_help = help::of("request"))]
pub struct Request {
    #[allow(missing_docs, reason = "a text here would be taken for the help")]
    #[command(flatten)]
    pub terms: Terms,
    #[allow(missing_docs, reason = "a text here would be taken for the help")]
    #[command(flatten)]
    pub waiting: Waiting,
}

/// What goes with `run`.
#[derive(Debug, Args)]
#[command(after_help = help::of("run"))]
pub struct Run {
    #[allow(missing_docs, reason = "a text here would be taken for the help")]
    #[command(flatten)]
    pub terms: Terms,
    /// Wait no longer than this; the request stays
    #[arg(long, value_name = "DUR")]
    pub timeout: Option<Seconds>,
    /// What sudo is to run; options of sudo may come first
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// What goes with `extend`.
#[derive(Debug, Args)]
#[command(after_help = help::of("extend"))]
pub struct Extend {
    /// The number of what you hold
    #[arg(value_name = "ID", value_parser = args::id)]
    pub id: u64,
    /// How much more, like 90m or 1h30m
    #[arg(long = "for", value_name = "DUR")]
    pub length: Seconds,
    /// Why you need more; approvers and auditors read it
    #[arg(long, value_name = "TEXT", value_parser = args::comment)]
    pub reason: String,
    /// For which ticket; some roles want one
    #[arg(long, value_name = "ID", value_parser = args::ticket)]
    pub ticket: Option<String>,
    #[allow(missing_docs, reason = "a text here would be taken for the help")]
    #[command(flatten)]
    pub waiting: Waiting,
}

/// What goes with `break-glass`.
#[derive(Debug, Args)]
#[command(after_help = help::of("break-glass"))]
pub struct BreakGlass {
    /// The role to take; `jitctl status` tells which you may
    #[arg(value_name = "ROLE", value_parser = args::name)]
    pub role: String,
    /// Why; approvers and auditors read it
    #[arg(long, value_name = "TEXT", value_parser = args::comment)]
    pub reason: String,
    /// How long to hold it, like 90m or 1h30m; the role's default without it
    #[arg(long = "for", value_name = "DUR")]
    pub length: Option<Seconds>,
    /// For which ticket, if there is one
    #[arg(long, value_name = "ID", value_parser = args::ticket)]
    pub ticket: Option<String>,
}
