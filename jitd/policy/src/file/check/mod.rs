//! From syntax to policy: every value is checked, and errors name their place and key.

mod command;
mod demands;
mod role;
mod rules;
mod sense;
mod values;

pub(crate) use values::duration;

use toml::Spanned;

use super::syntax::{FileSyntax, PeopleSyntax};
use super::{Loaded, Mention, PolicyError, Source};
use crate::domain::names::UserName;
use crate::domain::policy::{MANAGED_GROUP, People, Policy};
use crate::domain::text;
use rules::Rules;

/// Checks all files together; the first is the main one.
pub(super) fn policy(files: &[(&Source, FileSyntax)]) -> Result<Loaded, Vec<PolicyError>> {
    let mut policy = Policy::default();
    let mut findings = Findings::default();
    let Some((source, main)) = files.first() else {
        return Ok(Loaded::default());
    };
    let mut at = At::new(source, &mut findings);
    let membership = main.membership.as_ref();
    policy.membership = membership
        .and_then(|word| at.keep("membership", word, values::backend))
        .unwrap_or_default();
    policy.managed = at.people("managed", &main.managed);
    policy.readers = at.people("audit.readers", &main.audit.readers);
    let keep = main.audit.keep.as_ref();
    policy.keep = keep.and_then(|text| at.keep("audit.keep", text, values::keep));
    let mut managed = policy.managed.groups.clone();
    managed.push(MANAGED_GROUP.to_owned());
    let defaults = Rules::of_defaults(&mut at, &main.defaults);
    for (source, file) in files {
        for (name, syntax) in &file.role {
            let mut at = At::new(source, &mut findings);
            let Some(role) = role::role(&mut at, name, syntax, &defaults, &managed) else {
                continue;
            };
            if let Some(other) = policy.roles.get(&role.name) {
                let first = other.places.of("role").map(ToString::to_string);
                let message = format!("is defined already, at {}", first.unwrap_or_default());
                at.error(&format!("role.{}", other.name), name, message);
                continue;
            }
            policy.roles.insert(role.name.clone(), role);
        }
    }
    sense::whole(&policy, &mut findings);
    if policy.roles.is_empty() {
        let message = "there is no role: nobody can ask for anything, and what people hold by a role of before ends with a reload";
        let warning = PolicyError::whole(&source.path, message.to_owned());
        findings.warnings.push(warning);
    }
    if findings.errors.is_empty() {
        Ok(Loaded {
            policy,
            warnings: findings.warnings,
            mentions: findings.mentions,
        })
    } else {
        Err(findings.errors)
    }
}

/// What was noticed so far.
#[derive(Default)]
struct Findings {
    errors: Vec<PolicyError>,
    warnings: Vec<PolicyError>,
    mentions: Vec<Mention>,
}

/// Where in which file something is looked at.
struct At<'a> {
    source: &'a Source,
    findings: &'a mut Findings,
}

impl<'a> At<'a> {
    fn new(source: &'a Source, findings: &'a mut Findings) -> Self {
        Self { source, findings }
    }

    fn error<T>(&mut self, key: &str, at: &Spanned<T>, message: String) {
        let error = PolicyError::at(self.source, Some(at.span()), key, message);
        self.findings.errors.push(error);
    }

    fn warning<T>(&mut self, key: &str, at: &Spanned<T>, message: String) {
        let warning = PolicyError::at(self.source, Some(at.span()), key, message);
        self.findings.warnings.push(warning);
    }

    /// Whether a mistake was found in a key, or below it.
    fn is_wrong(&self, key: &str) -> bool {
        let below = |error: &PolicyError| {
            let rest = error.key.strip_prefix(key);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.findings.errors.iter().any(below)
    }

    fn keep<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        at: &Spanned<String>,
        check: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        check(at.get_ref())
            .map_err(|error| self.error(key, at, error.to_string()))
            .ok()
    }

    fn all<T, E: std::fmt::Display>(
        &mut self,
        key: &str,
        values: &[Spanned<String>],
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        values
            .iter()
            .filter_map(|value| self.keep(key, value, &check))
            .collect()
    }

    fn people(&mut self, key: &str, people: &PeopleSyntax) -> People {
        self.users_and_groups(key, &people.users, &people.groups)
    }

    fn users_and_groups(
        &mut self,
        key: &str,
        users: &[Spanned<String>],
        groups: &[Spanned<String>],
    ) -> People {
        let people = People {
            users: self.all(&format!("{key}.users"), users, UserName::new),
            groups: self.all(&format!("{key}.groups"), groups, group),
        };
        for group in groups {
            self.mention(key, group);
        }
        people
    }

    /// The host must have this group.
    fn mention(&mut self, key: &str, group: &Spanned<String>) {
        let at = PolicyError::at(self.source, Some(group.span()), key, String::new());
        self.findings.mentions.push(Mention {
            group: group.get_ref().clone(),
            at,
        });
    }
}

/// A group of the host, from whatever directory.
fn group(name: &str) -> Result<String, String> {
    UserName::new(name)
        .map(|name| name.to_string())
        .map_err(|_| {
            let name: String = name.chars().take(jitd_api::MAX_ACCOUNT_NAME).collect();
            let name = text::escaped(&name);
            format!("\"{name}\" is not a valid group name: {}", UserName::RULE)
        })
}
