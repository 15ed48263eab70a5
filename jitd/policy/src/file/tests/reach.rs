//! Who could come to act as somebody who approves.

use super::{source, told};
use crate::file::{parse, reached_approvers};

/// A role with these lines, beside one that alice and leads decide over.
fn with(lines: &str) -> String {
    format!(
        "[managed]\ngroups = [\"m\"]\n[role.other]\nservices = [\"su\"]\neligible = {{ groups = [\"m\"] }}\n\
         approvers = {{ users = [\"alice\"], groups = [\"leads\"] }}\n\
         [role.a]\nservices = [\"sudo\"]\neligible = {{ groups = [\"m\"] }}\napprovals = 0\n{lines}\n"
    )
}

#[test]
fn a_role_that_reaches_who_approves_says_so() {
    for (lines, key, expected) in [
        (
            "commands = [\"/usr/bin/id\"]\nrun_as = [\"alice\"]",
            "run_as",
            "its commands are run as alice, who approves: name other users",
        ),
        (
            "commands = [\"/usr/bin/id\"]\nrun_as = [\"www-data\", \"%leads\"]",
            "run_as",
            "its commands are run as members of leads, who approve: name other users",
        ),
        (
            "commands = [\"/usr/bin/id\"]\nrun_as = [\"ALL\"]",
            "run_as",
            "its commands are run as anybody, approvers too: name other users",
        ),
        (
            "commands = [\"ALL\"]\nrun_as = [\"alice\"]",
            "run_as",
            "its commands are run as alice, who approves: name other users",
        ),
        (
            "groups = [\"leads\"]",
            "groups",
            "it gives leads, whose members approve: give it another group",
        ),
    ] {
        let errors = parse(&[source("jitd.toml", &with(lines))]).unwrap_err();
        let errors = told(&errors);
        let [error] = &errors[..] else {
            panic!("{lines}: {errors:?}");
        };
        let expected = format!("role.a.{key}: {expected}, or say reaches_approvers = true");
        assert!(error.ends_with(&expected), "{lines}: {error}");
        let meant = format!("{lines}\nreaches_approvers = true");
        let loaded = parse(&[source("jitd.toml", &with(&meant))]).unwrap();
        assert_eq!(loaded.warnings, [], "{lines}");
    }
}

#[test]
fn everything_as_root_is_a_warning_and_less_is_not() {
    for lines in [
        "commands = [\"ALL\"]",
        "commands = [\"ALL\"]\nrun_as = [\"ALL\"]",
    ] {
        let loaded = parse(&[source("jitd.toml", &with(lines))]).unwrap();
        let warnings = told(&loaded.warnings);
        assert_eq!(warnings.len(), 1, "{lines}");
        assert!(
            warnings[0].contains("role.a.commands: everything as root"),
            "{warnings:?}"
        );
    }
    for lines in [
        "commands = [\"/usr/bin/id\"]",
        "commands = [\"ALL\"]\nrun_as = [\"www-data\"]",
        "groups = [\"web\"]",
    ] {
        let loaded = parse(&[source("jitd.toml", &with(lines))]).unwrap();
        assert_eq!(loaded.warnings, [], "{lines}");
    }
}

#[test]
fn the_groups_of_whom_commands_are_run_as_are_looked_up() {
    let lines = "commands = [\"/usr/bin/id\"]\nrun_as = [\"deploy\", \"bob\"]";
    let loaded = parse(&[source("jitd.toml", &with(lines))]).unwrap();
    let groups_of = |name: &str| match name {
        "bob" => Some(vec!["staff".to_owned(), "leads".to_owned()]),
        "deploy" => None,
        other => panic!("{other} was looked up"),
    };
    let found = told(&reached_approvers(&loaded, groups_of));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("run as bob, who approves as a member of leads"),
        "{found:?}"
    );
    let meant = format!("{lines}\nreaches_approvers = true");
    let loaded = parse(&[source("jitd.toml", &with(&meant))]).unwrap();
    assert!(reached_approvers(&loaded, groups_of).is_empty());
}
