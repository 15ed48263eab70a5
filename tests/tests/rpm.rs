//! The .rpm: its files in a root of their own, and its scripts on a running
//! system. (That is a Debian one: what differs from RHEL is bridged here.)
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use jit_tests::{Machine, Output, Release, packages};

/// Where an administrator of RHEL looks, and the modes found there.
const FILES: [(&str, u32); 17] = [
    ("/etc/jitd/jitd.toml", 0o644),
    ("/etc/jitd/roles.d/README", 0o644),
    ("/usr/bin/jitctl", 0o755),
    ("/usr/lib/systemd/system/jitd.service", 0o644),
    ("/usr/lib/systemd/system-preset/80-jitd.preset", 0o644),
    ("/usr/lib/sysusers.d/jitd.conf", 0o644),
    ("/usr/lib64/security/pam_jit.so", 0o755),
    ("/usr/libexec/jitd/prepare-removal", 0o755),
    ("/usr/sbin/jitd", 0o755),
    ("/usr/share/dbus-1/system-services/org.jitd1.service", 0o644),
    ("/usr/share/dbus-1/system.d/org.jitd1.conf", 0o644),
    ("/usr/share/doc/jitd/README.md", 0o644),
    ("/usr/share/licenses/jitd/LICENSE-MIT", 0o644),
    ("/usr/share/man/man1/jitctl.1.gz", 0o644),
    ("/usr/share/man/man5/jitd.toml.5.gz", 0o644),
    ("/usr/share/man/man8/pam_jit.8.gz", 0o644),
    ("/usr/share/bash-completion/completions/jitctl", 0o644),
];

/// Folders in which it has files, and no others.
const FOLDERS: [&str; 8] = [
    "/etc/jitd/",
    "/usr/bin/jitctl",
    "/usr/lib/systemd/",
    "/usr/lib/sysusers.d/jitd.conf",
    "/usr/lib64/security/pam_jit.so",
    "/usr/libexec/jitd/",
    "/usr/sbin/jitd",
    "/usr/share/",
];

const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
approvers = { groups = ["jit-approvers"] }

[role.deploy]
groups   = ["jit-deploy"]
commands = ["ALL"]
services = ["sudo"]
eligible = { groups = ["contractors"] }
"#;

#[test]
fn it_installs_into_a_root_of_its_own_where_an_administrator_looks() {
    let root = packages::installed_rpm();
    for (path, mode) in FILES {
        let metadata = root.join(&path[1..]).metadata();
        let metadata = metadata.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
        assert_eq!((metadata.uid(), metadata.gid()), (0, 0), "{path}");
    }
    for path in query(&["--list"]).lines() {
        assert!(
            FOLDERS.iter().any(|folder| path.starts_with(folder)),
            "{path}"
        );
        let mode = root
            .join(&path[1..])
            .metadata()
            .expect(path)
            .permissions()
            .mode();
        assert_eq!(
            mode & 0o7022,
            0,
            "{path} is set-uid, or others may write it"
        );
    }
}

#[test]
fn it_says_what_it_needs_and_keeps_what_an_administrator_changed() {
    let requires = query(&["--requires"]);
    for name in ["pam", "sudo", "dbus", "shadow-utils", "systemd >= 249"] {
        assert!(
            requires.lines().any(|line| line == name),
            "{name}: {requires}"
        );
    }
    let newest = requires
        .lines()
        .filter_map(|line| {
            line.strip_prefix("libc.so.6(GLIBC_2.")?
                .split(')')
                .next()?
                .parse()
                .ok()
        })
        .max();
    assert!(newest <= Some(34), "RHEL 9 has glibc 2.34: {requires}");

    let flags = query(&["--queryformat", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]"]);
    let flags: BTreeMap<_, _> = flags
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    assert_eq!(flags["/etc/jitd/jitd.toml"], "cn", "%config(noreplace)");
    assert!(flags["/usr/share/licenses/jitd/LICENSE-MIT"].contains(['d', 'l']));
}

#[test]
fn its_scripts_are_scripts() {
    for tag in ["POSTIN", "PREUN", "POSTUN"] {
        let script = query(&["--queryformat", &format!("%{{{tag}}}")]);
        assert!(script.lines().count() > 3, "{tag}: {script}");
        let parsed = Command::new("sh").args(["-n", "-c", &script]).output();
        let parsed = parsed.expect("sh starts");
        assert!(parsed.status.success(), "{tag}: {parsed:?}");
    }
}

#[test]
fn its_scripts_bring_it_in_through_an_upgrade_and_out_again() {
    let machine = Machine::builder(Release::Trixie)
        .plain()
        .user_in("carol", &["contractors"])
        .user("alice")
        .file(
            "/etc/sudoers.d/zz-standing",
            0o440,
            "carol ALL=(ALL:ALL) NOPASSWD: ALL\n",
        )
        .boot();
    let pam = machine.file("/etc/pam.d/sudo");
    unpack(&machine);
    run_script(&machine, "POSTIN", 1);
    machine.run("systemctl is-enabled jitd.service").ok();
    machine.run("systemctl is-active jitd.service").ok();
    machine.run("getent group jit-approvers").ok();
    machine
        .run("usermod --append --groups jit-approvers alice")
        .ok();
    machine
        .run_with_input("cat >/etc/jitd/jitd.toml", POLICY)
        .ok();
    machine
        .run("systemctl restart jitd.service && jitctl setup --yes")
        .ok();
    let asked = machine.run_as("carol", "jitctl request deploy");
    let id = asked.ok().text().to_owned();
    machine
        .run_as("alice", &format!("jitctl approve {id}"))
        .ok();

    // As rpm does on an upgrade: the new one comes in before the old one goes.
    unpack(&machine);
    run_script(&machine, "POSTIN", 2);
    run_script(&machine, "PREUN", 1);
    run_script(&machine, "POSTUN", 1);
    machine.run("systemctl is-active jitd.service").ok();
    machine.run_as("carol", "sudo -n id").ok().contains("uid=0");
    assert!(machine.file("/etc/pam.d/sudo").contains("pam_jit.so"));

    machine
        .run("echo 'auth required pam_jit.so' >/etc/pam.d/door")
        .ok();
    let refused = script(&machine, "PREUN", 0);
    refused.fails_with(1).contains("/etc/pam.d/door:1:");
    machine.run("rm /etc/pam.d/door && jitctl setup --yes").ok();
    machine.run("systemctl is-enabled jitd.service").ok();

    run_script(&machine, "PREUN", 0);
    assert_eq!(machine.file("/etc/pam.d/sudo"), pam);
    assert!(
        !machine
            .groups_of("carol")
            .contains(&"jit-deploy".to_owned())
    );
    for path in query(&["--list"]).lines() {
        machine.run(&format!("test -d {path} || rm {path}")).ok();
    }
    run_script(&machine, "POSTUN", 0);
    machine.run_as("carol", "sudo -n id").ok().contains("uid=0");
    let left = machine.run(
        "find /etc /usr /run -xdev -path /run/log -prune -o -iname '*jit*' \
         -not -iname '*jitter*' -print",
    );
    assert_eq!(
        left.ok().text(),
        "/usr/lib/x86_64-linux-gnu/security/pam_jit.so"
    );
}

/// What rpm says of the package.
fn query(options: &[&str]) -> String {
    let output = Command::new("rpm")
        .args(["--query", "--package"])
        .args(options)
        .arg(packages::rpm())
        .output()
        .expect("rpm starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Puts the files into the machine, and the module where Debian's libpam looks.
fn unpack(machine: &Machine) {
    let root = packages::installed_rpm();
    let kept = machine.run("test -e /etc/jitd/jitd.toml").status == 0;
    let parts: &[&str] = if kept { &["usr"] } else { &["usr", "etc"] };
    let copied = Command::new("cp")
        .args(["--archive", "--remove-destination"])
        .args(parts.iter().map(|part| root.join(part)))
        .arg(machine.outside("/"))
        .status();
    assert!(copied.expect("cp starts").success());
    machine
        .run("ln -sf /usr/lib64/security/pam_jit.so /usr/lib/x86_64-linux-gnu/security/pam_jit.so")
        .ok();
}

/// Runs a script of the package as rpm does, with how many versions will be
/// there afterwards.
#[track_caller]
fn run_script(machine: &Machine, tag: &str, left: u32) {
    script(machine, tag, left).ok();
}

#[track_caller]
fn script(machine: &Machine, tag: &str, left: u32) -> Output {
    let script = query(&["--queryformat", &format!("%{{{tag}}}")]);
    machine.run_with_input(&format!("sh -s {left}"), &script)
}
