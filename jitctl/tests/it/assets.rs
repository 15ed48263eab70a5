//! Completions and what the manual is made from.

use std::process::Command;

use crate::scene::run_at;

#[tokio::test]
async fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run_at("unix:path=/nonexistent/bus", &["completions", shell])
            .await
            .ended(0);
        for word in [
            "request",
            "break-glass",
            "revoke",
            "setup",
            "explain",
            "reason",
        ] {
            assert!(ran.stdout.contains(word), "{shell} {word}");
        }
        assert!(!ran.stdout.contains("no-such-command"), "{shell}");
    }
}

#[tokio::test]
async fn the_completion_for_bash_is_a_script() {
    let ran = run_at("unix:path=/nonexistent/bus", &["completions", "bash"])
        .await
        .ended(0);
    let parsed = Command::new("bash")
        .args(["-n", "-c", &ran.stdout])
        .status();
    assert!(parsed.unwrap().success());
}

/// The pages are made by the example; that they are whole is seen here.
#[test]
fn the_manual_is_whole() {
    let out = tempfile::TempDir::new().unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let made = Command::new(cargo)
        .args([
            "run",
            "--quiet",
            "-p",
            "jitctl",
            "--example",
            "assets",
            "--",
        ])
        .arg(out.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    for page in [
        "jitctl",
        "jitctl-request",
        "jitctl-setup",
        "jitctl-revoke",
        "jitctl-policy",
        "jitctl-policy-explain",
    ] {
        let page = std::fs::read_to_string(out.path().join(format!("man/{page}.1"))).unwrap();
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"] {
            assert!(
                page.contains(&format!(".SH {section}\n")),
                "{section}: {page}"
            );
        }
        for section in ["EXIT STATUS", "SEE ALSO"] {
            assert!(
                page.contains(&format!(".SH \"{section}\"\n")),
                "{section}: {page}"
            );
        }
    }
    for completion in ["bash/jitctl.bash", "zsh/_jitctl", "fish/jitctl.fish"] {
        assert!(out.path().join("completions").join(completion).is_file());
    }
}
