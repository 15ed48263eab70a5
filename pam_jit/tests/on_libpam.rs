//! What a program sees of the module through the real libpam.
//!
//! Where a system bus runs on the machine of these tests, jitd is expected not
//! to be on it: the address of the bus is a constant, and stays one.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod stage;

use std::time::{Duration, Instant};

use stage::{
    AUTH_ERR, CRED_INSUFFICIENT, PERM_DENIED, SUCCESS, Scene, USER_UNKNOWN, a_foreign_group,
    somebody,
};

#[test]
fn who_is_not_managed_passes_account() {
    let (user, _) = somebody();
    let line = format!(
        "account required MODULE managed_group={}",
        a_foreign_group()
    );
    let outcome = Scene::new(&[&line]).account(&user);
    assert_eq!((outcome.code, outcome.told.len()), (SUCCESS, 0));
}

#[test]
fn a_managed_person_is_refused_in_account_within_the_deadline() {
    let (user, group) = somebody();
    let line = format!("account required MODULE managed_group={group} timeout=500");
    let begin = Instant::now();
    let outcome = Scene::new(&[&line, "account required pam_permit.so"]).account(&user);
    assert!(begin.elapsed() < Duration::from_millis(1500));
    assert_eq!(outcome.code, PERM_DENIED);
    let told = outcome.told.concat();
    assert!(
        told.contains("jitd: scene is refused: jitd is not running")
            || told.contains("does not run as root"),
        "{told}"
    );
}

#[test]
fn everyone_but_root_is_managed_where_no_group_is_named_or_it_is_not_there() {
    let (user, group) = somebody();
    for line in [
        "account required MODULE",
        "account required MODULE mananged_group=no-such-group",
        "account required MODULE managed_group=no-such-group",
    ] {
        assert_eq!(
            Scene::new(&[line]).account(&user).code,
            PERM_DENIED,
            "{line}"
        );
    }
    let exempt = format!("account required MODULE exempt_group={group}");
    assert_eq!(Scene::new(&[&exempt]).account(&user).code, SUCCESS);
}

#[test]
fn root_passes() {
    if !nix::unistd::getuid().is_root() {
        return; // The real uid says otherwise.
    }
    assert_eq!(
        Scene::new(&["account required MODULE"])
            .account("root")
            .code,
        SUCCESS
    );
}

#[test]
fn unknown_arguments_change_nothing() {
    let (user, group) = somebody();
    let odd = "use_first_pass timeout=soon \\[ = quiet=1 %s%n";
    let free = format!(
        "account required MODULE {odd} managed_group={}",
        a_foreign_group()
    );
    assert_eq!(Scene::new(&[&free]).account(&user).code, SUCCESS);
    let managed = format!("account required MODULE {odd} managed_group={group}");
    assert_eq!(Scene::new(&[&managed]).account(&user).code, PERM_DENIED);
}

#[test]
fn quiet_says_nothing() {
    let (user, _) = somebody();
    let outcome = Scene::new(&["account required MODULE quiet"]).account(&user);
    assert_eq!((outcome.code, outcome.told.len()), (PERM_DENIED, 0));
}

#[test]
fn auth_refuses_and_the_modules_after_it_are_not_reached() {
    let (user, _) = somebody();
    let stack = ["auth requisite MODULE", "auth sufficient pam_permit.so"];
    let outcome = Scene::new(&stack).authenticate(Some(&user));
    assert_eq!(outcome.code, CRED_INSUFFICIENT);
    assert!(!outcome.told.is_empty());
}

#[test]
fn auth_lets_by_and_never_authenticates() {
    let (user, _) = somebody();
    let ours = format!("auth requisite MODULE managed_group={}", a_foreign_group());
    let followed_by = |next: &str| Scene::new(&[&ours, next]).authenticate(Some(&user)).code;
    assert_eq!(followed_by("auth required pam_permit.so"), SUCCESS);
    assert_eq!(followed_by("auth required pam_deny.so"), AUTH_ERR);
    assert_ne!(followed_by("auth optional pam_deny.so"), SUCCESS);
    assert_ne!(Scene::new(&[&ours]).authenticate(Some(&user)).code, SUCCESS);
    let sufficient = ours.replace("requisite", "sufficient");
    let stack = [sufficient.as_str(), "auth required pam_deny.so"];
    assert_eq!(Scene::new(&stack).authenticate(Some(&user)).code, AUTH_ERR);
}

#[test]
fn a_name_that_is_not_there() {
    if !nix::unistd::getuid().is_root() {
        return; // The real uid is somebody whom it is about as well.
    }
    let auth = ["auth requisite MODULE", "auth required pam_deny.so"];
    let outcome = Scene::new(&auth).authenticate(Some("no-such-user"));
    assert_eq!(
        (outcome.code, outcome.told.len()),
        (AUTH_ERR, 0),
        "as without us"
    );
    let alone = Scene::new(&["account required MODULE"]).account("no-such-user");
    assert_ne!(alone.code, SUCCESS);
}

#[test]
fn no_name_at_all_opens_nothing() {
    let stack = ["auth requisite MODULE", "auth sufficient pam_permit.so"];
    assert_eq!(Scene::new(&stack).authenticate(None).code, USER_UNKNOWN);
}

#[test]
fn credentials_and_the_end_of_a_session_are_no_obstacle() {
    let (user, _) = somebody();
    let scene = Scene::new(&["auth required MODULE", "session required MODULE debug"]);
    assert_eq!(scene.setcred(&user).code, SUCCESS);
    let [opened, closed] = scene.open_and_close(&user);
    // No jitd here: what it can't hold together does not start.
    assert_eq!((opened.code, opened.told.len()), (PERM_DENIED, 2));
    assert_eq!((closed.code, closed.told.len()), (SUCCESS, 0));
}
