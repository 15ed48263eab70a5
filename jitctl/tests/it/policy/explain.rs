//! policy explain.

use jitd_api::{Explanation, Step};
use serde_json::json;

use super::{Files, GOOD, policy};
use crate::reading::{HOSTILE, HOSTILE_SHOWN, harmless};
use crate::scene::World;
use crate::terminal::shown;

#[tokio::test]
async fn explain_by_files_asks_nobody() {
    let files = Files::with(GOOD);
    let main = files.main().display().to_string();
    let explain = |rest: &'static [&'static str]| {
        let by = ["explain", "daemon", "deploy", "--policy", files.path()].map(str::to_owned);
        async move {
            let by: Vec<_> = by.iter().map(String::as_str).collect();
            policy(&[&by, rest].concat()).await.ended(0)
        }
    };
    let ran = explain(&[]).await;
    assert!(
        ran.stdout.starts_with(&format!(
            "yes role              there is a role deploy ({main}:8)\n"
        )),
        "{ran:#?}"
    );
    assert!(
        ran.stdout.contains(&format!(
            "\nno  auto_approve      rule 1 does not: the ticket does not match ^OPS-7$ ({main}:14)\n"
        )),
        "{ran:#?}"
    );
    assert!(
        ran.stdout
            .ends_with("\nIt needs 1 of group:jit-approvers.\n"),
        "{ran:#?}"
    );
    let ran = explain(&["--ticket", "OPS-7", "--for", "1h", "--at", "2h"]).await;
    assert!(
        ran.stdout
            .ends_with("\nAutomatic: nobody needs to agree.\n"),
        "{ran:#?}"
    );
    let ran = explain(&["--for", "5h"]).await;
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("Refused: 5h is longer than role deploy allows"),
        "{ran:#?}"
    );
    let json = explain(&["--for", "5h", "--json"]).await.json();
    assert_eq!(json["outcome"], "refused");
    assert_eq!(json["needs"], json!([]));
    assert_eq!(json["steps"][0]["key"], "role");
    assert_eq!(json["steps"][0]["place"], format!("{main}:8"));
    assert_eq!(json["steps"][0]["holds"], true);
    assert_eq!(json["steps"][2]["place"], json!(null));
}

#[tokio::test]
async fn an_unknown_user_cannot_be_explained_and_an_unknown_role_can() {
    let files = Files::with(GOOD);
    let by_files = |user, role| {
        let path = files.path().to_owned();
        async move { policy(&["explain", user, role, "--policy", &path]).await }
    };
    let ran = by_files("no-such-user", "deploy").await.ended(1);
    assert!(
        ran.stderr
            .starts_with("jitctl: there is no user no-such-user on this host\n"),
        "{ran:#?}"
    );
    let ran = by_files(HOSTILE, "deploy").await.ended(1);
    assert!(harmless(&ran.stderr), "{ran:#?}");
    let ran = by_files("daemon", "no-such-role").await.ended(0);
    assert!(
        ran.stdout.contains("\nRefused: there is no role"),
        "{ran:#?}"
    );
    let ran = by_files("daemon", HOSTILE).await.ended(0);
    assert!(harmless(&ran.stdout), "{ran:#?}");
}

fn explanation(text: &str) -> Explanation {
    let step = |holds| Step {
        key: text.to_owned(),
        place: text.to_owned(),
        holds,
        text: text.to_owned(),
    };
    Explanation {
        outcome: "needs".into(),
        needs: vec![text.to_owned()],
        steps: vec![step(true), step(false)],
    }
}

#[tokio::test]
async fn explain_asks_jitd() {
    let world = World::with(vec![]).await;
    world.shared.scene().explanation = Some(explanation(HOSTILE));
    let arguments = [
        "policy",
        "explain",
        "carol",
        "deploy",
        "--for",
        "1h",
        "--reason",
        "why",
        "--ticket",
        "OPS-7",
        "--at",
        "2026-12-01 09:00",
    ];
    let ran = world.run(&arguments).await.ended(0);
    assert_eq!(
        world.last_call(),
        "explain carol deploy Some(3600) Some(1796115600000) Some(\"why\") Some(\"OPS-7\")"
    );
    assert_eq!(
        ran.stdout,
        format!(
            "yes {HOSTILE_SHOWN}  {HOSTILE_SHOWN} ({HOSTILE_SHOWN})\n\
             no  {HOSTILE_SHOWN}  {HOSTILE_SHOWN} ({HOSTILE_SHOWN})\n\
             It needs {HOSTILE_SHOWN}.\n"
        )
    );
    let ran = world
        .run(&[&arguments[..], &["--json"]].concat())
        .await
        .ended(0);
    assert_eq!(ran.json()["steps"][1]["text"], HOSTILE);
    assert!(harmless(&ran.stdout), "{ran:#?}");
    world.shared.scene().explanation = None;
    let ran = world.run(&arguments).await.ended(1);
    assert_eq!(ran.stderr, "jitctl: there is no account carol\n");
}

#[tokio::test]
async fn steps_are_marked_on_a_terminal() {
    let world = World::with(vec![]).await;
    world.shared.scene().explanation = Some(explanation("key"));
    let text = shown(&world, 100, &[], "policy explain carol deploy").await;
    assert!(
        text.contains("\u{1b}[32m✓\u{1b}[0m key  key (key)\n"),
        "{text:?}"
    );
    assert!(
        text.contains("\u{1b}[31m✗\u{1b}[0m key  key (key)\n"),
        "{text:?}"
    );
}
