#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::time::Seconds;

const GOOD: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
approvers = { groups = ["jit-approvers"] }
default_duration = "30m"
max_duration = "4h"

[role.deploy]
description = "Restart and inspect the web tier"
groups = ["jit-deploy"]
run_as = ["root"]
commands = ["/usr/bin/systemctl restart web.service", "/usr/bin/journalctl -u web.service"]
services = ["sudo", "sudo-i"]
eligible = { groups = ["contractors"] }
max_duration = "2h"
reason = { required = true, min_length = 10 }
"#;

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn errors(text: &str) -> Vec<String> {
    parse(&[source("jitd.toml", text)])
        .err()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_whole_policy_is_understood() {
    let policy = parse(&[source("jitd.toml", GOOD)]).unwrap();
    let role = policy.role("deploy").unwrap();
    assert_eq!(role.max_duration, Seconds(7200));
    assert_eq!(role.default_duration, Seconds(1800));
    assert!(role.reason.required);
    assert_eq!(role.approvers.described(), ["group:jit-approvers"]);
    assert_eq!(policy.managed_groups(), ["contractors"]);
}

#[test]
fn managed_users_are_known_by_a_group_of_ours() {
    let policy = parse(&[source("jitd.toml", "[managed]\nusers = [\"carol\"]\n")]).unwrap();
    assert_eq!(policy.managed_groups(), ["jit-managed"]);
}

#[test]
fn mistakes_are_named_with_their_place() {
    let cases = [
        (
            "[role.deploy]\nmax_duraton = \"2h\"\n",
            "jitd.toml:2:1: unknown field `max_duraton`",
        ),
        (
            &GOOD.replace("\"2h\"", "\"2x\""),
            "jitd.toml:17:16: \"2x\" is not a duration",
        ),
        (
            &GOOD.replace("\"30m\"", "\"0s\""),
            "jitd.toml:7:20: \"0s\" is shorter than a second",
        ),
        (
            &GOOD.replace("\"jit-deploy\"", "\"jit deploy\""),
            "jitd.toml:12:11: \"jit deploy\" is not a valid group name",
        ),
        (
            &GOOD.replace("\"/usr/bin/journalctl", "\"journalctl"),
            "jitd.toml:14:55: \"journalctl -u web.service\" is not a command",
        ),
        (
            &GOOD.replace("-u web.service", "-u a, ALL"),
            "jitd.toml:14:55: \"/usr/bin/journalctl -u a, ALL\": put a backslash",
        ),
        (
            &GOOD.replace("role.deploy", "role.\"De ploy\""),
            "jitd.toml:10:7: \"De ploy\" is not a valid role name",
        ),
        (
            &GOOD.replace("approvers = {", "approver = {"),
            "jitd.toml:6:1: unknown field `approver`",
        ),
        (&GOOD.replace("[managed]", "[managed"), "jitd.toml:2:9:"),
        (
            &GOOD.replace("[\"jit-deploy\"]", "[\"contractors\"]"),
            "role deploy gives the group contractors, whose members are the managed people",
        ),
        (
            &GOOD.replace("eligible = { groups = [\"contractors\"] }\n", ""),
            "jitd.toml:10:7: role deploy: eligible names nobody",
        ),
    ];
    for (text, expected) in cases {
        let errors = errors(text);
        assert!(
            errors.iter().any(|error| error.contains(expected)),
            "{expected}\n{errors:?}"
        );
    }
}

#[test]
fn a_role_may_be_defined_once_and_only_roles_below_roles_d() {
    let role = &GOOD[GOOD.find("[role.deploy]").unwrap()..];
    let twice = parse(&[source("jitd.toml", GOOD), source("roles.d/a.toml", role)]).unwrap_err();
    assert!(
        twice[0]
            .to_string()
            .contains("already defined in jitd.toml"),
        "{twice:?}"
    );
    let managed = "[managed]\ngroups = []\n";
    let stray = parse(&[source("jitd.toml", GOOD), source("roles.d/b.toml", managed)]).unwrap_err();
    assert!(
        stray[0]
            .to_string()
            .starts_with("roles.d/b.toml:1:2: unknown field `managed`"),
        "{stray:?}"
    );
}
