//! The policy in force with every default said, as TOML.
//!
//! Written by hand and not by serde: a text of the policy may have in it what would move the
//! cursor of the terminal that it is shown on, and only here can that be escaped.

use std::fmt::Write;

use crate::domain::policy::{People, Policy, Requirement, Role};
use crate::domain::rules::{AutoApprove, BreakGlass, Budget, ReasonRule, TicketRule};
use crate::domain::text::is_hostile;
use crate::domain::time::Seconds;

/// The text. Read as a policy file again, it gives the same policy.
#[must_use]
pub fn toml(policy: &Policy) -> String {
    let mut text = String::from("# The policy in force, with every default said.\n");
    text.push('\n');
    push(
        &mut text,
        vec![("membership", quoted(policy.membership.as_str()))],
    );
    text.push_str("\n[managed]\n");
    push(&mut text, members(&policy.managed));
    for role in policy.roles.values() {
        // What a role may be called needs no quotes as a key.
        let _ = writeln!(text, "\n[role.{}]", role.name);
        push(&mut text, said(role));
    }
    text.push_str("\n[audit]\n");
    push(&mut text, vec![("readers", people(&policy.readers))]);
    if let Some(keep) = policy.keep {
        push(&mut text, vec![("keep", length(keep))]);
    }
    text
}

/// A key and its value, both as they are written.
type Line = (&'static str, String);

fn push(text: &mut String, lines: Vec<Line>) {
    for (key, value) in lines {
        // A String takes all that is written to it.
        let _ = writeln!(text, "{key} = {value}");
    }
}

/// All that a role says, in the order of the manual page.
fn said(role: &Role) -> Vec<Line> {
    let mut lines = vec![
        ("description", quoted(&role.description)),
        ("groups", strings(&role.groups)),
        ("run_as", strings(&role.run_as)),
        ("run_as_groups", strings(&role.run_as_groups)),
        ("commands", strings(&role.commands)),
        ("services", strings(&role.services)),
        ("eligible", people(&role.eligible)),
        ("approvers", people(&role.approvers)),
        ("approvals", approvals(&role.approvals)),
        ("default_duration", length(role.default_duration)),
        ("max_duration", length(role.max_duration)),
        ("request_ttl", length(role.request_ttl)),
        ("warn_before", strings(&role.warn_before)),
        ("reason", reason(&role.reason)),
        ("ticket", ticket(&role.ticket)),
        ("auto_approve", list(role.auto_approve.iter().map(rule))),
    ];
    lines.extend(role.budget.map(|each| ("budget", budget(each))));
    let glass = role.break_glass.as_ref();
    lines.extend(glass.map(|rule| ("break_glass", break_glass(rule))));
    lines.push(("record", role.record.to_string()));
    lines.push(("reaches_approvers", role.reaches_approvers.to_string()));
    lines.push(("on_end", quoted(role.on_end.as_str())));
    lines
}

fn members(people: &People) -> Vec<Line> {
    vec![
        ("groups", strings(&people.groups)),
        ("users", strings(&people.users)),
    ]
}

fn people(people: &People) -> String {
    inline(members(people))
}

/// As a list, also where the policy names a number: it says of whom.
fn approvals(all: &[Requirement]) -> String {
    if all.is_empty() {
        return "0".to_owned();
    }
    list(all.iter().map(|requirement| {
        let mut lines = members(&requirement.people);
        lines.push(("count", requirement.count.to_string()));
        inline(lines)
    }))
}

fn reason(rule: &ReasonRule) -> String {
    inline(vec![
        ("required", rule.required.to_string()),
        ("min_length", rule.min_length.to_string()),
        ("choices", strings(&rule.choices)),
    ])
}

fn ticket(rule: &TicketRule) -> String {
    let mut lines = vec![("required", rule.required.to_string())];
    let pattern = rule.pattern.as_ref();
    lines.extend(pattern.map(|pattern| ("pattern", quoted(pattern.as_str()))));
    inline(lines)
}

fn rule(rule: &AutoApprove) -> String {
    let mut lines = Vec::new();
    if let Some(schedule) = &rule.schedule {
        lines.push(("days", quoted(&schedule.days.to_string())));
        lines.push(("hours", quoted(&schedule.hours.to_string())));
        lines.push(("timezone", quoted(schedule.zone())));
    }
    let most = rule.max_duration;
    lines.extend(most.map(|most| ("max_duration", length(most))));
    let ticket = rule.ticket.as_ref();
    lines.extend(ticket.map(|pattern| ("ticket", quoted(pattern.as_str()))));
    inline(lines)
}

fn budget(budget: Budget) -> String {
    inline(vec![
        ("time", length(budget.time)),
        ("per", length(budget.per)),
    ])
}

fn break_glass(rule: &BreakGlass) -> String {
    let mut lines = members(&rule.people);
    lines.push(("max_duration", length(rule.max_duration)));
    inline(lines)
}

fn length(length: Seconds) -> String {
    quoted(&length.to_string())
}

fn strings<T: ToString>(values: &[T]) -> String {
    list(values.iter().map(|value| quoted(&value.to_string())))
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

fn inline(lines: Vec<Line>) -> String {
    let lines = lines
        .into_iter()
        .map(|(key, value)| format!("{key} = {value}"));
    format!("{{ {} }}", lines.collect::<Vec<_>>().join(", "))
}

/// A string of TOML. One with backslashes, like most patterns, stays as it was written.
fn quoted(text: &str) -> String {
    let literal = text.contains('\\') && !text.contains('\'') && !text.chars().any(is_hostile);
    if literal {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_hostile(c) => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Source, parse};

    const ALL: &str = r#"
        membership = "userdb"

        [managed]
        groups = ["contractors"]
        users = ["ACME\\dan"]

        [defaults]
        approvers = { groups = ["jit-approvers"] }
        max_duration = "20m"
        ticket = { pattern = '^OPS-\d+$' }
        warn_before = ["1m", "10m"]

        [role.deploy]
        description = "Restart \"web\"\u001b[2J\nand \u202e more"
        groups = ["jit-deploy"]
        run_as = ["root", "%www-data"]
        run_as_groups = ["adm"]
        commands = ["/usr/bin/systemctl restart web.service", '/usr/bin/id ""', '/usr/bin/a\,b']
        services = ["sudo", "sudo-i"]
        eligible = { groups = ["contractors"], users = ["carol"] }
        approvals = [{ groups = ["dba"], count = 2 }, { users = ["ann", "bea"], count = 1 }]
        request_ttl = "90m"
        reason = { required = true, min_length = 10, choices = ["restart web"] }
        auto_approve = [
            { days = "Mon-Fri", timezone = "Europe/Berlin", max_duration = "10m" },
            { hours = "22:00-06:00", timezone = "utc", ticket = "^OPS-'1'\\d$" },
        ]
        budget = { time = "8h", per = "40d" }
        break_glass = { groups = ["oncall"], max_duration = "1h" }
        record = true
        on_end = "keep"

        [role.plain]
        services = ["su"]
        eligible = { users = ["carol"] }

        [role.free]
        services = ["su"]
        eligible = { users = ["carol"] }
        approvers = {}
        approvals = 0

        [audit]
        readers = { groups = ["auditors"] }
        keep = "2years"
    "#;

    fn policy(text: &str) -> Policy {
        let source = Source {
            path: "jitd.toml".to_owned(),
            text: text.to_owned(),
        };
        let mut policy = parse(&[source]).unwrap().policy;
        for role in policy.roles.values_mut() {
            role.source.clear();
            role.places.0.clear();
        }
        policy
    }

    #[test]
    fn read_again_it_is_the_same_policy() {
        for text in [ALL, ""] {
            let shown = toml(&policy(text));
            assert_eq!(policy(&shown), policy(text), "{shown}");
            assert_eq!(toml(&policy(&shown)), shown);
        }
    }

    #[test]
    fn it_moves_nobodys_cursor() {
        let shown = toml(&policy(ALL));
        let hostile = |line: &str| line.chars().any(is_hostile);
        assert!(!shown.lines().any(hostile), "{shown}");
    }

    #[test]
    fn what_nobody_said_is_said() {
        let shown = toml(&policy(ALL));
        let (_, plain) = shown.split_once("[role.plain]\n").unwrap();
        let (plain, _) = plain.split_once("\n\n").unwrap();
        let expected = r#"
description = ""
groups = []
run_as = ["root"]
run_as_groups = []
commands = []
services = ["su"]
eligible = { groups = [], users = ["carol"] }
approvers = { groups = ["jit-approvers"], users = [] }
approvals = [{ groups = ["jit-approvers"], users = [], count = 1 }]
default_duration = "20m"
max_duration = "20m"
request_ttl = "2h"
warn_before = ["10m", "1m"]
reason = { required = false, min_length = 0, choices = [] }
ticket = { required = false, pattern = '^OPS-\d+$' }
auto_approve = []
record = false
reaches_approvers = false
on_end = "terminate""#;
        assert_eq!(format!("\n{plain}"), expected);
    }
}
