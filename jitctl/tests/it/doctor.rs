//! doctor: what it makes of files, and what it says of a host without jitd.

use std::fs;
use std::path::Path;

use jitctl::doctor::{Finding, Health, pam, sudo};
use jitctl::setup::apply::read;
use jitctl::setup::plan::{self, Files};
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
        for (path, content) in read(&from).unwrap() {
            root.write(&path, &content);
        }
        root
    }

    /// The same after `jitctl setup`.
    fn set_up() -> Self {
        let root = Self::debian();
        for change in plan::install(&root.files(), &contractors()).unwrap() {
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
    let gates = |root: &Root| pam::gate(&root.files(), &contractors());
    let root = Root::set_up();
    for service in checks {
        assert_eq!(
            state(&gates(&root), &format!("gate of {service}")),
            Health::Ok
        );
        let sessions = pam::sessions(root.0.path());
        let check = format!("sessions of {service}");
        assert_eq!(state(&sessions, &check), Health::Ok, "{service}");
    }
    assert_eq!(state(&gates(&root), "sudo.conf"), Health::Ok);
    let root = Root::debian();
    let found = gates(&root);
    for service in ["sudo", "su"] {
        assert_eq!(
            state(&found, &format!("gate of {service}")),
            Health::Problem
        );
        let sessions = pam::sessions(root.0.path());
        let check = format!("sessions of {service}");
        assert_eq!(state(&sessions, &check), Health::Problem, "{service}");
    }
    assert_eq!(state(&found, "sudo.conf"), Health::Problem);
    assert!(
        found
            .iter()
            .all(|it| it.state == Health::Ok || it.next.is_some())
    );
}

#[test]
fn a_gate_for_other_groups_is_a_warning_and_a_damaged_one_a_problem() {
    let root = Root::set_up();
    let other = pam::gate(&root.files(), &["others".to_owned()]);
    assert_eq!(state(&other, "gate of sudo"), Health::Warning);
    root.edit("etc/pam.d/sudo", |text| text.replace("# jitd: end\n", ""));
    let damaged = pam::gate(&root.files(), &contractors());
    assert_eq!(state(&damaged, "gate"), Health::Problem);
    assert_eq!(
        state(&pam::gate(&root.files(), &[]), "gate"),
        Health::Problem
    );
}

#[test]
fn what_takes_the_session_away_again_is_found_wherever_it_is_included() {
    const OURS: &str = "session required pam_jit.so managed_group=contractors\n";
    let of = |sudo: &str, common: &str| {
        let root = Root::new(&[("etc/pam.d/sudo", sudo), ("etc/pam.d/common", common)]);
        state(&pam::sessions(root.0.path()), "sessions of sudo")
    };
    let systemd = "-session optional pam_systemd.so\n";
    let after = format!("@include common\n{OURS}");
    assert_eq!(of(&after, systemd), Health::Ok);
    for before in [
        format!("{OURS}@include common\n"),
        format!("{OURS}session include common\n"),
        format!("{OURS}session [default=ignore success=ok] /lib/security/pam_systemd.so\n"),
        format!("{OURS}session optional \\\n pam_systemd.so\n"),
    ] {
        assert_eq!(of(&before, systemd), Health::Problem, "{before}");
    }
    // In other stages, and behind a comment, it does not matter.
    for harmless in [
        format!("{OURS}account include common\n"),
        format!("{OURS}# session optional pam_systemd.so\n"),
    ] {
        assert_eq!(of(&harmless, systemd), Health::Ok, "{harmless}");
    }
    let endless = of("@include common\n", "@include sudo\n");
    assert_eq!(endless, Health::Problem);
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

#[test]
fn sudo_must_ask_pam_in_services_that_have_the_gate() {
    let of = |options: &str| {
        let text = format!(
            r#"{{"Defaults": [{{"Binding": [{{"username": "carol"}}], "Options": [{options}]}}]}}"#
        );
        sudo::settings(&text, &plan::SERVICES)
    };
    for harmless in [
        r#"{"env_reset": true}, {"pam_session": true}"#,
        r#"{"pam_service": "sudo"}, {"pam_login_service": "sudo-i"}"#,
        "",
    ] {
        assert_eq!(of(harmless).state, Health::Ok, "{harmless}");
    }
    for (harm, said) in [
        (r#"{"pam_session": false}"#, "!pam_session"),
        (
            r#"{"env_reset": true}, {"pam_acct_mgmt": false}"#,
            "!pam_acct_mgmt",
        ),
        (r#"{"pam_service": "other"}"#, "pam_service=other"),
        (
            r#"{"pam_login_service": "other"}"#,
            "pam_login_service=other",
        ),
    ] {
        let found = of(harm);
        assert_eq!(found.state, Health::Problem, "{harm}");
        assert!(found.message.contains(said), "{found:?}");
    }
    assert_eq!(sudo::settings("{}", &[]).state, Health::Ok);
    assert_eq!(sudo::settings("?", &[]).state, Health::Problem);
}

/// These look at this machine, and change nothing.
#[tokio::test]
async fn without_jitd_it_says_so_and_what_to_type() {
    let ran = run_at(NOWHERE, &["doctor"]).await.ended(1);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("problem  jitd "), "{ran:#?}");
    assert!(
        lines[1].trim_start().starts_with("next: systemctl status"),
        "{ran:#?}"
    );
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
