//! How it ends before its time.

use super::*;

#[test]
fn its_holder_ends_it_and_nobody_else() {
    let active = active(&policy(""), HOUR);
    refused(
        release(&caller("ann"), &active, &at(100)),
        "elevation 1 is carol's; an approver can revoke it",
    );
    let released = release(&caller("carol"), &active, &at(100)).unwrap();
    assert_eq!(released.state, State::Released);
    let by_root_shell = release(&through("carol", "root"), &active, &at(100));
    assert_eq!(by_root_shell.unwrap().state, State::Released);
    refused(
        release(&caller("carol"), &released, &at(101)),
        "elevation 1 is released",
    );
    refused(
        release(&caller("carol"), &active, &at(MINUTE + HOUR)),
        "elevation 1 is expired",
    );
}

#[test]
fn an_approver_or_root_revokes_it_and_says_why() {
    let policy = policy("");
    let active = active(&policy, HOUR);
    let role = policy.role("a");
    refused(
        revoke(role, &caller("dan"), &active, "no", &at(100)),
        "dan is not an approver",
    );
    refused(
        revoke(role, &caller("ann"), &active, "", &at(100)),
        "say why",
    );
    refused(
        revoke(role, &caller("ann"), &active, &"x".repeat(1025), &at(100)),
        "1025 bytes long",
    );
    for who in ["ann", "root"] {
        let revoked = revoke(role, &caller(who), &active, "no", &at(100)).unwrap();
        assert_eq!(revoked.state, State::Revoked);
        assert_eq!(revoked.ended.unwrap().by, who);
    }
    let asked = asked(&policy, HOUR);
    refused(
        revoke(role, &caller("ann"), &asked, "no", &at(10)),
        "elevation 1 is pending",
    );
}

#[test]
fn only_who_asked_takes_a_request_back_and_only_until_it_begins() {
    let policy = policy("");
    let asked = asked(&policy, HOUR);
    refused(
        cancel(&caller("ann"), &asked, &at(10)),
        "an approver can deny it",
    );
    assert_eq!(
        cancel(&caller("carol"), &asked, &at(10)).unwrap().state,
        State::Cancelled
    );
    refused(
        cancel(&caller("carol"), &active(&policy, HOUR), &at(100)),
        "elevation 1 is active",
    );
}

#[test]
fn what_extends_it_ends_with_it_unless_its_time_was_up() {
    let policy = policy("approvals = 0");
    let options = RequestOptions {
        start: Some(at(HOUR).wall.0),
        ..options(HOUR)
    };
    let carol = caller("carol");
    let base = ask(
        &policy,
        &carol,
        Way::Request,
        &options,
        &Facts::default(),
        &at(0),
    )
    .unwrap();
    let facts = Facts {
        extends: Some(&base),
        ..Facts::default()
    };
    let more = ask(&policy, &carol, Way::Request, &options, &facts, &at(0)).unwrap();
    let after = |state| {
        let ended = Elevation {
            state,
            ..base.clone()
        };
        follow(&more, &ended, &at(10)).map(|more| more.state)
    };
    assert_eq!(after(State::Cancelled), Some(State::Cancelled));
    assert_eq!(after(State::Revoked), Some(State::Revoked));
    assert_eq!(after(State::Released), Some(State::Released));
    assert_eq!(after(State::Expired), None);
    assert_eq!(after(State::Active), None);
}

#[test]
fn it_is_unfounded_without_its_role_or_its_holders_eligibility() {
    let policy = policy("");
    let active = active(&policy, HOUR);
    let carol = person("carol");
    assert_eq!(unfounded(&policy, &active, Some(&carol)), None);
    assert!(unfounded(&Policy::default(), &active, Some(&carol)).is_some());
    // One whom the directory does not find may only be out of its reach.
    assert_eq!(unfounded(&policy, &active, None), None);
    assert!(unfounded(&policy, &active, Some(&person("dan"))).is_some());
    let mut left = person("carol");
    left.groups.clear();
    assert!(unfounded(&policy, &active, Some(&left)).is_some());
}

#[test]
fn its_holder_its_approvers_readers_and_root_see_it() {
    let mut policy = policy("");
    let asked = asked(&policy, HOUR);
    let see = |policy: &Policy, who: &str| may_see(Some(policy), &caller(who), &asked);
    assert!(["carol", "ann", "root"].iter().all(|who| see(&policy, who)));
    assert!(!see(&policy, "dan"));
    policy.readers.users.push(UserName::new("dan").unwrap());
    assert!(see(&policy, "dan"));
}
