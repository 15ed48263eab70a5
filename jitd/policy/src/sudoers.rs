//! What a policy means to sudo: the text of a sudoers file, and what visudo says to it.
//!
//! Its rules name the holders, not the groups that a role gives: sudo takes a process for a
//! member of the group that it runs with, so that a set-group-id file made during one elevation
//! would open a rule for that group for ever, to anybody. They go by number, and whoever has the
//! number under another name is refused: an elevation belongs to both.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Seek, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::domain::desired::{Desired, Holder};
use crate::domain::names::UserName;
use crate::domain::policy::{Policy, Role};
use crate::domain::text;
use crate::file::PolicyError;

mod names;
mod people;
mod recording;

pub use recording::{Dialect, RECORDINGS, unrecorded};

/// Who checks a sudoers file: that of sudo and that of sudo-rs, where they are installed.
const VISUDO: [&str; 3] = [
    "/usr/sbin/visudo",
    "/usr/sbin/visudo-rs",
    "/usr/bin/visudo-rs",
];

/// Words that sudo takes for no account's and no group's name, wherever they stand.
pub(crate) const WORDS: [&str; 5] = ["sudoedit", "sha224", "sha256", "sha384", "sha512"];

/// The text: a line for each role and holder, the same for the same policy and holders, in the
/// form that everybody takes who reads it.
#[must_use]
pub fn render(policy: &Policy, desired: &Desired, dialect: Dialect) -> String {
    let mut text = String::from(
        "# Written by jitd from /etc/jitd and the active elevations; changes made here are lost.\n",
    );
    recording::push_settings(&mut text, policy, desired, dialect);
    let nobody = BTreeSet::new();
    for role in with_commands(policy) {
        let holders = desired.holders.get(&role.name).unwrap_or(&nobody);
        push_role(&mut text, role, holders, dialect);
    }
    people::push_strangers(&mut text, &holders_of_all(policy, desired), dialect);
    text
}

/// The holders who can't be named to everybody who reads the text, and so are given no commands.
#[must_use]
pub fn unnameable(policy: &Policy, desired: &Desired, dialect: Dialect) -> Vec<Holder> {
    let holders = holders_of_all(policy, desired).into_iter();
    holders
        .filter(|holder| people::named(holder, dialect).is_none())
        .cloned()
        .collect()
}

fn with_commands(policy: &Policy) -> impl Iterator<Item = &Role> {
    let roles = policy.roles.values();
    roles.filter(|role| !role.commands.is_empty())
}

fn holders_of_all<'a>(policy: &Policy, desired: &'a Desired) -> BTreeSet<&'a Holder> {
    with_commands(policy)
        .filter_map(|role| desired.holders.get(&role.name))
        .flatten()
        .collect()
}

/// The lines of such a text that give something, or say how it is given.
pub fn rules(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
}

fn push_role(text: &mut String, role: &Role, holders: &BTreeSet<Holder>, dialect: Dialect) {
    let source = text::escaped(&role.source);
    let commands = role.commands.join(", ");
    let mut run_as = names::all_said(&role.run_as, dialect);
    if !role.run_as_groups.is_empty() {
        run_as = format!(
            "{run_as} : {}",
            names::all_said(&role.run_as_groups, dialect)
        );
    }
    let tags = if role.record { recording::TAGS } else { "" };
    // A String takes all that is written to it.
    let _ = writeln!(text, "\n# role {} ({source})", role.name);
    for holder in holders {
        if let Some(user) = people::named(holder, dialect) {
            let _ = writeln!(text, "# {}", people::described(holder));
            let _ = writeln!(text, "{user} ALL=({run_as}) {tags}{commands}");
        }
    }
}

/// The programs of this host that check sudoers files; mostly one.
#[must_use]
pub fn checkers() -> Vec<PathBuf> {
    VISUDO
        .iter()
        .map(PathBuf::from)
        .filter(|visudo| visudo.exists())
        .collect()
}

/// What a program says to the text of a sudoers file; nothing when it takes it. What it takes
/// with a warning would mean something else to its sudo than it says: sudo-rs ignores tags that
/// it does not know.
///
/// # Errors
/// The program does not run.
pub fn complaint(visudo: &Path, text: &str) -> io::Result<Option<String>> {
    // A file, since not every visudo reads from a pipe, and in memory, since a full disk must
    // not keep a policy out.
    let mut file = File::from(memfd_create(c"sudoers", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    let output = Command::new(visudo)
        .args(["-c", "-f", "/dev/stdin"])
        .env_clear()
        .stdin(Stdio::from(file))
        .output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let warned = said
        .lines()
        .any(|line| line.starts_with("warning:") && !recording::is_about_tags(line));
    if output.status.success() && !warned {
        return Ok(None);
    }
    let lines: Vec<_> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    Ok(Some(text::escaped(&lines.join("; "))))
}

/// The roles whose commands sudo would not understand, as if somebody held them: one that it
/// refuses would keep the whole file from being installed.
#[must_use]
pub fn refused(policy: &Policy) -> Vec<PolicyError> {
    let Ok(somebody) = UserName::new("root") else {
        return Vec::new();
    };
    let held = |roles: Vec<&Role>| {
        let holders = roles
            .into_iter()
            .map(|role| (role.name.clone(), [(somebody.clone(), 0)].into()));
        let desired = Desired {
            holders: holders.collect(),
            ..Desired::default()
        };
        render(policy, &desired, Dialect::of_host())
    };
    let mut errors = unsayable(policy, Dialect::of_host());
    if !errors.is_empty() {
        return errors;
    }
    for visudo in checkers() {
        let all = held(policy.roles.values().collect());
        if matches!(complaint(&visudo, &all), Ok(None)) {
            continue;
        }
        for role in policy.roles.values() {
            let said = match complaint(&visudo, &held(vec![role])) {
                Ok(None) => continue,
                Ok(Some(said)) => said,
                Err(error) => error.to_string(),
            };
            let message = format!("{} refuses what this gives: {said}", visudo.display());
            let place = role.places.of("commands").or(role.places.of("role"));
            let key = format!("role.{}.commands", role.name);
            errors.extend(place.map(|place| PolicyError::in_line(place, key, message)));
        }
    }
    errors
}

/// The roles with a name that not every sudo of the host can be told.
fn unsayable(policy: &Policy, dialect: Dialect) -> Vec<PolicyError> {
    let mut errors = Vec::new();
    for role in with_commands(policy) {
        for (key, all) in [
            ("run_as", &role.run_as),
            ("run_as_groups", &role.run_as_groups),
        ] {
            for name in all
                .iter()
                .filter(|name| names::said(name, dialect).is_none())
            {
                let message = format!(
                    "sudo-rs is on this host, and can't be told the name \"{}\": say its number, as \"#1234\"",
                    text::escaped(name)
                );
                let place = role.places.of("commands").or(role.places.of("role"));
                let key = format!("role.{}.{key}", role.name);
                errors.extend(place.map(|place| PolicyError::in_line(place, key, message)));
            }
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::RoleName;
    use crate::file::{Source, parse};

    const POLICY: &str = r#"
        [role.deploy]
        groups = ["adm"]
        run_as = ["root", "%www-data"]
        commands = ["/usr/bin/systemctl restart web.service", "/usr/bin/id \"\""]
        services = ["sudo"]
        eligible = { groups = ["contractors"] }
        approvers = { groups = ["jit-approvers"] }

        [role.db]
        run_as = ["postgres"]
        run_as_groups = ["adm"]
        commands = ["/usr/bin/psql"]
        services = ["sudo"]
        eligible = { groups = ["contractors"] }
        approvers = { groups = ["jit-approvers"] }
        record = true

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
        parse(&[source]).unwrap().policy
    }

    fn held_by(holders: &[(&str, u32)]) -> Desired {
        let holders: BTreeSet<Holder> = holders
            .iter()
            .map(|(name, uid)| (UserName::new(name).unwrap(), *uid))
            .collect();
        let roles =
            ["deploy", "db", "shell"].map(|role| (RoleName::new(role).unwrap(), holders.clone()));
        Desired {
            holders: roles.into(),
            ..Desired::default()
        }
    }

    #[test]
    fn the_text_names_role_and_source_and_gives_commands_to_holders_alone() {
        let held = held_by(&[("carol", 1001), ("ACME\\dan", 1002)]);
        let text = render(&policy(), &held, Dialect::Common);
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "",
                "# role db (/etc/jitd/jitd.toml)",
                "# ACME\\\\dan (uid 1002)",
                "#1002 ALL=(postgres : adm) LOG_INPUT: LOG_OUTPUT: /usr/bin/psql",
                "# carol (uid 1001)",
                "#1001 ALL=(postgres : adm) LOG_INPUT: LOG_OUTPUT: /usr/bin/psql",
                "",
                "# role deploy (/etc/jitd/jitd.toml)",
                "# ACME\\\\dan (uid 1002)",
                "#1002 ALL=(root, %www-data) /usr/bin/systemctl restart web.service, /usr/bin/id \"\"",
                "# carol (uid 1001)",
                "#1001 ALL=(root, %www-data) /usr/bin/systemctl restart web.service, /usr/bin/id \"\"",
                "",
                "# whoever has the number of one of them by now, and is not them",
                "#1001, !carol ALL=(ALL : ALL) !ALL",
            ]
        );
        assert_eq!(rules(&text).count(), 5);
        let nobody = render(&policy(), &Desired::default(), Dialect::Sudo);
        assert_eq!(rules(&nobody).count(), 0);
    }

    #[test]
    fn all_that_holders_of_a_recorded_role_run_is_recorded() {
        let held = held_by(&[("carol", 1001)]);
        let text = render(&policy(), &held, Dialect::Sudo);
        let mut settings = rules(&text).filter(|rule| rule.starts_with("Defaults"));
        let one = settings.next().unwrap();
        assert!(one.starts_with("Defaults:#1001 iolog_dir=/var/log/jitd/recordings, log_input,"));
        assert_eq!(settings.next(), None, "once for each of them");
        // Whoever holds what is not recorded has no part in it.
        let mut held = held;
        held.holders.remove("db");
        let text = render(&policy(), &held, Dialect::Sudo);
        assert!(!text.contains("Defaults"), "{text}");
    }

    #[test]
    fn a_recorded_role_beside_sudo_rs_is_warned_of() {
        let warnings = unrecorded(&policy(), Dialect::Common);
        let told: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].contains("role.db.record: sudo-rs is on this host"));
        assert_eq!(unrecorded(&policy(), Dialect::Sudo), []);
    }

    #[test]
    fn of_the_warnings_of_visudo_those_of_the_tags_are_none() {
        for (line, is) in [
            ("warning: LOG_INPUT tags are ignored by sudo-rs", true),
            ("warning: LOG_OUTPUT tags are ignored by sudo-rs", true),
            ("warning: MAIL tags are ignored by sudo-rs", false),
        ] {
            assert_eq!(recording::is_about_tags(line), is, "{line}");
        }
    }
}
