//! What can be followed, and is odd.

use super::{role_with, source, told};
use crate::file::parse;

#[test]
fn oddities_are_warned_of() {
    for (line, expected) in [
        (
            r#"commands = ["/usr/local/bin/*"]"#,
            r#"jitd.toml:4:13: role.a.commands: "/usr/local/bin/*": a wildcard in a path, or a folder, gives everything that is or will be there: name each one"#,
        ),
        (
            r#"commands = ["/usr/local/bin/"]"#,
            r#"jitd.toml:4:13: role.a.commands: "/usr/local/bin/": a wildcard in a path, or a folder, gives everything that is or will be there: name each one"#,
        ),
        (
            r#"commands = ["/usr/bin/tail /var/log/*.log"]"#,
            r#"jitd.toml:4:13: role.a.commands: "/usr/bin/tail /var/log/*.log": "*" in arguments matches spaces and slashes too, so it takes further arguments and "../": name each case, or give a script that checks them"#,
        ),
        (
            r#"commands = ["/usr/bin/id *"]"#,
            r#"jitd.toml:4:13: role.a.commands: "/usr/bin/id *": "*" allows any arguments, as the command alone would: leave it out, or say which"#,
        ),
        (
            r#"ticket = { pattern = "OPS-[0-9]+" }"#,
            r#"jitd.toml:4:22: role.a.ticket.pattern: "OPS-[0-9]+" is found anywhere in a ticket: begin it with ^ and end it with $ to match the whole"#,
        ),
        (
            r#"ticket = { pattern = "^OPS-1|OPS-2$" }"#,
            r#"jitd.toml:4:22: role.a.ticket.pattern: "^OPS-1|OPS-2$" is found anywhere in a ticket: begin it with ^ and end it with $ to match the whole"#,
        ),
        (
            r"ticket = { pattern = '^OPS\$' }",
            r#"jitd.toml:4:22: role.a.ticket.pattern: "^OPS\\$" is found anywhere in a ticket: begin it with ^ and end it with $ to match the whole"#,
        ),
        (
            r#"auto_approve = [{ ticket = "^OPS-1|OPS-2" }]"#,
            r#"jitd.toml:4:28: role.a.auto_approve.ticket: "^OPS-1|OPS-2" is found anywhere in a ticket: begin it with ^ and end it with $ to match the whole"#,
        ),
        (
            "approvals = 0\nauto_approve = [{ max_duration = \"5m\" }]",
            "jitd.toml:5:1: role.a.auto_approve: nobody is asked, so it is never looked at",
        ),
    ] {
        let loaded = parse(&[source("jitd.toml", &role_with(line))]).unwrap();
        assert_eq!(told(&loaded.warnings), [expected], "{line}");
    }
}

#[test]
fn what_is_escaped_or_exact_is_not_odd() {
    for line in [
        "commands = [\"ALL\"]\nreaches_approvers = true",
        r#"commands = ["/usr/bin/find / -name \\*.rs"]"#,
        r#"ticket = { pattern = "^OPS-[0-9]+$" }"#,
        r#"ticket = { pattern = "^(OPS|[|)]WEB)-[0-9]+$" }"#,
    ] {
        let loaded = parse(&[source("jitd.toml", &role_with(line))]).unwrap();
        assert_eq!(loaded.warnings, [], "{line}");
    }
}
