//! From what the files say to what they mean.

use toml::Spanned;

use super::syntax::{DefaultsSyntax, FileSyntax, PeopleSyntax, ReasonSyntax, RoleSyntax};
use super::{PolicyError, Source};
use crate::domain::names::{GroupName, RoleName, ServiceName, UserName};
use crate::domain::policy::{MANAGED_GROUP, People, Policy, ReasonRule, Role};
use crate::domain::text;
use crate::domain::time::Seconds;

const DEFAULT_DURATION: Seconds = Seconds(30 * 60);
const DEFAULT_MAX_DURATION: Seconds = Seconds(4 * 3600);
const DEFAULT_REQUEST_TTL: Seconds = Seconds(2 * 3600);

/// Checks all files together; the first is the main one.
pub(super) fn policy(files: &[(&Source, FileSyntax)]) -> Result<Policy, Vec<PolicyError>> {
    let mut policy = Policy::default();
    let mut errors = Errors::default();
    let Some((main_source, main)) = files.first() else {
        return Ok(policy);
    };
    policy.managed = errors.people(main_source, &main.managed);
    policy.readers = errors.people(main_source, &main.audit.readers);
    let mut managed = policy.managed.groups.clone();
    managed.push(MANAGED_GROUP.to_owned());
    let defaults = errors.defaults(main_source, &main.defaults, managed);
    for (source, file) in files {
        for (name, syntax) in &file.role {
            let Some(role) = errors.role(source, name, syntax, &defaults) else {
                continue;
            };
            if let Some(other) = policy.roles.insert(role.name.clone(), role) {
                let message = format!("role {} is already defined in {}", other.name, other.source);
                errors.add(source, name, message);
            }
        }
    }
    if errors.0.is_empty() {
        Ok(policy)
    } else {
        Err(errors.0)
    }
}

struct Defaults {
    /// Groups of the managed people, the one of ours among them.
    managed: Vec<String>,
    approvers: People,
    default_duration: Option<Seconds>,
    max_duration: Seconds,
    request_ttl: Seconds,
    reason: ReasonRule,
}

#[derive(Default)]
struct Errors(Vec<PolicyError>);

impl Errors {
    fn add<T>(&mut self, source: &Source, at: &Spanned<T>, message: String) {
        self.0
            .push(PolicyError::at(source, Some(at.span()), message));
    }

    fn keep<T, E: std::fmt::Display>(
        &mut self,
        source: &Source,
        at: &Spanned<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result
            .map_err(|error| self.add(source, at, error.to_string()))
            .ok()
    }

    fn all<T, E: std::fmt::Display>(
        &mut self,
        source: &Source,
        values: &[Spanned<String>],
        check: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        values
            .iter()
            .filter_map(|value| self.keep(source, value, check(value.get_ref())))
            .collect()
    }

    fn people(&mut self, source: &Source, people: &PeopleSyntax) -> People {
        People {
            users: self.all(source, &people.users, UserName::new),
            groups: self.all(source, &people.groups, |name| {
                UserName::new(name)
                    .map(|name| name.to_string())
                    .map_err(|_| format!("{:?} is not a valid group name", text::escaped(name)))
            }),
        }
    }

    fn defaults(
        &mut self,
        source: &Source,
        defaults: &DefaultsSyntax,
        managed: Vec<String>,
    ) -> Defaults {
        Defaults {
            managed,
            approvers: defaults
                .approvers
                .as_ref()
                .map(|people| self.people(source, people))
                .unwrap_or_default(),
            default_duration: self.duration(source, defaults.default_duration.as_ref()),
            max_duration: self
                .duration(source, defaults.max_duration.as_ref())
                .unwrap_or(DEFAULT_MAX_DURATION),
            request_ttl: self
                .duration(source, defaults.request_ttl.as_ref())
                .unwrap_or(DEFAULT_REQUEST_TTL),
            reason: defaults.reason.map(reason_rule).unwrap_or_default(),
        }
    }

    fn role(
        &mut self,
        source: &Source,
        name: &Spanned<String>,
        syntax: &RoleSyntax,
        defaults: &Defaults,
    ) -> Option<Role> {
        let role_name = self.keep(source, name, RoleName::new(name.get_ref()))?;
        let max_duration = self
            .duration(source, syntax.max_duration.as_ref())
            .unwrap_or(defaults.max_duration);
        let role = Role {
            name: role_name,
            source: source.path.clone(),
            description: self.description(source, syntax.description.as_ref()),
            groups: self.all(source, &syntax.groups, GroupName::new),
            run_as: syntax.run_as.as_deref().map_or_else(
                || vec!["root".to_owned()],
                |users| self.all(source, users, run_as_user),
            ),
            commands: self.all(source, &syntax.commands, command),
            services: self.all(source, &syntax.services, ServiceName::new),
            eligible: self.people(source, &syntax.eligible),
            approvers: syntax.approvers.as_ref().map_or_else(
                || defaults.approvers.clone(),
                |people| self.people(source, people),
            ),
            default_duration: self.default_duration(source, syntax, defaults, max_duration),
            max_duration,
            request_ttl: self
                .duration(source, syntax.request_ttl.as_ref())
                .unwrap_or(defaults.request_ttl),
            reason: syntax.reason.map_or(defaults.reason, reason_rule),
        };
        self.makes_sense(source, name, &role, &defaults.managed);
        Some(role)
    }

    fn default_duration(
        &mut self,
        source: &Source,
        syntax: &RoleSyntax,
        defaults: &Defaults,
        max_duration: Seconds,
    ) -> Seconds {
        let Some(own) = self.duration(source, syntax.default_duration.as_ref()) else {
            return defaults
                .default_duration
                .unwrap_or(DEFAULT_DURATION)
                .min(max_duration);
        };
        if own > max_duration
            && let Some(at) = &syntax.default_duration
        {
            self.add(
                source,
                at,
                format!("default_duration {own} is longer than max_duration {max_duration}"),
            );
        }
        own
    }

    fn makes_sense(
        &mut self,
        source: &Source,
        name: &Spanned<String>,
        role: &Role,
        managed: &[String],
    ) {
        let shown = &role.name;
        if role.groups.is_empty() && role.services.is_empty() {
            self.add(
                source,
                name,
                format!("role {shown} gives nothing: neither groups nor services"),
            );
        }
        if let Some(group) = role
            .groups
            .iter()
            .find(|group| managed.contains(&group.to_string()))
        {
            self.add(
                source,
                name,
                format!(
                    "role {shown} gives the group {group}, whose members are the managed people"
                ),
            );
        }
        if !role.commands.is_empty() && role.services.is_empty() {
            self.add(
                source,
                name,
                format!(
                    "role {shown} has commands but opens no service to run them in: add services = [\"sudo\", \"sudo-i\"]"
                ),
            );
        }
        if !role.commands.is_empty() && role.run_as.is_empty() {
            self.add(
                source,
                name,
                format!("role {shown} has commands, but run_as is empty"),
            );
        }
        for (what, people) in [("eligible", &role.eligible), ("approvers", &role.approvers)] {
            if people.users.is_empty() && people.groups.is_empty() {
                self.add(source, name, format!("role {shown}: {what} names nobody"));
            }
        }
    }

    fn description(&mut self, source: &Source, text: Option<&Spanned<String>>) -> String {
        text.and_then(|text| self.keep(source, text, text::bounded("description", text.get_ref())))
            .unwrap_or_default()
    }

    fn duration(&mut self, source: &Source, text: Option<&Spanned<String>>) -> Option<Seconds> {
        text.and_then(|text| self.keep(source, text, duration(text.get_ref())))
    }
}

fn reason_rule(syntax: ReasonSyntax) -> ReasonRule {
    ReasonRule {
        required: syntax.required,
        min_length: usize::from(syntax.min_length),
    }
}

fn duration(text: &str) -> Result<Seconds, String> {
    let shown = text::escaped(text);
    let length = humantime::parse_duration(text).map_err(|error| {
        format!("\"{shown}\" is not a duration ({error}): expected one like \"90m\" or \"1h30m\"")
    })?;
    match Seconds(length.as_secs()) {
        Seconds(0) => Err(format!("\"{shown}\" is shorter than a second")),
        length if length > Seconds::LONGEST => Err(format!("\"{shown}\" is longer than a year")),
        length => Ok(length),
    }
}

fn run_as_user(name: &str) -> Result<String, String> {
    if name == "ALL" {
        return Ok(name.to_owned());
    }
    GroupName::new(name)
        .map(|name| name.to_string())
        .map_err(|_| {
            format!(
                "\"{}\" is not a user that sudo can run commands as",
                text::escaped(name)
            )
        })
}

/// A command in sudoers syntax; `visudo` has the last word on the rendered file.
fn command(text: &str) -> Result<String, String> {
    let shown = text::escaped(text);
    if text.len() > jitd_api::MAX_TEXT || text.chars().any(text::is_hostile) {
        return Err(format!(
            "\"{shown}\" is too long for a command, or has a control character in it"
        ));
    }
    if text == "ALL" {
        return Ok(text.to_owned());
    }
    // `""` after a command means: without arguments (sudoers(5)).
    let bare = text.strip_suffix(" \"\"").unwrap_or(text);
    let path = bare.strip_prefix("sudoedit ").unwrap_or(bare);
    if !path.starts_with('/') {
        return Err(format!(
            "\"{shown}\" is not a command: expected \"ALL\" or an absolute path"
        ));
    }
    if unescaped(bare, ",:=#\"!") {
        return Err(format!(
            "\"{shown}\": put a backslash before , : = # ! and \" as sudoers(5) demands"
        ));
    }
    Ok(text.to_owned())
}

/// Whether any of the characters stands in the text without a backslash before it.
fn unescaped(text: &str, special: &str) -> bool {
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\\' {
            if characters.next().is_none() {
                return true;
            }
        } else if special.contains(c) {
            return true;
        }
    }
    false
}
