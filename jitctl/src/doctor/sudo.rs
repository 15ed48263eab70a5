//! What sudoers says that the gate and the roles depend on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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

/// What `cvtsudoers -f json` says of the options by which sudo asks PAM.
#[must_use]
pub fn settings(sudoers: &str) -> Finding {
    let Some(options) = options(sudoers) else {
        return Finding::problem(SETTINGS, "what cvtsudoers says is no JSON").next("visudo -c");
    };
    let mut options = options.iter();
    match options.find_map(|(option, value)| harm(option, value)) {
        None => Finding::ok(SETTINGS, "the account and session stages are asked"),
        Some(harm) => Finding::problem(SETTINGS, harm).next("visudo, and remove that setting"),
    }
}

fn harm(option: &str, value: &Value) -> Option<&'static str> {
    match (option, value) {
        ("pam_acct_mgmt", Value::Bool(false)) => {
            Some("sudoers says \"Defaults !pam_acct_mgmt\": sudo does not ask the gate")
        }
        ("pam_session", Value::Bool(false)) => Some(
            "sudoers says \"Defaults !pam_session\": what sudo opens does not end with its elevation",
        ),
        _ => None,
    }
}

/// The settings that make sudo use another PAM service, for anybody, anywhere, for any command.
const SERVICES: [&str; 3] = ["pam_service", "pam_login_service", "pam_askpass_service"];

/// The PAM services that sudoers makes sudo use, as `cvtsudoers -f json` says it; nothing where
/// that is no such document.
#[must_use]
pub fn services(sudoers: &str) -> Option<Vec<String>> {
    let named = options(sudoers)?.into_iter();
    let named = named.filter(|(option, _)| SERVICES.contains(&option.as_str()));
    Some(
        named
            .filter_map(|(_, value)| value.as_str().map(str::to_owned))
            .collect(),
    )
}

/// Every option of every `Defaults`, whomever it is for.
fn options(sudoers: &str) -> Option<Vec<(String, Value)>> {
    let sudoers: Value = serde_json::from_str(sudoers).ok()?;
    let defaults = sudoers["Defaults"].as_array().into_iter().flatten();
    let options = defaults.flat_map(|entry| entry["Options"].as_array().into_iter().flatten());
    let options = options.filter_map(Value::as_object).flatten();
    Some(
        options
            .map(|(option, value)| (option.clone(), value.clone()))
            .collect(),
    )
}

/// How many files sudoers may include, one after another.
const MOST_FILES: usize = 1000;

/// The same by the text of sudoers and of what it includes, for hosts without sudo's parser: it
/// may find more than sudo would use, and no less.
#[must_use]
pub fn services_by_text(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut files = vec![root.join(SUDOERS)];
    let mut at = 0;
    while at < files.len().min(MOST_FILES) {
        if let Sight::Text(text) = look(&files[at]) {
            let text = text.replace("\\\n", " ");
            let lines = text.lines().map(str::trim);
            found.extend(lines.clone().flat_map(services_of_line));
            files.extend(lines.flat_map(|line| included_files(root, line)));
        }
        at += 1;
    }
    found
}

fn services_of_line(line: &str) -> Vec<String> {
    if !line.starts_with("Defaults") {
        return Vec::new();
    }
    let value = |(at, name): (usize, &str)| {
        let rest = line[at + name.len()..].trim_start().strip_prefix('=')?;
        let rest = rest.trim_start();
        let (rest, ends): (_, &[char]) = match rest.strip_prefix('"') {
            Some(rest) => (rest, &['"']),
            None => (rest, &[',', ' ', '\t', '#']),
        };
        rest.split(ends).next().map(str::to_owned)
    };
    let places = SERVICES.iter().flat_map(|name| line.match_indices(name));
    places
        .filter_map(value)
        .filter(|it| !it.is_empty())
        .collect()
}

fn included_files(root: &Path, line: &str) -> Vec<PathBuf> {
    let Some((word, path)) = line
        .strip_prefix(['@', '#'])
        .and_then(|line| line.split_once(char::is_whitespace))
    else {
        return Vec::new();
    };
    let path = path.trim().trim_matches('"');
    let path = match path.strip_prefix('/') {
        Some(absolute) => root.join(absolute),
        // Beside the file that says so, and all that Debian has is in /etc.
        None => root.join("etc").join(path),
    };
    match word {
        "include" => vec![path],
        "includedir" => {
            let entries = path.read_dir().into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        }
        _ => Vec::new(),
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
