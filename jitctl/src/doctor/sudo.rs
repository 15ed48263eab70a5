//! What sudoers says that the gate and the roles depend on.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{Finding, Sight, look};

/// Where sudo's rules are, below the root.
pub const SUDOERS: &str = "etc/sudoers";
/// The folder that jitd's rules are in, and their file's name.
const FOLDER: &str = "/etc/sudoers.d";
const OURS: &str = "jitd";

const INCLUDED: &str = "sudoers";
const RULES: &str = "sudoers.d/jitd";
const SETTINGS: &str = "sudo's use of PAM";

/// Whether sudo reads the folder that jitd's rules are in.
#[must_use]
pub fn included(root: &Path) -> Finding {
    match look(&root.join(SUDOERS)) {
        Sight::Text(text) if text.lines().any(includes_ours) => {
            Finding::ok(INCLUDED, format!("/{SUDOERS} includes {FOLDER}"))
        }
        Sight::Text(_) => Finding::problem(
            INCLUDED,
            format!("/{SUDOERS} does not include {FOLDER}: roles give no commands"),
        )
        .next(format!("visudo, and add: @includedir {FOLDER}")),
        Sight::Missing => Finding::problem(INCLUDED, format!("there is no /{SUDOERS}"))
            .next("install sudo, or sudo-rs"),
        Sight::Closed => Finding::unseen(INCLUDED),
        Sight::Broken(why) => Finding::problem(INCLUDED, why),
    }
}

/// `@includedir`, or `@include` of the one file; with `#` as in older versions (sudoers(5)).
fn includes_ours(line: &str) -> bool {
    let line = line.trim();
    let Some(line) = line.strip_prefix(['@', '#']) else {
        return false;
    };
    let Some((word, path)) = line.split_once(char::is_whitespace) else {
        return false;
    };
    let path = path.trim().trim_matches('"').trim_end_matches('/');
    match word {
        "includedir" => path == FOLDER,
        "include" => path == format!("{FOLDER}/{OURS}"),
        _ => false,
    }
}

/// Whether jitd's file gives what the active elevations give: `wanted` is the text that jitd
/// would write.
#[must_use]
pub fn rules(root: &Path, wanted: &str) -> Finding {
    let path = root.join(FOLDER.trim_start_matches('/')).join(OURS);
    let found = match look(&path) {
        Sight::Text(text) => text,
        Sight::Missing => String::new(),
        Sight::Closed => return Finding::unseen(RULES),
        Sight::Broken(why) => return Finding::problem(RULES, why),
    };
    let of = |text: &str| -> BTreeSet<String> {
        let rules = jitd_policy::sudoers::rules(text);
        rules.map(str::to_owned).collect()
    };
    let (found, wanted) = (of(&found), of(wanted));
    let number = found.symmetric_difference(&wanted).count();
    if number == 0 {
        return Finding::ok(RULES, "gives what the active elevations give");
    }
    let what = if found.is_subset(&wanted) {
        "less"
    } else {
        "something else"
    };
    Finding::problem(
        RULES,
        format!("{FOLDER}/{OURS} gives {what} than the active elevations ({number} rules differ)"),
    )
    .next("systemctl restart jitd")
}

/// What `cvtsudoers -f json` says of the options by which sudo asks PAM. `gated` are the
/// services that have the gate.
#[must_use]
pub fn settings(sudoers: &str, gated: &[&str]) -> Finding {
    let Ok(sudoers) = serde_json::from_str::<Value>(sudoers) else {
        return Finding::problem(SETTINGS, "what cvtsudoers says is no JSON").next("visudo -c");
    };
    let defaults = sudoers["Defaults"].as_array().into_iter().flatten();
    let options = defaults.flat_map(|entry| entry["Options"].as_array().into_iter().flatten());
    let harms: Vec<_> = options
        .filter_map(Value::as_object)
        .flatten()
        .filter_map(|(option, value)| harm(option, value, gated))
        .collect();
    match harms.first() {
        None => Finding::ok(SETTINGS, "the account and session stages are asked"),
        Some(harm) => Finding::problem(SETTINGS, harm).next("visudo, and remove that setting"),
    }
}

fn harm(option: &str, value: &Value, gated: &[&str]) -> Option<String> {
    match (option, value) {
        ("pam_acct_mgmt", Value::Bool(false)) => {
            Some("sudoers says \"Defaults !pam_acct_mgmt\": sudo does not ask the gate".to_owned())
        }
        ("pam_session", Value::Bool(false)) => Some(
            "sudoers says \"Defaults !pam_session\": what sudo opens does not end with its elevation"
                .to_owned(),
        ),
        ("pam_service" | "pam_login_service" | "pam_askpass_service", Value::String(service))
            if !gated.contains(&service.as_str()) =>
        {
            Some(format!(
                "sudoers says \"Defaults {option}={service}\": that PAM service has no gate"
            ))
        }
        _ => None,
    }
}

/// That finding, where nobody can be asked.
#[must_use]
pub fn settings_unseen(why: Option<&str>) -> Finding {
    match why {
        None => Finding::unseen(SETTINGS),
        Some(why) => Finding::warning(SETTINGS, why),
    }
}
