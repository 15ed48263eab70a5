//! Policies that are wrong, and what each is told: to be read, and to be understood by somebody
//! who has nothing but the file before them.

use std::fmt::Write;

use super::{errors_of, role_with};

/// What is wrong with some lines of a role that is good without them.
const LINES: &str = r#"
== a string for a list
groups = "adm"
== a word for a truth value
record = "yes"
== a number for a duration
max_duration = 30
== a truth value for a table
reason = true
== a list for a table
break_glass = ["oncall"]
== a table for a list
auto_approve = { days = "Mon" }
== a word for a number
approvals = "two"
== fewer than nobody
approvals = -1
== more than there are
approvals = 33
== a fraction of a person
approvals = 1.5
== a length out of range
reason = { min_length = 70000 }
== a reason that never fits
reason = { min_length = 2000 }
== half a budget
budget = { time = "1h" }
== a demand without a count
approvals = [{ groups = ["dba"] }]
== a near miss
max_duraton = "2h"
== a near miss in a table
reason = { require = true }
== nothing near
colour = "red"
== nothing near in a table
ticket = { colour = "red" }
== no duration
max_duration = "2x"
== an empty duration
max_duration = ""
== a zero duration
default_duration = "0s"
== less than a second
request_ttl = "10ms"
== a fraction of a second
request_ttl = "1s 500ms"
== a huge duration
max_duration = "10y"
== a duration beyond counting
max_duration = "99999999999999999999h"
== more than the longest
default_duration = "2h"
max_duration = "1h"
== a warning that is no time
warn_before = ["5m", "soon"]
== approvers who are nobody
approvers = {}
== approvers who are too few
approvers = { users = ["ann"] }
approvals = 2
== a demand of nobody
approvals = [{ count = 1 }]
== a demand of none
approvals = [{ groups = ["dba"], count = 0 }]
== demands that the same few must meet
approvals = [{ users = ["ann"], count = 1 }, { users = ["ann"], count = 1 }]
== an empty list of demands
approvals = []
== no regular expression
ticket = { pattern = "^(OPS$" }
== a regular expression too large
ticket = { pattern = "^(\\w{1000}){1000}$" }
== a regular expression with an escape
ticket = { pattern = "^\u001b[2J$" }
== a new line in a group
groups = ["adm\nroot"]
== an escape in a user
eligible = { users = ["\u001b[2Jcarol"] }
== a comma in a user
approvers = { users = ["ann,bea"] }
== a colon in a group
approvers = { groups = ["ops:x"] }
== a space at the end
groups = ["adm "]
== a mark that turns the text
approvers = { users = ["\u202eann"] }
== a name that is too long
groups = ["ggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg"]
== a path for a service
services = ["../sudo"]
== a service with an escape
services = ["sudo\u001b"]
== a description without an end
description = '''
x
== a NUL in a description
description = "a\u0000b"
== a choice with a new line
reason = { choices = ["a\nb"] }
== a command taken away
commands = ["ALL", "!/usr/bin/su"]
== a relative command
commands = ["systemctl restart web"]
== an unescaped comma
commands = ["/usr/bin/journalctl -u a, ALL"]
== a command over two lines
commands = ["/usr/bin/id\nALL ALL=(ALL) ALL"]
== a command that ends in a backslash
commands = ['/usr/bin/id \']
== a quote in a command
commands = ['/usr/bin/id "carol"']
== a quote with a backslash
commands = ['/usr/bin/id \"']
== a backslash before nothing special
commands = ['/usr/bin/a\nb']
== half a regular expression
commands = ["/usr/bin/id ^carol"]
== the folder of all folders
commands = ["/"]
== a folder with arguments
commands = ['/usr/local/bin/ ""']
== a command that ends in a space
commands = ["/usr/bin/id "]
== a path of sudoedit
commands = ["/usr/bin/sudoedit /etc/hosts"]
== a relative file to edit
commands = ["sudoedit etc/hosts"]
== an empty command
commands = [""]
== run as nonsense
commands = ["/usr/bin/id"]
run_as = ["root, ALL"]
== run as a group that is everybody
commands = ["/usr/bin/id"]
run_as = ["%ALL"]
== run as nobody
commands = ["/usr/bin/id"]
run_as = []
== run with a group that is none
run_as_groups = ["%adm"]
== no day
auto_approve = [{ days = "weekdays", timezone = "UTC" }]
== no hours
auto_approve = [{ hours = "9-17", timezone = "UTC" }]
== hours that are no time
auto_approve = [{ hours = "09:00-09:00", timezone = "UTC" }]
== no time zone
auto_approve = [{ days = "Mon", timezone = "Europe/Berln" }]
== hours of nowhere
auto_approve = [{ hours = "09:00-17:00" }]
== a time zone for nothing
auto_approve = [{ timezone = "UTC", max_duration = "5m" }]
== a rule that agrees to everything
auto_approve = [{}]
== a budget that bounds nothing
budget = { time = "25h", per = "24h" }
== glass that nobody may break
break_glass = { max_duration = "1h" }
== glass that nobody would acknowledge
break_glass = { groups = ["oncall"] }
approvals = 0
approvers = {}
== nothing to record
record = true
== what nobody could record
services = ["sudo", "su"]
commands = ["ALL"]
record = true
== an end that is not known
on_end = "kill"
== a key twice
record = true
record = false
== a value missing
record =
== quotes missing
record = no
"#;

/// What is wrong with a whole policy.
const WHOLE: &str = r#"
== a table without an end
[managed
groups = []
== no TOML at all
once upon a time
== a table that is not known
[manged]
groups = []
== a table that roles.d may not have
#> roles.d/a.toml
[managed]
groups = []
== memberships kept nowhere that is known
membership = "ldap"
== memberships kept in a number
membership = 1
== memberships kept by a role's file
#> roles.d/a.toml
membership = "userdb"
== memberships kept by who is managed
[managed]
membership = "userdb"
== roles that are none
role = 1
== a role that is none
[role]
a = 1
== a capital in a role
[role.Deploy]
services = ["su"]
== a new line in a role
[role."a\nb"]
services = ["su"]
== an escape in an unknown key
"\u001b[2J" = 1
== a role with nothing in it
[role.a]
== a role for nobody
[role.a]
services = ["su"]
== commands that no service opens
[role.a]
groups = ["adm"]
commands = ["/usr/bin/id"]
eligible.users = ["carol"]
approvals = 0
== a role that gives who is managed
[managed]
groups = ["contractors"]
[role.a]
groups = ["contractors"]
eligible.users = ["carol"]
approvals = 0
== a role twice in a file
[role.a]
services = ["su"]
[role.a]
== a role twice in two files
[role.a]
services = ["su"]
eligible.users = ["carol"]
approvals = 0
#> roles.d/a.toml
[role.a]
services = ["su"]
eligible.users = ["carol"]
approvals = 0
== a role that decides over itself
[role.a]
groups = ["ops"]
eligible.users = ["carol"]
approvers.groups = ["ops"]
== two roles that decide over each other
[role.a]
groups = ["a"]
eligible.users = ["carol"]
approvers.groups = ["b"]
[role.b]
groups = ["b"]
eligible.users = ["carol"]
approvers.groups = ["a"]
== a default that is nonsense
[defaults]
max_duration = "x"
== a reader with a colon
[audit]
readers = { users = ["carol:smith"] }
"#;

/// What cannot stand in a file of this project.
const UNPRINTABLE: &[(&str, &str)] = &[
    ("a NUL byte", "[managed]\ngroups = [\"a\0b\"]\n"),
    ("a control character", "[managed]\n\u{1b}groups = []\n"),
];

/// Each by its name.
fn cases(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let cases = text.split("== ").skip(1);
    cases.map(|case| case.split_once('\n').unwrap())
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_was_expected() {
    let lines = cases(LINES).map(|(name, lines)| (name, role_with(lines.trim_end())));
    let whole = cases(WHOLE).chain(UNPRINTABLE.iter().copied());
    let whole = whole.map(|(name, text)| (name, text.to_owned()));
    let mut listed = String::new();
    for (name, text) in lines.chain(whole) {
        let errors = errors_of(&text);
        assert!(!errors.is_empty(), "{name}: nothing is said to\n{text}");
        writeln!(listed, "{name}:").unwrap();
        for error in errors {
            writeln!(listed, "    {error}").unwrap();
        }
    }
    insta::assert_snapshot!(listed);
}
