//! Exit statuses, and the words that go with them.

use jitd_api::Error;

use crate::bus::Bus;
use crate::scene::{World, run_at};

/// One command line of every command that asks jitd.
const EVERY: [&[&str]; 16] = [
    &["request", "deploy"],
    &["request", "deploy", "--wait"],
    &["extend", "42", "--for", "1h", "--reason", "more"],
    &["extend", "42", "--for", "1h", "--reason", "more", "--wait"],
    &["break-glass", "deploy", "--reason", "on fire"],
    &["acknowledge", "42"],
    &["policy", "show"],
    &["policy", "explain", "carol", "deploy"],
    &["status"],
    &["list"],
    &["pending"],
    &["show", "42"],
    &["approve", "42"],
    &["deny", "42", "--comment", "no"],
    &["end"],
    &["revoke", "42", "--comment", "no"],
];

#[tokio::test]
async fn what_jitd_refuses() {
    let world = World::with(vec![]).await;
    for (error, status) in [
        (Error::NotAllowed("because".into()), 3),
        (Error::NotFound("because".into()), 1),
        (Error::InvalidArgument("because".into()), 1),
        (Error::WrongState("because".into()), 1),
        (Error::LimitExceeded("because".into()), 1),
        (Error::Failed("because".into()), 1),
    ] {
        world.shared.scene().refuse = Some(error);
        for arguments in EVERY {
            let ran = world.run(arguments).await.ended(status);
            assert_eq!(ran.stdout, "");
            assert!(ran.stderr.starts_with("jitctl: because\n"), "{ran:#?}");
        }
    }
}

#[tokio::test]
async fn a_hint_goes_with_it() {
    let world = World::with(vec![]).await;
    world.shared.scene().refuse = Some(Error::NotAllowed("not yours\n\u{1b}[2J".into()));
    let ran = world.run(&["approve", "42"]).await.ended(3);
    assert_eq!(
        ran.stderr,
        "jitctl: not yours\\n\\u{1b}[2J\n\
         hint: jitctl pending lists what you may decide and acknowledge\n"
    );
}

#[tokio::test]
async fn nobody_there() {
    let bus = Bus::start();
    for address in [bus.address(), "unix:path=/nonexistent/bus", "nonsense"] {
        for arguments in EVERY {
            let ran = run_at(address, arguments).await.ended(4);
            assert_eq!(ran.stdout, "");
            assert!(ran.stderr.starts_with("jitctl: "), "{ran:#?}");
            assert!(ran.stderr.contains("\nhint: systemctl status "), "{ran:#?}");
        }
    }
}

#[tokio::test]
async fn wrong_usage() {
    for arguments in [
        &["nonsense"][..],
        &["request"],
        &["request", "deploy", "--for", "10"],
        &["request", "deploy", "--timeout", "10s"],
        &["request", "deploy", "--at", "tomorrow"],
        &["request", "deploy", "--ticket", &"x".repeat(129)],
        &["run", "deploy"],
        &["run", "deploy", "--"],
        &["run", "deploy", "true"],
        &["extend", "42", "--for", "1h"],
        &["extend", "42", "--reason", "more"],
        &["extend", "0", "--for", "1h", "--reason", "more"],
        &["break-glass", "deploy"],
        &["break-glass", "deploy", "--reason", " "],
        &["acknowledge"],
        &["policy", "nonsense"],
        &["policy", "explain", "carol"],
        &["policy", "test"],
        &["show", "x"],
        &["show", "0"],
        &["list", "--state", "sleeping"],
        &["list", "--since", "yesterday"],
        &["list", "--limit", "0"],
        &["list", "--limit", "1001"],
    ] {
        let ran = run_at("unix:path=/nonexistent/bus", arguments)
            .await
            .ended(2);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.starts_with("error: "), "{ran:#?}");
    }
}

#[tokio::test]
async fn help_is_a_result() {
    for arguments in [
        &[][..],
        &["--help"],
        &["-h"],
        &["request", "--help"],
        &["--version"],
    ] {
        let ran = run_at("unix:path=/nonexistent/bus", arguments)
            .await
            .ended(0);
        assert!(ran.stdout.contains("jitctl"), "{ran:#?}");
        assert_eq!(ran.stderr, "");
        assert!(!ran.stdout.contains('\u{1b}'));
    }
}
