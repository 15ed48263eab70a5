//! Nobody decides their own elevation: not as root, not in another's account.
//! Who somebody is, the kernel says: the uid and who logged in.

use jit_tests::scene::{ALICES, CAROLS, REASON, ROOTS, asks, cast, granted, number};
use jit_tests::{Machine, Release, on_each_release};

on_each_release!(
    carol_is_carol_in_every_shell_she_can_get,
    whoever_asked_in_anothers_account_does_not_decide,
    a_borrowed_account_does_not_make_an_approver,
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
