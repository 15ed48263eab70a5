//! The sudoers file: who may run what, at this moment. Checked by visudo, replaced whole.
//!
//! Its rules name the holders, not the groups that a role gives: sudo takes a process for a
//! member of the group that it runs with, so that a set-group-id file made during one elevation
//! would open a rule for that group for ever, to anybody.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::etc_file::{EtcFile, Looks, beside, rename_synced, sync_folder, write_beside};
use super::{ReconcileError, groups};
use crate::domain::desired::{Desired, Holder};
use crate::domain::policy::{Policy, Role};

/// Mode of a sudoers file.
const MODE: u32 = 0o440;
/// Who checks it: that of sudo and that of sudo-rs, where they are installed.
const VISUDO: [&str; 2] = ["/usr/sbin/visudo", "/usr/sbin/visudo-rs"];

/// The file of ours in sudo's include folder.
#[derive(Debug)]
pub struct Sudoers {
    path: PathBuf,
}

impl Sudoers {
    /// `path` is `/etc/sudoers.d/jitd`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Makes the file match. What visudo refuses is never put in place; but then, or when the
    /// new file cannot be written, an old one that gives more than it should is removed.
    ///
    /// # Errors
    /// visudo refuses it, or a file cannot be written or removed.
    pub fn apply(&self, policy: &Policy, desired: &Desired) -> Result<(), ReconcileError> {
        let text = render(policy, desired);
        self.install(&text).or_else(|error| {
            self.remove_what_gives_too_much(&text)?;
            Err(error)
        })
    }

    /// Removes the file.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(&self) -> Result<(), ReconcileError> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => sync_folder(&self.path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(ReconcileError::file(&self.path, "remove")(error)),
        }
    }

    fn install(&self, text: &str) -> Result<(), ReconcileError> {
        if rules(text).next().is_none() {
            return self.remove();
        }
        let old = EtcFile::read(&self.path)?;
        let looks = Looks {
            mode: MODE,
            owner: (0, 0),
            label: old.as_ref().and_then(|file| file.looks().label.clone()),
        };
        if old
            .as_ref()
            .is_some_and(|file| file.bytes == text.as_bytes() && *file.looks() == looks)
        {
            return Ok(());
        }
        // Every rule stands for itself: what is left when some go has been checked before.
        let checked = old.is_some_and(|file| gives_no_more(text, &file.bytes));
        let new = beside(&self.path);
        write_beside(&new, text.as_bytes(), &looks).map_err(ReconcileError::file(&new, "write"))?;
        if !checked {
            check(&new).inspect_err(|_| {
                // It is ours, and nobody reads it there.
                let _ = std::fs::remove_file(&new);
            })?;
        }
        rename_synced(&new, &self.path)
    }

    /// A full disk must not let anybody keep what has ended: removing needs no room.
    fn remove_what_gives_too_much(&self, wanted: &str) -> Result<(), ReconcileError> {
        let Some(old) = EtcFile::read(&self.path)? else {
            return Ok(());
        };
        let old = String::from_utf8_lossy(&old.bytes).into_owned();
        if gives_no_more(&old, wanted.as_bytes()) {
            return Ok(());
        }
        self.remove()
    }
}

/// Whether every rule of a text is also one of the other's.
fn gives_no_more(text: &str, other: &[u8]) -> bool {
    let other = String::from_utf8_lossy(other);
    let known: HashSet<&str> = rules(&other).collect();
    rules(text).all(|rule| known.contains(rule))
}

/// The lines of a text of ours that give something.
fn rules(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
}

/// Every visudo of the host must like it; a host without any has no sudo to protect, but a
/// file that nobody checked is not installed.
fn check(path: &Path) -> Result<(), ReconcileError> {
    let mut checked = false;
    for visudo in VISUDO.iter().filter(|visudo| Path::new(visudo).exists()) {
        groups::run(visudo, &["-c", "-f", &path.to_string_lossy()])?;
        checked = true;
    }
    if checked {
        return Ok(());
    }
    Err(ReconcileError::Program {
        program: VISUDO[0].to_owned(),
        output: "is not installed; without it no sudoers file is put in place".to_owned(),
    })
}

/// The text: a line for each role and holder, the same for the same policy and holders, in the
/// form that sudo and sudo-rs both take.
#[must_use]
pub fn render(policy: &Policy, desired: &Desired) -> String {
    let mut text = String::from(
        "# Written by jitd from /etc/jitd and the active elevations; changes made here are lost.\n",
    );
    let nobody = BTreeSet::new();
    for role in policy
        .roles
        .values()
        .filter(|role| !role.commands.is_empty())
    {
        let holders = desired.holders.get(&role.name).unwrap_or(&nobody);
        push_role(&mut text, role, holders);
    }
    text
}

fn push_role(text: &mut String, role: &Role, holders: &BTreeSet<Holder>) {
    let source = crate::domain::text::escaped(&role.source);
    let commands = role.commands.join(", ");
    let run_as = role.run_as.join(", ");
    // A String takes all that is written to it.
    let _ = writeln!(text, "\n# role {} ({source})", role.name);
    for holder in holders {
        let _ = writeln!(text, "{} ALL=({run_as}) {commands}", user(holder));
    }
}

/// By name, so that the next owner of a uid has nothing of it; a name that sudoers(5) could take
/// for something else goes by its number.
fn user((name, uid): &Holder) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let name = name.as_str();
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("#{uid}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::{RoleName, UserName};
    use crate::policy_file::{Source, parse};

    const POLICY: &str = r#"
        [role.deploy]
        groups = ["adm"]
        run_as = ["root", "www-data"]
        commands = ["/usr/bin/systemctl restart web.service", "/usr/bin/id \"\""]
        services = ["sudo"]
        eligible = { groups = ["contractors"] }
        approvers = { groups = ["jit-approvers"] }

        [role.shell]
        services = ["su"]
        eligible = { groups = ["contractors"] }
        approvers = { groups = ["jit-approvers"] }
    "#;

    fn policy() -> Policy {
        let source = Source {
            path: "/etc/jitd/jitd.toml".to_owned(),
            text: POLICY.to_owned(),
        };
        parse(&[source]).unwrap()
    }

    fn held_by(holders: &[(&str, u32)]) -> Desired {
        let holders: BTreeSet<Holder> = holders
            .iter()
            .map(|(name, uid)| (UserName::new(name).unwrap(), *uid))
            .collect();
        let roles = ["deploy", "shell"].map(|role| (RoleName::new(role).unwrap(), holders.clone()));
        Desired {
            holders: roles.into(),
            ..Desired::default()
        }
    }

    #[test]
    fn the_text_names_role_and_source_and_gives_commands_to_holders_alone() {
        let text = render(&policy(), &held_by(&[("carol", 1001), ("ACME\\dan", 1002)]));
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "",
                "# role deploy (/etc/jitd/jitd.toml)",
                "#1002 ALL=(root, www-data) /usr/bin/systemctl restart web.service, /usr/bin/id \"\"",
                "carol ALL=(root, www-data) /usr/bin/systemctl restart web.service, /usr/bin/id \"\"",
            ]
        );
        assert_eq!(rules(&text).count(), 2);
        assert_eq!(rules(&render(&policy(), &Desired::default())).count(), 0);
    }

    #[test]
    fn what_cannot_be_replaced_and_gives_too_much_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jitd");
        let sudoers = Sudoers::new(path.clone());
        let both = render(&policy(), &held_by(&[("carol", 1001), ("dan", 1002)]));
        let one = render(&policy(), &held_by(&[("carol", 1001)]));
        std::fs::write(&path, &one).unwrap();
        sudoers.remove_what_gives_too_much(&both).unwrap();
        assert!(path.exists(), "what gives less stays in force");
        std::fs::write(&path, &both).unwrap();
        sudoers.remove_what_gives_too_much(&one).unwrap();
        assert!(!path.exists());
    }
}
