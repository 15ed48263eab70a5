//! From what is in the files to what should be: pure.

use std::collections::BTreeMap;

use super::block::{self, Damaged};

/// The PAM services that are gated. An including one comes after those it may include.
pub const SERVICES: [&str; 4] = ["sudo", "su", "sudo-i", "su-l"];
/// Where PAM services are configured, below the root.
pub const PAM_DIR: &str = "etc/pam.d";
/// sudo's front end, below the root.
pub const SUDO_CONF: &str = "etc/sudo.conf";

/// The files that `setup` looks at: path below the root → content. An absent file is absent.
pub type Files = BTreeMap<String, Vec<u8>>;

/// One file to write or to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Path below the root.
    pub path: String,
    /// What is there now; nothing: no file.
    pub before: Option<Vec<u8>>,
    /// What shall be there; nothing: no file.
    pub after: Option<Vec<u8>>,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Without a group the gate would be closed to everybody but root.
    #[error(
        "the policy names no managed groups, and a gate without one is closed to everyone but root"
    )]
    NoGroups,
    /// A name that a PAM file cannot carry.
    #[error("the managed group {0:?} cannot be written in a PAM file")]
    GroupName(String),
    /// No sudo and no su on this host.
    #[error("there is no PAM file of sudo or su in /{PAM_DIR}")]
    NothingToGate,
    /// sudo.conf says otherwise already.
    #[error("/{SUDO_CONF} line {line}: {text:?} is in the way of \"Set group_source dynamic\"")]
    OtherGroupSource {
        /// Line number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// Our block in a file is not whole.
    #[error("/{path} {damage}")]
    Damaged {
        /// Path below the root.
        path: String,
        /// What is wrong with it.
        damage: Damaged,
    },
}

/// Every path that `setup` looks at.
#[must_use]
pub fn paths() -> Vec<String> {
    let services = SERVICES.iter().map(|service| pam_path(service));
    services.chain([SUDO_CONF.to_owned()]).collect()
}

/// What to change so that exactly these groups are gated; empty when all is as it should be.
///
/// # Errors
/// [`PlanError`]; nothing is to be changed then.
pub fn install(files: &Files, groups: &[String]) -> Result<Vec<Change>, PlanError> {
    let arguments = arguments(groups)?;
    let gate = block::wrap(block::BEGIN, &gate_lines(&arguments));
    let sessions = session_lines(&arguments);
    let mut changes = Vec::new();
    let mut gated: Vec<&str> = Vec::new();
    for service in SERVICES {
        let path = pam_path(service);
        let Some(content) = files.get(&path) else {
            continue;
        };
        let rest = strip(&path, content)?.rest;
        let mut after = rest.clone();
        if !is_covered(&rest, &gated) {
            after = block::insert_at_top(&after, &gate);
        }
        if !registers(&rest, &gated) {
            after = block::append(&after, &sessions);
        }
        gated.push(service);
        change(&mut changes, path, Some(content), Some(after));
    }
    if gated.is_empty() {
        return Err(PlanError::NothingToGate);
    }
    let before = files.get(SUDO_CONF);
    let after = sudo_conf(before.map(Vec::as_slice))?;
    change(&mut changes, SUDO_CONF.to_owned(), before, after);
    Ok(changes)
}

/// What to change so that the files are as they were before [`install`].
///
/// # Errors
/// [`PlanError::Damaged`] only.
pub fn undo(files: &Files) -> Result<Vec<Change>, PlanError> {
    let mut changes = Vec::new();
    for (path, content) in files {
        let stripped = strip(path, content)?;
        let after = (!stripped.made_by_us || !stripped.rest.is_empty()).then_some(stripped.rest);
        change(&mut changes, path.clone(), Some(content), after);
    }
    Ok(changes)
}

fn change(
    changes: &mut Vec<Change>,
    path: String,
    before: Option<&Vec<u8>>,
    after: Option<Vec<u8>>,
) {
    if before != after.as_ref() {
        changes.push(Change {
            path,
            before: before.cloned(),
            after,
        });
    }
}

fn pam_path(service: &str) -> String {
    format!("{PAM_DIR}/{service}")
}

fn strip(path: &str, content: &[u8]) -> Result<block::Stripped, PlanError> {
    block::strip(content).map_err(|damage| PlanError::Damaged {
        path: path.to_owned(),
        damage,
    })
}

fn arguments(groups: &[String]) -> Result<String, PlanError> {
    if groups.is_empty() {
        return Err(PlanError::NoGroups);
    }
    let mut arguments = String::new();
    for group in groups {
        arguments.push(' ');
        arguments.push_str(&argument(group)?);
    }
    Ok(arguments)
}

/// Before all others: who is refused is asked for no password.
fn gate_lines(arguments: &str) -> String {
    format!(
        "auth     requisite pam_jit.so{arguments}\n\
         account  required  pam_jit.so{arguments}\n"
    )
}

/// After all others: `pam_systemd`, where it comes later, would take the session away from jitd.
fn session_lines(arguments: &str) -> String {
    format!("session  required  pam_jit.so{arguments}\n")
}

/// `managed_group=NAME`; brackets keep a name with spaces together (pam.d(5)).
fn argument(group: &str) -> Result<String, PlanError> {
    let unfit = |c: char| c.is_control() || matches!(c, '[' | ']' | '#' | '\\');
    if group.is_empty() || group.contains(unfit) {
        return Err(PlanError::GroupName(group.to_owned()));
    }
    Ok(if group.contains(char::is_whitespace) {
        format!("[managed_group={group}]")
    } else {
        format!("managed_group={group}")
    })
}

/// Whether the file takes the gate from a service that has it: in auth and in
/// account, its first line includes one.
fn is_covered(content: &[u8], gated: &[&str]) -> bool {
    ["auth", "account"].iter().all(|kind| {
        first_target(content, kind).is_some_and(|target| gated.contains(&target.as_str()))
    })
}

/// Whether the file has the sessions of a service that has the gate.
fn registers(content: &[u8], gated: &[&str]) -> bool {
    let text = String::from_utf8_lossy(content);
    let included = text.lines().filter_map(|line| {
        let code = line.split('#').next().unwrap_or("");
        match code.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["@include", target, ..] => Some((*target).to_owned()),
            [first, control, target, ..]
                if first
                    .trim_start_matches('-')
                    .eq_ignore_ascii_case("session")
                    && ["include", "substack"].contains(&&*control.to_ascii_lowercase()) =>
            {
                Some((*target).to_owned())
            }
            _ => None,
        }
    });
    included
        .into_iter()
        .any(|target| gated.contains(&target.as_str()))
}

/// What the first line of this kind includes, if it includes.
fn first_target(content: &[u8], kind: &str) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let words = |line: &str| -> Vec<String> {
        let code = line.split('#').next().unwrap_or("");
        code.split_whitespace().map(str::to_owned).collect()
    };
    for line in text.lines().map(words) {
        match line
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .as_slice()
        {
            ["@include", target, ..] => return Some((*target).to_owned()),
            [first, control, target, ..]
                if first.trim_start_matches('-').eq_ignore_ascii_case(kind) =>
            {
                let includes = matches!(
                    control.to_ascii_lowercase().as_str(),
                    "include" | "substack"
                );
                return includes.then(|| (*target).to_owned());
            }
            _ => {}
        }
    }
    None
}

/// `Set group_source dynamic`: sudo looks groups up afresh, also for a shell that
/// was there before (sudo.conf(5)).
fn sudo_conf(before: Option<&[u8]>) -> Result<Option<Vec<u8>>, PlanError> {
    const BODY: &str = "Set group_source dynamic\n";
    let Some(content) = before else {
        return Ok(Some(block::wrap(block::BEGIN_FILE, BODY)));
    };
    let stripped = strip(SUDO_CONF, content)?;
    let mut dynamic_already = false;
    for (line, text) in (1..).zip(block::lines(content)) {
        // A line of our own block says dynamic, and is no obstacle.
        let text = String::from_utf8_lossy(text);
        match group_source(&text) {
            Some(value) if value.eq_ignore_ascii_case("dynamic") => {}
            Some(_) => {
                return Err(PlanError::OtherGroupSource {
                    line,
                    text: text.trim().to_owned(),
                });
            }
            None => {}
        }
    }
    for text in block::lines(&stripped.rest) {
        dynamic_already |= group_source(&String::from_utf8_lossy(text)).is_some();
    }
    if dynamic_already {
        return Ok(Some(stripped.rest));
    }
    let begin = if stripped.made_by_us {
        block::BEGIN_FILE
    } else {
        block::BEGIN
    };
    Ok(Some(block::insert_at_end(
        &stripped.rest,
        &block::wrap(begin, BODY),
    )))
}

/// The value that a line of sudo.conf sets `group_source` to. sudo takes both words in any case.
fn group_source(line: &str) -> Option<String> {
    let code = line.split('#').next().unwrap_or("");
    let mut words = code.split_whitespace();
    let set = words.next()?.eq_ignore_ascii_case("set");
    let variable = words.next()?.eq_ignore_ascii_case("group_source");
    (set && variable).then(|| words.next().unwrap_or("").to_owned())
}
