//! The sudoers file: rendered from the policy alone, checked by visudo, replaced whole.

use std::fmt::Write;
use std::path::PathBuf;

use super::etc_file::{EtcFile, Looks, beside, rename_synced, sync_folder, write_beside};
use super::{Memberships, ReconcileError, groups};
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

    /// Makes the file match the policy. The old one stays in force until the new one has been
    /// checked; a role whose group has standing members is left out, and that is an error.
    ///
    /// # Errors
    /// visudo refuses it, or a file cannot be written.
    pub fn apply(&self, policy: &Policy, memberships: &Memberships) -> Result<(), ReconcileError> {
        let mut errors = Vec::new();
        let mut roles = Vec::new();
        for role in policy.roles.values() {
            let Some(group) = role.sudo_group() else {
                continue;
            };
            let standing = memberships.standing_members(group.as_str())?;
            if standing.is_empty() {
                roles.push(role);
            } else {
                errors.push(ReconcileError::StandingMembers {
                    role: role.name.to_string(),
                    group: group.to_string(),
                    members: standing.join(", "),
                });
            }
        }
        errors.extend(self.install(&roles).err());
        ReconcileError::together(errors)
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

    fn install(&self, roles: &[&Role]) -> Result<(), ReconcileError> {
        if roles.is_empty() {
            return self.remove();
        }
        let text = render(roles.iter().copied());
        let old = EtcFile::read(&self.path)?;
        let looks = Looks {
            mode: MODE,
            owner: (0, 0),
            label: old.as_ref().and_then(|file| file.looks().label.clone()),
        };
        if old.is_some_and(|file| file.bytes == text.as_bytes() && *file.looks() == looks) {
            return Ok(());
        }
        let new = beside(&self.path);
        write_beside(&new, text.as_bytes(), &looks).map_err(ReconcileError::file(&new, "write"))?;
        check(&new).inspect_err(|_| {
            let _ = std::fs::remove_file(&new);
        })?;
        rename_synced(&new, &self.path)
    }
}

/// Every visudo of the host must like it; a host without any has no sudo to protect, but a
/// file that nobody checked is not installed.
fn check(path: &std::path::Path) -> Result<(), ReconcileError> {
    let mut checked = false;
    for visudo in VISUDO
        .iter()
        .filter(|visudo| std::path::Path::new(visudo).exists())
    {
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

/// The text: the same for the same roles, in the form that sudo and sudo-rs both take
/// (`%group`; sudo-rs panics on `%:group`, FACTS 4).
pub fn render<'a>(roles: impl Iterator<Item = &'a Role>) -> String {
    let mut text = String::from(
        "# Written by jitd from /etc/jitd; changes made here are lost.\n\
         # Members are given and taken with each elevation: see jitctl list --state active.\n",
    );
    for role in roles {
        let Some(group) = role.sudo_group() else {
            continue;
        };
        let commands = role.commands.join(", \\\n    ");
        let run_as = role.run_as.join(", ");
        let source = crate::domain::text::escaped(&role.source);
        // A String takes all that is written to it.
        let _ = write!(
            text,
            "\n# role {} ({source})\n%{group} ALL=({run_as}) {commands}\n",
            role.name
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_file::{Source, parse};

    #[test]
    fn the_text_names_role_and_source_and_leaves_out_roles_without_commands() {
        let text = r#"
            [role.deploy]
            groups = ["jit-deploy", "adm"]
            run_as = ["root", "www-data"]
            commands = ["/usr/bin/systemctl restart web.service", "/usr/bin/journalctl -u web.service"]
            services = ["sudo"]
            eligible = { groups = ["contractors"] }
            approvers = { groups = ["jit-approvers"] }

            [role.shell]
            services = ["su"]
            eligible = { groups = ["contractors"] }
            approvers = { groups = ["jit-approvers"] }
        "#;
        let source = Source {
            path: "/etc/jitd/jitd.toml".to_owned(),
            text: text.to_owned(),
        };
        let policy = parse(&[source]).unwrap();
        let rendered = render(policy.roles.values());
        let rules: Vec<_> = rendered.lines().skip(2).collect();
        assert_eq!(
            rules,
            [
                "",
                "# role deploy (/etc/jitd/jitd.toml)",
                "%jit-deploy ALL=(root, www-data) /usr/bin/systemctl restart web.service, \\",
                "    /usr/bin/journalctl -u web.service",
            ]
        );
    }
}
