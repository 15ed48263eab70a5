//! The .deb's life on a host, by apt: what installing, upgrading, removing and
//! purging leave behind.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jit_tests::{LIMIT, Machine, MachineBuilder, Release, packages};

/// jit-approvers, which the package makes, is not in use: a purge takes it.
const POLICY: &str = r#"[managed]
groups = ["contractors"]

[defaults]
on_end = "keep"
approvers = { groups = ["leads"] }

[role.deploy]
groups   = ["jit-deploy"]
commands = ["ALL"]
services = ["sudo", "sudo-i"]
eligible = { groups = ["contractors"] }
"#;

const PASSWORD: &str = "correct-horse";

/// How long apt may take.
const APT: Duration = Duration::from_secs(120);

const REMOVE: &str = "DEBIAN_FRONTEND=noninteractive apt-get remove --yes jitd";
const PURGE: &str = "DEBIAN_FRONTEND=noninteractive apt-get purge --yes jitd";

/// What may differ in /etc between before the installation and after the
/// purge. The shadow tools keep the last version of each file they change.
const BACKUPS: [&str; 4] = [
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
];

#[test]
fn purged_it_leaves_the_host_as_it_was() {
    for release in Release::ALL {
        let machine = host(release).plain().boot();
        let etc = etc_of(&machine);
        let programs = programs_of(&machine);
        install(&machine);
        hold_a_role(&machine);
        let held = machine.run_as("carol", "sudo -n id");
        held.ok().contains("uid=0(root)");
        let recordings = "/var/log/jitd/recordings";
        machine.run(&format!("install -d -m 700 {recordings}")).ok();

        machine.run_within(APT, REMOVE).ok();
        assert_ended(&machine);
        assert_sudo_is_as_without_us(&machine);
        machine.run(&format!("test -d {recordings}")).ok();
        machine.run_within(APT, PURGE).ok();
        machine.run("test -e /var/log/jitd").fails_with(1);
        assert_sudo_is_as_without_us(&machine);

        let mut left = etc_of(&machine);
        let mut before = etc;
        for file in BACKUPS {
            left.remove(file);
            before.remove(file);
        }
        assert_same(&before, &left, release);
        assert_eq!(programs, programs_of(&machine), "{release}: /usr");
        let ours = machine.run(
            "find /etc /usr /var /run -xdev \\( -path /var/log -o -path /run/log \\) -prune \
             -o -iname '*jit*' -not -iname '*jitter*' -print",
        );
        assert_eq!(ours.ok().text(), "", "{release}: left behind");
        machine.run("dpkg --status jitd").fails_with(1);
        machine
            .run("systemctl list-units --all --no-legend 'jitd*'")
            .ok()
            .lacks("jitd");
    }
}

#[test]
fn removed_it_keeps_policy_and_record_for_a_reinstall() {
    let release = Release::Trixie;
    let machine = host(release).plain().boot();
    install(&machine);
    let id = hold_a_role(&machine);
    machine.run_within(APT, REMOVE).ok();
    assert_ended(&machine);
    machine
        .run("test -e /etc/jitd/jitd.toml && test -e /var/lib/jitd/jitd.db")
        .ok();

    // The policy is there already: nothing but the gate is to be put in.
    machine.apt_install(&packages::deb()).ok();
    machine.run("jitctl setup --yes").ok();
    let shown = machine.run_as("carol", &format!("jitctl show {id} --json"));
    shown.ok().contains("revoked");
    machine
        .run_as("carol", "sudo -n id")
        .fails_with(1)
        .contains("jitctl request deploy");
    let again = hold_a_role(&machine);
    assert!(again > id, "numbers go on: {again} after {id}");
    machine.run_as("carol", "sudo -n id").ok().contains("uid=0");
}

#[test]
fn it_can_be_removed_with_the_daemon_dead_masked_hung_or_its_policy_broken() {
    for release in Release::ALL {
        for trouble in [
            "systemctl stop jitd.service",
            "systemctl mask --now jitd.service",
            "kill -STOP $(systemctl show --property=MainPID --value jitd.service)",
            "echo nonsense >/etc/jitd/jitd.toml && systemctl restart jitd.service",
        ] {
            let machine = host(release).policy(POLICY).boot();
            hold_a_role(&machine);
            machine.run(trouble).ok();
            machine.run_within(APT, REMOVE).ok();
            assert_ended(&machine);
            assert_sudo_is_as_without_us(&machine);
        }
    }
}

#[test]
fn an_upgrade_keeps_elevations_and_their_ends() {
    for release in Release::ALL {
        let machine = host(release).policy(POLICY).boot();
        let id = hold_a_role(&machine);
        let show = format!("jitctl show {id} --json");
        carol_sleeps(&machine);
        let timers = || {
            let listed = machine.run("systemctl list-timers --all --no-legend 'jitd-enforce@*'");
            listed.ok().text().lines().count()
        };
        assert_eq!(timers(), 1, "{release}");
        let before = machine.run_as("carol", &show).ok().stdout.clone();
        assert!(before.contains("\"running\": true"), "{before}");
        let pam = machine.file("/etc/pam.d/sudo");
        let pid = machine.pid_of_unit("jitd.service");

        let folder = tempfile::tempdir().expect("a folder");
        let upgraded = machine.apt_install(&newer_deb(folder.path()));
        upgraded.ok().contains("jitd (9.0.0-1)");
        assert_eq!(
            before,
            machine.run_as("carol", &show).ok().stdout,
            "{release}"
        );
        assert_eq!(pam, machine.file("/etc/pam.d/sudo"), "{release}");
        machine.run_as("carol", "sudo -n id").ok().contains("uid=0");
        machine.wait_until("the new jitd runs", LIMIT, || {
            let now = machine.pid_of_unit("jitd.service");
            now.is_some() && now != pid
        });
        assert_eq!(timers(), 1, "{release}");
        machine.run_as("carol", &format!("jitctl end {id}")).ok();
        machine.run_as("carol", "sudo -n id").fails_with(1);
        machine.wait_until("what ran is gone", LIMIT, || {
            machine.run("pgrep -x sleep").status == 1
        });
        assert_eq!(timers(), 0, "{release}");
    }
}

/// carol leaves a program running under sudo, which runs when this returns.
#[track_caller]
fn carol_sleeps(machine: &Machine) {
    machine
        .run_as("carol", "sudo -n -b sleep 1000 >/dev/null 2>&1")
        .ok();
    machine.wait_until("it runs", LIMIT, || {
        machine.run("pgrep -x sleep").status == 0
    });
}

/// Stopped, and put over itself: elevations and what runs under them go on; and when it goes,
/// nothing of it is left.
#[test]
fn a_stop_and_a_reinstallation_end_nothing_and_a_removal_everything() {
    for release in Release::ALL {
        let machine = host(release).policy(POLICY).boot();
        let id = hold_a_role(&machine);
        carol_sleeps(&machine);
        let runs = || machine.run("pgrep -x sleep").status == 0;
        let show = format!("jitctl show {id} --json");
        let before = machine.run_as("carol", &show).ok().stdout.clone();
        machine.run("systemctl stop jitd.service").ok();
        assert!(runs() && is_in_the_group(&machine), "{release}");
        machine.run("systemctl start jitd.service").ok();
        assert_eq!(before, machine.run_as("carol", &show).ok().stdout);
        let pid = machine.pid_of_unit("jitd.service");
        fs::copy(packages::deb(), machine.outside("/root/jitd.deb")).expect("a copy");
        machine
            .run_within(APT, "dpkg --install /root/jitd.deb")
            .ok();
        machine.wait_until("it was put over itself", LIMIT, || {
            let now = machine.pid_of_unit("jitd.service");
            now.is_some() && now != pid
        });
        assert_eq!(before, machine.run_as("carol", &show).ok().stdout);
        assert!(runs() && is_in_the_group(&machine), "{release}");

        machine.run_within(APT, PURGE).ok();
        assert!(!runs(), "{release}: what ran is still there");
        assert!(!is_in_the_group(&machine), "{release}");
        let units = machine.run("systemctl list-units --all --plain --no-legend 'jit*'");
        assert_eq!(units.ok().text(), "", "{release}");
    }
}

#[test]
fn it_refuses_to_be_removed_while_pam_needs_the_module() {
    let machine = host(Release::Bookworm).policy(POLICY).boot();
    let line = "auth required pam_jit.so managed_group=contractors";
    machine
        .run_with_input("cat >/etc/pam.d/door", &format!("{line}\n"))
        .ok();
    let refused = machine.run_within(APT, REMOVE);
    refused.fails_with(100).contains("/etc/pam.d/door:1:");
    machine
        .run("test -e /usr/lib/*/security/pam_jit.so && systemctl is-active jitd.service")
        .ok();
    machine.run("rm /etc/pam.d/door").ok();
    machine.run_within(APT, REMOVE).ok();
    assert_sudo_is_as_without_us(&machine);
}

#[test]
fn a_group_with_people_in_it_survives_a_purge() {
    let machine = host(Release::Bookworm).policy(POLICY).boot();
    machine
        .run("usermod --append --groups jit-approvers alice")
        .ok();
    machine.run_within(APT, PURGE).ok().contains("left alone");
    assert!(
        machine
            .groups_of("alice")
            .contains(&"jit-approvers".to_owned())
    );
}

#[test]
fn lintian_finds_nothing() {
    let output = Command::new("lintian")
        .args(["--fail-on", "error,warning", "--allow-root"])
        .arg(packages::deb())
        .output()
        .expect("lintian starts");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn nothing_in_it_tells_where_it_was_built() {
    let folder = packages::unpacked_deb();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let here = fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let here = here.expect("a folder").to_string_lossy().into_owned();
    for program in ["usr/sbin/jitd", "usr/bin/jitctl"]
        .map(|path| folder.join(path))
        .into_iter()
        .chain([module_in(&folder)])
    {
        let bytes = fs::read(&program).expect("a program");
        for place in [format!("{home}/"), "/.cargo/".to_owned(), here.clone()] {
            let found = bytes
                .windows(place.len())
                .any(|window| window == place.as_bytes());
            assert!(!found, "{place} in {}", program.display());
        }
    }
}

/// Who is there: carol and chris are managed, and carol may use sudo by a rule
/// of old; so may dora, who is not managed.
fn host(release: Release) -> MachineBuilder {
    Machine::builder(release)
        .user_in("carol", &["contractors"])
        .user_in("chris", &["contractors"])
        .user_in("alice", &["leads"])
        .user_in("dora", &["sudo"])
        .password("dora", PASSWORD)
        .file(
            "/etc/sudoers.d/zz-standing",
            0o440,
            "carol ALL=(ALL:ALL) NOPASSWD: ALL\n",
        )
}

/// Installs the package on a machine that had none, as README.md says.
fn install(machine: &Machine) {
    machine.apt_install(&packages::deb()).ok();
    put_policy(machine);
    machine.run("systemctl restart jitd.service").ok();
    machine.run("jitctl setup --yes").ok();
}

fn put_policy(machine: &Machine) {
    machine
        .run_with_input("cat >/etc/jitd/jitd.toml", POLICY)
        .ok();
}

/// carol holds `deploy`; gives the number.
#[track_caller]
fn hold_a_role(machine: &Machine) -> u64 {
    let asked = machine.run_as("carol", "jitctl request deploy --for 1h --reason tests");
    let id = asked.ok().text().parse().expect("a number");
    machine
        .run_as("alice", &format!("jitctl approve {id}"))
        .ok();
    assert!(is_in_the_group(machine));
    id
}

fn is_in_the_group(machine: &Machine) -> bool {
    machine
        .groups_of("carol")
        .contains(&"jit-deploy".to_owned())
}

/// The elevations were ended before the files went, and on record.
#[track_caller]
fn assert_ended(machine: &Machine) {
    assert!(!is_in_the_group(machine));
    machine.run("getent group jit-deploy").fails_with(2);
    machine.run("test -e /etc/sudoers.d/jitd").fails_with(1);
    let events = machine.run("journalctl --sync; journalctl --identifier=jitd --output=cat");
    events.ok().contains("event=elevation.revoked");
}

/// The same as on a host that never had us: who has a rule may use it.
#[track_caller]
fn assert_sudo_is_as_without_us(machine: &Machine) {
    machine
        .run("! grep -r pam_jit /etc/pam.d && visudo -c")
        .ok();
    machine.run_as("carol", "sudo -n id").ok().contains("uid=0");
    machine
        .run_as("dora", &format!("echo {PASSWORD} | sudo -S id"))
        .ok()
        .contains("uid=0");
    machine
        .run_as("chris", "sudo -n id")
        .fails_with(1)
        .lacks("jitd");
    machine.run("sudo -n true && su -c true").ok();
}

/// Every file of /etc: kind, mode, owner, and content or target.
fn etc_of(machine: &Machine) -> BTreeMap<String, String> {
    let found = machine.run(
        "find /etc -xdev -printf '%p\\t%y %m %u:%g %l\\n'; \
         find /etc -xdev -type f -exec sha256sum {} +",
    );
    let mut files = BTreeMap::new();
    for line in found.ok().stdout.lines() {
        if let Some((path, about)) = line.split_once('\t') {
            files.insert(path.to_owned(), about.to_owned());
        } else if let Some((sum, path)) = line.split_once("  ") {
            files.entry(path.to_owned()).or_default().push_str(sum);
        }
    }
    assert!(files.len() > 100, "{}", found.stdout);
    files
}

/// Every file of /usr: kind, mode, owner, size, and when it was changed.
fn programs_of(machine: &Machine) -> String {
    let found =
        machine.run("find /usr -xdev -not -type d -printf '%p %y %m %u:%g %s %T@\\n' | sort");
    found.ok().stdout.clone()
}

#[track_caller]
fn assert_same(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    release: Release,
) {
    let mut differences = Vec::new();
    for path in before.keys().chain(after.keys()) {
        if before.get(path) != after.get(path) {
            differences.push((path, before.get(path), after.get(path)));
        }
    }
    differences.dedup();
    assert!(differences.is_empty(), "{release}: {differences:#?}");
}

/// The package once more, under a higher version, made in `folder`.
fn newer_deb(folder: &Path) -> PathBuf {
    let tree = folder.join("tree");
    let run = |command: &mut Command| {
        let output = command.output().expect("dpkg-deb starts");
        assert!(output.status.success(), "{output:?}");
    };
    run(Command::new("dpkg-deb")
        .arg("--raw-extract")
        .arg(packages::deb())
        .arg(&tree));
    let control = tree.join("DEBIAN/control");
    let text = fs::read_to_string(&control).expect("a control file");
    let lines: Vec<_> = text
        .lines()
        .map(|line| match line.split_once(": ") {
            Some(("Version", _)) => "Version: 9.0.0-1",
            _ => line,
        })
        .collect();
    fs::write(&control, lines.join("\n") + "\n").expect("a control file");
    let made = folder.join("jitd_9.0.0-1.deb");
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(&tree)
        .arg(&made));
    made
}

fn module_in(folder: &Path) -> PathBuf {
    let module = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|arch| {
            folder
                .join("usr/lib")
                .join(arch)
                .join("security/pam_jit.so")
        })
        .into_iter()
        .find(|path| path.exists());
    module.expect("the package holds pam_jit.so")
}
