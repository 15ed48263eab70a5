//! The gate in PAM, and the stage that registers sessions.

use std::path::Path;

use super::{Finding, Sight, look};
use crate::setup::plan::{self, Files, PAM_DIR, SERVICES, SUDO_CONF};

const MODULE: &str = "pam_jit.so";
/// It puts a login into a scope of its own; where it comes after ours, it takes the session
/// away from jitd.
const OTHER: &str = "pam_systemd.so";
/// How deep files may include each other.
const DEEPEST: usize = 8;

/// Whether the files are as `setup` would write them for these groups.
#[must_use]
pub fn gate(files: &Files, groups: &[String]) -> Vec<Finding> {
    let changes = match plan::install(files, groups) {
        Ok(changes) => changes,
        Err(error) => {
            return vec![
                Finding::problem("gate", error.to_string()).next("jitctl setup --dry-run"),
            ];
        }
    };
    let differs = |path: &str| changes.iter().any(|change| change.path == path);
    let there = SERVICES.iter().map(|service| (*service, pam_path(service)));
    let there = there.filter(|(_, path)| files.contains_key(path));
    let mut findings: Vec<_> = there
        .map(|(service, path)| {
            let check = format!("gate of {service}");
            let content = String::from_utf8_lossy(&files[&path]).into_owned();
            let stands = modules(&content, "account").any(|module| module == MODULE);
            if !differs(&path) {
                Finding::ok(check, "in place for the managed groups")
            } else if stands {
                Finding::warning(
                    check,
                    format!("/{path} has the gate, but not as jitctl setup would write it"),
                )
                .next("jitctl setup --dry-run")
            } else {
                Finding::problem(
                    check,
                    format!("/{path} has no gate: {service} is open without an elevation"),
                )
                .next("jitctl setup")
            }
        })
        .collect();
    findings.push(if differs(SUDO_CONF) {
        Finding::problem(
            "sudo.conf",
            format!(
                "/{SUDO_CONF} lacks \"Set group_source dynamic\": open shells keep and miss groups"
            ),
        )
        .next("jitctl setup")
    } else {
        Finding::ok("sudo.conf", "sudo looks groups up afresh")
    });
    findings
}

/// Whether the gated services below a root register their sessions, after all that would take
/// them away again.
#[must_use]
pub fn sessions(root: &Path) -> Vec<Finding> {
    let there = SERVICES
        .iter()
        .filter(|service| root.join(pam_path(service)).is_file());
    there.map(|service| session(root, service)).collect()
}

fn session(root: &Path, service: &str) -> Finding {
    let check = format!("sessions of {service}");
    let stage = match stage(root, service, "session", 0) {
        Ok(stage) => stage,
        Err(why) => return Finding::problem(check, why),
    };
    let last = |name: &str| stage.iter().rposition(|module| module == name);
    match (last(MODULE), last(OTHER)) {
        (None, _) => Finding::problem(
            check,
            format!("/{PAM_DIR}/{service} has no session line of {MODULE}: what it opens does not end with its elevation"),
        )
        .next("jitctl setup"),
        (Some(ours), Some(other)) if other > ours => Finding::problem(
            check,
            format!("in /{PAM_DIR}/{service}, {OTHER} comes after {MODULE} and takes the session away"),
        )
        .next("jitctl setup"),
        _ => Finding::ok(check, "registered, and ended with their elevation"),
    }
}

/// The modules of a stage, with those of included files, in order.
fn stage(root: &Path, service: &str, kind: &str, depth: usize) -> Result<Vec<String>, String> {
    if depth > DEEPEST {
        return Err(format!("/{PAM_DIR}/{service} includes itself"));
    }
    let content = match look(&root.join(pam_path(service))) {
        Sight::Text(content) => content,
        // libpam leaves out what is not there, or refuses all: not for us to judge.
        Sight::Missing => return Ok(Vec::new()),
        Sight::Closed => return Err(format!("/{PAM_DIR}/{service} may not be read")),
        Sight::Broken(why) => return Err(why),
    };
    let mut all = Vec::new();
    for line in lines(&content) {
        match line {
            Line::Module { kind: of, module } if of == kind => all.push(module),
            Line::Include { kind: of, target } if of.as_deref().is_none_or(|of| of == kind) => {
                all.extend(stage(root, &target, kind, depth + 1)?);
            }
            _ => {}
        }
    }
    Ok(all)
}

fn modules<'a>(content: &'a str, kind: &'a str) -> impl Iterator<Item = String> + 'a {
    lines(content).filter_map(move |line| match line {
        Line::Module { kind: of, module } if of == kind => Some(module),
        _ => None,
    })
}

/// What a line of a PAM file says (pam.d(5)).
enum Line {
    Module {
        kind: String,
        /// The file name.
        module: String,
    },
    Include {
        /// Of which stage; none: of all.
        kind: Option<String>,
        target: String,
    },
}

fn lines(content: &str) -> impl Iterator<Item = Line> {
    let joined = content.replace("\\\n", " ");
    let lines: Vec<_> = joined.lines().filter_map(line).collect();
    lines.into_iter()
}

fn line(text: &str) -> Option<Line> {
    let code = text.split('#').next().unwrap_or("").trim();
    let (first, rest) = code.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let word = |text: &str| text.split_whitespace().next().map(str::to_owned);
    if first == "@include" {
        let target = word(rest)?;
        return Some(Line::Include { kind: None, target });
    }
    let kind = first.trim_start_matches('-').to_ascii_lowercase();
    let (control, rest) = match rest.strip_prefix('[') {
        Some(list) => ("[", list.split_once(']')?.1),
        None => rest.split_once(char::is_whitespace)?,
    };
    let target = word(rest)?;
    if ["include", "substack"].contains(&control.to_ascii_lowercase().as_str()) {
        let kind = Some(kind);
        return Some(Line::Include { kind, target });
    }
    let module = target.rsplit('/').next().unwrap_or_default().to_owned();
    Some(Line::Module { kind, module })
}

fn pam_path(service: &str) -> String {
    format!("{PAM_DIR}/{service}")
}
