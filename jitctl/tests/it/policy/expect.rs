//! policy test.

use serde_json::json;

use super::{Files, GOOD, policy};
use crate::reading::{HOSTILE, harmless};

#[tokio::test]
async fn a_policy_against_its_expectations() {
    const TABLE: &str = "[people]\ncarol = [\"contractors\"]\n\n\
        [[expect]]\nuser = \"carol\"\nrole = \"restart\"\nneeds = [\"1 of group:jit-approvers\"]\n\n\
        [[expect]]\nuser = \"carol\"\nrole = \"deploy\"\noutcome = \"automatic\"\n";
    let files = Files::with(GOOD);
    let table = files.file("expected", TABLE);
    let ran = policy(&["test", &table, "--policy", files.path()])
        .await
        .ended(1);
    assert_eq!(ran.stdout, "2 expectations, 1 wrong.\n");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:#?}");
    assert!(ran.stderr.starts_with(&format!("{table}:")), "{ran:#?}");
    assert!(ran.stderr.contains("carol is not eligible"), "{ran:#?}");
    let ran = policy(&["test", &table, "--policy", files.path(), "--json"])
        .await
        .ended(1);
    let json = ran.json();
    assert_eq!(
        (&json["expectations"], &json["wrong"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(json["cases"][0]["wrong"], json!(null));
    assert!(json["cases"][1]["wrong"].is_string());
}

#[tokio::test]
async fn expectations_that_are_met_or_not_understood() {
    const MET: &str = "[people]\ndan = []\n\n[[expect]]\nuser = \"dan\"\nrole = \"deploy\"\n\
        refused = \"not eligible\"\n";
    let files = Files::with(GOOD);
    let test = |table: String| {
        let by = files.path().to_owned();
        async move { policy(&["test", &table, "--policy", &by]).await }
    };
    let ran = test(files.file("met", MET)).await.ended(0);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("1 expectation, 0 wrong.\n", "")
    );
    let hostile = toml::Value::String(HOSTILE.to_owned());
    for table in [
        "nonsense".to_owned(),
        HOSTILE.to_owned(),
        format!("{MET}[people]\n{hostile} = []"),
        MET.replace("\"dan\"", &hostile.to_string()),
        MET.replace("refused", &hostile.to_string()),
    ] {
        let ran = test(files.file("bad", &table)).await.ended(1);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.starts_with(files.path()), "{ran:#?}");
        assert!(harmless(&ran.stderr), "{ran:#?}");
    }
    // What is only wrong may be hostile, too, and so may the name of the file.
    let wrong = MET
        .replace("not eligible", HOSTILE)
        .replace(&format!("\"{HOSTILE}\""), &hostile.to_string());
    let ran = test(files.file(HOSTILE, &wrong)).await.ended(1);
    assert_eq!(ran.stdout, "1 expectation, 1 wrong.\n");
    assert!(harmless(&ran.stderr), "{ran:#?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:#?}");
    let ran = test(files.path().to_owned() + "/absent").await.ended(1);
    assert!(
        ran.stderr.contains("/absent: cannot be opened: "),
        "{ran:#?}"
    );
    // It would never end.
    let ran = test("/dev/zero".to_owned()).await.ended(1);
    assert_eq!(ran.stderr, "/dev/zero: is not a regular file\n");
    let huge = "#".repeat(1024 * 1024 + 1);
    let ran = test(files.file("huge", &huge)).await.ended(1);
    assert!(
        ran.stderr.contains("is larger than 1048576 bytes"),
        "{ran:#?}"
    );
}
