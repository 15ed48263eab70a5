//! The command line: what can be typed, and the help that says so.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use jitd_api::{MAX_LIST, State};

use crate::args::{self, Moment, Seconds};

pub use help::{EXIT_STATUS, examples};

mod help;

/// Just-in-time privilege: ask for a role, decide about requests, see what is held
///
/// Nobody holds privilege for good here. You ask for a role, an approver says yes,
/// and sudo works for as long as was granted: in the shell you already have, and
/// not a second longer.
#[derive(Debug, Parser)]
#[command(name = "jitctl", version, max_term_width = 100, subcommand_value_name = "COMMAND", after_help = help::top())]
pub struct Cli {
    /// What to do; without it, the help.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What `jitctl` can do.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Command {
    /// Ask for a role
    ///
    /// Prints the number of the request alone on a line on stdout; everything else goes
    /// to stderr. With --wait it stays until there is a decision.
    Request(Request),
    /// Show what you hold, what waits, and what you may ask for
    Status(Status),
    /// List elevations, newest first
    ///
    /// Shows your own, and those of others that you may see. All conditions must hold.
    List(List),
    /// List the requests that wait for your decision
    Pending(Pending),
    /// Show everything about one elevation
    Show(Show),
    /// Say yes to a request
    Approve(Approve),
    /// Say no to a request
    Deny(Deny),
    /// Take back a request of yours
    Cancel(Cancel),
    /// Give back what you hold, before its time is up
    End(End),
    /// Take active elevations away from their holders
    ///
    /// By number, or all those of a person, of a role, of a person in a role, or of everybody.
    Revoke(Revoke),
    /// Put the gate into sudo and su on this host, or take it out again
    ///
    /// Adds marked lines to the PAM files of sudo and su, for the managed groups of the
    /// policy, and lets sudo look groups up afresh (/etc/sudo.conf). It shows the change
    /// and asks, then tries sudo and su, and puts the old files back if they fail. Run it
    /// again after changing the managed groups. Needs root.
    Setup(Setup),
    /// Print a completion script for a shell
    #[command(after_help = help::of("completions"))]
    Completions {
        /// The shell to complete in
        #[arg(value_parser = clap::value_parser!(Shell))]
        shell: Shell,
    },
}

/// What goes with `request`.
#[derive(Debug, Args)]
#[command(after_help = help::of("request"))]
pub struct Request {
    /// The role to hold; `jitctl status` lists yours
    #[arg(value_name = "ROLE", value_parser = args::name)]
    pub role: String,
    /// How long to hold it, like 90m or 1h30m; the role's default without it
    #[arg(long = "for", value_name = "DUR")]
    pub length: Option<Seconds>,
    /// Why you need it; approvers and auditors read it
    #[arg(long, value_name = "TEXT", value_parser = args::text)]
    pub reason: Option<String>,
    /// Wait for the decision
    #[arg(long)]
    pub wait: bool,
    /// Wait no longer than this; the request stays
    #[arg(long, value_name = "DUR", requires = "wait")]
    pub timeout: Option<Seconds>,
}

/// What goes with `status`.
#[derive(Debug, Args)]
#[command(after_help = help::of("status"))]
pub struct Status {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `list`.
#[derive(Debug, Args)]
#[command(after_help = help::of("list"))]
pub struct List {
    /// Only those in this state
    #[arg(long, value_name = "STATE", value_parser = state())]
    pub state: Option<State>,
    /// Only those of this person
    #[arg(long, value_name = "USER", value_parser = args::name, value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// Only those of this role
    #[arg(long, value_name = "ROLE", value_parser = args::name)]
    pub role: Option<String>,
    /// Only those asked for since then: 17:30, "2026-12-01 09:00", RFC 3339, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// At most so many, the newest; 100 without it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_LIST)))]
    pub limit: Option<u32>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `pending`.
#[derive(Debug, Args)]
#[command(after_help = help::of("pending"))]
pub struct Pending {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `show`.
#[derive(Debug, Args)]
#[command(after_help = help::of("show"))]
pub struct Show {
    /// Its number
    #[arg(value_name = "ID", value_parser = id())]
    pub id: u64,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `approve`.
#[derive(Debug, Args)]
#[command(after_help = help::of("approve"))]
pub struct Approve {
    /// Its number
    #[arg(value_name = "ID", value_parser = id())]
    pub id: u64,
    /// Grant less time than was asked for
    #[arg(long = "for", value_name = "SHORTER")]
    pub length: Option<Seconds>,
    /// What to say with it
    #[arg(long, value_name = "TEXT", value_parser = args::text)]
    pub comment: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `deny`.
#[derive(Debug, Args)]
#[command(after_help = help::of("deny"))]
pub struct Deny {
    /// Its number
    #[arg(value_name = "ID", value_parser = id())]
    pub id: u64,
    /// Why not; the person who asked reads it
    #[arg(long, value_name = "TEXT", value_parser = args::comment)]
    pub comment: String,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `cancel`.
#[derive(Debug, Args)]
#[command(after_help = help::of("cancel"))]
pub struct Cancel {
    /// Its number
    #[arg(value_name = "ID", value_parser = id())]
    pub id: u64,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// What goes with `end`.
#[derive(Debug, Args)]
#[command(after_help = help::of("end"))]
pub struct End {
    /// Its number; everything you hold without it
    #[arg(value_name = "ID", value_parser = id())]
    pub id: Option<u64>,
    /// Print one JSON document: an array of what ended
    #[arg(long)]
    pub json: bool,
}

/// What goes with `revoke`.
#[derive(Debug, Args)]
#[command(after_help = help::of("revoke"))]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "user", "role", "all"]))]
pub struct Revoke {
    /// Its number
    #[arg(value_name = "ID", value_parser = id(), conflicts_with_all = ["user", "role", "all"])]
    pub id: Option<u64>,
    /// All of this person
    #[arg(long, value_name = "USER", value_parser = args::name, value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// All of this role
    #[arg(long, value_name = "ROLE", value_parser = args::name)]
    pub role: Option<String>,
    /// All of everybody
    #[arg(long, conflicts_with_all = ["user", "role"])]
    pub all: bool,
    /// Why; the holder and the record show it
    #[arg(long, value_name = "TEXT", value_parser = args::comment)]
    pub comment: String,
    /// Print one JSON document: an array of what ended
    #[arg(long)]
    pub json: bool,
}

/// What goes with `setup`.
#[derive(Debug, Args)]
#[command(after_help = help::of("setup"))]
pub struct Setup {
    /// Take out what setup put in, byte for byte
    #[arg(long)]
    pub undo: bool,
    /// Show the change and leave the files as they are
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

fn id() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..)
}

fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::as_str))
        .try_map(|word: String| word.parse::<State>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_that_parse() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            assert!(!examples(name).is_empty(), "{name} has no examples");
            for (line, _) in examples(name) {
                let words = help::words(line);
                let at = words.iter().position(|word| word == "jitctl").expect(line);
                Cli::try_parse_from(&words[at..]).expect(line);
            }
        }
    }
}
