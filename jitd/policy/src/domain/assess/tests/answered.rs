//! Whose yes it takes.

use super::*;

#[test]
fn approvals_as_a_number_are_of_the_approvers() {
    given("approvals = 0", &CAROL, "approvals", "30m of nobody's yes");
    given("approvals = 2", &CAROL, "approvals", "2 of group:ops");
    let approvers = "approvers = { groups = [\"dba\"], users = [\"ann\"] }";
    given(approvers, &CAROL, "approvals", "1 of user:ann or group:dba");
}

#[test]
fn approvals_as_a_list_are_of_those_in_it() {
    let list = "approvals = [{ groups = [\"dba\"], count = 1 }, { users = [\"ann\", \"bea\"], count = 2 }]";
    given(
        list,
        &CAROL,
        "approvals",
        "1 of group:dba, 2 of user:ann or user:bea",
    );
}

#[test]
fn auto_approve_days_hours_and_timezone() {
    let rule = |conditions: &str| format!("auto_approve = [{{ {conditions} }}]");
    let asks =
        |conditions: &str, asking: &Asking| decided(&rule(conditions), asking).0 == "approvals";
    assert!(!asks(
        "days = \"Tue\", timezone = \"Europe/Berlin\"",
        &CAROL
    ));
    assert!(asks(
        "days = \"Wed-Mon\", timezone = \"Europe/Berlin\"",
        &CAROL
    ));
    assert!(!asks(
        "hours = \"10:00-10:01\", timezone = \"Europe/Berlin\"",
        &CAROL
    ));
    assert!(asks("hours = \"10:00-10:01\", timezone = \"UTC\"", &CAROL));
    assert!(!asks("hours = \"09:00-09:01\", timezone = \"UTC\"", &CAROL));
    // It counts when it begins.
    let start = Some("2026-12-02T10:00:00+01:00");
    assert!(asks(
        "days = \"Tue\", timezone = \"UTC\"",
        &Asking { start, ..CAROL }
    ));
    assert!(!asks(
        "days = \"Wed\", timezone = \"UTC\"",
        &Asking { start, ..CAROL }
    ));
}

#[test]
fn auto_approve_max_duration_and_ticket() {
    let lines = "auto_approve = [{ max_duration = \"20m\" }, { ticket = \"^OPS-1$\" }]";
    let duration = Some(1200);
    given(
        lines,
        &Asking { duration, ..CAROL },
        "auto_approve",
        "20m of nobody's yes",
    );
    given(lines, &CAROL, "approvals", "1 of group:ops");
    let ticket = "OPS-1";
    given(
        lines,
        &Asking { ticket, ..CAROL },
        "auto_approve",
        "30m of nobody's yes",
    );
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let lines = "auto_approve = [{ max_duration = \"1h\", ticket = \"^OPS-1$\" }]";
    given(lines, &CAROL, "approvals", "1 of group:ops");
}

#[test]
fn a_budget_bounds_what_is_held_in_any_window() {
    let lines = "approvals = 0\nbudget = { time = \"3h\", per = \"24h\" }";
    let asking = |hours: u64, used| Asking {
        duration: Some(hours * HOUR),
        used,
        ..CAROL
    };
    given(
        lines,
        &asking(1, &[(-2, 0)]),
        "approvals",
        "1h of nobody's yes",
    );
    refused(
        lines,
        &asking(2, &[(-2, 0)]),
        "budget",
        "1h over the 3h that carol may use in 1day",
    );
    refused(
        lines,
        &asking(2, &[(-2, 0)]),
        "budget",
        "would do for about 1h",
    );
    refused(
        lines,
        &asking(1, &[(-4, 0)]),
        "budget",
        "wait until some of it is longer ago",
    );
    // What is longer ago does not count; what is planned does.
    given(
        lines,
        &asking(2, &[(-26, -24)]),
        "approvals",
        "2h of nobody's yes",
    );
    refused(lines, &asking(2, &[(5, 7)]), "budget", "1h over");
    // Nor does it count twice.
    given(
        lines,
        &asking(2, &[(-1, 1)]),
        "approvals",
        "2h of nobody's yes",
    );
}

#[test]
fn the_glass_is_broken_by_whom_it_is_for_and_for_no_longer() {
    let lines = "break_glass = { groups = [\"oncall\"], max_duration = \"20m\" }";
    given(lines, &OLGA, "break_glass", "20m at once");
    let duration = Some(1201);
    refused(
        lines,
        &Asking { duration, ..OLGA },
        "break_glass",
        "at most 20m",
    );
    let way = Way::BreakGlass;
    refused(
        lines,
        &Asking { way, ..CAROL },
        "break_glass",
        "carol may not break the glass",
    );
    refused(
        "",
        &OLGA,
        "break_glass",
        "cannot be taken by breaking the glass",
    );
    let way = Way::Request;
    refused(
        lines,
        &Asking { way, ..OLGA },
        "eligible",
        "olga is not eligible",
    );
}

#[test]
fn who_breaks_the_glass_says_why_but_needs_no_ticket_and_no_budget() {
    let lines = "ticket = { required = true }\nbudget = { time = \"1h\", per = \"24h\" }\n\
                 break_glass = { users = [\"olga\"] }";
    let used = &[(-1, 0)];
    given(
        lines,
        &Asking { used, ..OLGA },
        "break_glass",
        "30m at once",
    );
    let reason = "";
    refused(
        lines,
        &Asking { reason, ..OLGA },
        "reason",
        "needs a reason",
    );
}

#[test]
fn what_decided_is_told_with_its_place() {
    let policy = policy("max_duration = \"1h\"");
    let person = Person {
        uid: 1000,
        name: UserName::new("carol").unwrap(),
        groups: vec!["contractors".to_owned()],
    };
    let ask = Ask {
        person: &person,
        role: "a",
        way: Way::Request,
        duration: Some(Seconds(2 * HOUR)),
        start: None,
        reason: "",
        ticket: "",
        to_come: false,
    };
    let steps = assess(&policy, &ask, &[], wall(TUESDAY)).steps;
    let told: Vec<_> = steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "role (p:1): there is a role a",
            "eligible (p:4): carol is one of group:contractors",
            "reason: no reason is needed",
            "ticket: no ticket is needed",
            "max_duration (p:3): 2h is longer than role a allows: at most 1h (--for \"1h\")",
        ]
    );
}
