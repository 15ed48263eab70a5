//! `setup`: plan, show, ask, write, prove; put back what does not prove.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::sudoers;
use crate::bus;
use crate::cli::Setup;
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, Screen};
use crate::pam::folder::Files;
use crate::setup::apply::{self, ApplyError, Host};
use crate::setup::diff;
use crate::setup::plan::{self, Change, PlanError};
use crate::setup::prove::{self, Check};
use crate::setup::services;

/// How long jitd may take to record what was done.
const RECORDED_WITHIN: Duration = Duration::from_secs(5);

/// `setup`.
pub(crate) async fn run(options: Setup) -> Result<(), Failure> {
    let root = Path::new("/");
    if options.dry_run {
        let changes = changes(
            &options,
            &apply::read(root).map_err(|cause| not_applied(&cause))?,
        )
        .await?;
        return show(&changes);
    }
    if !nix::unistd::geteuid().is_root() {
        let undo = if options.undo { " --undo" } else { "" };
        return Err(
            Failure::new(Kind::NotAllowed, "only root can change PAM files")
                .hint(format!("sudo jitctl setup{undo}")),
        );
    }
    let mut host = Host::lock(root).map_err(|cause| not_applied(&cause))?;
    let changes = changes(&options, &host.read().map_err(|cause| not_applied(&cause))?).await?;
    if changes.is_empty() {
        if !options.undo {
            output::tell("Everything is in place: nothing to change.");
        }
        return Ok(());
    }
    if !options.undo {
        prove::module_is_installed(root).map_err(|why| {
            Failure::new(Kind::Failed, why).hint("install the package that brings pam_jit.so")
        })?;
    }
    show(&changes)?;
    confirm(options.yes)?;
    if options.undo {
        host.apply(&changes).map_err(|cause| not_applied(&cause))?;
        output::tell("The gate is out: sudo and su are as they were before setup.");
    } else {
        install(&mut host, &changes).await?;
        output::tell("The gate is in place; sudo and su work for root.");
    }
    put_on_record(!options.undo).await;
    Ok(())
}

/// The change is made, and stays, whether or not jitd is there to record it.
async fn put_on_record(is_in: bool) {
    let told = async {
        let audit = bus::audit().await?;
        audit.gate_installed(is_in).await.map_err(bus::failure)
    };
    let why = match tokio::time::timeout(RECORDED_WITHIN, told).await {
        Ok(Ok(())) => return,
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("no answer within {} s", RECORDED_WITHIN.as_secs()),
    };
    output::tell(&format!("warning: it is not on record: {}", escape(&why)));
}

async fn changes(options: &Setup, files: &Files) -> Result<Vec<Change>, Failure> {
    if options.undo {
        // Without a word to jitd: it may be dead, and its policy broken.
        return plan::undo(files).map_err(|cause| no_plan(&cause));
    }
    let mut groups = bus::policy().await?.managed().await.map_err(bus::failure)?;
    groups.sort();
    groups.dedup();
    let root = Path::new("/");
    let (named, warning) = sudoers::read().await.services(root);
    if let Some(warning) = warning {
        output::tell(&format!("warning: {}", escape(&warning)));
    }
    let services = services::used(root, files, &named);
    plan::install(files, &groups, &services).map_err(|cause| no_plan(&cause))
}

fn no_plan(cause: &PlanError) -> Failure {
    let hint = match cause {
        PlanError::NoGroups => "name them in /etc/jitd/jitd.toml: [managed] groups = \
            [\"contractors\"]; then: jitctl policy reload"
            .to_owned(),
        PlanError::GroupName(_) => "manage a group with a plainer name".to_owned(),
        PlanError::TooLong(_) => {
            "make one group of them, and name that in /etc/jitd/jitd.toml".to_owned()
        }
        PlanError::NothingToGate => "install sudo".to_owned(),
        PlanError::OtherGroupSource { .. } => {
            "remove that line from /etc/sudo.conf, then run jitctl setup again".to_owned()
        }
        PlanError::Damaged { .. } => "edit the file: what stands between \"# jitd: begin\" and \
            \"# jitd: end\", and those two lines, can go"
            .to_owned(),
        PlanError::Link { path, .. } => format!(
            "make it a file of its own: cp --remove-destination \"$(readlink -f /{path})\" /{path}"
        ),
        PlanError::LineEnds(path) => format!("sed -i 's/\\r$//' /{path}"),
        PlanError::Broken { .. } => "mend that file, then run jitctl setup again".to_owned(),
        PlanError::Gap { .. } | PlanError::Meaning { .. } => "make the lines of that stage \
            \"required\" or \"optional\", without jumps over its end; then run jitctl setup again"
            .to_owned(),
    };
    Failure::new(Kind::Failed, cause.to_string()).hint(hint)
}

fn not_applied(cause: &ApplyError) -> Failure {
    let kind = match cause {
        ApplyError::Io { cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
            Kind::NotAllowed
        }
        _ => Kind::Failed,
    };
    let failure = Failure::new(kind, cause.to_string());
    let ApplyError::Io { path, cause } = cause else {
        return failure;
    };
    let path = path.display();
    match cause.kind() {
        io::ErrorKind::ReadOnlyFilesystem => failure.hint(format!(
            "mount -o remount,rw \"$(findmnt -no TARGET -T {path})\"; then run jitctl setup again"
        )),
        // Root is refused by an attribute, not by the mode.
        io::ErrorKind::PermissionDenied if nix::unistd::geteuid().is_root() => failure.hint(
            format!("lsattr {path}; chattr -i {path}; then run jitctl setup again"),
        ),
        _ => failure,
    }
}

fn show(changes: &[Change]) -> Result<(), Failure> {
    let screen = Screen::of_stdout();
    let diff = diff::unified(changes);
    let lines: Vec<_> = diff
        .lines()
        .map(|line| match line.as_bytes() {
            [b'-', b'-', ..] | [b'+', b'+', ..] => screen.bold(line),
            [b'-', ..] => screen.paint("31", line),
            [b'+', ..] => screen.paint("32", line),
            [b'@', ..] => screen.paint("36", line),
            _ => line.to_owned(),
        })
        .collect();
    output::print(&lines.join("\n"))
}

fn confirm(yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            Kind::Usage,
            "there is nobody to ask: stdin is not a terminal",
        )
        .hint("jitctl setup --dry-run shows the change, --yes makes it without asking"));
    }
    // On stderr like all talk; a closed stderr cannot be asked on either.
    let mut stderr = io::stderr();
    write!(stderr, "Make this change? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Kind::Failed, "nothing was changed")),
    }
}

/// Writes and proves; what does not prove is put back.
async fn install(host: &mut Host, changes: &[Change]) -> Result<(), Failure> {
    // Being heard is enough to keep these from ending us between writing and proof.
    let _deaf = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ];
    let checks = sound(prove::checks()).await;
    host.apply(changes).map_err(|cause| not_applied(&cause))?;
    for check in checks {
        if let Err(disproved) = check.run().await {
            return Err(given_up(&disproved.to_string(), host.put_back(changes)));
        }
    }
    Ok(())
}

/// Those checks that succeed now: one that fails without us says nothing about us.
async fn sound(checks: Vec<Check>) -> Vec<Check> {
    let mut sound = Vec::new();
    for check in checks {
        match check.run().await {
            Ok(()) => sound.push(check),
            Err(disproved) => output::tell(&format!(
                "warning: before any change, {}: it proves nothing afterwards",
                escape(&disproved.to_string())
            )),
        }
    }
    sound
}

fn given_up(why: &str, back: Result<(), ApplyError>) -> Failure {
    match back {
        Ok(()) => Failure::new(
            Kind::Failed,
            format!("with the gate in place {why}; the old files are back"),
        )
        .hint("journalctl -t sudo -t su -n 20"),
        Err(left) => Failure::new(
            Kind::Failed,
            format!("with the gate in place {why}; {left}"),
        )
        .hint("keep this root shell open, and: jitctl setup --undo --yes"),
    }
}
