//! What becomes of a request.

use super::*;

fn carols(
    policy: &Policy,
    options: &RequestOptions,
    facts: &Facts<'_>,
    now: &Now,
) -> Result<Elevation, Refusal> {
    ask(policy, &caller("carol"), Way::Request, options, facts, now)
}

#[test]
fn one_that_nobody_answers_lapses_after_request_ttl() {
    let policy = policy("request_ttl = \"1h\"");
    let asked = asked(&policy, HOUR);
    assert_eq!(asked.shown_state(&at(HOUR - 1)), State::Pending);
    assert_eq!(asked.shown_state(&at(HOUR)), State::Lapsed);
    let late = says_yes(&policy, &caller("ann"), &asked, None, &at(HOUR));
    refused(late, "elevation 1 is lapsed");
    assert_eq!(end_by_clock(&asked, &at(HOUR)).state, State::Lapsed);
}

#[test]
fn one_for_a_set_time_lapses_when_that_is_over() {
    let policy = policy("request_ttl = \"5h\"");
    let options = RequestOptions {
        start: Some(at(HOUR).wall.0),
        ..options(HOUR)
    };
    let asked = carols(&policy, &options, &Facts::default(), &at(0)).unwrap();
    assert_eq!(asked.shown_state(&at(2 * HOUR)), State::Lapsed);
}

#[test]
fn who_is_given_a_set_time_late_has_what_is_left_of_it() {
    let policy = policy("budget = { time = \"1h\", per = \"24h\" }");
    let options = RequestOptions {
        start: Some(at(HOUR).wall.0),
        ..options(HOUR)
    };
    let asked = carols(&policy, &options, &Facts::default(), &at(0)).unwrap();
    let early = says_yes(&policy, &caller("ann"), &asked, None, &at(10)).unwrap();
    assert_eq!(early.elevation.state, State::Scheduled);
    let (holder, used) = (
        person("carol"),
        [Span {
            from: at(0).wall,
            to: at(HOUR / 2).wall,
        }],
    );
    let bench = Bench {
        holder: Some(&holder),
        used: &used,
        ..Bench::default()
    };
    // Half of the budget is used: what is left of the time is just within it.
    let half_past = at(HOUR + HOUR / 2);
    let late = approve(
        role(&policy),
        &caller("ann"),
        &asked,
        &bench,
        None,
        "",
        &half_past,
    );
    let grant = late.unwrap().elevation.grant.unwrap();
    assert_eq!(
        (grant.starts_at, grant.ends_at),
        (half_past.wall, at(2 * HOUR).wall)
    );
}

#[test]
fn a_scheduled_one_begins_at_its_time_where_it_is_still_founded() {
    let policy = policy("approvals = 0");
    let options = RequestOptions {
        start: Some(at(HOUR).wall.0),
        ..options(HOUR)
    };
    let scheduled = carols(&policy, &options, &Facts::default(), &at(0)).unwrap();
    assert!(!scheduled.is_active(&at(HOUR)), "before it is begun");
    let carol = person("carol");
    let (begun, why) = begin(&policy, &scheduled, &carol, None, &at(HOUR));
    assert_eq!(why, None);
    assert!(begun.is_active(&at(HOUR)) && !begun.is_active(&at(2 * HOUR)));
    let elsewhere = Person {
        groups: Vec::new(),
        ..carol.clone()
    };
    let (revoked, why) = begin(&policy, &scheduled, &elsewhere, None, &at(HOUR));
    let no_longer = "its holder is no longer eligible for the role";
    assert_eq!((revoked.state, why), (State::Revoked, Some(no_longer)));
    let (_, why) = begin(&Policy::default(), &scheduled, &carol, None, &at(HOUR));
    assert_eq!(why, Some("the role is no longer in the policy"));
}

/// The clocks are read to the millisecond, and the wall clock is slewed: what an extension goes
/// on from may end earlier by the boot clock than it was said to when the extension was given.
#[test]
fn an_extension_begins_where_the_other_ends_by_whichever_clock() {
    let policy = policy("approvals = 0");
    let from = |start: u64, id: u64| {
        let options = RequestOptions {
            start: Some(at(start).wall.0),
            ..options(HOUR)
        };
        let asked = carols(&policy, &options, &Facts::default(), &at(0)).unwrap();
        Elevation {
            id: ElevationId(id),
            ..asked
        }
    };
    let (first, second) = (from(HOUR, 1), from(2 * HOUR, 2));
    let second = Elevation {
        extends: Some(first.id),
        ..second
    };
    let carol = person("carol");
    let slewed = |seconds: u64, by: i64| {
        let now = at(seconds);
        Now {
            boot: Boot(now.boot.0 - by),
            ..now
        }
    };
    let (first, _) = begin(&policy, &first, &carol, None, &slewed(HOUR, 5));
    let before = at(2 * HOUR - 2);
    let (second, _) = begin(&policy, &second, &carol, Some(&first), &before);
    let end = at(2 * HOUR);
    for early in -10..10 {
        let now = Now {
            wall: Wall(end.wall.0 - early),
            boot: Boot(end.boot.0 - early),
            ..end.clone()
        };
        assert!(
            first.is_active(&now) || second.is_active(&now),
            "{early} ms before the end"
        );
    }
}

#[test]
fn many_that_wait_keep_one_from_asking_others_but_not_from_breaking_the_glass() {
    let policy = policy("");
    let facts = Facts {
        waiting: MAX_PENDING,
        ..Facts::default()
    };
    refused(
        carols(&policy, &options(HOUR), &facts, &at(0)),
        "wait already; cancel one",
    );
    let taken = ask(
        &policy,
        &caller("olga"),
        Way::BreakGlass,
        &options(HOUR),
        &facts,
        &at(0),
    );
    assert_eq!(taken.unwrap().state, State::Active);
    let unasked = super::policy("approvals = 0");
    assert!(carols(&unasked, &options(HOUR), &facts, &at(0)).is_ok());
}

#[test]
fn an_extension_goes_on_where_the_other_ends() {
    let policy = policy("approvals = 0");
    let base = asked(&policy, HOUR);
    let facts = Facts {
        extends: Some(&base),
        ..Facts::default()
    };
    let more = carols(&policy, &options(HOUR), &facts, &at(10)).unwrap();
    assert_eq!(more.state, State::Scheduled);
    assert_eq!(more.extends, Some(base.id));
    let grant = more.grant.unwrap();
    assert_eq!(
        (grant.starts_at, grant.ends_at),
        (at(HOUR).wall, at(2 * HOUR).wall)
    );
    let (who, way) = (caller("dan"), Way::Request);
    let of_another = ask(&policy, &who, way, &options(HOUR), &facts, &at(10));
    refused(of_another, "only its holder can ask for more of it");
    let twice = Facts {
        extended_by: Some(ElevationId(2)),
        ..facts
    };
    refused(
        carols(&policy, &options(HOUR), &twice, &at(10)),
        "2 extends elevation 1 already",
    );
    refused(
        carols(&policy, &options(HOUR), &facts, &at(HOUR)),
        "only an active one can be extended",
    );
}

#[test]
fn an_extension_of_one_that_the_boot_clock_ends_early_is_no_longer_for_it() {
    let policy = policy("approvals = 0");
    let base = asked(&policy, HOUR);
    // Ten minutes later somebody has set the clock back by half an hour.
    let boot = at(10 * MINUTE).boot;
    let set_back = Now {
        wall: Wall(at(10 * MINUTE).wall.0 - 30 * 60_000),
        ..at(10 * MINUTE)
    };
    let facts = Facts {
        extends: Some(&base),
        ..Facts::default()
    };
    let more = carols(&policy, &options(HOUR), &facts, &set_back).unwrap();
    let grant = more.grant.unwrap();
    assert!(boot < grant.starts_at_boot);
    assert_eq!(grant.starts_at_boot, base.grant.unwrap().ends_at_boot);
    assert_eq!(
        grant.ends_at_boot,
        grant.starts_at_boot.after(Seconds(HOUR))
    );
}
