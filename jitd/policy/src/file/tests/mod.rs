#![allow(clippy::unwrap_used)]

mod files;
mod good;
mod malformed;
mod reach;
mod warnings;

use super::*;

fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

/// The errors of one file, or of several: each after the first follows a line `#> PATH`.
fn errors_of(text: &str) -> Vec<String> {
    let (main, others) = text.split_once("#> ").unwrap_or((text, ""));
    let mut sources = vec![source("jitd.toml", main)];
    for other in others.split("#> ").filter(|other| !other.is_empty()) {
        let (path, text) = other.split_once('\n').unwrap();
        sources.push(source(path, text));
    }
    told(&parse(&sources).err().unwrap_or_default())
}

fn told(errors: &[PolicyError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

/// A role that is good but for some lines, which stand from line 4 on.
fn role_with(lines: &str) -> String {
    let good = [
        "services = [\"sudo\"]",
        "eligible = { groups = [\"contractors\"] }",
        "approvers = { groups = [\"ops\"] }",
    ];
    let said = |key: &str| lines.lines().any(|line| line.starts_with(key));
    let [services, eligible, approvers] = good.map(|line| {
        let (key, _) = line.split_once(" =").unwrap();
        if said(key) { "" } else { line }
    });
    format!("[role.a]\n{services}\n{eligible}\n{lines}\n{approvers}\n")
}
