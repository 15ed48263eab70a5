//! Policies that are good.

use super::{errors_of, source, told};
use crate::domain::time::Seconds;
use crate::file::{Loaded, parse, unknown_groups};

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
eligible = { groups = ["contractors", "jit-deploy"] }
max_duration = "2h"
reason = { required = true, min_length = 10 }
"#;

fn loaded(text: &str) -> Loaded {
    parse(&[source("jitd.toml", text)]).unwrap()
}

#[test]
fn a_whole_policy_is_understood() {
    let policy = loaded(GOOD).policy;
    let role = policy.role("deploy").unwrap();
    assert_eq!(role.max_duration, Seconds(7200));
    assert_eq!(role.default_duration, Seconds(1800));
    assert!(role.reason.required);
    assert_eq!(role.approvers.described(), ["group:jit-approvers"]);
    assert_eq!(role.places.of("max_duration").unwrap().line, 17);
    assert_eq!(role.places.of("approvers").unwrap().line, 6);
    assert_eq!(role.places.of("request_ttl"), None);
    assert_eq!(policy.managed_groups(), ["contractors"]);
}

#[test]
fn managed_users_are_known_by_a_group_of_ours() {
    let policy = loaded("[managed]\nusers = [\"carol\"]\n").policy;
    assert_eq!(policy.managed_groups(), ["jit-managed"]);
}

#[test]
fn a_length_of_the_defaults_is_cut_to_the_longest_of_a_role() {
    let policy = loaded(&GOOD.replace("\"2h\"", "\"20m\"")).policy;
    let role = policy.role("deploy").unwrap();
    assert_eq!(role.default_duration, Seconds(1200));
}

#[test]
fn groups_that_the_host_does_not_have_are_told_except_those_that_are_made() {
    let loaded = loaded(GOOD);
    assert_eq!(told(&unknown_groups(&loaded, |_| true)), [""; 0]);
    assert_eq!(
        told(&unknown_groups(&loaded, |group| group == "contractors")),
        [
            "jitd.toml:6:25: defaults.approvers: there is no group jit-approvers on this host: \
             correct the name, or: groupadd --system jit-approvers"
        ]
    );
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let role = &GOOD[GOOD.find("[role.deploy]").unwrap()..];
    let main = GOOD
        .replace("\"4h\"", "\"soon\"")
        .replace("\"jit-deploy\"]\nrun", "\"jit:deploy\"]\nrun")
        .replace("\"/usr/bin/journalctl", "\"journalctl");
    let other = role.replace("\"2h\"", "\"3x\"");
    assert_eq!(
        errors_of(&format!("{main}#> roles.d/a.toml\n{other}")),
        [
            "jitd.toml:8:16: defaults.max_duration: \"soon\" is not a duration: expected one like \"90m\" or \"1h30m\"",
            "jitd.toml:12:11: role.deploy.groups: \"jit:deploy\" is not a valid group name: 1 to 256 bytes without a colon, comma or invisible character, and without a space at either end",
            "jitd.toml:14:55: role.deploy.commands: \"journalctl -u web.service\" is not a command: expected \"ALL\" or an absolute path",
            "roles.d/a.toml:8:16: role.deploy.max_duration: \"3x\" is not a duration: expected one like \"90m\" or \"1h30m\"",
            "roles.d/a.toml:1:7: role.deploy: is defined already, at jitd.toml:10",
        ]
    );
}

#[test]
fn files_that_are_not_understood_are_all_told() {
    assert_eq!(
        errors_of("[managed\n#> roles.d/a.toml\nrole = 1\n#> roles.d/b.toml\nx = 1\n"),
        [
            "jitd.toml:1:9: unclosed table, expected `]`",
            "roles.d/a.toml:1:8: role: expected a table, and it is the number 1",
            "roles.d/b.toml:1:1: x: unknown key: expected one of role",
        ]
    );
}
