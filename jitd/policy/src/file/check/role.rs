//! One role.

use toml::Spanned;

use super::super::syntax::{AutoApproveSyntax, BreakGlassSyntax, RoleSyntax};
use super::super::table::Table;
use super::demands::ticket;
use super::rules::Rules;
use super::{At, command, sense, values};
use crate::domain::names::{GroupName, RoleName, ServiceName};
use crate::domain::policy::Role;
use crate::domain::rules::{AutoApprove, BreakGlass};
use crate::domain::schedule::{Days, Hours, Schedule};
use crate::domain::text;
use crate::domain::time::Seconds;

/// Checks a role; `managed` are the groups of the managed people.
pub(super) fn role(
    at: &mut At<'_>,
    name: &Spanned<String>,
    syntax: &RoleSyntax,
    defaults: &Rules,
    managed: &[String],
) -> Option<Role> {
    let role_name = at.keep("role", name, RoleName::new)?;
    let path = format!("role.{role_name}");
    let key = |key: &str| format!("{path}.{key}");
    let own = Rules::of_role(at, &path, syntax);
    let rules = own.or(defaults);
    rules.fit(at, &path, syntax.default_duration.as_ref());
    let max_duration = rules.max_duration();
    let (approvals, approvers) = rules.approvals();
    let mut places = rules.places.clone();
    places.note(at, "role", Some(name));
    places.note(at, "eligible", syntax.eligible.as_ref());
    places.note(at, "auto_approve", syntax.auto_approve.as_ref());
    places.note(at, "break_glass", syntax.break_glass.as_ref());
    places.note(at, "commands", syntax.commands.first());
    let role = Role {
        source: at.source.path.clone(),
        description: description(at, &key("description"), syntax.description.as_ref()),
        groups: at.all(&key("groups"), &syntax.groups, GroupName::new),
        run_as: match &syntax.run_as {
            Some(users) => at.all(&key("run_as"), users, values::run_as_user),
            None => vec!["root".to_owned()],
        },
        run_as_groups: at.all(
            &key("run_as_groups"),
            &syntax.run_as_groups,
            values::run_as_group,
        ),
        commands: commands(at, &key("commands"), &syntax.commands),
        services: at.all(&key("services"), &syntax.services, ServiceName::new),
        eligible: syntax
            .eligible
            .as_ref()
            .map(|people| at.people(&key("eligible"), people.get_ref()))
            .unwrap_or_default(),
        approvers,
        approvals,
        auto_approve: auto_approve(at, &key("auto_approve"), syntax),
        default_duration: rules.default_duration(),
        max_duration,
        request_ttl: rules.request_ttl(),
        warn_before: rules.warn_before(),
        budget: rules.budget,
        break_glass: syntax
            .break_glass
            .as_ref()
            .and_then(|rule| break_glass(at, &key("break_glass"), rule, max_duration)),
        reason: rules.reason.unwrap_or_default(),
        ticket: rules.ticket.unwrap_or_default(),
        record: rules.record.unwrap_or_default(),
        on_end: rules.on_end.unwrap_or_default(),
        places,
        name: role_name,
    };
    for said in &syntax.groups {
        // What jitd makes need not be there.
        if role
            .groups
            .iter()
            .any(|group| group.as_str() == said.get_ref() && !group.can_be_made())
        {
            at.mention(&key("groups"), said);
        }
    }
    sense::role(at, name, &role, managed);
    Some(role)
}

fn description(at: &mut At<'_>, key: &str, text: Option<&Spanned<String>>) -> String {
    text.and_then(|text| at.keep(key, text, |text| text::bounded("description", text)))
        .unwrap_or_default()
}

fn commands(at: &mut At<'_>, key: &str, commands: &[Spanned<String>]) -> Vec<String> {
    for said in commands {
        if let Some(doubt) = command::doubt(said.get_ref()) {
            let shown = text::escaped(said.get_ref());
            at.warning(key, said, format!("\"{shown}\": {doubt}"));
        }
    }
    at.all(key, commands, command::command)
}

fn auto_approve(at: &mut At<'_>, key: &str, syntax: &RoleSyntax) -> Vec<AutoApprove> {
    let Some(rules) = &syntax.auto_approve else {
        return Vec::new();
    };
    let mut checked = Vec::new();
    for said in rules.get_ref() {
        let rule = said.get_ref();
        if [&rule.days, &rule.hours, &rule.max_duration, &rule.ticket]
            .iter()
            .all(|condition| condition.is_none())
        {
            let message =
                "a rule without a condition agrees to everything: to ask nobody, say approvals = 0";
            at.error(key, said, message.to_owned());
        }
        checked.push(AutoApprove {
            schedule: schedule(at, key, rule),
            max_duration: at.duration(&format!("{key}.max_duration"), rule.max_duration.as_ref()),
            ticket: ticket(at, &format!("{key}.ticket"), rule.ticket.as_ref()),
        });
    }
    checked
}

fn schedule(at: &mut At<'_>, key: &str, rule: &AutoApproveSyntax) -> Option<Schedule> {
    let days = rule
        .days
        .as_ref()
        .map(|text| at.keep(&format!("{key}.days"), text, str::parse::<Days>));
    let hours = rule
        .hours
        .as_ref()
        .map(|text| at.keep(&format!("{key}.hours"), text, str::parse::<Hours>));
    let key_of_zone = format!("{key}.timezone");
    let timezone = rule
        .timezone
        .as_ref()
        .map(|text| at.keep(&key_of_zone, text, values::timezone));
    if days.is_none() && hours.is_none() {
        if let Some(text) = &rule.timezone {
            let message = "it says nothing without days or hours".to_owned();
            at.error(&key_of_zone, text, message);
        }
        return None;
    }
    let Some(timezone) = timezone else {
        if let Some(text) = rule.days.as_ref().or(rule.hours.as_ref()) {
            let message = "days and hours need a time zone: timezone = \"Europe/Berlin\"";
            at.error(key, text, message.to_owned());
        }
        return None;
    };
    Some(Schedule {
        days: days.unwrap_or(Some(Days::ALL))?,
        hours: hours.unwrap_or(Some(Hours::ALL))?,
        timezone: timezone?,
    })
}

fn break_glass(
    at: &mut At<'_>,
    key: &str,
    rule: &Spanned<Table<BreakGlassSyntax>>,
    max_duration: Seconds,
) -> Option<BreakGlass> {
    let syntax = rule.get_ref();
    let people = at.users_and_groups(key, &syntax.users, &syntax.groups);
    if people.is_empty() {
        let message = "it names nobody who may: say groups or users".to_owned();
        at.error(key, rule, message);
        return None;
    }
    let own = at.duration(&format!("{key}.max_duration"), syntax.max_duration.as_ref());
    Some(BreakGlass {
        people,
        max_duration: own.unwrap_or(max_duration),
    })
}
