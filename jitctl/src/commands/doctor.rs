//! `doctor`: looks at everything that protection on this host depends on.

mod host;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::Path;

use jitd_api::{Elevation, Filter, MAX_LIST, State};
use jitd_policy::domain::desired::Desired;
use jitd_policy::domain::names::{RoleName, UserName};
use jitd_policy::domain::policy::Policy;
use jitd_policy::file::{self, Trust};
use jitd_policy::sudoers;
use serde::Serialize;

use super::policy::{POLICY, check};
use crate::bus;
use crate::cli::Doctor;
use crate::doctor::{Finding, Health, drift, groups, pam, sudo};
use crate::error::{Failure, Kind};
use crate::output::escape::escape;
use crate::output::{self, Screen, json};
use crate::setup::{apply, services};

/// `doctor`.
pub(crate) async fn run(options: Doctor) -> Result<(), Failure> {
    let findings = examine(Path::new("/")).await;
    let healthy = findings.iter().all(|it| it.state != Health::Problem);
    if options.json {
        output::print(&json::document(&Report {
            healthy,
            checks: &findings,
        })?)?;
    } else {
        output::print(&shown(&findings))?;
    }
    if healthy {
        Ok(())
    } else {
        Err(Failure::told())
    }
}

#[derive(Serialize)]
struct Report<'a> {
    healthy: bool,
    checks: &'a [Finding],
}

/// Each on a line, and then what to do about all of them, once and in order.
fn shown(findings: &[Finding]) -> String {
    let screen = Screen::of_stdout();
    let width = findings.iter().map(|it| it.check.len()).max();
    let width = width.unwrap_or_default();
    let mut lines = Vec::new();
    for finding in findings {
        let style = match finding.state {
            Health::Ok => "32",
            Health::Warning => "33",
            Health::Problem => "31",
            Health::Unseen => "90",
        };
        let state = screen.paint(style, &format!("{:<7}", finding.state.as_str()));
        let (check, message) = (escape(&finding.check), escape(&finding.message));
        lines.push(format!("{state}  {check:<width$}  {message}"));
    }
    let steps = steps(findings);
    if !steps.is_empty() {
        lines.push(String::new());
        lines.push(screen.bold("To do, in this order:"));
        let numbered = (1..).zip(steps);
        lines.extend(numbered.map(|(number, step)| format!("  {number}. {}", escape(step))));
    }
    lines.join("\n")
}

/// What to do next, each once. What comes first in the findings is what the rest depends on; what
/// may be looked at by root alone comes last.
fn steps(findings: &[Finding]) -> Vec<&str> {
    let (unseen, seen): (Vec<_>, Vec<_>) = findings
        .iter()
        .partition(|finding| finding.state == Health::Unseen);
    let mut steps: Vec<&str> = Vec::new();
    for step in seen
        .iter()
        .chain(&unseen)
        .filter_map(|it| it.next.as_deref())
    {
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    steps
}

async fn examine(root: &Path) -> Vec<Finding> {
    let mut findings = vec![jitd().await, host::starts_at_boot(), host::socket()];
    let policy = policy(&mut findings);
    findings.extend(
        policy
            .as_ref()
            .and_then(|policy| host::name_service(root, policy)),
    );
    let twice = policy
        .iter()
        .flat_map(|policy| groups::findings(policy, |name| groups::on_host(root, name)));
    findings.extend(twice);
    findings.push(host::module(root));
    let sudoers = super::sudoers::read().await;
    findings.extend(gate(root, policy.as_ref(), &sudoers.services(root).0).await);
    let active = if is_root() { active().await.ok() } else { None };
    findings.push(host::enforcer(active.as_deref()));
    findings.push(sudo::included(root));
    findings.extend(rules(root, policy.as_ref()).await);
    findings.push(host::settings(&sudoers));
    findings.extend(drift().await);
    findings
}

/// What jitd tells root and auditors alone.
async fn drift() -> Vec<Finding> {
    let asked = async {
        let jitd = bus::policy().await?;
        jitd.drift().await.map_err(bus::failure)
    };
    match asked.await {
        Ok(drift) => drift::findings(&drift),
        Err(failure) if failure.kind() == Kind::NotAllowed => vec![Finding::unseen("host")],
        // That it does not answer is said already.
        Err(failure) if failure.kind() == Kind::Unreachable => Vec::new(),
        Err(failure) => vec![Finding::problem("host", failure.to_string())],
    }
}

async fn jitd() -> Finding {
    let status = async {
        let jitd = bus::elevations().await?;
        jitd.status().await.map_err(bus::failure)
    };
    match status.await {
        Ok(_) => Finding::ok("jitd", "answers on the system bus"),
        Err(failure) => {
            let next = failure.hints().first().cloned();
            let finding = Finding::problem("jitd", failure.to_string());
            finding.next(next.unwrap_or_else(|| "systemctl status jitd".to_owned()))
        }
    }
}

/// What there is to say about the policy files, and the policy where they are one.
fn policy(findings: &mut Vec<Finding>) -> Option<Policy> {
    let check = "policy";
    let folder = Path::new(POLICY);
    let closed = |path: &Path| {
        File::open(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    if closed(folder) || closed(&folder.join("jitd.toml")) {
        findings.push(Finding::unseen(check));
        return None;
    }
    let found = check::look(folder, Trust::Roots, check::is_on_this_host);
    let first = |all: &[file::PolicyError]| {
        let more = match all.len() {
            0 | 1 => String::new(),
            number => format!(" (and {} more)", number - 1),
        };
        all.first().map(|first| format!("{first}{more}"))
    };
    findings.push(match (first(&found.errors), first(&found.warnings)) {
        (Some(error), _) => Finding::problem(check, error).next("jitctl policy check"),
        (None, Some(warning)) => Finding::warning(check, warning).next("jitctl policy check"),
        (None, None) => Finding::ok(check, format!("{POLICY} has no mistakes")),
    });
    file::load(folder, Trust::Roots)
        .ok()
        .map(|loaded| loaded.policy)
}

async fn gate(root: &Path, policy: Option<&Policy>, named: &[String]) -> Vec<Finding> {
    let files = match apply::read(root) {
        Ok(files) => files,
        Err(error) => return vec![Finding::problem("gate", error.to_string())],
    };
    // What jitd goes by; or, to whom it does not say that, what it would.
    let asked = async {
        let jitd = bus::policy().await?;
        jitd.managed().await.map_err(bus::failure)
    };
    let asked = if is_root() { asked.await.ok() } else { None };
    let groups = asked.or_else(|| policy.map(Policy::managed_groups));
    match groups {
        Some(mut groups) => {
            groups.sort();
            groups.dedup();
            pam::gate(&files, &groups, &services::used(root, &files, named))
        }
        None => vec![Finding::unseen("gate")],
    }
}

/// Whether jitd's sudoers file is what the active elevations make of the policy.
async fn rules(root: &Path, policy: Option<&Policy>) -> Option<Finding> {
    if !is_root() {
        return Some(sudo::rules(root, "")).filter(|it| it.state == Health::Unseen);
    }
    let mut before = active().await.ok()?;
    loop {
        let wanted = sudoers::render(policy?, &held(&before), sudoers::Dialect::of_host());
        let finding = sudo::rules(root, &wanted);
        // Nothing may have begun or ended meanwhile.
        let after = active().await.ok()?;
        if after == before {
            return Some(finding);
        }
        before = after;
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

async fn active() -> Result<Vec<Elevation>, Failure> {
    let filter = Filter {
        state: Some(State::Active.to_string()),
        limit: Some(MAX_LIST),
        ..Filter::default()
    };
    let jitd = bus::elevations().await?;
    jitd.list(&filter).await.map_err(bus::failure)
}

fn held(active: &[Elevation]) -> Desired {
    let mut holders = BTreeMap::new();
    for elevation in active {
        let (Ok(role), Ok(user)) = (
            RoleName::new(&elevation.role),
            UserName::new(&elevation.user),
        ) else {
            continue;
        };
        let of_role: &mut BTreeSet<_> = holders.entry(role).or_default();
        of_role.insert((user, elevation.uid));
    }
    Desired {
        holders,
        ..Desired::default()
    }
}
