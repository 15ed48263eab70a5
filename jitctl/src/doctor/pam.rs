//! The gate in PAM: whether it is reached, whatever other modules answer.

use super::Finding;
use crate::pam::Stage;
use crate::pam::folder::{Files, OTHER, pam_path};
use crate::pam::judge::{Gap, Judge, OURS};
use crate::pam::line::Reader;
use crate::pam::stack::{self, Broken, Service};
use crate::setup::plan::{self, Change, PlanError, SUDO_CONF, gap_in_words};
use crate::setup::services::is_of_sudo;

const SETUP: &str = "jitctl setup";

/// Whether these services hold back who is in these groups, and register their sessions.
#[must_use]
pub fn gate(files: &Files, groups: &[String], services: &[String]) -> Vec<Finding> {
    let plan = plan::install(files, groups, services);
    let mut findings = Vec::new();
    if let Err(error) = &plan {
        findings.push(
            Finding::problem("gate", error.to_string()).next(match error {
                PlanError::NoGroups => {
                "say who is managed in /etc/jitd/jitd.toml ([managed] groups = [...]); then: jitctl policy reload"
            }
                _ => "jitctl setup --dry-run",
            }),
        );
        if matches!(error, PlanError::NoGroups | PlanError::NothingToGate) {
            return findings;
        }
    }
    let changes = plan.unwrap_or_default();
    for service in services {
        let (account, session) = of_service(files, groups, service, &changes);
        findings.push(account);
        findings.push(session);
    }
    findings.push(sudo_conf(&changes));
    findings
}

fn sudo_conf(changes: &[Change]) -> Finding {
    if changes.iter().any(|change| change.path == SUDO_CONF) {
        let text = format!(
            "/{SUDO_CONF} lacks \"Set group_source dynamic\": open shells keep and miss groups"
        );
        return Finding::problem("sudo.conf", text).next(SETUP);
    }
    Finding::ok("sudo.conf", "sudo looks groups up afresh")
}

fn of_service(
    files: &Files,
    groups: &[String],
    service: &str,
    changes: &[Change],
) -> (Finding, Finding) {
    let checks = (
        format!("gate of {service}"),
        format!("sessions of {service}"),
    );
    let loaded: Result<Vec<_>, _> = Reader::ALL
        .into_iter()
        .map(|reader| stack::load(files, service, reader))
        .collect();
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(Broken::Closed(_)) => return (Finding::unseen(checks.0), Finding::unseen(checks.1)),
        Err(Broken::Nowhere) => {
            let text = "there is no PAM file for it: it refuses everybody";
            return (Finding::ok(checks.0, text), Finding::ok(checks.1, text));
        }
        Err(why) => {
            let broken = |check| Finding::problem(check, why.to_string()).next("mend that file");
            return (broken(checks.0), broken(checks.1));
        }
    };
    let seen = Seen {
        files,
        groups,
        service,
        loaded: &loaded,
    };
    let account = match seen.gap(Stage::Account) {
        None if changes
            .iter()
            .any(|change| change.path == pam_path(service)) =>
        {
            let text = format!(
                "/{} has the gate, but not as {SETUP} would write it",
                pam_path(service)
            );
            Finding::warning(checks.0, text).next("jitctl setup --dry-run")
        }
        None => Finding::ok(checks.0, "in place for the managed groups"),
        Some((group, gap)) => {
            let why = seen.why(Stage::Account, &gap);
            let text = format!("{service} is open to {group} without an elevation: {why}");
            Finding::problem(checks.0, text).next(SETUP)
        }
    };
    let session = match seen.gap(Stage::Session) {
        None => Finding::ok(checks.1, "registered, and ended with their elevation"),
        Some((_, gap)) => {
            let why = seen.why(Stage::Session, &gap);
            let text = format!("what {service} opens need not end with its elevation: {why}");
            Finding::problem(checks.1, text).next(SETUP)
        }
    };
    (account, session)
}

struct Seen<'a> {
    files: &'a Files,
    groups: &'a [String],
    service: &'a str,
    loaded: &'a [Service],
}

impl Seen<'_> {
    /// The first way past the gate, and which group may take it. Each group for itself: several
    /// lines may gate one each.
    fn gap(&self, stage: Stage) -> Option<(&str, Gap)> {
        for service in self.loaded {
            for group in self.groups.chunks(1) {
                let judge = Judge {
                    stage,
                    of_sudo: is_of_sudo(self.service),
                    groups: group,
                };
                if let Some(gap) = judge.gap(service.stage(stage)) {
                    return Some((&group[0], gap));
                }
            }
        }
        None
    }

    fn why(&self, stage: Stage, gap: &Gap) -> String {
        let has_ours = |service: &Service| {
            let mut stack = service.stage(stage).iter();
            stack.any(|handler| handler.name() == OURS)
        };
        if self.loaded.iter().any(has_ours) {
            return gap_in_words(stage, gap);
        }
        let file = match self.files.of_service(self.service) {
            Some(path) => format!("/{path}"),
            None => return format!("it has no PAM file, and {OTHER:?} has no line of {OURS}"),
        };
        format!("{file} has no {stage} line of {OURS}")
    }
}
