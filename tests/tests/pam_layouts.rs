//! `jitctl setup` on PAM files as real hosts have them: nobody is locked out, nothing is opened,
//! and the gate stands, whatever the layout; or setup says what is in the way.
#![allow(clippy::expect_used, clippy::panic, reason = "this is a test")]

use jit_tests::{Machine, Release, on_each_release};

mod cast;
use cast::{PASSWORD, SOON, alice, as_user, elevate_carol, scene};

on_each_release!(
    a_layout_means_to_others_what_it_meant,
    what_sudo_is_led_to_is_gated,
    a_layout_that_cannot_be_gated_is_left_and_named,
);

/// What /etc/pam.d/sudo is, and whether carol gets in by it without the gate.
const LAYOUTS: [(&str, &str); 11] = [
    (
        "auth is what `other` says",
        "@include common-account\n@include common-session-noninteractive\n",
    ),
    (
        "account is what `other` says",
        "@include common-auth\n@include common-session-noninteractive\n",
    ),
    (
        "session is what `other` says",
        "@include common-auth\n@include common-account\n",
    ),
    ("all is what `other` says", "# nothing\n"),
    (
        "a session stage that may end first",
        "@include common-auth\n@include common-account\nsession sufficient pam_permit.so\n@include common-session-noninteractive\n",
    ),
    (
        "the same by a jump, and included",
        "@include common-auth\n@include common-account\nsession include house\n@include common-session-noninteractive\n",
    ),
    (
        "stacks within stacks, which end for themselves",
        "auth substack common-auth\naccount substack common-account\nsession substack house\nsession required pam_permit.so\n",
    ),
    (
        "jumps over the end of others",
        "auth [success=2 default=ignore] pam_unix.so nodelay\nauth requisite pam_deny.so\nauth required pam_deny.so\nauth required pam_permit.so\n@include common-account\nsession [default=1] pam_permit.so\nsession requisite pam_deny.so\nsession required pam_permit.so\n",
    ),
    (
        "an account stage that may end first",
        "@include common-auth\naccount sufficient pam_succeed_if.so quiet user ingroup contractors\n@include common-account\n@include common-session-noninteractive\n",
    ),
    (
        "an account stage in which nobody says yes to dave",
        "@include common-auth\naccount sufficient pam_succeed_if.so quiet user ingroup contractors\n@include common-session-noninteractive\n",
    ),
    (
        "lines that go on, and the last one without an end",
        "auth \\\n  include \\\n common-auth\naccount include common-account\n-session optional pam_no_such.so\nsession required \\\n pam_permit.so",
    ),
];

/// Those after which it is looked at whether sessions are ended.
const ENDS: [&str; 3] = [
    "a session stage that may end first",
    "the same by a jump, and included",
    "session is what `other` says",
];

/// Ends the stage that includes it, if it can.
const HOUSE: &str = "session [success=done default=ignore] pam_permit.so\n";

/// carol and eve have rules of an admin's; eve's account has expired.
const RULES: &str = "\
    carol ALL=(root) NOPASSWD: /usr/bin/id -u, /usr/bin/sleep\n\
    eve ALL=(root) NOPASSWD: /usr/bin/id -u\n";

fn host(release: Release) -> Machine {
    let machine = scene(release)
        .no_setup()
        .user("eve")
        .file("/etc/sudoers.d/zzz-admin", 0o440, RULES)
        .file("/etc/pam.d/house", 0o644, HOUSE)
        .boot();
    machine
        .run("chage --expiredate 1 eve && sed -i 's/pam_unix.so/& nodelay/' /etc/pam.d/common-auth")
        .ok();
    machine
}

/// What sudo does for people who are not managed: dave with his password and with another one,
/// eve, root.
fn others(machine: &Machine) -> [bool; 4] {
    let sudo = |user: &str, password: &str| {
        let command = format!("sh -c 'echo {password} | sudo -S -k id -u'");
        as_user(machine, user, &command).stdout.trim() == "0"
    };
    [
        sudo("dave", PASSWORD),
        sudo("dave", "wrong"),
        sudo("eve", ""),
        machine.run("sudo -n id -u").stdout.trim() == "0",
    ]
}

fn carol_is_root(machine: &Machine, sudo: &str) -> bool {
    as_user(machine, "carol", &format!("{sudo} -n id -u"))
        .stdout
        .trim()
        == "0"
}

fn a_layout_means_to_others_what_it_meant(release: Release) {
    let machine = host(release);
    for (name, layout) in LAYOUTS {
        machine.run_with_input("cat >/etc/pam.d/sudo", layout).ok();
        let before = others(&machine);
        assert!(carol_is_root(&machine, "sudo"), "{name}: without the gate");
        assert!(!before[1] && !before[2], "{name}: {before:?}");

        machine.run("jitctl setup --yes").ok();
        assert_eq!(others(&machine), before, "{name}: others");
        assert!(!carol_is_root(&machine, "sudo"), "{name}: with the gate");
        let seen = machine.run("jitctl doctor");
        seen.lacks("problem  gate of").lacks("problem  sessions of");
        if ENDS.contains(&name) {
            let id = elevate_carol(&machine, "10m");
            as_user(&machine, "carol", "sudo -b -n sleep 1000").ok();
            machine.wait_until("it runs", SOON, || {
                machine.run("pgrep -x sleep").status == 0
            });
            alice(&machine, &format!("revoke {id} --comment done")).ok();
            machine.wait_until(&format!("{name}: it is ended"), SOON, || {
                machine.run("pgrep -x sleep").status == 1
            });
        }
        machine.run("jitctl setup --undo --yes").ok();
        assert_eq!(machine.file("/etc/pam.d/sudo"), layout, "{name}: undone");
    }
}

/// Services that sudo uses and that have no file, or that sudoers names.
fn what_sudo_is_led_to_is_gated(release: Release) {
    let machine = host(release);
    let files = "ls /etc/pam.d; cat /etc/pam.d/*";
    machine
        .run(
            "rm /etc/pam.d/sudo-i
             mkdir -p /usr/lib/pam.d && rm /etc/pam.d/su-l && cp /etc/pam.d/su /usr/lib/pam.d/su-l
             echo 'Defaults:carol pam_service=mansion' >/etc/sudoers.d/a-service",
        )
        .ok();
    let before = machine.run(files).stdout;
    let login = "sudo -i";
    machine
        .run("echo 'carol ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/zzz-login")
        .ok();
    assert!(carol_is_root(&machine, login) && carol_is_root(&machine, "sudo"));
    machine.run("jitctl doctor").contains("gate of mansion");

    machine.run("jitctl setup --yes").ok();
    assert!(!carol_is_root(&machine, login), "sudo -i is gated");
    assert!(
        !carol_is_root(&machine, "sudo"),
        "the service in sudoers is gated"
    );
    let seen = machine.run("jitctl doctor");
    seen.lacks("problem  gate of").lacks("problem  sessions of");
    assert_eq!(others(&machine), [true, false, false, true]);
    let vendor = machine.file("/etc/pam.d/su-l");
    assert!(vendor.contains("include   /usr/lib/pam.d/su-l"), "{vendor}");
    machine.run("su -l -c true root").ok();

    machine.run("jitctl setup --undo --yes").ok();
    assert_eq!(machine.run(files).stdout, before, "undone");
}

/// How the files are, what is said of them, and what is left.
fn a_layout_that_cannot_be_gated_is_left_and_named(release: Release) {
    let machine = host(release);
    for (how, said, hint) in [
        (
            "sed -i 's/$/\\r/' /etc/pam.d/sudo",
            "/etc/pam.d/sudo has lines that end in CR LF",
            "sed -i 's/\\r$//' /etc/pam.d/sudo",
        ),
        (
            "mv /etc/pam.d/sudo /srv/ && ln -s /srv/sudo /etc/pam.d/sudo",
            "/etc/pam.d/sudo is a symbolic link to /srv/sudo",
            "cp --remove-destination \"$(readlink -f /etc/pam.d/sudo)\" /etc/pam.d/sudo",
        ),
        (
            "echo '@include nowhere' >>/etc/pam.d/sudo",
            "includes \"nowhere\", which is not there",
            "mend that file",
        ),
        (
            "sed -i '1i session sufficient pam_unix.so' /etc/pam.d/su && echo 'session optional pam_systemd.so' >>/etc/pam.d/su",
            "\"session sufficient pam_unix.so\" (/etc/pam.d/su line 1)",
            "\"required\" or \"optional\"",
        ),
        (
            "mount --bind /etc/pam.d /etc/pam.d && mount -o remount,bind,ro /etc/pam.d",
            "Read-only file system",
            "remount",
        ),
    ] {
        machine.run("cp -a /etc/pam.d /root/kept").ok();
        machine.run(how).ok();
        let before = machine.run("cat /etc/pam.d/*").stdout;
        let refused = machine.run("jitctl setup --yes");
        refused.fails_with(1).contains(said).contains(hint);
        assert_eq!(machine.run("cat /etc/pam.d/*").stdout, before, "{how}");
        machine
            .run("umount /etc/pam.d 2>/dev/null; rm -r /etc/pam.d && mv /root/kept /etc/pam.d")
            .ok();
    }
    // Mode 0444, and a link to another service: no obstacle.
    machine
        .run("chmod 444 /etc/pam.d/su && ln -sf sudo /etc/pam.d/sudo-i && jitctl setup --yes")
        .ok();
    machine
        .run("test -L /etc/pam.d/sudo-i && stat -c %a /etc/pam.d/su")
        .ok()
        .contains("444");
    assert!(!carol_is_root(&machine, "sudo -i"));
}
