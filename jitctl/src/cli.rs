//! The command line: what can be typed, and the help that says so.

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use asking::{BreakGlass, Extend, Request, Run, Terms, Waiting};
pub use audit::{Archive, Audit, AuditCommand, Backup, Export, Format, ReadEvents, Verify};
pub use deciding::{Acknowledge, Approve, Deny};
pub use ending::{Cancel, End, Revoke};
pub use help::{EXIT_STATUS, examples};
pub use policy::{Check, Explain, Policy, Reload, Show as ShowPolicy, Test};
pub use reading::{List, Pending, Show, Status};
pub use report::{Report, To};
pub use sessions::{Replay, Sessions};

mod asking;
mod audit;
mod deciding;
mod ending;
mod help;
mod policy;
mod reading;
mod report;
mod sessions;

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
    /// Ask for a role, wait for it, and run a command with sudo
    ///
    /// The command runs as soon as the role is held, in the place of jitctl: it has its
    /// input, its output and its exit status. The elevation stays afterwards, until its time
    /// is up or you end it.
    Run(Run),
    /// Ask for more time, before what you hold is over
    ///
    /// Makes a request of its own, with its own number, that begins where the other ends.
    Extend(Extend),
    /// Take a role at once, without anybody's yes, and answer for it afterwards
    ///
    /// For emergencies, and for those whom the policy trusts with it. Everybody who has
    /// authority over the role is told, and one of them must acknowledge it.
    BreakGlass(BreakGlass),
    /// Show what you hold, what waits, and what you may ask for
    Status(Status),
    /// List elevations, newest first
    ///
    /// Shows your own, and those of others that you may see. All conditions must hold.
    List(List),
    /// List what waits for your decision, and what you are to acknowledge
    Pending(Pending),
    /// Show everything about one elevation
    Show(Show),
    /// List what was opened under elevations, newest first
    ///
    /// A session is one sudo, su or login, with all that came of it. Shows your own, and those
    /// of others if you are an auditor. All conditions must hold.
    Sessions(Sessions),
    /// Show what was recorded of a session
    ///
    /// Of roles with record = true, sudo keeps what was typed and what was shown; sudoreplay(8)
    /// shows it in its time, as the terminal showed it. For root and auditors; that you looked
    /// goes on record.
    Replay(Replay),
    /// Report on a period: who held what, when, why, and what was done with it
    ///
    /// As one page that needs nothing else, for a browser and for paper; as JSON; or as CSV,
    /// a row for each elevation. Root and auditors get everybody's, and with it whether the
    /// chain of the record is whole; others get their own. What each number means is in the
    /// page.
    Report(Report),
    /// Say yes to a request
    Approve(Approve),
    /// Say no to a request
    Deny(Deny),
    /// Take note that somebody took a role without anybody's yes
    Acknowledge(Acknowledge),
    /// Take back a request of yours, or what has not begun yet
    Cancel(Cancel),
    /// Give back what you hold, before its time is up
    End(End),
    /// Take active elevations away from their holders
    ///
    /// By number, or all those of a person, of a role, of a person in a role, or of everybody.
    Revoke(Revoke),
    /// Read the record of all that happened, and prove that nobody changed it
    ///
    /// Events oldest first; all conditions must hold. Root and the auditors of the policy read
    /// all of it, everybody what is about themselves, and about an elevation that they may
    /// see. What the events are is in jitd-events(7).
    ///
    /// In CSV, text that a spreadsheet could take for a formula has an apostrophe before it,
    /// which is not part of it; what only some events have is JSON in the column fields.
    Audit(Audit),
    /// Check, show, explain, test and reload the policy
    #[command(subcommand)]
    Policy(Policy),
    /// Put the gate into sudo and su on this host, or take it out again
    ///
    /// Adds marked lines to the PAM files of sudo and su, for the managed groups of the
    /// policy, and lets sudo look groups up afresh (/etc/sudo.conf). It shows the change
    /// and asks, then tries sudo and su, and puts the old files back if they fail. Run it
    /// again after changing the managed groups. Needs root.
    Setup(Setup),
    /// Look whether everything that protection depends on is in place
    ///
    /// Looks at jitd, the policy, the module, the PAM files of sudo and su, sudoers, and
    /// what ends elevations when jitd is dead; says what is wrong and what to type next.
    /// Whoever is not root sees less, and is told what. Exit status 1 when there is a
    /// problem; a warning is none.
    Doctor(Doctor),
    /// Print a completion script for a shell
    #[command(after_help = help::of("completions"))]
    Completions {
        /// The shell to complete in
        #[arg(value_parser = clap::value_parser!(Shell))]
        shell: Shell,
    },
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

/// What goes with `doctor`.
#[derive(Debug, Args)]
#[command(after_help = help::of("doctor"))]
pub struct Doctor {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
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
        check(&Cli::command(), "");
    }

    fn check(command: &clap::Command, path: &str) {
        for command in command.get_subcommands() {
            let name = format!("{path} {}", command.get_name());
            let name = name.trim_start();
            assert!(!examples(name).is_empty(), "{name} has no examples");
            for (line, _) in examples(name) {
                let words = help::words(line);
                let at = words.iter().position(|word| word == "jitctl").expect(line);
                Cli::try_parse_from(&words[at..]).expect(line);
            }
            check(command, name);
        }
    }
}
