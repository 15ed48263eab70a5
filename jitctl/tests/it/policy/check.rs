//! policy check.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::{Files, GOOD, mistakes, policy};
use crate::reading::{HOSTILE, HOSTILE_SHOWN, harmless};

#[tokio::test]
async fn a_good_policy_has_no_mistakes() {
    let files = Files::with(GOOD);
    let main = files.main();
    for path in [files.path(), main.to_str().unwrap()] {
        let ran = policy(&["check", path]).await.ended(0);
        assert_eq!(ran.stdout, format!("{path}: 2 roles, no mistakes.\n"));
        assert_eq!(mistakes(&ran), [""; 0]);
        let ran = policy(&["check", path, "--json"]).await.ended(0);
        assert_eq!(
            ran.json(),
            json!({"valid": true, "errors": [], "warnings": []})
        );
    }
}

#[tokio::test]
async fn mistakes_have_their_place_a_line_each() {
    let bad = GOOD.replace(
        "services = [\"su\"]",
        "services = [\"su\"]\nmax_duration = \"9x\"",
    );
    let bad = bad.replace("\"/usr/bin/true\"", "\"true\"");
    let files = Files::with(&bad);
    let main = files.main().display().to_string();
    let ran = policy(&["check", files.path()]).await.ended(1);
    assert_eq!(ran.stdout, "");
    let said = mistakes(&ran);
    assert_eq!(said.len(), 2, "{ran:#?}");
    assert!(
        said[0].starts_with(&format!("{main}:10:13: role.deploy.commands: ")),
        "{ran:#?}"
    );
    assert!(
        said[1].starts_with(&format!("{main}:18:16: role.restart.max_duration: ")),
        "{ran:#?}"
    );
    let ran = policy(&["check", files.path(), "--json"]).await.ended(1);
    let json = ran.json();
    assert_eq!(json["valid"], false);
    assert_eq!(json["errors"][1]["file"], main);
    assert_eq!(json["errors"][1]["line"], 18);
    assert_eq!(json["errors"][1]["column"], 16);
    assert_eq!(json["errors"][1]["key"], "role.restart.max_duration");
    assert!(json["errors"][1]["message"].is_string());
}

#[tokio::test]
async fn a_misspelt_key_is_a_mistake_and_a_warning_is_none() {
    let files = Files::with(&GOOD.replace("eligible", "eligable"));
    let ran = policy(&["check", files.path()]).await.ended(1);
    assert!(ran.stderr.contains("did you mean eligible?"), "{ran:#?}");

    let files = Files::with(&GOOD.replace("/usr/bin/true", "/usr/bin/true *"));
    let ran = policy(&["check", files.path(), "--json"]).await.ended(0);
    let json = ran.json();
    assert_eq!(json["valid"], true);
    let warnings = json["warnings"].as_array().unwrap().len();
    let ran = policy(&["check", files.path()]).await.ended(0);
    let warned = |line: &&&str| line.starts_with("warning: /");
    assert_eq!(mistakes(&ran).iter().filter(warned).count(), warnings);
    assert!(warnings > 0, "{ran:#?}");
}

#[tokio::test]
async fn hostile_policies_are_harmless_to_look_at() {
    let quoted = toml::Value::String(HOSTILE.to_owned());
    let texts = [
        HOSTILE.to_owned(),
        format!("{quoted} = 1"),
        format!("[role.{quoted}]\nservices = [\"su\"]"),
        format!("[role.x]\ncommands = [{quoted}]\nservices = [{quoted}]"),
        format!("[role.x]\nmax_duration = {quoted}\neligible = {{ users = [{quoted}] }}"),
        format!("[role.x]\nticket = {{ pattern = {quoted} }}\non_end = {quoted}"),
        format!("[role.x]\nauto_approve = [{{ days = {quoted}, timezone = {quoted} }}]"),
    ];
    for text in texts {
        let files = Files::with(&text);
        for arguments in [
            &["check", files.path()][..],
            &["check", files.path(), "--json"],
            &["show", files.path()],
            &["explain", "daemon", "x", "--policy", files.path()],
        ] {
            let ran = policy(arguments).await.ended(1);
            assert!(harmless(&ran.stdout) && harmless(&ran.stderr), "{ran:#?}");
            assert!(!ran.stderr.lines().any(|line| line == "END"), "{ran:#?}");
        }
    }
}

#[tokio::test]
async fn a_hostile_file_name_is_harmless() {
    let files = Files::with(GOOD);
    let roles = files.0.path().join("roles.d");
    fs::create_dir(&roles).unwrap();
    fs::write(
        roles.join(format!("{}.toml", HOSTILE.replace('/', ""))),
        "x",
    )
    .unwrap();
    let ran = policy(&["check", files.path()]).await.ended(1);
    assert!(ran.stderr.contains(HOSTILE_SHOWN), "{ran:#?}");
    assert!(harmless(&ran.stderr), "{ran:#?}");
    let ran = policy(&["check", HOSTILE]).await.ended(1);
    assert!(ran.stderr.contains(HOSTILE_SHOWN), "{ran:#?}");
    assert!(harmless(&ran.stderr), "{ran:#?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_mistake() {
    let folder = TempDir::new().unwrap();
    let make = |name: &str, made: &dyn Fn(&Path)| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        made(&path.join("jitd.toml"));
        path.to_str().unwrap().to_owned()
    };
    let not_text = make("not-text", &|main| fs::write(main, b"\xff\xfe").unwrap());
    let a_folder = make("folder", &|main| fs::create_dir(main).unwrap());
    let a_link = make("link", &|main| {
        std::os::unix::fs::symlink("/etc/passwd", main).unwrap();
    });
    let nothing = make("nothing", &|_| ());
    let table = format!("{nothing}/table");
    fs::write(&table, "").unwrap();
    for (path, why) in [
        (not_text, "is not UTF-8 text"),
        (a_folder, "is not a regular file"),
        (a_link, "is a symbolic link"),
        (nothing, "cannot be opened: No such file"),
    ] {
        for arguments in [
            &["check", path.as_str()][..],
            &["show", &path],
            &["explain", "daemon", "deploy", "--policy", &path],
            &["test", &table, "--policy", &path],
        ] {
            let ran = policy(arguments).await.ended(1);
            assert_eq!(ran.stdout, "");
            let said = mistakes(&ran);
            assert_eq!(said.len(), 1, "{ran:#?}");
            assert!(said[0].starts_with(&path), "{ran:#?}");
            assert!(said[0].contains(why), "{ran:#?}");
        }
    }
}
