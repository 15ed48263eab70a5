//! Who may say yes and no, and what it does.

use super::*;

#[test]
fn it_begins_with_the_last_yes_that_is_needed() {
    let policy = policy("approvals = 2");
    let asked = asked(&policy, HOUR);
    let first = says_yes(&policy, &caller("ann"), &asked, None, &at(10)).unwrap();
    assert_eq!(first.elevation.state, State::Pending);
    assert_eq!(first.missing, ["1 of group:ops"]);
    let again = says_yes(&policy, &caller("ann"), &first.elevation, None, &at(11));
    refused(again, "ann has agreed to 1 already");
    let second = says_yes(&policy, &caller("bea"), &first.elevation, None, &at(20)).unwrap();
    assert_eq!(second.elevation.state, State::Active);
    assert_eq!(second.missing, [""; 0]);
    let grant = second.elevation.grant.unwrap();
    assert_eq!(grant.starts_at, at(20).wall);
    assert_eq!(grant.ends_at, at(20 + HOUR).wall);
    assert_eq!(grant.ends_at_boot, at(20 + HOUR).boot);
}

#[test]
fn each_demand_of_a_list_is_met_by_its_own_people() {
    let policy =
        policy("approvals = [{ groups = [\"ops\"], count = 1 }, { users = [\"cyd\"], count = 1 }]");
    let asked = asked(&policy, HOUR);
    let first = says_yes(&policy, &caller("ann"), &asked, None, &at(10)).unwrap();
    assert_eq!(first.missing, ["1 of user:cyd"]);
    let second = says_yes(&policy, &caller("bea"), &first.elevation, None, &at(20)).unwrap();
    assert_eq!(second.missing, ["1 of user:cyd"]);
    let third = says_yes(&policy, &caller("cyd"), &second.elevation, None, &at(30)).unwrap();
    assert_eq!(third.elevation.state, State::Active);
}

#[test]
fn nobody_decides_their_own_through_whatever_account() {
    let policy = policy("");
    let mine = |who: &Caller| {
        let options = options(HOUR);
        ask(
            &policy,
            who,
            Way::Request,
            &options,
            &Facts::default(),
            &at(0),
        )
        .unwrap()
    };
    for (asked_by, answered_by) in [
        (caller("bea"), caller("bea")),
        (caller("bea"), through("bea", "ann")),
        (caller("bea"), through("bea", "root")),
        (caller("bea"), through("ann", "bea")),
        (through("ann", "carol"), caller("ann")),
        (through("bea", "carol"), through("bea", "ann")),
        (through("ann", "carol"), through("bea", "ann")),
    ] {
        let asked = mine(&asked_by);
        let answer = says_yes(&policy, &answered_by, &asked, None, &at(10));
        refused(answer, "nobody decides their own elevation");
        let answer = deny(policy.role("a"), &answered_by, &asked, "no", &at(10));
        refused(answer, "nobody decides their own elevation");
    }
}

#[test]
fn somebody_in_an_approvers_account_must_be_one_too() {
    let policy = policy("");
    let asked = asked(&policy, HOUR);
    for (who, part) in [
        (
            caller("dan"),
            "dan is not an approver of role a; it needs 1 of group:ops",
        ),
        (through("dan", "ann"), "dan is not an approver"),
        (through("ann", "dan"), "dan is not an approver"),
        (through("dan", "root"), "dan is not an approver"),
        (caller("root"), "root is not an approver"),
    ] {
        refused(says_yes(&policy, &who, &asked, None, &at(10)), part);
    }
    let by_root_shell = says_yes(&policy, &through("ann", "root"), &asked, None, &at(10)).unwrap();
    assert_eq!(by_root_shell.elevation.decisions[0].by.as_str(), "ann");
}

#[test]
fn an_approver_may_shorten_and_the_next_one_not_lengthen_again() {
    let policy = policy("approvals = 2");
    let asked = asked(&policy, HOUR);
    let longer = says_yes(&policy, &caller("ann"), &asked, Some(HOUR + 1), &at(10));
    refused(longer, "never lengthen it: 1h was asked for");
    let zero = says_yes(&policy, &caller("ann"), &asked, Some(0), &at(10));
    refused(zero, "the duration is zero");
    let first = says_yes(&policy, &caller("ann"), &asked, Some(HOUR / 2), &at(10)).unwrap();
    let longer = says_yes(
        &policy,
        &caller("bea"),
        &first.elevation,
        Some(HOUR),
        &at(20),
    );
    refused(longer, "never lengthen it: 30m was asked for");
}

#[test]
fn a_policy_that_was_tightened_meanwhile_counts() {
    let asked = asked(&policy(""), 2 * HOUR);
    let tighter = policy("max_duration = \"1h\"");
    let approved = says_yes(&tighter, &caller("ann"), &asked, None, &at(10)).unwrap();
    assert_eq!(approved.elevation.duration, Seconds(HOUR));
    let more = policy("approvals = 2");
    let approved = says_yes(&more, &caller("ann"), &asked, None, &at(10)).unwrap();
    assert_eq!(approved.elevation.state, State::Pending);
}

#[test]
fn who_lost_the_authority_since_does_not_count_any_more() {
    let policy = policy("approvals = 2");
    let asked = asked(&policy, HOUR);
    let first = says_yes(&policy, &caller("ann"), &asked, None, &at(10)).unwrap();
    let (holder, mut ann) = (person("carol"), person("ann"));
    ann.groups.clear();
    let bench = Bench {
        holder: Some(&holder),
        agreed: &[ann],
        ..Bench::default()
    };
    let (who, role) = (caller("bea"), role(&policy));
    let second = approve(role, &who, &first.elevation, &bench, None, "", &at(20)).unwrap();
    assert_eq!(second.missing, ["1 of group:ops"]);
}

#[test]
fn who_may_not_hold_it_any_more_is_not_given_it() {
    let policy = policy("");
    let asked = asked(&policy, HOUR);
    let mut left = person("carol");
    left.groups.clear();
    let mut renamed = person("carol");
    renamed.name = UserName::new("caroline").unwrap();
    for holder in [None, Some(&left), Some(&renamed)] {
        let bench = Bench {
            holder,
            ..Bench::default()
        };
        let answer = approve(
            role(&policy),
            &caller("ann"),
            &asked,
            &bench,
            None,
            "",
            &at(10),
        );
        refused(answer, "carol is not eligible for role a any more");
    }
}

#[test]
fn what_was_used_up_while_it_waited_is_not_given() {
    let policy = policy("budget = { time = \"2h\", per = \"24h\" }");
    let asked = asked(&policy, 2 * HOUR);
    let (holder, used) = (
        person("carol"),
        [Span {
            from: at(0).wall,
            to: at(HOUR).wall,
        }],
    );
    let bench = Bench {
        holder: Some(&holder),
        used: &used,
        ..Bench::default()
    };
    let yes = |shorter| {
        let (who, now) = (caller("ann"), at(HOUR));
        approve(role(&policy), &who, &asked, &bench, shorter, "", &now)
    };
    refused(yes(None), "1h over the 2h that carol may use");
    assert_eq!(yes(Some(HOUR)).unwrap().elevation.state, State::Active);
}

#[test]
fn a_no_is_enough_and_says_why() {
    let policy = policy("approvals = 2");
    let asked = asked(&policy, HOUR);
    let role = policy.role("a");
    refused(deny(role, &caller("ann"), &asked, " ", &at(10)), "say why");
    refused(
        deny(role, &caller("dan"), &asked, "no", &at(10)),
        "dan is not an approver",
    );
    refused(
        deny(None, &caller("ann"), &asked, "no", &at(10)),
        "only root can decide over it",
    );
    let denied = deny(role, &caller("ann"), &asked, "no", &at(10)).unwrap();
    assert_eq!(denied.state, State::Denied);
    assert_eq!(
        deny(None, &caller("root"), &asked, "no", &at(10))
            .unwrap()
            .state,
        State::Denied
    );
    refused(
        says_yes(&policy, &caller("bea"), &denied, None, &at(20)),
        "elevation 1 is denied",
    );
}

#[test]
fn broken_glass_is_acknowledged_by_somebody_else_once() {
    let policy = policy("");
    let (who, facts) = (caller("olga"), Facts::default());
    let taken = ask(
        &policy,
        &who,
        Way::BreakGlass,
        &options(HOUR),
        &facts,
        &at(0),
    )
    .unwrap();
    assert!(taken.is_active(&at(0)) && taken.to_acknowledge());
    let seen = |role, who: &str, elevation: &Elevation| {
        acknowledge(role, &caller(who), elevation, "seen", &at(10))
    };
    let role = policy.role("a");
    refused(seen(role, "olga", &taken), "nobody decides their own");
    refused(seen(role, "dan", &taken), "dan is not an approver");
    refused(seen(role, "root", &taken), "root is not an approver");
    refused(
        seen(role, "ann", &active(&policy, HOUR)),
        "nothing to acknowledge",
    );
    let acknowledged = seen(role, "ann", &taken).unwrap();
    assert!(!acknowledged.to_acknowledge());
    refused(
        seen(role, "bea", &acknowledged),
        "ann has acknowledged elevation 1 already",
    );
    // Where the role is gone, root is left.
    refused(seen(None, "ann", &taken), "only root can decide over it");
    assert!(!seen(None, "root", &taken).unwrap().to_acknowledge());
}

#[test]
fn whoever_is_not_there_takes_away_and_gives_nothing() {
    let policy = policy("");
    let asked = asked(&policy, HOUR);
    let absent = |name| Caller {
        absent: Some("this process is in none".to_owned()),
        ..caller(name)
    };
    let yes = says_yes(&policy, &absent("ann"), &asked, None, &at(10));
    refused(
        yes,
        "ann decides only in a login session of their own, and this process is in none",
    );
    // What is refused to everybody in that account is refused for that.
    let theirs = says_yes(&policy, &absent("carol"), &asked, None, &at(10));
    refused(theirs, "nobody decides their own");
    let no = deny(
        Some(role(&policy)),
        &absent("ann"),
        &asked,
        "not now",
        &at(10),
    );
    assert_eq!(no.unwrap().state, State::Denied);

    let options = options(HOUR);
    let olga = caller("olga");
    let facts = Facts::default();
    let taken = ask(&policy, &olga, Way::BreakGlass, &options, &facts, &at(0)).unwrap();
    let seen = |who: &Caller| acknowledge(Some(role(&policy)), who, &taken, "seen", &at(10));
    refused(seen(&absent("ann")), "only in a login session of their own");
    assert!(seen(&caller("ann")).is_ok());
}
