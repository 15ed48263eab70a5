//! What the module is made of: its symbols, its libraries, its features.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[expect(dead_code, reason = "shared with other tests")]
mod stage;

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn exports_the_six_hooks_and_nothing_else() {
    let module = stage::module();
    let module = module.to_str().unwrap();
    let symbols = output("nm", &["-D", "--defined-only", "--format=posix", module]);
    let exported: BTreeSet<&str> = symbols
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    let hooks = BTreeSet::from([
        "pam_sm_acct_mgmt",
        "pam_sm_authenticate",
        "pam_sm_chauthtok",
        "pam_sm_close_session",
        "pam_sm_open_session",
        "pam_sm_setcred",
    ]);
    assert_eq!(exported, hooks);
}

#[test]
fn needs_libpam_and_the_c_library_only() {
    let module = stage::module();
    let dynamic = output("readelf", &["-dW", module.to_str().unwrap()]);
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    for line in needed {
        let allowed = ["libpam.so.0", "libc.so.6", "libm.so.6", "ld-linux"];
        assert!(
            allowed.iter().any(|library| line.contains(library)),
            "{line}"
        );
    }
    assert!(dynamic.contains("libpam.so.0"), "{dynamic}");
    assert!(
        !dynamic.contains("RUNPATH") && !dynamic.contains("RPATH"),
        "{dynamic}"
    );
}

#[test]
fn nothing_that_starts_threads_or_children_or_handles_signals() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = [
        "tree",
        "--package",
        "pam_jit",
        "--edges",
        "features,no-dev",
        "--prefix",
        "none",
    ];
    let tree = output(&cargo, &arguments);
    assert!(tree.contains("zbus feature \"comms\""), "{tree}");
    for feature in [
        "zbus feature \"default\"",
        "zbus feature \"default-rt\"",
        "zbus feature \"tokio\"",
        "zbus feature \"ibus\"",
        "zbus feature \"unixexec\"",
        "zbus feature \"tracing\"",
        "zruntime feature \"runtime\"",
        "zruntime feature \"process\"",
    ] {
        assert!(!tree.contains(feature), "{feature} in\n{tree}");
    }
    for name in [
        "tokio",
        "ctor",
        "signal-hook",
        "env_logger",
        "tracing-subscriber",
        "mimalloc",
    ] {
        let named = tree
            .lines()
            .any(|line| line.starts_with(&format!("{name} ")));
        assert!(!named, "{name} in\n{tree}");
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect(program);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stdout).unwrap()
}
