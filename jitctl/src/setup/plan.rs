//! From what is in the files to what should be: pure.

use super::block::{self, Damaged};
use super::gate::Gate;
use super::services::SERVICES;
use super::sudo_conf;
use crate::pam::Stage;
use crate::pam::folder::{Files, PAM_DIR, pam_path};
use crate::pam::judge::Gap;
use crate::pam::line::LONGEST;
use crate::pam::stack::Broken;

/// sudo's front end, below the root.
pub const SUDO_CONF: &str = "etc/sudo.conf";

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
    /// More groups than a line has room for.
    #[error(
        "the managed groups make a line of {0} bytes in a PAM file, and libpam reads {LONGEST} at most"
    )]
    TooLong(usize),
    /// No sudo and no su on this host.
    #[error("there is no sudo and no su on this host, and no PAM file of theirs in /{PAM_DIR}")]
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
    /// The file is another one, which others may use too.
    #[error("/{path} is a symbolic link to /{target}, which may be somebody else's: not touched")]
    Link {
        /// Path below the root.
        path: String,
        /// What it leads to.
        target: String,
    },
    /// Its lines end as those of DOS do.
    #[error(
        "/{0} has lines that end in CR LF, and libpam takes the CR for a part of the last word"
    )]
    LineEnds(String),
    /// libpam can't use the service's files.
    #[error("PAM service {service}: {why}")]
    Broken {
        /// The service.
        service: String,
        /// What is wrong.
        why: Broken,
    },
    /// Wherever the line is put, there is a way past it.
    #[error("/{path}: {}", gap_in_words(*.stage, gap))]
    Gap {
        /// Path below the root.
        path: String,
        /// The stage.
        stage: Stage,
        /// The way.
        gap: Gap,
    },
    /// Wherever the line is put, the stage means something else to people who are not managed.
    #[error(
        "/{path}: a line of the gate would change what the {stage} stage means to people who are not managed"
    )]
    Meaning {
        /// Path below the root.
        path: String,
        /// The stage.
        stage: Stage,
    },
}

/// A gap as a clause.
#[must_use]
pub fn gap_in_words(stage: Stage, gap: &Gap) -> String {
    let at = |place: &crate::pam::stack::Place| {
        format!("\"{}\" (/{} line {})", place.text, place.path, place.line)
    };
    match gap {
        Gap::Skipped(Some(place)) => {
            format!(
                "after {} the {stage} stage can end well without the gate",
                at(place)
            )
        }
        Gap::Skipped(None) => format!("the {stage} stage can end well without the gate"),
        Gap::Ignored(place) => format!("what the gate says in {} need not count", at(place)),
        Gap::TakenAway(place) => {
            format!(
                "{} comes after the gate, and takes the session away",
                at(place)
            )
        }
        Gap::TooInvolved => format!("there are too many ways through the {stage} stage to look at"),
    }
}

/// What to change so that exactly these groups are gated in these services; empty when all is
/// as it should be.
///
/// # Errors
/// [`PlanError`]; nothing is to be changed then.
pub fn install(
    files: &Files,
    groups: &[String],
    services: &[String],
) -> Result<Vec<Change>, PlanError> {
    let arguments = arguments(groups)?;
    if services.is_empty() {
        return Err(PlanError::NothingToGate);
    }
    let ours = |path: &str| services.iter().any(|service| pam_path(service) == path);
    let mut after = without_ours(files, |path, made_by_us| made_by_us || ours(path))?;
    let (links, plain): (Vec<_>, Vec<_>) = services
        .iter()
        .partition(|service| files.links.contains_key(&pam_path(service)));
    for service in plain.into_iter().chain(links) {
        let path = pam_path(service);
        let Some(content) = Gate::new(service, &after, groups, &arguments)?.content()? else {
            continue;
        };
        let content = if after.get(&path).is_none() {
            as_file_of_ours(&content)
        } else {
            content
        };
        after.set(&path, Some(&content));
    }
    let conf = sudo_conf::with_dynamic_groups(files.get(SUDO_CONF))?;
    after.set(SUDO_CONF, Some(&conf));
    Ok(changes(files, &after))
}

/// What to change so that the files are as they were before [`install`].
///
/// # Errors
/// [`PlanError::Damaged`] only.
pub fn undo(files: &Files) -> Result<Vec<Change>, PlanError> {
    Ok(changes(files, &without_ours(files, |_, _| true)?))
}

/// The files without our blocks, where they are to go.
fn without_ours(files: &Files, is_to_go: impl Fn(&str, bool) -> bool) -> Result<Files, PlanError> {
    let mut after = files.clone();
    for (path, content) in &files.contents {
        let in_etc = path.starts_with(PAM_DIR) || path == SUDO_CONF;
        if !in_etc || files.links.contains_key(path) {
            continue;
        }
        let is_known = path == SUDO_CONF || SERVICES.iter().any(|it| pam_path(it) == *path);
        let stripped = match strip(path, content) {
            Ok(stripped) => stripped,
            // A copy that somebody keeps there is no reason to stop.
            Err(_) if !is_known => continue,
            Err(damaged) => return Err(damaged),
        };
        if !is_to_go(path, stripped.made_by_us) {
            continue;
        }
        let gone = stripped.made_by_us && stripped.rest.is_empty();
        after.set(path, (!gone).then_some(stripped.rest.as_slice()));
    }
    Ok(after)
}

/// What differs; links are what they lead to.
fn changes(before: &Files, after: &Files) -> Vec<Change> {
    let mut paths: Vec<_> = before
        .contents
        .keys()
        .chain(after.contents.keys())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    // Services first, as people think of them; what they depend on comes before them.
    let differs =
        |path: &&String| !before.links.contains_key(*path) && before.get(path) != after.get(path);
    let paths = paths.into_iter().filter(differs);
    let change = |path: &String| Change {
        path: path.clone(),
        before: before.get(path).map(<[u8]>::to_vec),
        after: after.get(path).map(<[u8]>::to_vec),
    };
    let (mut last, mut changes): (Vec<_>, Vec<_>) = paths
        .map(change)
        .partition(|change| change.path == SUDO_CONF);
    changes.append(&mut last);
    changes
}

pub(super) fn strip(path: &str, content: &[u8]) -> Result<block::Stripped, PlanError> {
    block::strip(content).map_err(|damage| PlanError::Damaged {
        path: path.to_owned(),
        damage,
    })
}

/// One block around all of it, so that nothing of it stays.
fn as_file_of_ours(content: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(content);
    let is_mark = |line: &&str| !line.starts_with("# jitd: ");
    let lines: Vec<_> = text.lines().filter(is_mark).collect();
    block::wrap(block::BEGIN_FILE, &(lines.join("\n") + "\n"))
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

/// `managed_group=NAME`; brackets keep a name with spaces together (pam.d(5)).
fn argument(group: &str) -> Result<String, PlanError> {
    // Whatever stands before it, libpam takes # for the beginning of a comment; and a backslash
    // before the bracket would make that one of the name.
    let unfit = |c: char| c.is_control() || c == '#';
    if group.is_empty() || group.contains(unfit) || group.ends_with('\\') || group.contains("\\]") {
        return Err(PlanError::GroupName(group.to_owned()));
    }
    let special = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '\\');
    Ok(if group.contains(special) {
        format!("[managed_group={}]", group.replace(']', "\\]"))
    } else {
        format!("managed_group={group}")
    })
}
