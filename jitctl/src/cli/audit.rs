//! What goes with `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::help;
use crate::args::{self, Moment};

/// What goes with `audit`.
#[derive(Debug, Args)]
#[command(
    after_help = help::of("audit"),
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    subcommand_value_name = "COMMAND"
)]
pub struct Audit {
    /// What else to do than to read.
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// What to read.
    #[command(flatten)]
    pub read: ReadEvents,
}

/// What can be done with the record beside reading it.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum AuditCommand {
    /// Prove that nobody has changed the record
    ///
    /// Reads all of it, and computes the chain of SHA-256 anew: an event that was edited,
    /// removed, added in between or moved is found, and the first one is named. With
    /// --against, it is compared with what was sent to a log, which finds that the whole
    /// record was replaced. Needs root, or to be an auditor of the policy; with FILE, neither,
    /// nor jitd. Exit status 1 when something is wrong.
    ///
    /// The document of --json has verified; events, first and last (seq, at) and head, the link
    /// of the last one; begins (start, archive, or middle, of a file, whose first event itself
    /// can't be verified); problem (seq, kind, what, means, file, line) or null; and against
    /// (same, different, beyond, older, ignored, unreadable: numbers of lines; contradictions: log,
    /// line, seq, chain, means, the first 20 of each) or null.
    Verify(Verify),
    /// Write the record into a file
    ///
    /// JSON, an event a line; verify reads it. Needs root, or to be an auditor of the policy.
    Export(Export),
    /// Move old events from the record into a file
    ///
    /// The file is in /var/lib/jitd/archive: JSON, an event a line; verify reads it. The record
    /// goes on from it, and says so. Events of what is still open stay, and all that came after
    /// them. The policy can say that it is done by itself: audit.keep. Needs root.
    ///
    /// The document of --json has file, first, last, head (the link of the last event) and
    /// sha256 (of the file); it is null where there was nothing to archive.
    Archive(Archive),
    /// Copy the whole database while it is used
    ///
    /// Into a new file, for root's eyes only: it has all that jitd knows. jitd(8) says how to go
    /// back to it. Needs root.
    Backup(Backup),
}

/// What goes with `audit archive`.
#[derive(Debug, Args)]
#[command(after_help = help::of("audit archive"))]
pub struct Archive {
    /// Those from before then: "2026-12-01 09:00", RFC 3339, or 365d for a year ago
    #[arg(long, value_name = "TIME")]
    pub before: Moment,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `audit backup`.
#[derive(Debug, Args)]
#[command(after_help = help::of("audit backup"))]
pub struct Backup {
    /// The file to make
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

/// Which events, and how they look.
#[derive(Debug, Args)]
pub struct ReadEvents {
    /// Only from then on: 17:30, "2026-12-01 09:00", RFC 3339, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Only before then
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub until: Option<Moment>,
    /// Only what is about this person
    #[arg(long, value_name = "USER", value_parser = args::name, value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// Only what is about this role
    #[arg(long, value_name = "ROLE", value_parser = args::name)]
    pub role: Option<String>,
    /// Only what is about this elevation
    #[arg(long, value_name = "ID", value_parser = args::id)]
    pub elevation: Option<u64>,
    /// Only those of this name, like elevation.approved, or elevation.* for all of a noun
    #[arg(long, value_name = "NAME", value_parser = args::name)]
    pub event: Option<String>,
    /// Only the last so many; for a table without any condition, 100
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,
    /// Stay, and show what happens from then on; through restarts of jitd, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    pub follow: bool,
    /// How it looks: a table; json, an event a line; csv, for a spreadsheet
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true
    )]
    pub format: Format,
    /// Print one JSON document, an array
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// How events look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// JSON, an event a line.
    Json,
    /// For a spreadsheet.
    Csv,
}

/// What goes with `audit verify`.
#[derive(Debug, Args)]
#[command(after_help = help::of("audit verify"))]
pub struct Verify {
    /// A log with lines of jitd: from rsyslog, or of journalctl (as text, json or export), or an
    /// older export; - for standard input. Can be given several times
    #[arg(long, value_name = "LOGFILE", value_hint = ValueHint::FilePath)]
    pub against: Vec<PathBuf>,
    /// Exports and archives to verify instead of the record of jitd, each going on from the one
    /// before; - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `audit export`.
#[derive(Debug, Args)]
#[command(after_help = help::of("audit export"))]
pub struct Export {
    /// The file to make, for its owner only, which must not be there yet; - for standard output
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Only from then on
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Only before then
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
}
