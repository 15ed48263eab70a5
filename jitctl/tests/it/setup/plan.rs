//! The plan: a pure function, over real files and strange ones.

use std::collections::BTreeMap;

use jitctl::setup::block::Damaged;
use jitctl::setup::diff;
use jitctl::setup::plan::{self, Files, PlanError};

use super::{DYNAMIC, GATE, SESSIONS, applied, contractors, files, fixture, text};

#[test]
fn debian_gets_the_gate_first() {
    for system in ["debian12", "debian13"] {
        let before = fixture(system);
        assert_eq!(before.len(), 5);
        let changes = plan::install(&before, &contractors()).unwrap();
        let after = applied(&before, &changes);
        for service in ["sudo", "sudo-i", "su"] {
            let new = text(&after, &format!("etc/pam.d/{service}"));
            let (head, tail) = new.split_once(GATE).expect(new);
            assert!(head.lines().all(|line| line.starts_with('#')), "{new}");
            let tail = tail.strip_suffix(SESSIONS).expect(new);
            assert_eq!(
                format!("{head}{tail}").as_bytes(),
                before[&format!("etc/pam.d/{service}")]
            );
        }
        // su-l includes su.
        assert_eq!(after["etc/pam.d/su-l"], before["etc/pam.d/su-l"]);
        let conf = text(&after, "etc/sudo.conf");
        assert!(conf.ends_with(DYNAMIC), "{conf}");

        assert_eq!(
            plan::install(&after, &contractors()),
            Ok(vec![]),
            "once is enough"
        );
        let undone = applied(&after, &plan::undo(&after).unwrap());
        assert_eq!(undone, before);
        assert_eq!(plan::undo(&undone), Ok(vec![]));
    }
}

#[test]
fn other_groups_update_the_blocks() {
    let before = fixture("debian12");
    let once = applied(&before, &plan::install(&before, &contractors()).unwrap());
    let groups = vec!["contractors".to_owned(), "domain users".to_owned()];
    let changes = plan::install(&once, &groups).unwrap();
    assert_eq!(
        changes.len(),
        3,
        "sudo, sudo-i and su; sudo.conf is as it should be"
    );
    let twice = applied(&once, &changes);
    assert!(text(&twice, "etc/pam.d/sudo").contains(
        "\nauth     requisite pam_jit.so managed_group=contractors [managed_group=domain users]\n"
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
        "\n\n# c\nauth required pam_unix.so\r\n",
        "# goes on \\\nauth required pam_unix.so\n",
    ] {
        let before = files(&[("etc/pam.d/sudo", content), ("etc/sudo.conf", content)]);
        let after = applied(&before, &plan::install(&before, &contractors()).unwrap());
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
    let mut before = Files::new();
    before.insert(
        "etc/pam.d/su".into(),
        b"# \xff\xfe\nauth required x.so \xff\n".to_vec(),
    );
    let after = applied(&before, &plan::install(&before, &contractors()).unwrap());
    assert_eq!(applied(&after, &plan::undo(&after).unwrap()), before);
}

#[test]
fn a_sudo_conf_of_ours_goes_away_again_and_an_empty_one_stays() {
    let before = files(&[("etc/pam.d/sudo", "")]);
    let after = applied(&before, &plan::install(&before, &contractors()).unwrap());
    assert!(text(&after, "etc/sudo.conf").contains("\nSet group_source dynamic\n"));
    assert_eq!(plan::install(&after, &contractors()), Ok(vec![]));
    assert_eq!(applied(&after, &plan::undo(&after).unwrap()), before);

    // What an admin has added to it meanwhile is theirs.
    let mut grown = after;
    grown
        .get_mut("etc/sudo.conf")
        .unwrap()
        .extend(b"Set probe_interfaces false\n");
    let undone = applied(&grown, &plan::undo(&grown).unwrap());
    assert_eq!(
        text(&undone, "etc/sudo.conf"),
        "Set probe_interfaces false\n"
    );
}

#[test]
fn what_includes_a_gated_file_needs_no_gate() {
    let red_hat = "#%PAM-1.0\nauth substack su\naccount include su\nsession optional pam_keyinit.so\nsession include su\n";
    let no_session = "auth include su\naccount include su\nsession required pam_unix.so\n";
    let at_include = "@include su\n";
    let opens_before = "auth sufficient pam_rootok.so\nauth include su\naccount include su\n";
    let no_account = "auth include su\naccount required pam_unix.so\n";
    let commented = "# @include su\nauth required pam_unix.so\n";
    let elsewhere = "@include common-auth\n@include common-account\n";
    for (content, covered) in [
        (red_hat, true),
        (at_include, true),
        (no_session, false),
        (opens_before, false),
        (no_account, false),
        (commented, false),
        (elsewhere, false),
    ] {
        let before = files(&[("etc/pam.d/su", ""), ("etc/pam.d/su-l", content)]);
        let after = applied(&before, &plan::install(&before, &contractors()).unwrap());
        assert_eq!(
            text(&after, "etc/pam.d/su-l") == content,
            covered,
            "{content}"
        );
        assert_eq!(
            text(&after, "etc/pam.d/su-l").ends_with(SESSIONS),
            !covered,
            "{content}"
        );
        // What is not there cannot cover.
        let alone = files(&[("etc/pam.d/su-l", content)]);
        let after = applied(&alone, &plan::install(&alone, &contractors()).unwrap());
        assert!(text(&after, "etc/pam.d/su-l").contains(GATE), "{content}");
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
        let error = plan::install(&before, &contractors()).unwrap_err();
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
    let gate = format!("{GATE}{SESSIONS}");
    let already = files(&[
        ("etc/pam.d/sudo", &gate),
        ("etc/sudo.conf", "Set group_source dynamic\n"),
    ]);
    assert_eq!(plan::install(&already, &contractors()), Ok(vec![]));
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let sudo = files(&[("etc/pam.d/sudo", "")]);
    assert_eq!(plan::install(&sudo, &[]), Err(PlanError::NoGroups));
    assert_eq!(
        plan::install(&BTreeMap::new(), &contractors()),
        Err(PlanError::NothingToGate)
    );
    for name in ["", "a]b", "a#b", "a\nauth sufficient pam_permit.so", "a\\"] {
        assert_eq!(
            plan::install(&sudo, &[name.to_owned()]),
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
        assert_eq!(plan::install(&files, &contractors()), expected);
        assert_eq!(plan::undo(&files), expected);
    }
}

#[test]
fn the_diff_shows_the_change() {
    let before = files(&[(
        "etc/pam.d/su-l",
        "#%PAM-1.0\nauth\trequired\tpam_unix.so \u{1b}\n",
    )]);
    let shown = diff::unified(&plan::install(&before, &contractors()).unwrap());
    assert_eq!(
        shown,
        "\
--- /etc/pam.d/su-l
+++ /etc/pam.d/su-l
@@ -1,2 +1,9 @@
 #%PAM-1.0
+# jitd: begin. jitctl setup --undo removes this block.
+auth     requisite pam_jit.so managed_group=contractors
+account  required  pam_jit.so managed_group=contractors
+# jitd: end
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
