use super::*;
use crate::file::parse;

const POLICY: &str = r#"
    [defaults]
    approvers = { groups = ["jit-approvers"] }

    [role.deploy]
    services = ["sudo"]
    eligible = { groups = ["contractors"] }
    max_duration = "2h"
    reason = { required = true }
    ticket = { pattern = "^OPS-[0-9]+$" }
    auto_approve = [{ hours = "09:00-17:00", timezone = "Europe/Berlin", max_duration = "30m" }]
    budget = { time = "8h", per = "24h" }
    break_glass = { groups = ["oncall"], max_duration = "1h" }

    [role.root]
    services = ["sudo"]
    eligible = { groups = ["contractors"] }
    approvals = [{ groups = ["sec"], count = 1 }, { groups = ["jit-approvers"], count = 2 }]
"#;

const PEOPLE: &str = r#"
[people]
carol = ["contractors"]
olga = ["oncall"]
root = []
"#;

fn source(path: &str, text: String) -> Source {
    Source {
        path: path.to_owned(),
        text,
    }
}

fn table(expectations: &str) -> Result<Vec<Checked>, Vec<PolicyError>> {
    let policy = parse(&[source("jitd.toml", POLICY.to_owned())]).unwrap();
    let table = source("t.toml", format!("{PEOPLE}{expectations}"));
    run(&table, &policy.policy)
}

fn errors(expectations: &str) -> Vec<String> {
    let errors = table(expectations).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn every_kind_is_checked_and_what_came_instead_is_told() {
    let checked = table(
        r#"
[[expect]]
user = "carol"
role = "deploy"
for = "20m"
at = "2026-12-01T16:59:59+01:00"
reason = "restart web"
outcome = "automatic"

[[expect]]
user = "carol"
role = "deploy"
start = "2026-12-01T23:00:00+01:00"
reason = "restart web"
ticket = "OPS-1"
needs = ["1 of group:jit-approvers"]

[[expect]]
user = "carol"
role = "root"
needs = ["2 of group:jit-approvers", "1 of group:sec"]

[[expect]]
user = "carol"
role = "deploy"
for = "2h"
reason = "restart web"
used = "7h"
refused = "1h over the 8h"

[[expect]]
user = "olga"
role = "deploy"
reason = "fire"
break_glass = true
outcome = "at once"

[[expect]]
user = "root"
role = "deploy"
refused = "root needs no elevation"

[[expect]]
user = "carol"
role = "deploy"
for = "3h"
reason = "restart web"
outcome = "automatic"
"#,
    )
    .unwrap();
    let (last, others) = checked.split_last().unwrap();
    assert_eq!(others.iter().find(|checked| checked.wrong.is_some()), None);
    let [first, .., glass, _] = others else {
        panic!("{others:?}");
    };
    assert_eq!(
        first.case,
        "carol, deploy, 20m at 2026-12-01T16:59:59+01:00"
    );
    assert_eq!(first.place, "t.toml:7");
    assert_eq!(
        glass.case,
        "olga, deploy, by breaking the glass at 2026-12-01T10:00:00Z"
    );
    assert_eq!(
        last.wrong.as_deref(),
        Some(
            "expected automatic; it is refused, by max_duration (jitd.toml:8): 3h is longer than \
             role deploy allows: at most 2h (--for \"2h\")"
        )
    );
}

#[test]
fn a_table_that_is_not_understood_is_not_run() {
    let case = "[[expect]]\nuser = \"carol\"\nrole = \"deploy\"\n";
    for (text, expected) in [
        (
            String::new(),
            "t.toml: nothing is expected: add [[expect]] tables",
        ),
        (
            case.to_owned(),
            "t.toml:6:1: expect: expected exactly one of outcome, needs and refused",
        ),
        (
            format!("{case}needs = []\nrefused = \"\"\n"),
            "t.toml:6:1: expect: expected exactly one of outcome, needs and refused",
        ),
        (
            format!("{case}outcome = \"at once\"\n"),
            "t.toml:9:11: expect.outcome: expected outcome = \"automatic\"",
        ),
        (
            format!("{case}break_glass = true\noutcome = \"automatic\"\n"),
            "t.toml:10:11: expect.outcome: with break_glass, expected outcome = \"at once\"",
        ),
        (
            format!("{case}refuse = \"x\"\n"),
            "t.toml:9:1: expect.refuse: unknown key: did you mean refused?",
        ),
        (
            format!("{case}refused = \"x\"\nat = \"noon\"\n"),
            "t.toml:10:6: expect.at: \"noon\" is not a time: expected one like \"2026-12-01T10:00:00+01:00\"",
        ),
        (
            format!("{case}refused = \"x\"\nfor = \"2x\"\n"),
            "t.toml:10:7: expect.for: \"2x\" is not a duration: expected one like \"90m\" or \"1h30m\"",
        ),
        (
            "[[expect]]\nuser = \"dan\"\nrole = \"deploy\"\nrefused = \"\"\n".to_owned(),
            "t.toml:7:8: expect.user: there is no \"dan\": add the account and its groups to [people]",
        ),
    ] {
        assert_eq!(errors(&text), [expected], "{text}");
    }
}

#[test]
fn all_that_is_wrong_with_a_table_is_told_at_once() {
    let case = "[[expect]]\nuser = \"dan\"\nrole = \"deploy\"\nused = \"0s\"\n";
    assert_eq!(errors(case).len(), 3);
}
