//! doctor: what it makes of files, and what it says of a host without jitd.

use std::fs;
use std::path::Path;

use jitctl::doctor::{Finding, Health, pam, sudo};
use jitctl::pam::folder::Files;
use jitctl::setup::apply::read;
use jitctl::setup::{plan, services};
use tempfile::TempDir;

use crate::scene::{NOWHERE, World, run_at};

/// A host of files in a folder.
struct Root(TempDir);

impl Root {
    fn new(files: &[(&str, &str)]) -> Self {
        let root = Self(TempDir::new().unwrap());
        for (path, content) in files {
            root.write(path, content.as_bytes());
        }
        root
    }

    /// Debian's files.
    fn debian() -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debian12");
        let root = Self::new(&[]);
        for (path, content) in read(&from).unwrap().contents {
            root.write(&path, &content);
        }
        root
    }

    /// The same after `jitctl setup`.
    fn set_up() -> Self {
        let root = Self::debian();
        let services = root.services();
        for change in plan::install(&root.files(), &contractors(), &services).unwrap() {
            root.write(&change.path, &change.after.unwrap());
        }
        root
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn files(&self) -> Files {
        read(self.0.path()).unwrap()
    }

    fn services(&self) -> Vec<String> {
        services::used(self.0.path(), &self.files(), &[])
    }

    /// What doctor says of the gate for this group.
    fn gate(&self, group: &str) -> Vec<Finding> {
        pam::gate(&self.files(), &[group.to_owned()], &self.services())
    }

    fn edit(&self, path: &str, edit: impl Fn(&str) -> String) {
        let text = fs::read_to_string(self.0.path().join(path)).unwrap();
        self.write(path, edit(&text).as_bytes());
    }
}

fn contractors() -> Vec<String> {
    vec!["contractors".to_owned()]
}

#[track_caller]
fn state(findings: &[Finding], check: &str) -> Health {
    let found = findings.iter().find(|it| it.check == check);
    found
        .unwrap_or_else(|| panic!("no {check} in {findings:#?}"))
        .state
}

#[test]
fn after_setup_all_is_well_and_before_it_nothing() {
    let checks = ["sudo", "sudo-i", "su", "su-l"];
    let found = Root::set_up().gate("contractors");
    for service in checks {
        for check in [
            format!("gate of {service}"),
            format!("sessions of {service}"),
        ] {
            assert_eq!(state(&found, &check), Health::Ok, "{found:#?}");
        }
    }
    assert_eq!(state(&found, "sudo.conf"), Health::Ok);
    let found = Root::debian().gate("contractors");
    for service in checks {
        for check in [
            format!("gate of {service}"),
            format!("sessions of {service}"),
        ] {
            assert_eq!(state(&found, &check), Health::Problem, "{found:#?}");
        }
    }
    assert_eq!(state(&found, "sudo.conf"), Health::Problem);
    assert!(
        found
            .iter()
            .all(|it| it.state == Health::Ok || it.next.is_some())
    );
}

/// Members of the others get in.
#[test]
fn a_gate_for_other_groups_and_a_damaged_one_are_problems() {
    let root = Root::set_up();
    assert_eq!(state(&root.gate("others"), "gate of sudo"), Health::Problem);
    root.edit("etc/pam.d/sudo", |text| text.replace("# jitd: end\n", ""));
    assert_eq!(state(&root.gate("contractors"), "gate"), Health::Problem);
    let none = pam::gate(&root.files(), &[], &root.services());
    assert_eq!(state(&none, "gate"), Health::Problem);
}

const OURS: &str = "required pam_jit.so managed_group=contractors\n";

/// What doctor says of a sudo with this file, which may include `common`.
fn of_sudo(sudo: &str, common: &str) -> (Health, Health) {
    let root = Root::new(&[("etc/pam.d/sudo", sudo), ("etc/pam.d/common", common)]);
    let found = root.gate("contractors");
    (
        state(&found, "gate of sudo"),
        state(&found, "sessions of sudo"),
    )
}

#[test]
fn what_takes_the_session_away_again_is_found_wherever_it_is_included() {
    let of = |sudo: &str, common: &str| of_sudo(sudo, common).1;
    let systemd = "-session optional pam_systemd.so\n";
    let after = format!("@include common\nsession {OURS}");
    assert_eq!(of(&after, systemd), Health::Ok);
    for before in [
        format!("session {OURS}@include common\n"),
        format!("session {OURS}session include common\n"),
        format!("session {OURS}session [default=ignore success=ok] /lib/security/pam_systemd.so\n"),
        format!("session {OURS}session optional \\\n pam_systemd.so\n"),
    ] {
        assert_eq!(of(&before, systemd), Health::Problem, "{before}");
    }
    // In other stages, and behind a comment, it does not matter.
    for harmless in [
        format!("session {OURS}account include common\n"),
        format!("session {OURS}# session optional pam_systemd.so\n"),
    ] {
        assert_eq!(of(&harmless, systemd), Health::Ok, "{harmless}");
    }
    let endless = of("@include common\n", "@include sudo\n");
    assert_eq!(endless, Health::Problem);
}

#[test]
fn a_line_that_can_be_skipped_or_does_not_count_is_no_gate() {
    for ends in [
        "sufficient pam_unix.so",
        "[success=done default=bad] pam_unix.so",
        "include common",
    ] {
        let common = "account sufficient pam_unix.so\nsession sufficient pam_unix.so\n";
        let skipped = format!("account {ends}\naccount {OURS}session {ends}\nsession {OURS}");
        let found = of_sudo(&skipped, common);
        assert_eq!(found, (Health::Problem, Health::Problem), "{skipped}");
    }
    let jumped = format!(
        "account [default=1] pam_permit.so\naccount {OURS}account required pam_permit.so\nsession {OURS}"
    );
    assert_eq!(of_sudo(&jumped, ""), (Health::Problem, Health::Ok));
    for control in ["optional", "sufficient", "[default=ignore]"] {
        let ignored = OURS.replace("required", control);
        let ignored = format!("account {ignored}account required pam_permit.so\nsession {OURS}");
        assert_eq!(of_sudo(&ignored, "").0, Health::Problem, "{ignored}");
    }
    // Hand-made, and good: a line each for two groups, others' refusals before ours.
    let root = Root::new(&[(
        "etc/pam.d/sudo",
        "account requisite pam_jit.so managed_group=a\naccount required pam_jit.so managed_group=b timeout=5000\nsession required pam_jit.so\n",
    )]);
    let groups = ["a".to_owned(), "b".to_owned()];
    let found = pam::gate(&root.files(), &groups, &root.services());
    assert_ne!(state(&found, "gate of sudo"), Health::Problem, "{found:#?}");
}

#[test]
fn a_service_without_a_file_is_judged_by_what_stands_in_for_it() {
    let root = Root::set_up();
    fs::remove_file(root.0.path().join("etc/pam.d/sudo-i")).unwrap();
    root.write("usr/bin/sudo", b"");
    assert_eq!(
        state(&root.gate("contractors"), "gate of sudo-i"),
        Health::Problem
    );
    root.write("etc/pam.d/other", b"account required pam_deny.so\n");
    assert_eq!(
        state(&root.gate("contractors"), "gate of sudo-i"),
        Health::Ok
    );
}

#[test]
fn sudoers_must_include_the_folder_of_the_roles() {
    let of = |text: &str| sudo::included(Root::new(&[("etc/sudoers", text)]).0.path()).state;
    for good in [
        "@includedir /etc/sudoers.d\n",
        "#includedir /etc/sudoers.d/\n",
        "root ALL=(ALL) ALL\n@include /etc/sudoers.d/jitd\n",
        "@includedir \"/etc/sudoers.d\"\n",
    ] {
        assert_eq!(of(good), Health::Ok, "{good}");
    }
    for bad in [
        "",
        "# @includedir /etc/sudoers.d\n",
        "#@includedir /etc/sudoers.d\n",
        "@includedir /etc/sudoers.other\n",
        "@include /etc/sudoers.d/other\n",
    ] {
        assert_eq!(of(bad), Health::Problem, "{bad}");
    }
    assert_eq!(
        sudo::included(Root::new(&[]).0.path()).state,
        Health::Problem
    );
}

#[test]
fn the_rules_must_be_those_of_the_active_elevations() {
    let wanted = "# Written by jitd\ncarol ALL=(root) ALL\n";
    let of = |there: &str, wanted: &str| {
        let root = Root::new(&[("etc/sudoers.d/jitd", there)]);
        sudo::rules(root.0.path(), wanted).state
    };
    assert_eq!(
        of("# Another head\ncarol ALL=(root) ALL\n", wanted),
        Health::Ok
    );
    assert_eq!(of("", wanted), Health::Problem);
    assert_eq!(of("dave ALL=(root) ALL\n", wanted), Health::Problem);
    assert_eq!(of("carol ALL=(root) ALL\n", ""), Health::Problem);
    let none = Root::new(&[]);
    assert_eq!(sudo::rules(none.0.path(), "").state, Health::Ok);
}

/// As cvtsudoers says it.
fn document(options: &str) -> String {
    format!(r#"{{"Defaults": [{{"Binding": [{{"username": "carol"}}], "Options": [{options}]}}]}}"#)
}

#[test]
fn sudo_must_ask_pam() {
    let of = |options: &str| sudo::settings(&document(options));
    for harmless in [r#"{"env_reset": true}, {"pam_session": true}"#, ""] {
        assert_eq!(of(harmless).state, Health::Ok, "{harmless}");
    }
    for (harm, said) in [
        (r#"{"pam_session": false}"#, "!pam_session"),
        (
            r#"{"env_reset": true}, {"pam_acct_mgmt": false}"#,
            "!pam_acct_mgmt",
        ),
    ] {
        let found = of(harm);
        assert_eq!(found.state, Health::Problem, "{harm}");
        assert!(found.message.contains(said), "{found:?}");
    }
    assert_eq!(sudo::settings("{}").state, Health::Ok);
    assert_eq!(sudo::settings("?").state, Health::Problem);
}

#[test]
fn the_services_that_sudoers_names_are_found() {
    let named = sudo::services(&document(
        r#"{"pam_service": "one"}, {"pam_login_service": "two"}, {"pam_askpass_service": "/three"}, {"timestamp_timeout": 5}"#,
    ));
    assert_eq!(named.unwrap(), ["one", "two", "/three"]);
    assert_eq!(sudo::services("?"), None);
    let root = Root::new(&[
        (
            "etc/sudoers",
            "Defaults:carol env_reset, pam_service=one\n# Defaults pam_service=no\nDefaults!ALL \\\n pam_login_service = \"t wo\"\n@include more\n@includedir /etc/sudoers.d\n",
        ),
        (
            "etc/more",
            "Defaults pam_askpass_service=three, x\n@include more\n",
        ),
        ("etc/sudoers.d/x", "Defaults@host pam_service=four # why\n"),
    ]);
    let found = sudo::services_by_text(root.0.path());
    let found: std::collections::BTreeSet<_> = found.iter().map(String::as_str).collect();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["four", "one", "t wo", "three"]
    );
    let used = services::used(root.0.path(), &Files::default(), &["/Three".to_owned()]);
    assert_eq!(used, ["three"]);
}

/// These look at this machine, and change nothing.
#[tokio::test]
async fn without_jitd_it_says_so_and_what_to_type() {
    let ran = run_at(NOWHERE, &["doctor"]).await.ended(1);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("problem  jitd "), "{ran:#?}");
    let list = lines
        .iter()
        .position(|line| *line == "To do, in this order:")
        .expect("a list");
    assert!(
        lines[list + 1].starts_with("  1. systemctl status"),
        "{ran:#?}"
    );
    let steps: std::collections::BTreeSet<_> = lines[list + 1..]
        .iter()
        .map(|line| line.split_once(". ").expect(line).1)
        .collect();
    assert_eq!(steps.len(), lines.len() - list - 1, "each once: {ran:#?}");
    let json = run_at(NOWHERE, &["doctor", "--json"]).await.ended(1).json();
    assert_eq!(json["healthy"], false);
    let first = &json["checks"][0];
    assert_eq!(
        (&first["check"], &first["state"]),
        (&"jitd".into(), &"problem".into())
    );
    assert!(first["next"].is_string(), "{json}");
}

#[tokio::test]
async fn a_jitd_that_answers_is_well() {
    let world = World::with(vec![]).await;
    let json = world.run(&["doctor", "--json"]).await.json();
    assert_eq!(json["checks"][0]["state"], "ok", "{json}");
}
