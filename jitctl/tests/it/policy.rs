//! policy check, show, explain, test, reload.

use std::fs;
use std::path::PathBuf;

use jitd_api::Error;
use serde_json::json;
use tempfile::TempDir;

use crate::reading::harmless;
use crate::scene::{NOWHERE, Ran, World, run_at};

mod check;
mod expect;
mod explain;

const GOOD: &str = r#"
[managed]
groups = ["contractors"]

[defaults]
approvers = { groups = ["jit-approvers"] }

[role.deploy]
groups = ["jit-deploy"]
commands = ["/usr/bin/true"]
services = ["sudo"]
eligible = { users = ["daemon"] }
ticket = { pattern = "^OPS-[0-9]+$" }
auto_approve = [{ ticket = "^OPS-7$" }]

[role.restart]
services = ["su"]
eligible = { groups = ["contractors"] }
"#;

/// A folder with a policy.
struct Files(TempDir);

impl Files {
    fn with(main: &str) -> Self {
        let files = Self(TempDir::new().unwrap());
        fs::write(files.main(), main).unwrap();
        files
    }

    fn main(&self) -> PathBuf {
        self.0.path().join("jitd.toml")
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// Another file in the folder.
    fn file(&self, name: &str, text: &str) -> String {
        let file = self.0.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    }
}

/// Without a bus.
async fn policy(arguments: &[&str]) -> Ran {
    run_at(NOWHERE, &[&["policy"], arguments].concat()).await
}

/// stderr without the note on a host that has no visudo.
fn mistakes(ran: &Ran) -> Vec<&str> {
    let note = |line: &&str| line.starts_with("note: there is no visudo");
    ran.stderr.lines().filter(|line| !note(line)).collect()
}

#[tokio::test]
async fn show_of_files_says_every_default() {
    let files = Files::with(GOOD);
    let ran = policy(&["show", files.path()]).await.ended(0);
    for line in ["[role.restart]", "run_as = [\"root\"]"] {
        assert!(ran.stdout.lines().any(|said| said == line), "{ran:#?}");
    }
    let again = Files::with(&ran.stdout);
    let _ = policy(&["check", again.path()]).await.ended(0);
    assert_eq!(
        policy(&["show", again.path()]).await.ended(0).stdout,
        ran.stdout
    );
    let json = policy(&["show", files.path(), "--json"])
        .await
        .ended(0)
        .json();
    assert_eq!(json["managed"]["groups"], json!(["contractors"]));
    assert_eq!(json["role"]["deploy"]["services"], json!(["sudo"]));
}

#[tokio::test]
async fn show_of_jitd_is_what_it_says() {
    let world = World::with(vec![]).await;
    world.shared.scene().policy = "[role.x]\ndescription = \"a\u{202e}b\u{9b}c\"\n".into();
    let ran = world.run(&["policy", "show"]).await.ended(0);
    assert_eq!(
        ran.stdout,
        "[role.x]\ndescription = \"a\\U0000202eb\\U0000009bc\"\n"
    );
    assert_eq!(world.last_call(), "show");
    let ran = world.run(&["policy", "show", "--json"]).await.ended(0);
    assert_eq!(
        ran.json(),
        json!({"role": {"x": {"description": "a\u{202e}b\u{9b}c"}}})
    );
    assert!(harmless(&ran.stdout), "{ran:#?}");
}

#[tokio::test]
async fn reloading() {
    let world = World::with(vec![]).await;
    let ran = world.run(&["policy", "reload"]).await.ended(0);
    assert_eq!(ran.stdout, "The policy is reloaded.\n");
    assert_eq!(world.last_call(), "reload false");
    let ran = world.run(&["policy", "reload", "--yes"]).await.ended(0);
    let expected = "The policy is reloaded; 2 elevations that it no longer allows have ended.\n";
    assert_eq!(ran.stdout, expected);
    assert_eq!(world.last_call(), "reload true");
    let _ = policy(&["reload"]).await.ended(4);
    world.shared.scene().refuse = Some(Error::NotAllowed("only root".into()));
    let ran = world.run(&["policy", "reload"]).await.ended(3);
    assert_eq!(
        ran.stderr,
        "jitctl: only root\nhint: sudo jitctl policy reload\n"
    );
    let mistakes = "/etc/jitd/jitd.toml:1:1: x\n/etc/jitd/jitd.toml:2:1: \u{1b}[2J";
    world.shared.scene().refuse = Some(Error::InvalidArgument(mistakes.into()));
    let ran = world.run(&["policy", "reload"]).await.ended(1);
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr,
        "/etc/jitd/jitd.toml:1:1: x\n/etc/jitd/jitd.toml:2:1: \\u{1b}[2J\n\
         jitctl: the policy has mistakes; the one that was in force stays in force\n\
         hint: jitctl policy check\n"
    );
}
