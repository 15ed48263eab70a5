//! What setup does with the layouts that real hosts have, and that what it writes means what it
//! should to libpam's model.

use jitctl::pam::Stage;
use jitctl::pam::control::Code;
use jitctl::pam::folder::{Files, Flavour};
use jitctl::pam::judge::{Gap, Judge, OURS};
use jitctl::pam::line::Reader;
use jitctl::pam::stack;
use jitctl::pam::walk::walk;
use jitctl::setup::plan::{self, Change, PlanError};

use super::{OTHER, applied, contractors, files, install, text};

const SUDO: &str = "etc/pam.d/sudo";
const TAIL: &str = "session required pam_permit.so\n";
/// Stages that a test does not look at.
const REST: &str =
    "auth required pam_unix.so\naccount required pam_unix.so\naccount required pam_permit.so\n";

/// The plan, looked at: nobody gets past the gate, and it changes nothing for others.
#[track_caller]
fn planned(before: &Files, services: &[&str]) -> Files {
    let services: Vec<_> = services.iter().map(|it| (*it).to_owned()).collect();
    let changes = plan::install(before, &contractors(), &services).unwrap();
    let after = applied(before, &changes);
    for service in &services {
        for reader in Reader::ALL {
            let load = |files| stack::load(files, service, reader);
            let old = load(before).unwrap_or_default();
            let new = load(&after).unwrap_or_default();
            for stage in Stage::ALL {
                let judge = Judge {
                    stage,
                    of_sudo: true,
                    groups: &contractors(),
                };
                let (old, new) = (old.stage(stage), new.stage(stage));
                assert_eq!(
                    judge.is_as_before(old, new),
                    Ok(true),
                    "{stage}: {after:#?}"
                );
                if stage != Stage::Password {
                    assert_eq!(judge.gap(new), None, "{service} {stage}: {after:#?}");
                }
            }
        }
    }
    assert_eq!(
        plan::install(&after, &contractors(), &services),
        Ok(vec![]),
        "once is enough"
    );
    assert_eq!(applied(&after, &plan::undo(&after).unwrap()), *before);
    after
}

#[test]
fn an_empty_stage_goes_on_meaning_what_other_means() {
    let no_auth = format!("account required pam_permit.so\n{TAIL}");
    let after = planned(&files(&[(SUDO, &no_auth)]), &["sudo"]);
    assert!(
        text(&after, SUDO)
            .contains("pam_jit.so managed_group=contractors\nauth     include   other\n")
    );
    // `other` refuses an expired account, and so it must stay.
    let no_account = format!("auth required pam_unix.so\n{TAIL}");
    planned(&files(&[(SUDO, &no_account)]), &["sudo"]);
    let no_session = REST;
    let after = planned(&files(&[(SUDO, no_session)]), &["sudo"]);
    assert!(text(&after, SUDO).contains("session  include   other\nsession  required  pam_jit.so"));
    planned(&files(&[(SUDO, "")]), &["sudo"]);
}

#[test]
fn a_stage_that_refuses_everybody_is_left_so() {
    let mut before = files(&[(SUDO, "auth required pam_unix.so\n")]);
    before.set(
        "etc/pam.d/other",
        Some(b"auth required pam_deny.so\naccount required pam_deny.so\n"),
    );
    let after = planned(&before, &["sudo"]);
    assert!(!text(&after, SUDO).contains("account"), "{after:#?}");
    before.set("etc/pam.d/other", None);
    let after = planned(&before, &["sudo"]);
    assert!(!text(&after, SUDO).contains("account"), "{after:#?}");
}

/// Without a line that always says yes, ours would be the one that does.
#[test]
fn the_gate_says_yes_for_nobody() {
    let only_wheel = "account sufficient pam_succeed_if.so user ingroup wheel\n";
    let content = format!("auth required pam_unix.so\n{only_wheel}{TAIL}");
    let after = planned(&files(&[(SUDO, &content)]), &["sudo"]);
    assert!(
        text(&after, SUDO)
            .contains("account  [success=ignore ignore=ignore default=bad] pam_jit.so"),
        "{after:#?}"
    );
}

#[test]
fn a_service_without_a_file_gets_one_that_goes_away_again() {
    let before = files(&[(SUDO, &format!("{REST}{TAIL}"))]);
    let after = planned(&before, &["sudo", "sudo-i"]);
    let made = text(&after, "etc/pam.d/sudo-i");
    assert!(
        made.starts_with("# jitd: begin. jitctl setup --undo removes this file.\n"),
        "{made}"
    );
    assert_eq!(made.matches("include   other").count(), 3, "{made}");
    // What refuses everybody needs none.
    let mut closed = before;
    closed.set(
        "etc/pam.d/other",
        Some(b"auth required pam_deny.so\naccount required pam_deny.so\n"),
    );
    let after = planned(&closed, &["sudo", "sudo-i"]);
    assert_eq!(after.get("etc/pam.d/sudo-i"), None);
}

#[test]
fn a_vendors_file_is_included_and_not_changed() {
    let vendor = format!("{REST}password required pam_unix.so\n{TAIL}");
    for flavour in [Flavour::Debian, Flavour::Upstream] {
        let mut before = files(&[("usr/lib/pam.d/su", &vendor)]);
        before.flavour = flavour;
        let after = planned(&before, &["su"]);
        let made = text(&after, "etc/pam.d/su");
        for stage in ["auth    ", "account ", "session ", "password"] {
            assert!(
                made.contains(&format!("{stage} include   /usr/lib/pam.d/su\n")),
                "{made}"
            );
        }
    }
    // Here `other` is the vendor's.
    let mut before = files(&[
        ("usr/lib/pam.d/other", OTHER),
        (SUDO, "auth required pam_unix.so\n"),
    ]);
    before.set("etc/pam.d/other", None);
    let after = planned(&before, &["sudo"]);
    assert!(text(&after, SUDO).contains("account  include   /usr/lib/pam.d/other\n"));
}

#[test]
fn sessions_are_registered_before_what_may_end_the_stage() {
    for ends in [
        "session sufficient pam_permit.so\n",
        "session [success=done default=ignore] pam_unix.so\n",
        "session [success=2 default=ignore] pam_unix.so\nsession optional pam_umask.so\nsession optional pam_umask.so\n",
        "session requisite pam_deny.so\n",
        "session include common-ends\n",
    ] {
        let content = format!("{REST}session optional pam_umask.so\n{ends}{TAIL}");
        let before = files(&[
            (SUDO, &content),
            ("etc/pam.d/common-ends", "session sufficient pam_unix.so\n"),
        ]);
        let after = planned(&before, &["sudo"]);
        let after = text(&after, SUDO);
        let [ours, theirs] =
            ["session  required  pam_jit.so", ends].map(|it| after.find(it).unwrap());
        let is_before = !ends.contains("success=2");
        assert_eq!(ours < theirs, is_before, "{after}");
    }
    // A stack within the stack ends for itself alone.
    let content = format!("{REST}session substack common-ends\n{TAIL}");
    let before = files(&[
        (SUDO, &content),
        ("etc/pam.d/common-ends", "session sufficient pam_unix.so\n"),
    ]);
    let after = planned(&before, &["sudo"]);
    assert!(text(&after, SUDO).ends_with("pam_jit.so managed_group=contractors\n# jitd: end\n"));
}

#[test]
fn where_the_line_can_stand_nowhere_it_says_why() {
    let content =
        format!("{REST}session sufficient pam_unix.so\nsession optional pam_systemd.so\n{TAIL}");
    let refused = install(&files(&[(SUDO, &content)])).unwrap_err();
    let PlanError::Gap {
        stage: Stage::Session,
        gap: Gap::Skipped(Some(place)),
        ..
    } = &refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (place.line, place.text.as_str()),
        (4, "session sufficient pam_unix.so")
    );
    assert!(
        refused.to_string().contains("(/etc/pam.d/sudo line 4)"),
        "{refused}"
    );
}

#[test]
fn jumps_count_what_they_counted() {
    let content = "\
        auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n\
        auth required pam_permit.so\n\
        account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n\
        account requisite pam_deny.so\naccount required pam_permit.so\n\
        session [default=1] pam_permit.so\nsession requisite pam_deny.so\n\
        session required pam_permit.so\n";
    let after = planned(&files(&[(SUDO, content)]), &["sudo"]);
    assert!(text(&after, SUDO).ends_with("pam_jit.so managed_group=contractors\n# jitd: end\n"));
    // One that goes past the end refuses; with ours behind it, it would not.
    let past = format!("{REST}session [default=2] pam_permit.so\nsession required pam_unix.so\n");
    planned(&files(&[(SUDO, &past)]), &["sudo"]);
}

#[test]
fn continued_lines_and_missing_ends_are_read_as_libpam_does() {
    let content = "auth \\\n required \\\n pam_unix.so\naccount required pam_permit.so\nsession required \\\n pam_permit.so";
    planned(&files(&[(SUDO, content)]), &["sudo"]);
    let unfinished = install(&files(&[(SUDO, "auth required pam_unix.so \\\n")])).unwrap_err();
    assert!(
        unfinished.to_string().contains("ends within a line"),
        "{unfinished}"
    );
    let dos = format!("{REST}{TAIL}").replace('\n', "\r\n");
    assert_eq!(
        install(&files(&[(SUDO, &dos)])),
        Err(PlanError::LineEnds(SUDO.into()))
    );
    let dos = "@include common-auth\r\n";
    let refused = install(&files(&[(SUDO, dos), ("etc/pam.d/common-auth", REST)]));
    assert_eq!(refused, Err(PlanError::LineEnds(SUDO.into())));
    let missing = install(&files(&[(SUDO, "@include nothing\n")])).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("line 1 includes \"nothing\", which is not there"),
        "{missing}"
    );
}

#[test]
fn more_groups_than_a_line_has_room_for_are_refused() {
    let groups: Vec<_> = (0..60)
        .map(|number| format!("contractors-of-{number}"))
        .collect();
    let before = files(&[(SUDO, REST)]);
    let refused = plan::install(&before, &groups, &["sudo".to_owned()]).unwrap_err();
    assert!(matches!(refused, PlanError::TooLong(_)), "{refused:?}");
}

/// A copy that somebody keeps in the folder is left alone by setup, and its block goes with undo.
#[test]
fn other_files_with_our_block_are_left_in_place() {
    let before = files(&[(SUDO, &format!("{REST}{TAIL}"))]);
    let once = applied(&before, &install(&before).unwrap());
    let mut with_copy = once.clone();
    let copy = text(&once, SUDO).to_owned();
    with_copy.set("etc/pam.d/sshd", Some(copy.as_bytes()));
    assert_eq!(install(&with_copy), Ok(vec![]));
    let paths =
        |changes: Vec<Change>| -> Vec<_> { changes.into_iter().map(|it| it.path).collect() };
    let undone = paths(plan::undo(&with_copy).unwrap());
    assert_eq!(undone, ["etc/pam.d/sshd", SUDO, "etc/sudo.conf"]);
}

/// The walk itself on what setup writes: who is refused is refused, whatever fails besides.
#[test]
fn a_refusal_of_ours_refuses() {
    let before = files(&[(SUDO, &format!("{REST}{TAIL}"))]);
    let after = planned(&before, &["sudo"]);
    let loaded = stack::load(&after, "sudo", Reader::From17).unwrap();
    for stage in [Stage::Auth, Stage::Account, Stage::Session] {
        let stack = loaded.stage(stage);
        let refused = |at: usize| match stack[at].name() {
            OURS => Code::PERM_DENIED,
            _ => Code::SUCCESS,
        };
        assert_ne!(walk(stack, refused).0, Code::SUCCESS, "{stage}");
        let let_by = |at: usize| match stack[at].name() {
            OURS => Code::IGNORE,
            _ => Code::SUCCESS,
        };
        assert_eq!(walk(stack, let_by).0, Code::SUCCESS, "{stage}");
    }
}
