//! Nobody decides their own elevation: not as root, not in another's account.
//! Who somebody is, the kernel says: the uid and who logged in.

use jit_tests::scene::{ALICES, CAROLS, REASON, ROOTS, asks, cast, granted, number};
use jit_tests::{LIMIT, Machine, Release, on_each_release};

on_each_release!(
    carol_is_carol_in_every_shell_she_can_get,
    whoever_asked_in_anothers_account_does_not_decide,
    a_borrowed_account_does_not_make_an_approver,
    only_a_login_of_ones_own_decides,
);

/// `state` of a request, as root reads it.
#[track_caller]
fn state(machine: &Machine, id: u64) -> String {
    let state = machine.run(&format!("jitctl show {id} --json | jq -r .state"));
    state.ok().text().to_owned()
}

fn carol_is_carol_in_every_shell_she_can_get(release: Release) {
    let machine = cast(release).boot();
    let carol = machine.ssh("carol");
    let alice = machine.ssh("alice");
    granted(&carol, &alice, "operator --for 10m");
    carol.run(&format!("sudo -S -v <<< {CAROLS}")).ok();
    let id = asks(&carol, "deploy");
    let approve = format!("jitctl approve {id}");

    carol.run(&approve).fails_with(3).contains("their own");
    for shell in [
        // Root, by every way that she has.
        format!("sudo -n {approve}"),
        format!("sudo -n -i {approve}"),
        format!("su -c '{approve}' root <<< {ROOTS}"),
        format!("su - -c '{approve}' <<< {ROOTS}"),
        format!("sudo -n setsid --wait {approve}"),
        // An approver's account.
        format!("sudo -n -u alice {approve}"),
        format!("su -c '{approve}' alice <<< {ALICES}"),
        format!("sudo -n su -c '{approve}' alice"),
        format!("sudo -n setpriv --reuid alice --regid alice --init-groups {approve}"),
    ] {
        let refused = carol.run(&shell);
        refused.fails_with(3).contains("nobody decides their own");
    }
    // Without a login there is nobody behind root, and root is not an approver.
    let service = carol.run(&format!(
        "sudo -n systemd-run --wait --pipe --quiet {approve}"
    ));
    service.fails_with(3);
    assert_eq!(state(&machine, id), "pending");

    // She is carol to her own ends too: as root she asks for nothing, and ends
    // what is hers.
    carol
        .run("sudo -n jitctl request deploy --reason 'restart web after deploy'")
        .fails_with(1)
        .contains("root needs no elevation");
    alice.run(&approve).ok();
    // That ends the session in which it is typed too, whatever it still had to say.
    let _ = carol.run(&format!("sudo -n jitctl end {id}"));
    assert_eq!(state(&machine, id), "released");
    assert_eq!(state(&machine, id), "released");
}

fn whoever_asked_in_anothers_account_does_not_decide(release: Release) {
    let machine = cast(release).user_in("amy", &["jit-approvers"]).boot();
    let alice = machine.ssh("alice");
    // alice knows carol's password, and asks as carol what alice could approve.
    let asked = alice.run(&format!(
        "su -c \"jitctl request deploy --reason '{REASON}'\" carol <<< {CAROLS}"
    ));
    let id = number(asked.ok());
    alice
        .run(&format!("jitctl approve {id}"))
        .fails_with(3)
        .contains("nobody decides their own");
    alice.run("jitctl pending").ok().lacks("carol");
    assert_eq!(state(&machine, id), "pending");
    machine.run_as("amy", &format!("jitctl approve {id}")).ok();
    assert_eq!(state(&machine, id), "active");
}

/// What a service, a user manager or cron does in alice's account is not alice, whatever the login
/// uid that it has.
fn only_a_login_of_ones_own_decides(release: Release) {
    let machine = cast(release).boot();
    let (carol, alice) = (machine.ssh("carol"), machine.ssh("alice"));
    let id = asks(&carol, "deploy");
    let approve = format!("jitctl approve {id}");
    let refused = |command: &str, why: &str| {
        let output = machine.run(command);
        output
            .fails_with(3)
            .contains("only in a login session of their own")
            .contains(why);
        assert_eq!(state(&machine, id), "pending", "{command}");
    };
    let as_service = "systemd-run --quiet --pipe --wait --collect";
    refused(
        &format!("{as_service} --uid=alice {approve}"),
        "nobody logged in",
    );
    refused(
        &format!("setpriv --reuid=alice --regid=alice --init-groups {approve}"),
        "nobody logged in",
    );
    // Whoever writes a login uid gets a new session of the kernel's.
    refused(
        &format!(
            "echo $(id -u alice) >/proc/self/loginuid && setpriv --reuid=alice --regid=alice --init-groups {approve}"
        ),
        "in none that logind knows",
    );
    // With alice's own manager: it has her login uid, and she has not typed anything.
    let hers = "setpriv --reuid=alice --regid=alice --init-groups env XDG_RUNTIME_DIR=/run/user/$(id -u alice)";
    machine
        .run(&format!(
            "{hers} systemd-run --user --quiet -- sh -c '{approve} >/tmp/said 2>&1; echo $? >>/tmp/said'"
        ))
        .ok();
    machine.wait_until("her manager has tried", LIMIT, || {
        machine.run("tail -n 1 /tmp/said").stdout == "3\n"
    });
    assert!(
        machine
            .file("/tmp/said")
            .contains("only in a login session of their own")
    );
    assert_eq!(state(&machine, id), "pending");
    // Moved into her scope it is not hers either.
    let scope = "cat /sys/fs/cgroup/user.slice/user-$(id -u alice).slice/session-*.scope/cgroup.procs >/dev/null && \
                 echo $$ >$(echo /sys/fs/cgroup/user.slice/user-$(id -u alice).slice/session-*.scope/cgroup.procs)";
    refused(
        &format!(
            "{scope} && echo $(id -u alice) >/proc/self/loginuid && setpriv --reuid=alice --regid=alice --init-groups {approve}"
        ),
        "in none that logind knows",
    );
    // Over a bus that does not say for certain which process calls, nobody is there. (From 1.15.8
    // dbus-daemon does.)
    if release == Release::Bookworm {
        alice
            .run(&format!(
                "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket {approve}"
            ))
            .fails_with(3)
            .contains("does not say for certain");
    }
    // To say no, it need not be.
    let other = asks(&carol, "operator");
    machine
        .run(&format!(
            "{as_service} --uid=alice jitctl deny {other} --comment no"
        ))
        .ok();
    // She herself may be deep in what she has started.
    alice
        .run(&format!("setsid --wait sh -c 'nohup {approve}'"))
        .ok();
    assert_eq!(state(&machine, id), "active");
}

fn a_borrowed_account_does_not_make_an_approver(release: Release) {
    let machine = cast(release).boot();
    let carol = machine.ssh("carol");
    let id = asks(&carol, "deploy");
    let as_alice = format!("su -c 'jitctl approve {id}' alice <<< {ALICES}");
    // Nobody gates dave's su, and alice's password is right; he is dave still.
    machine
        .run_as("dave", &as_alice)
        .fails_with(3)
        .contains("dave is not an approver");
    // bob does not even come to be alice.
    machine
        .run_as("bob", &as_alice)
        .fails_with(1)
        .contains("jitd: su is not open to bob");
    assert_eq!(state(&machine, id), "pending");
    machine
        .run_as("alice", &format!("jitctl approve {id}"))
        .ok();
}
