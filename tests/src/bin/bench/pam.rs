//! What a PAM line adds to the account stage.

use jit_tests::Machine;

use crate::report::{Figures, Row};
use crate::scale::Scale;
use crate::scene;

/// The simplest sssd there is: accounts from the files, access by a list.
const SSSD: &str = "[sssd]
services = pam
domains = bench

[domain/bench]
id_provider = proxy
proxy_lib_name = files
auth_provider = none
access_provider = simple
simple_allow_users = carol, dora
";

/// What one would write instead of a module.
const SCRIPT: &str = r#"#!/bin/sh
uid=$(id -u "$PAM_USER") || exit 1
busctl call org.jitd1 /org/jitd1 org.jitd1.Gate Check uss "$uid" "$PAM_USER" jit | grep -q '"allowed" b true'
"#;

/// Stacks by name. Each ends in `pam_permit`, which is what is subtracted.
/// libpam reads `other` as well, and complains to syslog where it is missing.
const STACKS: [(&str, &str); 5] = [
    ("other", ""),
    ("permit", ""),
    (
        "jit",
        "account required pam_jit.so managed_group=contractors\n",
    ),
    ("sss", "account required pam_sss.so\n"),
    (
        "exec",
        "account required pam_exec.so quiet /usr/local/sbin/ask-jitd\n",
    ),
];

pub(crate) fn measure(scale: &Scale) -> Vec<Row> {
    let program = scene::program("pam_time");
    let machine = set_up();
    machine.put_program(&program, scene::PAM_TIME);
    let stacks = "permit/carol jit/carol sss/carol exec/carol permit/dora jit/dora sss/dora";
    let series = scene::inside(&machine, &format!("pam {} {stacks}", scale.pam));
    let adds = |stack: &str, user: &str| {
        let own = series.samples(&format!("{stack}/{user}"));
        own.beyond(&series.samples(&format!("permit/{user}")))
    };
    let row = |what: &str, user: &str, name, baseline: &str, limit| {
        let (ours, baseline) = (adds("jit", user), adds(baseline, user));
        let found = ours.median() / baseline.median();
        Row::new(what, Figures::of_nanoseconds(&ours))
            .beside(name, Figures::of_nanoseconds(&baseline))
            .at_most(limit, found, "×")
    };
    let active = "pam_jit adds to the account stage, active elevation";
    vec![
        row(active, "carol", "pam_sss, simple access", "sss", 0.5),
        row(active, "carol", "pam_exec and busctl", "exec", 0.1),
        row(
            "pam_jit adds to the account stage, not managed",
            "dora",
            "pam_sss, simple access",
            "sss",
            0.1,
        ),
    ]
}

fn set_up() -> Machine {
    let mut machine = scene::machine()
        .package("sssd-common")
        .package("sssd-proxy")
        .file("/etc/sssd/sssd.conf", 0o600, SSSD)
        .file("/usr/local/sbin/ask-jitd", 0o755, SCRIPT);
    for (name, lines) in STACKS {
        let path = format!("/etc/bench-pam/{name}");
        let lines = format!("{lines}account required pam_permit.so\n");
        machine = machine.file(&path, 0o644, &lines);
    }
    let machine = scene::boot(machine);
    // Groups are looked up where they would be without sssd.
    machine
        .run("sed -i 's/ sss//' /etc/nsswitch.conf && systemctl restart sssd.service")
        .ok();
    scene::elevate_carol(&machine);
    machine
}
