//! What is demanded of who asks.

use super::*;

#[test]
fn the_role_must_be_there_and_is_not_for_root() {
    given("", &CAROL, "approvals", "1 of group:ops");
    let role = "b\u{1b}[2J";
    let unknown = Asking { role, ..CAROL };
    refused(
        "",
        &unknown,
        "role",
        "there is no role \"b\\u{1b}[2J\"; carol may request: a",
    );
    let name = "root";
    refused(
        "",
        &Asking { name, ..CAROL },
        "role",
        "root needs no elevation",
    );
}

#[test]
fn eligible_by_group_or_by_name() {
    let groups = &["ops"];
    refused(
        "",
        &Asking { groups, ..CAROL },
        "eligible",
        "carol is not eligible for role a",
    );
    let by_name = "eligible = { users = [\"carol\"] }";
    given(
        by_name,
        &Asking { groups, ..CAROL },
        "approvals",
        "1 of group:ops",
    );
    let name = "dan";
    refused(
        by_name,
        &Asking { name, ..CAROL },
        "eligible",
        "dan is not eligible",
    );
}

#[test]
fn default_duration_counts_when_none_is_asked_for() {
    let lines = "approvals = 0\ndefault_duration = \"20m\"\nmax_duration = \"1h\"";
    given(lines, &CAROL, "approvals", "20m of nobody's yes");
    let duration = Some(HOUR);
    given(
        lines,
        &Asking { duration, ..CAROL },
        "approvals",
        "1h of nobody's yes",
    );
}

#[test]
fn max_duration_is_the_longest_that_can_be_asked_for() {
    let asking = |seconds| Asking {
        duration: Some(seconds),
        ..CAROL
    };
    let lines = "max_duration = \"1h\"";
    given(lines, &asking(HOUR), "approvals", "1 of group:ops");
    refused(
        lines,
        &asking(HOUR + 1),
        "max_duration",
        "at most 1h (--for \"1h\")",
    );
    refused(lines, &asking(0), "max_duration", "the duration is zero");
    refused("", &asking(4 * HOUR + 1), "max_duration", "at most 4h");
}

#[test]
fn it_begins_within_ninety_days_and_not_before_now() {
    let starting = |start| Asking {
        start: Some(start),
        ..CAROL
    };
    given("", &starting(TUESDAY), "approvals", "1 of group:ops");
    given(
        "",
        &starting("2027-03-01T10:00:00+01:00"),
        "approvals",
        "1 of group:ops",
    );
    refused(
        "",
        &starting("2026-12-01T09:59:59+01:00"),
        "role",
        "in the past",
    );
    refused(
        "",
        &starting("2027-03-01T10:00:01+01:00"),
        "role",
        "more than 90 days ahead",
    );
}

#[test]
fn a_reason_is_there_and_long_enough_or_one_of_the_choices() {
    let because = |reason| Asking { reason, ..CAROL };
    let lines = "reason = { required = true, min_length = 10, choices = [\"updates\"] }";
    refused(
        lines,
        &because(" "),
        "reason",
        "needs a reason: --reason \"updates\"",
    );
    refused(lines, &because("\u{200b}"), "reason", "needs a reason");
    refused(
        lines,
        &because("too short"),
        "reason",
        "has 9 characters; role a needs at least 10",
    );
    given(
        lines,
        &because("just enough"),
        "approvals",
        "1 of group:ops",
    );
    given(lines, &because("updates"), "approvals", "1 of group:ops");
    let optional = "reason = { min_length = 10 }";
    given(optional, &because(""), "approvals", "1 of group:ops");
    refused(optional, &because("too short"), "reason", "at least 10");
}

#[test]
fn a_ticket_is_there_and_as_it_must_look() {
    let for_ticket = |ticket| Asking { ticket, ..CAROL };
    let lines = "ticket = { required = true, pattern = \"^OPS-[0-9]+$\" }";
    refused(
        lines,
        &for_ticket(""),
        "ticket",
        "needs a ticket that matches ^OPS-[0-9]+$",
    );
    refused(lines, &for_ticket("OPS-1x"), "ticket", "does not match");
    given(lines, &for_ticket("OPS-1"), "approvals", "1 of group:ops");
    let optional = "ticket = { pattern = \"^OPS-[0-9]+$\" }";
    given(optional, &for_ticket(""), "approvals", "1 of group:ops");
    refused(optional, &for_ticket("1"), "ticket", "does not match");
}

/// Whoever only wants to know is not refused for what a person can still say.
#[test]
fn a_reason_and_a_ticket_that_are_to_come_are_taken_as_good() {
    let policy = policy(
        "reason = { required = true, min_length = 10 }\nticket = { required = true }\nmax_duration = \"1h\"",
    );
    let person = Person {
        uid: 1000,
        name: UserName::new("carol").unwrap(),
        groups: vec!["contractors".to_owned()],
    };
    let explained = |reason: &str, hours: u64| {
        let options = RequestOptions {
            duration: Some(hours * 3600),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            ..RequestOptions::default()
        };
        let ask = Ask::new(&person, "a", Way::Request, &options);
        let assumed = assess(&policy, &ask.only_to_know(), &[], wall(TUESDAY));
        let asked = assess(&policy, &ask, &[], wall(TUESDAY));
        assert!(asked.outcome.is_err(), "a request is refused all the same");
        (assumed.steps, assumed.outcome.is_ok())
    };
    let (steps, is_open) = explained("", 1);
    assert!(is_open, "{steps:?}");
    for key in ["reason", "ticket"] {
        let step = steps.iter().find(|step| step.key == key).unwrap();
        assert!(step.text.contains(&format!("--{key}")), "{step:?}");
    }
    // What is said already counts as it is.
    assert!(!explained("short", 1).1);
    assert!(!explained("", 2).1);
}
