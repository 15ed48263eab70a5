//! Accounts that are renamed, deleted and made anew while they hold something: an elevation is
//! of a name and a number, and goes with neither alone.
#![allow(clippy::expect_used, clippy::panic, reason = "these are tests")]

use jit_tests::{LIMIT, Machine, MachineBuilder, Release, on_each_release};

mod cast;
use cast::{PASSWORD, SOON, alice, as_user, elevate_carol, state};

on_each_release!(
    a_name_that_is_given_to_somebody_else_takes_nothing_with_it,
    with_jitd_dead_neither_name_nor_number_opens_anything,
    an_account_of_a_directory_is_asked_about,
);

/// carol's role gives sudo, a group that jitd makes, and one that grace is in for good.
fn scene(release: Release) -> MachineBuilder {
    let policy = cast::POLICY.replace(r#"["jit-deploy"]"#, r#"["jit-deploy", "shared"]"#);
    let policy = policy.replace("on_end = \"keep\"\n", "");
    cast::scene(release)
        .package("libnss-systemd")
        .user_in("grace", &["shared"])
        .policy(&policy)
}

/// As vipw(8) and vigr(8) do it: usermod(8) refuses while a process of the account runs.
const RENAME: &str = "sed -i 's/^carol:/eva:/' /etc/passwd /etc/shadow
    sed -i 's/\\([:,]\\)carol\\b/\\1eva/g' /etc/group /etc/gshadow";

/// What `user` gets of sudo, and of sudo-rs where it is, with their password.
#[track_caller]
fn roots(machine: &Machine, user: &str) -> String {
    let script = format!(
        "for sudo in sudo sudo-rs; do
            command -v $sudo >/dev/null || continue
            echo {PASSWORD} | setpriv --reuid={user} --regid=$(id -g {user}) --init-groups $sudo -S id 2>&1
        done; true"
    );
    machine.run(&script).ok().stdout.clone()
}

#[track_caller]
fn new_account(machine: &Machine, name: &str, uid: u32) {
    let made = format!(
        "useradd --no-user-group --gid users --uid {uid} --shell /bin/bash {name}
         echo {name}:{PASSWORD} | chpasswd"
    );
    machine.run(&made).ok();
}

#[track_caller]
fn uid_of(machine: &Machine, name: &str) -> u32 {
    let uid = machine.run(&format!("id -u {name}"));
    uid.ok().text().parse().expect("a number")
}

#[track_caller]
fn is_revoked(machine: &Machine, id: u64, because: &str) {
    machine.wait_until("it is revoked", SOON, || state(machine, id) == "revoked");
    let shown = machine.run(&format!("jitctl audit --elevation {id} --json"));
    let shown = shown.ok();
    shown.contains("\"by\":\"jitd\"").contains(because);
}

/// Nobody has what carol was given, by any of her names.
#[track_caller]
fn nothing_is_left(machine: &Machine) {
    machine.wait_until("the host matches", SOON, || {
        machine.run("test ! -e /etc/sudoers.d/jitd").status == 0
    });
    let groups = machine.run("getent group jit-deploy shared; cat /etc/gshadow");
    for line in groups.ok().stdout.lines() {
        if line.starts_with("jit-deploy:") || line.starts_with("shared:") {
            assert!(!line.contains("carol") && !line.contains("eva"), "{line}");
        }
    }
}

fn a_name_that_is_given_to_somebody_else_takes_nothing_with_it(release: Release) {
    let machine = scene(release).boot();
    let carol = uid_of(&machine, "carol");
    let id = elevate_carol(&machine, "10m");
    assert!(
        roots(&machine, "carol").contains("uid=0(root)"),
        "the control"
    );
    machine
        .run(
            "setpriv --reuid=carol --regid=carol --init-groups setsid sleep 1234 >/dev/null 2>&1 &",
        )
        .ok();
    // In one go, before anybody could have noticed the first half.
    machine
        .run(&format!(
            "{RENAME}
             useradd --no-user-group --gid users --shell /bin/bash carol
             echo carol:{PASSWORD} | chpasswd"
        ))
        .ok();
    let got = roots(&machine, "carol");
    assert!(!got.contains("uid=0(root)"), "{got}");
    let why = format!("uid {carol} was carol and is eva now");
    is_revoked(&machine, id, &why);
    nothing_is_left(&machine);
    assert!(uid_of(&machine, "carol") != carol);
    for name in ["carol", "eva"] {
        let got = roots(&machine, name);
        assert!(!got.contains("uid=0(root)"), "{name}: {got}");
    }
    machine.wait_until("what held the group has ended", LIMIT, || {
        machine.run("pgrep -f 'sleep 123[4]'").status == 1
    });
    // And by the shadow tools: deleted, and made anew with another number.
    machine.run("gpasswd -a carol contractors").ok();
    let asked = machine
        .run("setpriv --reuid=carol --regid=users --init-groups jitctl request deploy --for 10m");
    let id: u64 = asked.ok().text().parse().expect("a number");
    alice(&machine, &format!("approve {id}")).ok();
    machine.run("userdel carol").ok();
    new_account(&machine, "carol", 4711);
    is_revoked(&machine, id, "carol");
    nothing_is_left(&machine);
    let got = roots(&machine, "carol");
    assert!(!got.contains("uid=0(root)"), "{got}");
}

fn with_jitd_dead_neither_name_nor_number_opens_anything(release: Release) {
    let machine = scene(release).boot();
    let carol = uid_of(&machine, "carol");
    let id = elevate_carol(&machine, "10m");
    machine.run("systemctl stop jitd.service").ok();
    machine.run("userdel carol").ok();
    new_account(&machine, "frank", carol);
    new_account(&machine, "carol", 4711);
    for name in ["frank", "carol"] {
        let got = roots(&machine, name);
        assert!(!got.contains("uid=0(root)"), "{name}: {got}");
    }
    machine.run("systemctl start jitd.service").ok();
    is_revoked(&machine, id, "is frank now, and carol is uid 4711");
    nothing_is_left(&machine);
}

/// Of a directory nobody is told: it is asked at each yes, and now and then.
fn an_account_of_a_directory_is_asked_about(release: Release) {
    let machine = scene(release).boot();
    // Which of the folders of nss-systemd is a directory to jitd: one that it does not watch.
    let put = |name: &str, uid: u32| {
        let record = format!(
            r#"{{"userName":"{name}","uid":{uid},"gid":{uid},"disposition":"regular","homeDirectory":"/tmp","shell":"/bin/bash"}}"#
        );
        let folder = "/usr/lib/userdb";
        machine
            .run(&format!(
                "mkdir -p {folder} && rm -f {folder}/*.user && echo '{record}' >{folder}/{name}.user && ln -s {name}.user {folder}/{uid}.user
                 echo '{{\"groupName\":\"{name}\",\"gid\":{uid}}}' >{folder}/{name}.group && ln -sf {name}.group {folder}/{uid}.group"
            ))
            .ok();
    };
    put("gina", 70001);
    machine
        .run("gpasswd -a gina contractors || sed -i 's/^contractors:.*/&,gina/' /etc/group")
        .ok();
    let asked = as_user(&machine, "gina", "jitctl request deploy --for 10m");
    let id: u64 = asked.ok().text().parse().expect("a number");
    alice(&machine, &format!("approve {id}")).ok();
    let granted = as_user(&machine, "gina", "sudo -n id");
    granted.ok().contains("uid=0(root)");
    // Another person has her number: the gate is not even asked about him, and sudo knows better.
    put("otto", 70001);
    let got = as_user(&machine, "otto", "sudo -n id");
    got.fails_with(1).lacks("uid=0(root)");
    is_revoked(&machine, id, "uid 70001 was gina and is otto now");
    nothing_is_left(&machine);
    // And another number her name.
    put("gina", 70001);
    let asked = as_user(&machine, "gina", "jitctl request deploy --for 10m");
    let id: u64 = asked.ok().text().parse().expect("a number");
    alice(&machine, &format!("approve {id}")).ok();
    put("gina", 70002);
    let got = as_user(&machine, "gina", "sudo -n id");
    got.fails_with(1).lacks("uid=0(root)");
    is_revoked(&machine, id, "gina was uid 70001 and is uid 70002 now");
    nothing_is_left(&machine);
}
