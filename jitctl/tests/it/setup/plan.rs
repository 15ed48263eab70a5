//! The plan: a pure function, over real files and strange ones.

use jitctl::pam::folder::Files;
use jitctl::setup::block::Damaged;
use jitctl::setup::diff;
use jitctl::setup::plan::{self, PlanError};

use super::{DYNAMIC, GATE, SESSIONS, applied, contractors, files, fixture, install, text, used};

#[test]
fn debian_gets_the_gate_first() {
    for system in ["debian12", "debian13"] {
        let before = fixture(system);
        let changes = install(&before).unwrap();
        let after = applied(&before, &changes);
        for service in ["sudo", "sudo-i", "su"] {
            let new = text(&after, &format!("etc/pam.d/{service}"));
            let (head, tail) = new.split_once(GATE).expect(new);
            assert!(head.lines().all(|line| line.starts_with('#')), "{new}");
            let tail = tail.strip_suffix(SESSIONS).expect(new);
            let path = format!("etc/pam.d/{service}");
            assert_eq!(format!("{head}{tail}"), text(&before, &path));
        }
        // su-l includes su.
        let su_l = "etc/pam.d/su-l";
        assert_eq!(text(&after, su_l), text(&before, su_l));
        let conf = text(&after, "etc/sudo.conf");
        assert!(conf.ends_with(DYNAMIC), "{conf}");

        assert_eq!(install(&after), Ok(vec![]), "once is enough");
        let undone = applied(&after, &plan::undo(&after).unwrap());
        assert_eq!(undone, before);
        assert_eq!(plan::undo(&undone), Ok(vec![]));
    }
}

#[test]
fn other_groups_update_the_blocks() {
    let before = fixture("debian12");
    let once = applied(&before, &install(&before).unwrap());
    let names = ["contractors", "domain users", "CORP\\people", "a]b"];
    let groups = names.map(str::to_owned).to_vec();
    let changes = plan::install(&once, &groups, &used(&once)).unwrap();
    assert_eq!(
        changes.len(),
        3,
        "sudo, sudo-i and su; sudo.conf is as it should be"
    );
    let twice = applied(&once, &changes);
    assert!(text(&twice, "etc/pam.d/sudo").contains(
        "\nauth     requisite pam_jit.so managed_group=contractors [managed_group=domain users] [managed_group=CORP\\people] [managed_group=a\\]b]\n"
    ));
    assert_eq!(applied(&twice, &plan::undo(&twice).unwrap()), before);
}

#[test]
fn files_of_any_shape_come_back_byte_for_byte() {
    for content in [
        "",
        "#%PAM-1.0",
        "#%PAM-1.0\n",
        "auth required pam_unix.so",
        "\n\n# c\nauth required pam_unix.so\n",
        "# goes on \\\nauth required pam_unix.so\n",
    ] {
        let before = files(&[("etc/pam.d/sudo", content), ("etc/sudo.conf", content)]);
        let after = applied(&before, &install(&before).unwrap());
        let sudo = text(&after, "etc/pam.d/sudo");
        let first = sudo
            .lines()
            .find(|line| !line.is_empty() && !line.starts_with('#'));
        assert_eq!(first, GATE.lines().nth(1), "{sudo}");
        let last = sudo.lines().rfind(|line| !line.starts_with('#'));
        assert_eq!(last, SESSIONS.lines().nth(1), "{sudo}");
        assert_eq!(
            applied(&after, &plan::undo(&after).unwrap()),
            before,
            "{content:?}"
        );
    }
    let mut before = files(&[]);
    before.set(
        "etc/pam.d/su",
        Some(b"# \xff\xfe\nauth required x.so \xff\n"),
    );
    let after = applied(&before, &install(&before).unwrap());
    assert_eq!(applied(&after, &plan::undo(&after).unwrap()), before);
}

#[test]
fn a_sudo_conf_of_ours_goes_away_again_and_an_empty_one_stays() {
    let before = files(&[("etc/pam.d/sudo", "")]);
    let after = applied(&before, &install(&before).unwrap());
    assert!(text(&after, "etc/sudo.conf").contains("\nSet group_source dynamic\n"));
    assert_eq!(install(&after), Ok(vec![]));
    assert_eq!(applied(&after, &plan::undo(&after).unwrap()), before);

    // What an admin has added to it meanwhile is theirs.
    let mut grown = after;
    let more = format!(
        "{}Set probe_interfaces false\n",
        text(&grown, "etc/sudo.conf")
    );
    grown.set("etc/sudo.conf", Some(more.as_bytes()));
    let undone = applied(&grown, &plan::undo(&grown).unwrap());
    assert_eq!(
        text(&undone, "etc/sudo.conf"),
        "Set probe_interfaces false\n"
    );
}

#[test]
fn what_includes_a_gated_file_gets_what_it_lacks() {
    let su = "\
        auth required pam_unix.so\naccount required pam_unix.so\n\
        account required pam_permit.so\nsession required pam_permit.so\n";
    let [auth, account, session] = [
        "auth     requisite pam_jit.so",
        "account  required  pam_jit.so",
        "session  required  pam_jit.so",
    ];
    let red_hat = "#%PAM-1.0\nauth substack su\naccount include su\nsession optional pam_keyinit.so\nsession include su\n";
    let no_session = "auth include su\naccount include su\nsession required pam_unix.so\nsession required pam_permit.so\n";
    let opens_before =
        "auth sufficient pam_rootok.so\nauth include su\naccount include su\nsession include su\n";
    let no_account = "auth include su\naccount required pam_unix.so\naccount required pam_permit.so\nsession include su\n";
    let elsewhere = "@include other\n";
    for (content, lacks) in [
        (red_hat, &[][..]),
        ("@include su\n", &[]),
        (no_session, &[session]),
        (opens_before, &[auth]),
        (no_account, &[account]),
        (elsewhere, &[auth, account, session]),
    ] {
        let before = files(&[("etc/pam.d/su", su), ("etc/pam.d/su-l", content)]);
        let after = applied(&before, &install(&before).unwrap());
        let after = text(&after, "etc/pam.d/su-l");
        for line in [auth, account, session] {
            assert_eq!(
                after.contains(line),
                lacks.contains(&line),
                "{line}: {after}"
            );
        }
    }
}

#[test]
fn another_group_source_is_an_error_that_names_the_line() {
    for line in [
        "Set group_source static",
        "  set GROUP_SOURCE adaptive # x",
        "Set group_source",
    ] {
        let conf = format!("# Set group_source dynamic\n{line}\n");
        let before = files(&[("etc/pam.d/sudo", ""), ("etc/sudo.conf", &conf)]);
        let error = install(&before).unwrap_err();
        assert_eq!(
            error,
            PlanError::OtherGroupSource {
                line: 2,
                text: line.trim().to_owned()
            }
        );
        assert!(
            error.to_string().contains("/etc/sudo.conf line 2"),
            "{error}"
        );
    }
    let gate = format!("{GATE}@include other\n{SESSIONS}");
    let already = files(&[
        ("etc/pam.d/sudo", &gate),
        ("etc/sudo.conf", "Set group_source dynamic\n"),
    ]);
    assert_eq!(install(&already), Ok(vec![]));
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let sudo = files(&[("etc/pam.d/sudo", "")]);
    assert_eq!(
        plan::install(&sudo, &[], &used(&sudo)),
        Err(PlanError::NoGroups)
    );
    assert_eq!(
        plan::install(&Files::default(), &contractors(), &[]),
        Err(PlanError::NothingToGate)
    );
    for name in [
        "",
        "a\\]b",
        "a#b",
        "a\nauth sufficient pam_permit.so",
        "a\\",
    ] {
        assert_eq!(
            plan::install(&sudo, &[name.to_owned()], &used(&sudo)),
            Err(PlanError::GroupName(name.to_owned()))
        );
    }
    for (content, damage) in [
        ("auth x\n# jitd: begin. x\nauth y\n", Damaged::NoEnd(2)),
        ("auth x\n# jitd: end\n", Damaged::NoBegin(2)),
        (
            "# jitd: begin\n# jitd: begin\n# jitd: end\n",
            Damaged::NoEnd(1),
        ),
    ] {
        let files = files(&[("etc/pam.d/sudo", content)]);
        let expected = Err(PlanError::Damaged {
            path: "etc/pam.d/sudo".into(),
            damage,
        });
        assert_eq!(install(&files), expected);
        assert_eq!(plan::undo(&files), expected);
    }
}

#[test]
fn the_diff_shows_the_change() {
    let before = files(&[(
        "etc/pam.d/su-l",
        "#%PAM-1.0\n@include other\nauth\trequired\tpam_unix.so \u{1b}\n",
    )]);
    let shown = diff::unified(&install(&before).unwrap());
    assert_eq!(
        shown,
        "\
--- /etc/pam.d/su-l
+++ /etc/pam.d/su-l
@@ -1,3 +1,10 @@
 #%PAM-1.0
+# jitd: begin. jitctl setup --undo removes this block.
+auth     requisite pam_jit.so managed_group=contractors
+account  required  pam_jit.so managed_group=contractors
+# jitd: end
 @include other
 auth\trequired\tpam_unix.so \\u{1b}
+# jitd: begin. jitctl setup --undo removes this block.
+session  required  pam_jit.so managed_group=contractors
+# jitd: end
--- /dev/null
+++ /etc/sudo.conf
@@ -0,0 +1,3 @@
+# jitd: begin. jitctl setup --undo removes this file.
+Set group_source dynamic
+# jitd: end
"
    );
}
